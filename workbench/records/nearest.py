"""Nearest items by cosine, exactly, in files that are read block by block: one query at once, or all for two figures.

Items are places in a list that several files share, each with rows in an order of its own. The distance is
1 - cosine, 0 to 2; of equal ones the earlier row comes first; a vector of zeros is at 1 from everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.records.files import DocumentError
from workbench.records.vector_rows import vector_blocks

MOST = 20  # neighbours that are ever shown
ALL = 20_000  # items up to which every one is asked for its neighbours
QUERIES = (
    2_000  # a seeded sample of them is asked where there are more: 1 point of standard error at the most
)
TINY = np.float32(1e-30)
AT_ONCE = 1 << 24  # likenesses held at a time: 64 MiB


class Stopped(ValueError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """The k nearest items, nearest first."""

    items: np.ndarray  # (k,) int32
    distance: np.ndarray  # (k,) float32


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """The neighbours of many items among those that every model's file holds."""

    queries: np.ndarray  # (Q,) int32
    total: int  # items that could have been asked
    neighbours: dict[str, np.ndarray]  # model: (Q, k) int32


def nearest(path: Path, rows: np.ndarray, vector: np.ndarray, k: int = MOST, *, without: int = -1) -> Nearest:
    """The k nearest to a vector (D,) in one model's file, whose row r is the item `rows[r]`, but for `without`.

    Raises DocumentError when the file can't be read, has other rows by now, or vectors of another length.
    """
    query = unit(np.asarray(vector, np.float32)[None])[0]
    distance = np.empty(len(rows), np.float32)
    seen = 0
    for start, block in vector_blocks(path):
        seen = start + len(block)
        if seen > len(rows) or block.shape[1] != len(query):
            raise _changed(path)
        distance[start:seen] = _apart(block, query)
    if seen != len(rows):
        raise _changed(path)
    left = np.flatnonzero(rows != without)
    first = left[np.lexsort((left, distance[left]))[:k]]
    return Nearest(rows[first].astype(np.int32), np.clip(distance[first], 0, 2))


def nearest_to_item(path: Path, rows: np.ndarray, item: int, k: int = MOST) -> Nearest | None:
    """The k nearest others of `item`; None where the file doesn't hold it. Raises as `nearest`."""
    own = np.flatnonzero(rows == item)
    if not len(own):
        return None
    at = int(own[0])
    for start, block in vector_blocks(path):
        if start <= at < start + len(block):
            return nearest(path, rows, block[at - start], k, without=item)
    raise _changed(path)


def _apart(block: np.ndarray, query: np.ndarray) -> np.ndarray:
    """(n,) 1 - cosine of rows (n, D) to a unit vector, in two passes over them; 1 where a row has no direction."""
    length = np.sqrt(np.einsum("ij,ij->i", block, block))
    known = np.isfinite(length) & (length > TINY)
    out = np.ones(len(block), np.float32)
    out[known] = 1 - (block @ query)[known] / length[known]
    return out


def surroundings(
    files: dict[str, Path],
    rows: dict[str, np.ndarray],
    k: int = MOST,
    *,
    wanted: Callable[[], bool] = lambda: True,
    most: int = ALL,
    sample: int = QUERIES,
) -> Surroundings:
    """The k nearest of every item that all files hold, or of a seeded sample where there are more than `most`.

    Raises:
        Stopped: `wanted` said no, asked between blocks.
        DocumentError: a file can't be read, or has other rows by now.
    """
    common = np.unique(next(iter(rows.values())))
    for own in rows.values():
        common = np.intersect1d(common, own)
    asked = np.arange(len(common))
    if len(common) > most:
        asked = np.sort(np.random.default_rng(0).choice(len(common), sample, replace=False))
    k = max(min(k, len(common) - 1), 0)
    found = {}
    for model, path in files.items():
        where = np.full(int(common.max(initial=0)) + 1, -1, np.int64)
        where[common] = np.arange(len(common))
        vectors = _vectors(path, rows[model], where, len(common))
        near = np.empty((len(asked), k), np.int32)
        step = max(1, AT_ONCE // max(len(common), 1))
        for start in range(0, len(asked), step):
            if not wanted():
                raise Stopped("Nobody waits for the neighbours any more.")
            some = asked[start : start + step]
            near[start : start + len(some)] = common[_first(vectors[some] @ vectors.T, some, k)]
        found[model] = near
    return Surroundings(common[asked].astype(np.int32), len(common), found)


def _vectors(path: Path, rows: np.ndarray, where: np.ndarray, number: int) -> np.ndarray:
    """(number, D) unit vectors of the items that `where` gives a place, which is -1 for others."""
    out: np.ndarray | None = None
    seen = 0
    for start, block in vector_blocks(path):
        seen = start + len(block)
        own = rows[start:seen]
        if len(own) != len(block):
            raise _changed(path)
        inside = own < len(where)
        places = np.where(inside, where[np.where(inside, own, 0)], -1)
        kept = places >= 0
        if out is None:
            out = np.zeros((number, block.shape[1]), np.float32)
        out[places[kept]] = unit(block[kept])
    if seen != len(rows):
        raise _changed(path)
    return out if out is not None else np.zeros((number, 1), np.float32)


def _first(likeness: np.ndarray, own: np.ndarray, k: int) -> np.ndarray:
    """(Q, k) columns of the largest of (Q, N), each row's own left out; the earlier of equals first."""
    likeness[np.arange(len(own)), own] = -np.inf
    if not k:
        return np.zeros((len(own), 0), np.int64)
    some = np.argpartition(-likeness, min(k, likeness.shape[1] - 1), axis=1)[:, :k]
    order = np.lexsort((some, -np.take_along_axis(likeness, some, axis=1)), axis=1)
    return np.take_along_axis(some, order, axis=1)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows of length one; zeros stay zeros, and so does a row with numbers that aren't finite."""
    vectors = np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, np.float32(0))
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, TINY))


def purity(neighbours: np.ndarray, queries: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """(classes,) share of neighbours (Q, k) of the same class, on average over the queries of each; NaN for none.

    `labels` (items,) are codes, below 0 for none: a neighbour without a label is not of the same class.
    """
    own = labels[queries]
    same = (
        (labels[neighbours] == own[:, None]).mean(axis=1) if neighbours.shape[1] else np.zeros(len(queries))
    )
    known = own >= 0
    total = np.bincount(own[known], weights=same[known], minlength=classes)
    number = np.bincount(own[known], minlength=classes)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(number > 0, total / number, np.nan))


def overlap(one: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """(Q,) how many of the k nearest are the same in both (Q, >= k)."""
    both = np.sort(np.concatenate([one[:, :k], other[:, :k]], axis=1), axis=1)
    return np.asarray((both[:, 1:] == both[:, :-1]).sum(axis=1))


def _changed(path: Path) -> DocumentError:
    return DocumentError(f"{path} holds other items than when it was read. Run the comparison again.")
