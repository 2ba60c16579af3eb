"""t-SNE (van der Maaten and Hinton 2008), with exact neighbours and exact repulsion.

Attraction is along the 3 x perplexity nearest neighbours, as usual since Barnes-Hut t-SNE (van der Maaten 2014).
Repulsion is between all pairs and approximated by nothing, which a tensor library does fast and the same each time;
it grows with the square of the number of items, so that there is a most of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy.sparse
import torch

from workbench.engine.maps.linear import pca
from workbench.engine.maps.neighbours import Neighbours
from workbench.records.text import count

PERPLEXITY = 30.0
MOST = {"cpu": 10_000, "cuda": 50_000}  # items: a few minutes
EARLY, LATE = 250, 500  # steps with exaggerated attraction, and after (openTSNE's)
EXAGGERATION = 12.0  # and the rate is N over it (Belkina et al. 2019), which needs no other tuning
BISECTIONS = 64
SPREAD = 1e-4  # deviation of the start (Kobak and Berens 2019: informative, and small)
PAIRS = 1 << 24  # held at a time


def usual_perplexity(items: int, wanted: float = 0.0) -> float:
    """What is taken for `wanted`, 0 for the usual 30: never more than a third of the others, of which it needs three
    for each unit."""
    return max(1.0, min(wanted or PERPLEXITY, (items - 1) / 3))


def neighbours_needed(items: int, perplexity: float) -> int:
    return min(items - 1, math.ceil(3 * perplexity))


def check_size(items: int, device: str) -> None:
    """Raises ValueError when there are more items than t-SNE lays out on this device in a few minutes."""
    most = MOST.get(torch.device(device).type, MOST["cpu"])
    if items > most:
        raise ValueError(
            f"t-SNE compares every item with every other, and {count(items, 'item')} would take too long here; "
            f"it takes {most:,} at the most. Choose UMAP, which keeps to neighbours."
        )


def tsne(
    X: np.ndarray,
    neighbours: Neighbours,
    *,
    perplexity: float,
    dimensions: int = 2,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """(N, dimensions) float32 positions that show the `neighbours` of X (N, D), about their mean.

    It starts from the principal components and draws nothing at random: no seed.

    Args:
        neighbours: `neighbours_needed` of each of N >= 4 items.
        on_progress: called with (steps done, steps); may raise to cancel.
    """
    graph = affinities(neighbours, perplexity)
    items = graph.shape[0]
    start = pca(X, dimensions)
    deviation = float(start[:, 0].std()) or 1.0
    place = torch.from_numpy(start / deviation * SPREAD).to(device)
    place += _apart(items, dimensions).to(device) * (SPREAD * 1e-2)
    lengths = torch.from_numpy(np.diff(graph.indptr).astype(np.int64))
    head = torch.arange(items).repeat_interleave(lengths).to(device)
    tail = torch.from_numpy(graph.indices.astype(np.int64)).to(device)
    weight = torch.from_numpy(graph.data.astype(np.float32)).to(device)
    lengths = lengths.to(device)
    rate = max(items / EXAGGERATION / 4, 50.0)
    moving, gain = torch.zeros_like(place), torch.ones_like(place)
    for step in range(EARLY + LATE):
        early = step < EARLY
        apart = place[head] - place[tail]
        pull = apart * (weight / (1 + apart.square().sum(1)))[:, None]
        together = torch.segment_reduce(pull, "sum", lengths=lengths, axis=0, initial=0)
        slope = 4 * ((EXAGGERATION if early else 1.0) * together - _repulsion(place))
        opposed = slope.sign() != moving.sign()
        gain = torch.where(opposed, gain + 0.2, gain * 0.8).clamp_min_(0.01)
        moving.mul_(0.5 if early else 0.8).sub_(rate * gain * slope)
        place += moving
        place -= place.mean(0)
        if on_progress is not None:
            on_progress(step + 1, EARLY + LATE)
    return place.cpu().numpy().astype(np.float32)


def affinities(neighbours: Neighbours, perplexity: float) -> scipy.sparse.csr_array:
    """(N, N) symmetric weights that sum to 1: Gaussian kernels, each as wide as gives its item this perplexity."""
    items, k = neighbours.index.shape
    square = neighbours.distance.astype(np.float64) ** 2
    square -= square[:, :1]
    low, high, sharp = np.zeros(items), np.full(items, np.inf), np.full(items, 1.0)
    scale = square.mean(1)
    square = np.divide(square, scale[:, None], out=np.zeros_like(square), where=scale[:, None] > 0)
    target = np.log(min(perplexity, k))
    for _ in range(BISECTIONS):
        kernel = np.exp(-square * sharp[:, None])
        total = kernel.sum(1)
        entropy = np.log(total) + sharp * (kernel * square).sum(1) / total
        blunt = entropy > target
        low, high = np.where(blunt, sharp, low), np.where(blunt, high, sharp)
        sharp = np.where(np.isinf(high), np.minimum(sharp * 2, 1e12), (low + high) / 2)
    kernel = np.exp(-square * sharp[:, None])
    kernel /= kernel.sum(1, keepdims=True)
    begins = np.arange(0, items * k + 1, k)
    directed = scipy.sparse.csr_array(
        (kernel.ravel(), neighbours.index.ravel(), begins), shape=(items, items)
    )
    graph = (directed + directed.T).tocsr()
    graph.sort_indices()
    return graph / graph.sum()


def _repulsion(place: torch.Tensor) -> torch.Tensor:
    """(N, d): the sum over all others of q^2 (y - y'), over the sum of all q; q = 1 / (1 + |y - y'|^2)."""
    items = len(place)
    step = max(1, PAIRS // items)
    length = place.square().sum(1)
    push = torch.empty_like(place)
    whole = torch.zeros((), dtype=torch.float64, device=place.device)
    for start in range(0, items, step):
        some = place[start : start + step]
        near = torch.addmm(length[None, :] + 1, some, place.T, alpha=-2)
        near = near.add_(length[start : start + step, None]).clamp_min_(1.0).reciprocal_()
        whole += near.sum(dtype=whole.dtype)
        near.square_()
        push[start : start + step] = some * near.sum(1, keepdim=True) - near @ place
    return push / (whole - items).to(place.dtype)


def _apart(items: int, dimensions: int) -> torch.Tensor:
    """(N, d) small offsets, none like another, so that equal vectors don't start on one spot and stay there."""
    number = torch.arange(1, items + 1, dtype=torch.float64)[:, None]
    turns = torch.tensor([0.7548776662466927, 0.5698402909980532, 0.3028457], dtype=torch.float64)[
        :dimensions
    ]
    return ((number * turns) % 1.0 - 0.5).float()
