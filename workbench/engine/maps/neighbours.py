"""The exact neighbours that a map is drawn from, and those that it shows.

Vectors of hundreds of numbers are searched block by block on the device (`evals/knn.py`); the two or three numbers of
a map by a tree. No item is its own neighbour, and equals come in the order of their rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch.nn.functional import normalize

from workbench.engine.evals.knn import SPARE, distances, nearest, nearest_euclidean
from workbench.records.text import count, printable

COSINE, EUCLIDEAN = "cosine", "euclidean"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False, slots=True)
class Neighbours:
    """The k nearest other items of each of N items, nearest first."""

    index: np.ndarray  # (N, k) int64
    distance: np.ndarray  # (N, k) float32, ascending; by cosine it is 1 - cosine, 0 to 2

    def first(self, k: int) -> Neighbours:
        """Only the k nearest."""
        return Neighbours(self.index[:, :k], self.distance[:, :k])


def checked(X: np.ndarray, ids: Sequence[str] | None = None) -> np.ndarray:
    """X as (N, D) float32, D > 0, when a map can be drawn of it.

    Raises:
        ValueError: it is not a table, has no columns, or an item has a number that isn't finite.
    """
    X = np.ascontiguousarray(X, dtype=np.float32)
    if X.ndim != 2 or X.shape[1] < 1:
        raise ValueError(f"A map needs one row of numbers per item, not an array of shape {X.shape}.")
    wrong = np.flatnonzero(~np.isfinite(X).all(axis=1))
    if len(wrong):
        first = int(wrong[0])
        name = printable(str(ids[first])) if ids is not None else f"in row {first}"
        more = f", and {count(len(wrong) - 1, 'other')}" if len(wrong) > 1 else ""
        raise ValueError(
            f"The vector of item {name}{more} has numbers that are not finite (NaN or infinity), so it has no place "
            "on a map. Embed its image again, or leave the item out."
        )
    return X


def scaled(X: np.ndarray, metric: str) -> np.ndarray:
    """X (N, D) as float32 in which Euclidean distance ranks as `metric` does: unit rows for the cosine.

    Rows of zeros, which have no direction, stay so.

    Raises:
        ValueError: an unknown metric.
    """
    if metric not in (COSINE, EUCLIDEAN):
        raise ValueError(f"There is no metric {metric!r}. Choose {COSINE} or {EUCLIDEAN}.")
    rows = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    return normalize(rows, dim=1).numpy() if metric == COSINE else rows.numpy()


def exact_neighbours(
    X: np.ndarray,
    k: int,
    *,
    metric: str = COSINE,
    device: str | torch.device = "cpu",
    on_progress: Progress | None = None,
) -> Neighbours:
    """The k nearest other rows of each row of X (N, D); k is clipped to N - 1, and 0 for one row.

    Distances are taken from differences, so that of equal vectors they are 0 and not what rounding leaves.

    Args:
        on_progress: called with (rows done, N); may raise to cancel.

    Raises:
        ValueError: an unknown metric.
    """
    rows = torch.from_numpy(scaled(X, metric))
    k = min(k, len(rows) - 1)
    if k < 1:
        return Neighbours(np.zeros((len(rows), 0), np.int64), np.zeros((len(rows), 0), np.float32))
    if metric == EUCLIDEAN:
        apart, index = nearest_euclidean(rows, k, device=device, on_progress=on_progress)
        return Neighbours(index.numpy(), apart.numpy())
    index = nearest(rows, rows, k, exclude_self=True, device=device, on_progress=on_progress)[1]
    placed = rows.to(device)
    apart = (distances(placed, placed, index.to(device)).square() / 2).cpu()
    nothing = ~rows.any(1)  # a row of zeros has cosine 0 to everything
    apart[nothing[:, None] | nothing[index]] = 1.0
    return _ordered(index.numpy(), apart.numpy(), k)


def map_neighbours(Y: np.ndarray, k: int) -> Neighbours:
    """The k nearest other items of each on a map Y (N, 2 or 3), by Euclidean distance; k is clipped to N - 1."""
    Y = np.ascontiguousarray(Y, dtype=np.float64)
    k = min(k, len(Y) - 1)
    if k < 1:
        return Neighbours(np.zeros((len(Y), 0), np.int64), np.zeros((len(Y), 0), np.float32))
    wanted = min(k + 1 + SPARE, len(Y))
    apart, index = cKDTree(Y).query(Y, k=wanted)
    apart[index == np.arange(len(Y))[:, None]] = (
        np.inf
    )  # an item among many at its place may not even be listed
    return _ordered(index, apart, k)


def _ordered(index: np.ndarray, apart: np.ndarray, k: int) -> Neighbours:
    """The first k by ascending distance, then ascending row."""
    order = np.lexsort((index, apart), axis=1)[:, :k]
    return Neighbours(
        np.take_along_axis(index, order, axis=1).astype(np.int64),
        np.take_along_axis(apart, order, axis=1).astype(np.float32),
    )
