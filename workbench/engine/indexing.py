"""From folders to the index of the files: list, check, measure and hash every image; refuse, with a reason, what
can't be used.

No torch. A second run reads only what is new or changed. What is known of an image is put into columns a chunk at a
time, so that a million images don't become a million objects.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.engine.crew import Crew
from workbench.engine.listing import list_images
from workbench.engine.look import Found, look_at
from workbench.pixels.decode import MAX_PIXELS
from workbench.pixels.overlap import confirm, reader
from workbench.records.duplicates import copy_sets
from workbench.records.index import NO_CODE, SIGNATURE, ImageIndex, Refused, Strings, digest_of_page
from workbench.records.roots import Roots
from workbench.records.spec import Reading

CHUNK = 256  # files between two looks at pause and stop
COPYING = "Looking for copies"

Progress = Callable[[int, int, str], None]


def build_index(
    roots: Roots,
    *,
    pages: str = "first",
    check: str = "pixels",
    previous: ImageIndex | None = None,
    max_pixels: int = MAX_PIXELS,
    processes: int | None = None,
    on_progress: Progress = lambda done, total, detail: None,
) -> ImageIndex:
    """The index of the files below `roots`: no labels, no groups.

    Args:
        pages: what becomes of files with several pages, see `Reading`.
        check: "pixels" decodes every file, "header" reads only the head of each and finds no copies by their looks.
        previous: files of the same size and time are taken from it, unread, if it was made alike.
        max_pixels: images with more are refused.
        processes: how many look at files; 0 leaves it to threads, None decides by the number of new files.
        on_progress: called with (done, total, detail); may raise to stop.

    Raises:
        ValueError: a root can't be listed.
    """
    listing = list_images(roots, lambda count: on_progress(0, count, "Listing the files"))
    paths = listing.paths
    builder = _Builder(_usable(previous, roots, pages, check))
    refused = list(listing.refused)
    reading = Reading(pages=pages)

    waiting: deque[tuple[list[str], list[range], Future[list[Found | Refused | None]]]] = deque()
    done = 0

    def take() -> None:
        nonlocal done
        chunk, known, answer = waiting.popleft()
        for path, rows, found in zip(chunk, known, answer.result(), strict=True):
            if isinstance(found, Refused):
                refused.append(found)
            elif found is None:
                builder.keep(path, rows)
            else:
                builder.add(path, found)
        builder.close_chunk()
        done += len(chunk)
        on_progress(done, len(paths), "")

    with Crew(len(paths) - (len(previous) if previous is not None else 0), processes) as crew:
        size = min(max(len(paths) // (8 * crew.hands), 1), CHUNK)
        for start in range(0, len(paths), size):
            chunk = paths[start : start + size]
            known = [builder.known(path) for path in chunk]
            stamps = [builder.stamp(rows, max_pixels) for rows in known]
            answer = crew.submit(look_at, chunk, stamps, dict(roots), reading, check, max_pixels)
            waiting.append((chunk, known, answer))
            if len(waiting) > 3 * crew.hands:
                take()
        while waiting:
            take()
    index = builder.index(roots, refused, dict(listing.others), reading, check)
    index.copies = _copies(index, lambda: on_progress(len(paths), len(paths), COPYING))
    return index


def index_files(files: Sequence[Path], *, pages: str = "first", max_pixels: int = MAX_PIXELS) -> ImageIndex:
    """The index of some files, each named by its whole path, wherever they lie. Order and limits as in `build_index`.

    `ImageIndex.file` gives back the path of each; what can't be used is among the refused.
    """
    anchors = {anchor: str(number) for number, anchor in enumerate(dict.fromkeys(f.anchor for f in files))}
    roots = {name: anchor for anchor, name in anchors.items()}
    paths = sorted({f"{anchors[file.anchor]}/{file.relative_to(file.anchor).as_posix()}" for file in files})
    reading, builder, refused = Reading(pages=pages), _Builder(None), list[Refused]()
    stamps = [None] * len(paths)
    for path, found in zip(paths, look_at(paths, stamps, roots, reading, "pixels", max_pixels), strict=True):
        if isinstance(found, Found):
            builder.add(path, found)
        elif found is not None:
            refused.append(found)
    builder.close_chunk()
    index = builder.index(roots, refused, {}, reading, "pixels")
    index.copies = _copies(index, lambda: None)
    return index


def _copies(index: ImageIndex, tick: Callable[[], None]) -> np.ndarray:
    """Sets of copies; where signatures leave it open the pixels are compared."""

    def agreed(pairs: np.ndarray) -> np.ndarray:
        return confirm(pairs, reader(index), lambda done, total: tick())

    tick()
    return copy_sets(index.digest, index.signature, confirm=agreed, on_progress=lambda done, total: tick())


def _usable(previous: ImageIndex | None, roots: Roots, pages: str, check: str) -> ImageIndex | None:
    """An earlier index of the same folders that was made in the same way; another's files are other files."""
    if previous is None or dict(previous.roots) != dict(roots) or previous.reading.pages != pages:
        return None
    if check == "pixels" and (previous.checked != "pixels" or np.isnan(previous.levels[:, 0]).all()):
        return None
    return previous


_FACTS = ("file_size", "mtime_ns", "width", "height", "mode", "digest", "page", "signature", "levels")


@dataclass(slots=True)
class _Builder:
    """Columns that grow by chunks, partly taken from an earlier index. Paths must come sorted."""

    previous: ImageIndex | None
    _next: int = 0  # the first row of the earlier index that is not passed yet
    _earlier: Sequence[str] = ()
    _modes: dict[str, int] = field(default_factory=dict)
    _paths: list[str] = field(default_factory=list)
    _kept: list[int] = field(default_factory=list)  # of the chunk: rows of the earlier index
    _kept_at: list[int] = field(default_factory=list)
    _new: list[tuple[int, int, int, int, int, bytes, int, bytes, tuple[float, ...]]] = field(
        default_factory=list
    )
    _new_at: list[int] = field(default_factory=list)
    _chunks: list[dict[str, np.ndarray]] = field(default_factory=list)
    _before: int = 0  # images of the chunks before

    def __post_init__(self) -> None:
        if self.previous is not None:
            self._earlier = self.previous.paths
            for name in self.previous.modes:
                self._modes.setdefault(name, len(self._modes))

    def known(self, path: str) -> range:
        """Rows of `path` in the earlier index: both lists are sorted and walked together."""
        earlier, place = self._earlier, self._next
        while place < len(earlier) and earlier[place] < path:
            place += 1
        first = place
        while place < len(earlier) and earlier[place] == path:
            place += 1
        self._next = place
        return range(first, place)

    def stamp(self, rows: range, max_pixels: int) -> tuple[int, int] | None:
        """Size and time of the file then; None where it is to be looked at again, as when the limit was lowered."""
        if not rows or self.previous is None:
            return None
        if int(self.previous.width[rows[0]]) * int(self.previous.height[rows[0]]) > max_pixels:
            return None
        return int(self.previous.file_size[rows[0]]), int(self.previous.mtime_ns[rows[0]])

    def keep(self, path: str, rows: range) -> None:
        for row in rows:
            self._kept.append(row)
            self._kept_at.append(len(self._paths) - self._before)
            self._paths.append(path)

    def add(self, path: str, found: Found) -> None:
        for page in found.pages:
            header = page.header
            mode = self._modes.setdefault(header.mode, len(self._modes))
            digest = digest_of_page(found.digest, page.page)
            signature = page.signature or bytes(SIGNATURE)
            self._new_at.append(len(self._paths) - self._before)
            self._new.append(
                (
                    found.file_size,
                    found.mtime_ns,
                    header.width,
                    header.height,
                    mode,
                    digest,
                    page.page,
                    signature,
                    page.levels,
                )
            )
            self._paths.append(path)

    def close_chunk(self) -> None:
        num = len(self._kept) + len(self._new)
        if num:
            columns = list(zip(*self._new, strict=True)) or [()] * len(_FACTS)
            chunk = {}
            for name, values in zip(_FACTS, columns, strict=True):
                shape, kind = _SHAPES[name]
                column = np.empty((num, *shape), dtype=kind)
                if self._new:
                    column[self._new_at] = (
                        np.frombuffer(b"".join(values), np.uint8).reshape(-1, *shape)
                        if kind is np.uint8
                        else np.asarray(values, dtype=kind)
                    )
                if self._kept:
                    assert self.previous is not None
                    column[self._kept_at] = getattr(self.previous, name)[self._kept]
                chunk[name] = column
            self._chunks.append(chunk)
        self._before = len(self._paths)
        self._kept, self._kept_at, self._new, self._new_at = [], [], [], []

    def index(
        self,
        roots: Roots,
        refused: list[Refused],
        others: dict[str, int],
        reading: Reading,
        check: str,
    ) -> ImageIndex:
        columns = {
            name: np.concatenate([chunk[name] for chunk in self._chunks])
            if self._chunks
            else np.zeros((0, *shape), dtype=kind)
            for name, (shape, kind) in _SHAPES.items()
        }
        # The names that are in use, in alphabetical order, whatever was met first.
        used = {code for code in np.unique(columns["mode"]).tolist()}
        modes = sorted(name for name, code in self._modes.items() if code in used)
        recode = np.zeros(len(self._modes) + 1, dtype=np.int16)
        for number, name in enumerate(modes):
            recode[self._modes[name]] = number
        columns["mode"] = recode[columns["mode"]]
        num = len(self._paths)
        return ImageIndex(
            roots=dict(roots),
            paths=Strings.of(self._paths),
            label=np.full(num, NO_CODE, dtype=np.int32),
            group=np.full(num, NO_CODE, dtype=np.int32),
            modes=tuple(modes),
            refused=tuple(sorted(refused, key=lambda item: item.path)),
            others=others,
            checked=check,
            reading=reading,
            **columns,
        )


_SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "file_size": ((), np.int64),
    "mtime_ns": ((), np.int64),
    "width": ((), np.int32),
    "height": ((), np.int32),
    "mode": ((), np.int16),
    "digest": ((16,), np.uint8),
    "page": ((), np.int32),
    "signature": ((SIGNATURE,), np.uint8),
    "levels": ((4,), np.float32),
}
