"""The ids of an index's images, made one at a time: a million strings for one click would stop the window.

The same ids as `ImageIndex.ids`: 16 hex digits of the content hash, and "~2" for the second image of that hash.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from workbench.records.index import ImageIndex

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
        wanted = [int(position) for position in positions]
        if len(wanted) > FEW:
            self._make_table()
        return [self.of(position) for position in wanted]

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


def contents_of(ids: Iterable[str]) -> frozenset[str]:
    """The first 16 digits of each id: the content that it stands for."""
    return frozenset(identifier[:16] for identifier in ids)


def positions(index: ImageIndex, ids: Sequence[str]) -> dict[str, int]:
    """Where the items are in `index`, by id; ids that it doesn't hold are left out.

    Reads the hashes as numbers instead of building a million id strings.
    """
    wanted: dict[int, dict[int, str]] = {}  # key -> which copy -> id
    for identifier in ids:
        text, _, copy = identifier.partition("~")
        try:
            key, place = int.from_bytes(bytes.fromhex(text), "little"), int(copy or 1)
        except ValueError:
            continue
        if len(text) == 16:
            wanted.setdefault(key, {})[place] = identifier
    keys = np.ascontiguousarray(index.digest[:, :8]).view("<u8").ravel()
    hits = np.flatnonzero(np.isin(keys, np.asarray(list(wanted), dtype=np.uint64)))
    seen: dict[int, int] = {}
    found: dict[str, int] = {}
    for position in hits.tolist():
        key = int(keys[position])
        seen[key] = seen.get(key, 0) + 1
        identifier = wanted[key].get(seen[key])
        if identifier is not None:
            found[identifier] = position
    return found
