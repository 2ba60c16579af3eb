"""The maps of the models of a comparison over one list of items, so that a point is the same image in each. No Qt.

Files list their items in orders of their own, and may hold different ones. Everything here speaks of places in one
list: the items of the first file, then those that only later files have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench.gui.maps.view import extent
from workbench.records.embeddings import Embeddings, read_h5ad
from workbench.records.files import DocumentError
from workbench.records.map_file import Stamp, stamp
from workbench.records.projection import MAPS, PairOverlap, ProjectionResult
from workbench.records.runs import RunFolder
from workbench.records.splits import PARTS

NO_CODE = -1
RESULT = "projection.json"  # what a project job leaves in its run folder


@dataclass(frozen=True, slots=True, eq=False)
class Categories:
    """One fact about each item: `code[i]` is a place in `names`, NO_CODE where nothing is known."""

    names: tuple[str, ...]  # untrusted text
    code: np.ndarray  # (items,) int32

    @classmethod
    def of(cls, texts: Sequence[str], order: Sequence[str] = ()) -> Categories:
        """Names in `order`, or sorted; "" is nothing."""
        names = tuple(order) or tuple(sorted(set(texts) - {""}))
        place = {name: number for number, name in enumerate(names)}
        codes = (place.get(text, NO_CODE) for text in texts)
        return cls(names, np.fromiter(codes, dtype=np.int32, count=len(texts)))


@dataclass(frozen=True, slots=True, eq=False)
class DrawnMap:
    """One map of one model. The rows are shuffled, so that no class is painted over all others."""

    positions: np.ndarray  # (N, 2 or 3) float32, -1 to 1 along the longest axis, the middle at 0
    items: np.ndarray  # (N,) int32, places in the atlas's list
    facts: Mapping[str, Any]  # how it was drawn, as the file tells it; empty where it doesn't
    half: tuple[float, float]  # half of the width and height that show all of it

    @property
    def dimensions(self) -> int:
        return int(self.positions.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Atlas:
    """What the embedding files of a comparison hold beside their vectors."""

    ids: list[str]
    where: dict[str, int]  # id: its place in `ids`
    paths: list[str]
    labels: Categories
    groups: Categories
    parts: Categories  # of the first split
    copies: Categories
    rows: dict[str, np.ndarray]  # model: (N,) int32, the place in the list of each row of its file
    maps: dict[str, dict[str, DrawnMap]]  # model: kind of map: the map
    pairs: dict[str, tuple[PairOverlap, ...]] = field(
        default_factory=dict
    )  # kind: how alike models are, by name
    problems: dict[str, str] = field(default_factory=dict)  # model: why its file can't be read

    def kinds(self) -> list[str]:
        """Kinds of which at least one model has a map, in the order of `MAPS`."""
        return [kind for kind in MAPS if any(kind in known for known in self.maps.values())]

    def places(self, ids: Iterable[str]) -> np.ndarray:
        """(M,) int64, where these items are in the list; those that it doesn't hold are left out."""
        found = [place for name in ids if (place := self.where.get(name)) is not None]
        return np.asarray(found, dtype=np.int64)


def stamps(files: Mapping[str, Path]) -> tuple[Stamp | None, ...]:
    """What tells whether one of the files has changed; None for one that is gone."""
    return tuple(_stamp(path) for path in files.values())


def read_atlas(files: Mapping[str, Path], runs: Sequence[RunFolder] = ()) -> Atlas:
    """Read everything but the vectors of each model's file; `runs` are project jobs, the newest first.

    A file that can't be read is told under `problems`, and the others are shown.
    """
    parts: dict[str, Embeddings] = {}
    problems: dict[str, str] = {}
    for name, path in files.items():
        try:
            parts[name] = read_h5ad(path, maps_only=True)
        except (DocumentError, OSError, ValueError) as error:
            problems[name] = str(error)
    columns = _Columns()
    codes = {name: columns.add(found) for name, found in parts.items()}
    maps = {name: _maps(found, codes[name]) for name, found in parts.items()}
    return Atlas(
        ids=columns.ids,
        where=columns.where,
        paths=columns.paths,
        labels=Categories.of(columns.labels),
        groups=Categories.of(columns.groups),
        parts=Categories.of(columns.splits, PARTS if any(columns.splits) else ()),
        copies=Categories.of(columns.copies),
        rows=codes,
        maps={name: maps.get(name, {}) for name in files},
        pairs={kind: _pairs(files, maps, kind, runs) for kind in MAPS},
        problems=problems,
    )


class _Columns:
    """The list of items that grows file by file; what the first file that knows an item says of it holds."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.where: dict[str, int] = {}
        self.paths: list[str] = []
        self.labels: list[str] = []
        self.groups: list[str] = []
        self.splits: list[str] = []
        self.copies: list[str] = []

    def add(self, found: Embeddings) -> np.ndarray:
        """(N,) int32: where each item of the file is in the list."""
        new = [row for row, name in enumerate(found.ids) if name not in self.where]
        self.where.update({found.ids[row]: len(self.ids) + number for number, row in enumerate(new)})
        self.ids += [found.ids[row] for row in new]
        self.paths += [found.paths[row] for row in new]
        self.labels += [found.labels[row] for row in new]
        self.groups += [found.groups[row] for row in new]
        self.splits += [found.splits[row] for row in new]
        self.copies += [found.copies[row] for row in new]
        return np.fromiter((self.where[name] for name in found.ids), dtype=np.int32, count=len(found.ids))


def _maps(found: Embeddings, items: np.ndarray) -> dict[str, DrawnMap]:
    told = found.provenance.get("maps")
    told = told if isinstance(told, dict) else {}
    maps = {}
    for kind in MAPS:
        positions = found.obsm.get(f"X_{kind}")
        if positions is None or positions.shape[1] not in (2, 3) or not len(positions):
            continue
        kept = np.flatnonzero(np.isfinite(positions).all(axis=1))
        if not len(kept):
            continue
        order = np.random.default_rng(0).permutation(kept)
        facts = told.get(f"X_{kind}")
        placed = centred(positions[order])
        maps[kind] = DrawnMap(
            positions=placed,
            items=items[order],
            facts=facts if isinstance(facts, dict) else {},
            half=extent(placed),
        )
    return maps


def centred(positions: np.ndarray) -> np.ndarray:
    """(N, d) positions moved and scaled alike along every axis, so that the longest reaches from -1 to 1."""
    low, high = positions.min(axis=0).astype(np.float64), positions.max(axis=0).astype(np.float64)
    half = max(float((high - low).max()) / 2, 1e-12)
    return np.ascontiguousarray((positions - (low + high) / 2) / half, dtype=np.float32)


def _pairs(
    files: Mapping[str, Path],
    maps: Mapping[str, Mapping[str, DrawnMap]],
    kind: str,
    runs: Sequence[RunFolder],
) -> tuple[PairOverlap, ...]:
    """What the newest job that drew these very maps says of their pairs, with models' names for files."""
    model = {_tail(path): name for name, path in files.items()}
    seen: dict[frozenset[str], PairOverlap] = {}
    for run in runs:
        try:
            result = ProjectionResult.load(run.path / RESULT)
        except (DocumentError, ValueError):
            continue
        drawn = {_tail(Path(made.file)): made.provenance() for made in result.maps}
        current = {
            name
            for tail, name in model.items()
            if tail in drawn and kind in maps.get(name, {}) and drawn[tail] == dict(maps[name][kind].facts)
        }
        for pair in result.pairs:
            one, other = (model.get(_tail(Path(end)), "") for end in (pair.one, pair.other))
            if {one, other} <= current:
                renamed = PairOverlap(
                    one=one, other=other, items=pair.items, vectors=pair.vectors, maps=pair.maps
                )
                seen.setdefault(frozenset((one, other)), renamed)
    return tuple(seen.values())


def _tail(path: Path) -> tuple[str, str]:
    """What is left of a path when its project moves: the run's folder and the file."""
    return path.parent.name, path.name


def _stamp(path: Path) -> Stamp | None:
    try:
        return stamp(path)
    except DocumentError:
        return None
