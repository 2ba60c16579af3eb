"""The folder of small JPEGs: bounded, sharded, the least recently used removed by a thread of its own.

A file's time is when it was last of use. Whoever deletes the folder loses nothing but the time to make it again.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

LIMIT = 512 << 20  # bytes: some 50,000 tiles
KEPT = 0.9  # of the limit, that trimming leaves
FRESH = 86_400.0  # s, for which a file's time is not renewed: a look needn't cost a write
STALE = 3_600.0  # s, after which half-written files are litter


class TileCache:
    """Files are named by the caller's key; `added` says that one was written. Any thread may call."""

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self.folder, self.limit = folder, limit
        self._total: int | None = None  # bytes, as far as known; None until the folder was looked through
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._trimmer: threading.Thread | None = None

    def path(self, key: bytes, name: str) -> Path:
        """Where the tile of `key` is kept; `name` tells apart tiles that were made in different ways."""
        digits = key.hex()
        return self.folder / digits[:2] / f"{digits[2:]}-{name}.jpg"

    def added(self, size: int) -> None:
        """`size` bytes more lie in the folder; too many begin to be removed, and this returns at once."""
        with self._lock:
            if self._total is not None:
                self._total += size
                if self._total <= self.limit:
                    return
            if self._trimmer is None and not self._closed.is_set():
                self._trimmer = threading.Thread(target=self._trim, name="thumbnails-trim", daemon=True)
                self._trimmer.start()

    def close(self) -> None:
        """End the thread, wherever it is."""
        self._closed.set()
        with self._lock:
            trimmer = self._trimmer
        if trimmer is not None:
            trimmer.join(10)

    def _trim(self) -> None:
        total = 0
        with suppress(OSError):
            total = self._remove_oldest()
        with self._lock:
            self._total = total
            self._trimmer = None

    def _remove_oldest(self) -> int:
        """Look through the folder and bring it below the limit; returns the bytes that are left."""
        found: list[tuple[float, int, str]] = []
        litter = time.time() - STALE
        for shard in os.scandir(self.folder):
            if self._closed.wait(0.001):  # a breath for the window between two folders
                return 0
            with suppress(OSError):
                for entry in os.scandir(shard):
                    facts = entry.stat()
                    if entry.name.endswith(".jpg"):
                        found.append((facts.st_mtime, facts.st_size, entry.path))
                    elif entry.name.endswith(".part") and facts.st_mtime < litter:
                        Path(entry.path).unlink()
        total = sum(size for _, size, _ in found)
        if total > self.limit:
            for _, size, path in sorted(found):
                if total <= KEPT * self.limit or self._closed.is_set():
                    break
                with suppress(OSError):
                    Path(path).unlink()
                    total -= size
        return total


def read_tile(path: Path) -> bytes:
    """A kept tile, marked as of use now. Raises OSError where it isn't there."""
    data = path.read_bytes()
    with suppress(OSError):
        if time.time() - path.stat().st_mtime > FRESH:
            os.utime(path)
    return data


def write_tile(path: Path, data: bytes) -> None:
    """Whole or not at all. No fsync: what a power cut damages doesn't decode and is made again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
