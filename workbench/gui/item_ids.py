"""The ids of an index's images, made one at a time: a million strings for one click would stop the window.

The same ids as `ImageIndex.ids`: 16 hex digits of the content hash, and "~2" for the second image of that hash.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

import numpy as np

from workbench.records.index import ImageIndex

_ID = re.compile(r"[0-9a-f]{16}(~[0-9]{1,9})?")
FEW = 64  # ids that are counted out one by one (1 ms each in a million) before a table pays


class ItemIds:
    """Reads the hashes as numbers; the table of copies is made when many ids are asked for."""

    def __init__(self, index: ImageIndex) -> None:
        digest = np.ascontiguousarray(index.digest)
        self._digest = digest
        self._keys = digest.view("<u8")[:, 0] if len(digest) else np.zeros(0, np.uint64)
        self._later: np.ndarray | None = None  # (M,) positions of second and later copies, ascending
        self._number: np.ndarray | None = None  # (M,) which copy each of them is, from 2

    def of(self, position: int) -> str:
        name = self._digest[position, :8].tobytes().hex()
        number = self._copy(position)
        return name if number == 1 else f"{name}~{number}"

    def of_many(self, positions: Iterable[int]) -> list[str]:
        """The ids of the images at `positions`, in that order."""
        wanted = np.fromiter(positions, dtype=np.int64)
        if len(wanted) <= FEW:
            return [self.of(position) for position in wanted.tolist()]
        self._make_table()
        assert self._later is not None and self._number is not None
        text = self._digest[wanted, :8].tobytes().hex()
        names = [text[start : start + 16] for start in range(0, len(text), 16)]
        if len(self._later):
            place = np.minimum(np.searchsorted(self._later, wanted), len(self._later) - 1)
            for item in np.flatnonzero(self._later[place] == wanted).tolist():
                names[item] += f"~{int(self._number[place[item]])}"
        return names

    def among(self, position: int, ids: Collection[str], contents: Collection[str]) -> bool:
        """Whether the image at `position` is one of `ids`; `contents` are their first 16 digits.

        Most images are told from their contents alone, without counting copies.
        """
        if self._digest[position, :8].tobytes().hex() not in contents:
            return False
        if len(ids) > FEW:
            self._make_table()
        return self.of(position) in ids

    def _copy(self, position: int) -> int:
        if self._later is None or self._number is None:
            return 1 + int(np.count_nonzero(self._keys[:position] == self._keys[position]))
        place = int(np.searchsorted(self._later, position))
        found = place < len(self._later) and self._later[place] == position
        return int(self._number[place]) if found else 1

    def _make_table(self) -> None:
        if self._later is not None:
            return
        order = np.argsort(self._keys, kind="stable")
        ordered = self._keys[order]
        again = np.concatenate(([False], ordered[1:] == ordered[:-1])) if len(order) else np.zeros(0, bool)
        # How far each stands behind the first of its hash.
        places = np.arange(len(order))
        number = 1 + places - np.maximum.accumulate(np.where(again, 0, places))
        later = order[again]
        ascending = np.argsort(later)
        self._later, self._number = later[ascending], number[again][ascending]


@lru_cache(maxsize=4)
def contents_of(ids: frozenset[str]) -> frozenset[str]:
    """The first 16 digits of each id: the content that it stands for. Views ask for those of one selection."""
    return frozenset(identifier[:16] for identifier in ids)


def positions(index: ImageIndex, ids: Sequence[str]) -> dict[str, int]:
    """Where the items are in `index`, by id; ids that it doesn't hold are left out.

    Reads the hashes as numbers instead of building a million id strings.
    """
    known = [identifier for identifier in ids if _ID.fullmatch(identifier)]
    if not known or not len(index):
        return {}
    wanted = np.frombuffer(bytes.fromhex("".join(identifier[:16] for identifier in known)), dtype="<u8")
    copy = np.asarray([int(identifier[17:] or 1) for identifier in known])
    keys = np.ascontiguousarray(index.digest[:, :8]).view("<u8").ravel()
    hits = np.flatnonzero(np.isin(keys, wanted))
    hits = hits[np.argsort(keys[hits], kind="stable")]  # of one hash, in the order of the index
    ordered = keys[hits]
    place = np.searchsorted(ordered, wanted) + np.minimum(copy, len(index)) - 1
    there = (copy > 0) & (place < len(hits))
    there[there] = ordered[place[there]] == wanted[there]
    found = hits[place[there]].tolist()
    return dict(zip((known[i] for i in np.flatnonzero(there).tolist()), found, strict=True))


def carry_ids(ids: Collection[str], old: ImageIndex, new: ImageIndex) -> list[str]:
    """The ids in `new` of the images that `ids` name in `old`; images that are gone are left out.

    An image's id is another one when a copy before it comes or goes, so files are compared and not ids.
    """
    before = positions(old, list(ids))
    if not before:
        return []
    names = {old.name(position) for position in before.values()}
    wanted = np.frombuffer(bytes.fromhex("".join(contents_of(frozenset(before)))), dtype="<u8")
    keys = np.ascontiguousarray(new.digest[:, :8]).view("<u8").ravel()
    hits = np.flatnonzero(np.isin(keys, wanted)).tolist()
    return ItemIds(new).of_many(position for position in hits if new.name(position) in names)
