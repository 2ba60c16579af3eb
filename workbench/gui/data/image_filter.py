"""Which images of an index are shown, and in which order: a filter as plain data, applied with numpy. No Qt.

Parts of a filter combine: an image is shown when every part lets it through. Within one part any of its
codes will do.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace

import numpy as np

from workbench.records.index import NO_CODE, ImageIndex, Strings

SORTS = {
    "path": "Path",
    "name": "File name",
    "class": "Class",
    "group": "Group",
    "pixels": "Size in pixels",
    "bytes": "File size",
    "date": "Date of the file",
    "copies": "Copies",
}
ONLY = ("copies", "leaks", "saturated", "wrong")
BLOCK = 1 << 20  # bytes of paths that are searched before another thread may go on
NAME_BYTES = 64  # of a file name that count when sorting by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Codes are those of the index; an empty tuple lets everything through."""

    label: tuple[int, ...] = ()  # NO_CODE: images without one
    group: tuple[int, ...] = ()
    part: tuple[int, ...] = ()  # 0 train, 1 validation, 2 test, -1 in no part
    predicted: tuple[int, ...] = ()  # classes that the model gave in any split
    only: tuple[str, ...] = ()  # of ONLY
    text: str = ""  # every word of it must be in the path, whatever the case
    sort: str = "path"  # of SORTS
    descending: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it can hold back an image."""
        return bool(self.label or self.group or self.part or self.predicted or self.only or self.text.strip())

    @property
    def is_quick(self) -> bool:
        """Whether it is applied to a million images within a tenth of a second."""
        return not self.text.strip() and self.sort == "path"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageFacts:
    """What is known of N images beside their index; None where it is not known."""

    part: np.ndarray | None = None  # (N,) int8, as `Split.part`
    leaks: np.ndarray | None = None  # (N,) bool
    saturated: np.ndarray | None = None  # (N,) bool
    said: np.ndarray | None = (
        None  # (splits, N) int32, class codes that a model gave; -1 where it wasn't asked
    )
    model: str = ""  # whose predictions these are


def apply(
    chosen: Filter, index: ImageIndex, facts: ImageFacts | None = None, base: np.ndarray | None = None
) -> np.ndarray:
    """Positions (int64) of the images that pass, in the order asked for; any thread.

    Args:
        base: positions to choose from; their order stands where the sort is "path". None: all.

    Raises:
        ValueError: a sort or an "only" that there is not.
    """
    facts = facts or ImageFacts()
    if chosen.sort not in SORTS:
        raise ValueError(f"images are sorted by one of {', '.join(SORTS)}, not {chosen.sort!r}.")
    kept = np.ones(len(index), dtype=bool)
    for codes, column in (
        (chosen.label, index.label),
        (chosen.group, index.group),
        (chosen.part, facts.part),
    ):
        if codes:
            kept &= _has(column, codes, len(index))
    if chosen.predicted:
        said = facts.said
        kept &= np.isin(said, chosen.predicted).any(axis=0) if said is not None else False
    for what in chosen.only:
        kept &= _only(what, index, facts)
    positions = base[kept[base]].astype(np.int64) if base is not None else np.flatnonzero(kept)
    for word in chosen.text.split():
        positions = positions[find_text(index.paths, word)[positions]]
    return _sorted(positions, chosen, index)


def _has(column: np.ndarray | None, codes: tuple[int, ...], length: int) -> np.ndarray:
    if column is None:
        return np.zeros(length, dtype=bool)
    if len(codes) == 1:
        return np.asarray(column == codes[0])
    return np.isin(column, np.asarray(codes, dtype=column.dtype))


def _only(what: str, index: ImageIndex, facts: ImageFacts) -> np.ndarray:
    none = np.zeros(len(index), dtype=bool)
    if what == "copies":
        return index.copies >= 0
    if what == "leaks":
        return facts.leaks if facts.leaks is not None else none
    if what == "saturated":
        return facts.saturated if facts.saturated is not None else none
    if what == "wrong":
        if facts.said is None:
            return none
        return ((facts.said >= 0) & (facts.said != index.label)).any(axis=0)
    raise ValueError(f"a filter shows only {', '.join(ONLY)}, not {what!r}.")


def _sorted(positions: np.ndarray, chosen: Filter, index: ImageIndex) -> np.ndarray:
    if chosen.sort == "path":
        return positions[::-1] if chosen.descending else positions
    if chosen.sort == "name":
        keys = _names(index.paths, positions)
    elif chosen.sort == "pixels":
        keys = index.width[positions].astype(np.int64) * index.height[positions]
    else:
        column: np.ndarray = {
            "class": index.label,
            "group": index.group,
            "bytes": index.file_size,
            "date": index.mtime_ns,
            "copies": index.copies,
        }[chosen.sort]
        keys = column[positions]
    order = np.argsort(keys, kind="stable")
    if chosen.descending:
        order = order[::-1]
    if chosen.sort in ("class", "group", "copies"):  # what has none comes last, whichever the direction
        none = keys[order] == NO_CODE
        order = np.concatenate((order[~none], order[none]))
    return positions[order]


def _names(paths: Strings, positions: np.ndarray) -> np.ndarray:
    """The file names at `positions`, in lower case, as fixed-width bytes that numpy sorts without Python."""
    blob, ends = paths.arrays()
    stops = ends[positions]
    starts = np.concatenate(([0], ends[:-1]))[positions]
    slashes = np.flatnonzero(blob == ord("/"))
    last = np.searchsorted(slashes, stops) - 1
    if len(slashes):
        starts = np.maximum(starts, np.where(last >= 0, slashes[np.maximum(last, 0)] + 1, 0))
    width = int(min((stops - starts).max(initial=1), NAME_BYTES))
    padded = np.concatenate((blob, np.zeros(width, np.uint8)))
    names = np.empty((len(positions), width), dtype=np.uint8)
    for column in range(width):
        at = starts + column
        names[:, column] = np.where(at < stops, padded[at], 0)
    names[(names >= ord("A")) & (names <= ord("Z"))] += 32
    return np.ascontiguousarray(names).view(f"S{width}").ravel()


def find_text(paths: Strings, word: str) -> np.ndarray:
    """(N,) bool: which paths hold `word`, whatever the case. Goes block by block, so that no thread waits long."""
    found = np.zeros(len(paths), dtype=bool)
    if not word.isascii():
        wanted = word.casefold()
        for position, path in enumerate(paths):
            found[position] = wanted in path.casefold()
        return found
    blob, ends = paths.arrays()
    needle = word.lower().encode()
    first = 0
    while first < len(ends):
        start = int(ends[first - 1]) if first else 0
        last = max(int(np.searchsorted(ends, start + BLOCK)), first + 1)
        stop = int(ends[last - 1])
        text = blob[start:stop].tobytes().lower()
        stops = (ends[first:last] - start).tolist()
        at = text.find(needle)
        while at >= 0:
            item = bisect_right(stops, at)
            inside = at + len(needle) <= stops[item]  # else it runs over into the next path
            if inside:
                found[first + item] = True
            at = text.find(needle, stops[item] if inside else at + 1)
        first = last
    return found


def carry(chosen: Filter, old: ImageIndex | None, new: ImageIndex | None) -> Filter:
    """The same filter for another index of the images: classes and groups are found again by their names.

    Names that are gone drop out, and with the last of them that part of the filter.
    """
    if old is None or new is None:
        return Filter(sort=chosen.sort, descending=chosen.descending)

    def again(codes: tuple[int, ...], names: tuple[str, ...], known: tuple[str, ...]) -> tuple[int, ...]:
        place = {name: code for code, name in enumerate(known)}
        found = (place.get(names[code], -2) if code >= 0 else code for code in codes)
        return tuple(code for code in found if code != -2)

    return replace(
        chosen,
        label=again(chosen.label, old.classes, new.classes),
        group=again(chosen.group, old.groups, new.groups),
        predicted=again(chosen.predicted, old.classes, new.classes),
    )
