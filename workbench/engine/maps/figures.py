"""What a map keeps of the neighbourhoods of its vectors, as two figures from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.maps.neighbours import COSINE, EUCLIDEAN, Neighbours, map_neighbours

ROWS = 5_000  # items that are judged where there are more: the figure's standard error stays below 0.001
BLOCK = 1 << 24  # distances held at a time: 128 MiB
TIE = 1e-12  # of the longest vector's square: what rounding leaves of equal distances


@dataclass(frozen=True, slots=True)
class Trust:
    """Trustworthiness, of how many neighbours, and of how many items where not of all."""

    value: float | None  # 1: who is near on the map is near as a vector; None: too few items
    neighbours: int
    judged: int


def trustworthiness(
    X: np.ndarray,
    Y: np.ndarray,
    k: int = 15,
    *,
    metric: str = EUCLIDEAN,
    rows: int = ROWS,
    seed: int = 0,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> Trust:
    """How far the k neighbours on the map Y (N, d) are neighbours in X (N, D) (Venna and Kaski 2001).

    1 - 2 / (N k (2N - 3k - 1)) times the sum, over the neighbours on the map that are not among the k nearest
    vectors, of their rank among the vectors less k; as scikit-learn computes it, but block by block. Where there are
    more than `rows` items, a seeded sample of them is judged, each against all the others: the mean of the whole is
    estimated, where a sample of the data would have other neighbours. Vectors at the same distance share the nearest
    rank, so that no map is blamed for the order in which it shows copies.

    Args:
        k: below N / 2 as the formula wants it, and lowered to that.
        on_progress: called with (items judged, items to judge); may raise to cancel.

    Raises:
        ValueError: X and Y don't have the same number of rows, or an unknown metric.
    """
    if len(X) != len(Y):
        raise ValueError(f"a map of {len(Y)} items can't be judged by {len(X)} vectors.")
    items = len(X)
    k = min(k, (items - 1) // 2)
    if k < 1:
        return Trust(None, 0, 0)
    placed = _placed(X, metric, device)
    shown = map_neighbours(Y, k).index
    judged = np.arange(items)
    if items > rows:
        judged = np.sort(np.random.default_rng(seed).choice(items, rows, replace=False))
    step = max(1, BLOCK // items)
    beyond = 0
    for start in range(0, len(judged), step):
        some = judged[start : start + step]
        rank = _ranks(placed, metric, some, shown[some])
        beyond += int((rank - k).clamp_min_(0).sum())
        if on_progress is not None:
            on_progress(start + len(some), len(judged))
    value = 1 - beyond * 2 / (len(judged) * k * (2 * items - 3 * k - 1))
    return Trust(value, k, len(judged))


def overlap(one: Neighbours, other: Neighbours, k: int | None = None) -> float | None:
    """The share of the k nearest of an item that are the same in both, on average over the items; None without any.

    Two arbitrary orders of N items share k / (N - 1).

    Args:
        one, other: of the same items in the same order. k: the most that both have by default.

    Raises:
        ValueError: they are not of the same number of items.
    """
    if len(one.index) != len(other.index):
        raise ValueError(
            f"neighbours of {len(one.index)} items can't be compared with those of {len(other.index)}."
        )
    most = min(one.index.shape[1], other.index.shape[1])
    k = most if k is None else min(k, most)
    if k < 1:
        return None
    both = np.sort(np.concatenate([one.index[:, :k], other.index[:, :k]], axis=1), axis=1)
    return float((both[:, 1:] == both[:, :-1]).sum() / (len(both) * k))


def _placed(X: np.ndarray, metric: str, device: str | torch.device) -> torch.Tensor:
    """X so that products tell distances: unit rows for the cosine, rows less their mean otherwise."""
    rows = torch.from_numpy(np.ascontiguousarray(X)).to(device, torch.float64)
    if metric == COSINE:
        return torch.nn.functional.normalize(rows, dim=1)
    if metric == EUCLIDEAN:
        return rows - rows.mean(0)
    raise ValueError(f"There is no metric {metric!r}. Choose {COSINE} or {EUCLIDEAN}.")


def _ranks(placed: torch.Tensor, metric: str, some: np.ndarray, shown: np.ndarray) -> torch.Tensor:
    """(Q, k) ranks, from 1, of the items `shown` (Q, k) among all others by distance to the items `some` (Q,)."""
    own = torch.from_numpy(some).to(placed.device)
    apart = -2 * (placed[own] @ placed.T)
    length = placed.square().sum(1)
    if metric == EUCLIDEAN:
        apart += length
    apart.scatter_(1, own[:, None], torch.inf)
    limit = apart.gather(1, torch.from_numpy(shown).to(placed.device)) - TIE * float(length.max())
    ordered = apart.cpu().numpy()
    ordered.sort(axis=1)  # NumPy's sort is several times faster here than to count what lies below each limit
    return torch.searchsorted(torch.from_numpy(ordered), limit.cpu()) + 1
