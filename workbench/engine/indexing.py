"""From a folder to an index: list, check, measure and hash every image; refuse, with a reason, what can't be used.

No torch. A second run reads only what is new or changed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.pixels.decode import EXTENSIONS, ImageError, check_pixels, read_header
from workbench.records.index import NO_CODE, ImageIndex, Refused, Strings
from workbench.records.layout import Layout

BLOCK = 1 << 20
CHUNK = 512  # files between two looks at pause and stop


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    file_size: int
    mtime_ns: int
    width: int
    height: int
    mode: str
    digest: bytes


def list_images(root: Path, on_found: Callable[[int], None] = lambda count: None) -> list[str]:
    """Paths relative to `root`, "/" between the parts, of every file with an image's ending; sorted.

    Hidden files and folders are passed over. Links to folders are followed, each real folder once, so
    that a loop ends. Raises ValueError when `root` is not a folder that can be read.
    """
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise ValueError(f"{root} {what}. Choose the folder that holds the images.")
    found: list[str] = []
    for path in _walk(root, "", set()):
        found.append(path)
        if len(found) % 5000 == 0:
            on_found(len(found))
    found.sort()
    return found


def _walk(folder: Path, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    try:
        facts = folder.stat()
        entries = list(os.scandir(folder))
    except OSError as error:
        if not prefix:
            raise ValueError(f"{folder} can't be read: {error.strerror}. Check its permissions.") from None
        return
    key = (facts.st_dev, facts.st_ino)
    if key in seen and facts.st_ino:
        return
    seen.add(key)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link loop
            is_folder = False
        if is_folder:
            yield from _walk(Path(entry.path), f"{prefix}{entry.name}/", seen)
        elif os.path.splitext(entry.name)[1].lower() in EXTENSIONS:  # noqa: PTH122 - a hot loop
            yield prefix + entry.name


def build_index(
    root: Path,
    layout: Layout,
    *,
    check: str = "pixels",
    previous: ImageIndex | None = None,
    max_pixels: int | None = None,
    threads: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImageIndex:
    """Index the images below `root`.

    Args:
        check: "pixels" decodes every file, "header" reads only the head of each.
        previous: files of the same size and time are taken from it, unread, if it checked as deep.
        max_pixels: images with more are refused; None takes the decoder's own limit.
        on_progress: called with (done, total); may raise to stop.

    Raises:
        ValueError: `root` can't be listed.
    """
    paths = list_images(root, lambda count: on_progress(0, count))
    known = _known(previous, check)
    rows: list[_Row] = []
    refused: list[Refused] = []

    def look(path: str) -> _Row | Refused:
        return _look(root, path, known.get(path), check, max_pixels)

    with ThreadPoolExecutor(threads or os.cpu_count() or 2) as pool:
        for start in range(0, len(paths), CHUNK):
            for row in pool.map(look, paths[start : start + CHUNK]):
                if isinstance(row, Refused):
                    refused.append(row)
                else:
                    rows.append(row)
            on_progress(min(start + CHUNK, len(paths)), len(paths))
    return _assemble(root, rows, refused, layout, check)


def relabel(index: ImageIndex, layout: Layout) -> ImageIndex:
    """The same images under another layout; nothing is read from the disk."""
    rows = [
        _Row(
            path,
            int(index.file_size[i]),
            int(index.mtime_ns[i]),
            int(index.width[i]),
            int(index.height[i]),
            index.modes[int(index.mode[i])],
            index.digest[i].tobytes(),
        )
        for i, path in enumerate(index.paths)
    ]
    return _assemble(Path(index.root), rows, list(index.refused), layout, index.checked)


def _look(root: Path, path: str, known: _Row | None, check: str, max_pixels: int | None) -> _Row | Refused:
    file = root / path
    try:
        facts = file.stat()
        if known and (known.file_size, known.mtime_ns) == (facts.st_size, facts.st_mtime_ns):
            return known
        if not stat.S_ISREG(facts.st_mode):
            return Refused(path, "This is not a file but a pipe, a socket or a device.")
        limit = {"max_pixels": max_pixels} if max_pixels else {}
        header = read_header(file)
        if check == "pixels":
            check_pixels(file, **limit)
        digest = _hash(file)
    except ImageError as error:
        return Refused(path, error.reason)
    except OSError as error:
        return Refused(path, _why(error))
    return _Row(path, facts.st_size, facts.st_mtime_ns, header.width, header.height, header.mode, digest)


def _hash(file: Path) -> bytes:
    state = hashlib.blake2b(digest_size=16)
    with file.open("rb", buffering=0) as stream:
        while block := stream.read(BLOCK):
            state.update(block)
    return state.digest()


def _why(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "The link points to a file that does not exist, or the file vanished while it was read."
    if isinstance(error, PermissionError):
        return "You are not allowed to read this file."
    if error.errno == 40:  # ELOOP
        return "The link points to itself."
    return f"The file can't be read: {error.strerror or error}."


def _known(previous: ImageIndex | None, check: str) -> dict[str, _Row]:
    if previous is None or (check == "pixels" and previous.checked != "pixels"):
        return {}
    columns = zip(
        previous.paths,
        previous.file_size.tolist(),
        previous.mtime_ns.tolist(),
        previous.width.tolist(),
        previous.height.tolist(),
        previous.mode.tolist(),
        previous.digest,
        strict=True,
    )
    return {
        path: _Row(path, size, mtime, width, height, previous.modes[mode], digest.tobytes())
        for path, size, mtime, width, height, mode, digest in columns
    }


def _assemble(root: Path, rows: list[_Row], refused: list[Refused], layout: Layout, check: str) -> ImageIndex:
    labels, classes = _codes([layout.label(row.path) for row in rows])
    groups, group_names = _codes([layout.group(row.path) for row in rows])
    modes = tuple(sorted({row.mode for row in rows}))
    mode_codes = {name: code for code, name in enumerate(modes)}
    digests = np.frombuffer(b"".join(row.digest for row in rows), dtype=np.uint8).reshape(-1, 16)
    return ImageIndex(
        root=str(root.absolute()),
        paths=Strings.of(row.path for row in rows),
        file_size=np.asarray([row.file_size for row in rows], dtype=np.int64),
        mtime_ns=np.asarray([row.mtime_ns for row in rows], dtype=np.int64),
        width=np.asarray([row.width for row in rows], dtype=np.int32),
        height=np.asarray([row.height for row in rows], dtype=np.int32),
        mode=np.asarray([mode_codes[row.mode] for row in rows], dtype=np.int16),
        digest=digests,
        label=labels,
        group=groups,
        modes=modes,
        classes=classes,
        groups=group_names,
        refused=tuple(refused),
        checked=check,
    )


def _codes(names: list[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    known = tuple(sorted({name for name in names if name}))
    code = {name: number for number, name in enumerate(known)}
    return np.asarray([code.get(name, NO_CODE) for name in names], dtype=np.int32), known
