"""A digest of weight files, remembered by path, size and time so that gigabytes are read once.

The memory is a small JSON file; deleting it costs a re-read and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from workbench.records.files import DocumentError, read_document, write_document

_CHUNK = 1 << 22
_KEPT = 500  # entries; the oldest go first


def memo_folder() -> Path:
    return user_cache_path("ssl-workbench")


def weights_digest(files: Sequence[Path], memo: Path | None = None) -> str:
    """16 hex digits that depend on every byte of `files`, in their order, and on nothing else."""
    total = hashlib.blake2b(digest_size=8)
    for path in files:
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        total.update(
            bytes.fromhex(remember("weights", key, lambda path=path: {"digest": _read(path)}, memo)["digest"])
        )
    return total.hexdigest()


def remember(
    kind: str, key: str, make: Callable[[], dict[str, Any]], memo: Path | None = None
) -> dict[str, Any]:
    """`make()`, or what it gave for `key` before. A memory that can't be read or written is done without."""
    path = (memo or memo_folder()) / f"{kind}.json"
    known = _entries(path, kind)
    if isinstance(known.get(key), dict):
        return known[key]
    made = make()
    # Read again: another process may have added to it while this one was busy.
    entries = {**_entries(path, kind), key: made}
    with contextlib.suppress(OSError):  # a read-only or full home directory costs time, not the answer
        write_document(path, kind, 1, {"entries": dict(list(entries.items())[-_KEPT:])})
    return made


def _entries(path: Path, kind: str) -> dict[str, Any]:
    try:
        entries = read_document(path, kind, 1).get("entries")
    except DocumentError:
        return {}
    return entries if isinstance(entries, dict) else {}


def _read(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
