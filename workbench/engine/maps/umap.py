"""UMAP (McInnes, Healy and Melville 2018) on exact neighbours: the same each time, on any device, and it can be
stopped.

The graph is the paper's (`graph.py`), and so is what the layout minimises: the cross entropy between the graph and
1 / (1 + a d^2b), each edge counted by its weight, with five times as many pairs drawn at random for the repulsion.
The paper moves one pair after the other, in an order that can't be shared among processors without losing
reproducibility. Here all items move at once, each by the average over its edges instead of by one after another.
That needs no random order, and an average can't overshoot, however many neighbours an item has. Pairs for the
repulsion are those of the items in a random order and the same order turned by a random number of places: each pair
is equally likely, and nothing has to be gathered.

It begins with the principal components, which serve as well as the spectral start (Kobak and Linderman 2021) and can
always be had.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.optimize
import torch

from workbench.engine.maps.graph import fuzzy_graph
from workbench.engine.maps.linear import pca
from workbench.engine.maps.neighbours import Neighbours

FEW = 10_000  # items up to which there is time for the larger number of epochs
EPOCHS_FEW, EPOCHS_MANY = 500, 200
REPELLED = 5.0  # random pairs for each edge
TURNS = 10  # of the order an epoch; each gives every item two random pairs
LONGEST = 4.0  # that one random pair pushes, per coordinate
SIDE = 10.0  # of the map that it starts from, to which a and b are made
JITTER = 1e-4  # equal vectors must not start, and so stay, on one spot
NEAR = 1e-12  # squared distance below which nothing pulls


def usual_epochs(items: int) -> int:
    return EPOCHS_FEW if items <= FEW else EPOCHS_MANY


def umap(
    X: np.ndarray,
    neighbours: Neighbours,
    *,
    min_dist: float = 0.1,
    dimensions: int = 2,
    seed: int = 0,
    epochs: int | None = None,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> np.ndarray:
    """(N, dimensions) float32 positions that show the `neighbours` of X (N, D), about their mean.

    Args:
        neighbours: of N >= 2 items; `n_neighbors` of umap-learn counts the item itself, hence is one more.
        min_dist: how near items may come, 0 up to 1; the map is about 20 wide.
        epochs: `usual_epochs` by default.
        on_progress: called with (epochs done, epochs); may raise to cancel.
    """
    items = len(X)
    epochs = epochs or usual_epochs(items)
    a, b = curve(min_dist)
    random = torch.Generator().manual_seed(seed)
    order = torch.randperm(items, generator=random)
    start = torch.from_numpy(pca(X, dimensions))[order]
    start -= start.amin(0)
    start *= SIDE / max(float(start.amax()), 1e-30)
    start += JITTER * torch.randn(start.shape, generator=random)
    turns = torch.randint(1, items, (epochs, TURNS), generator=random).tolist()
    graph = fuzzy_graph(neighbours)[order.numpy()][:, order.numpy()].tocsr()
    graph.data[graph.data * epochs < graph.data.max()] = 0  # as rare as less than once in all epochs
    graph.eliminate_zeros()
    lengths = torch.from_numpy(np.diff(graph.indptr).astype(np.int64))
    strength = torch.from_numpy(np.asarray(graph.sum(axis=1), dtype=np.float32))
    # An edge moves both of its ends, and lies in the graph from either: so twice. Then the average over the edges, of
    # which the one to the nearest has weight 1, so that their sum is no less.
    share = torch.from_numpy(graph.data) * 2 / strength.repeat_interleave(lengths)
    head = torch.arange(items).repeat_interleave(lengths).to(device)
    tail = torch.from_numpy(graph.indices.astype(np.int64)).to(device)
    lengths, share = lengths.to(device), share.to(device)
    place = start.T.contiguous().to(device)  # (d, N): what is computed along the items lies side by side
    for epoch in range(epochs):
        move = _attraction(place, head, tail, lengths, share, a, b)
        move += _repulsion(place, turns[epoch], a, b) * (REPELLED / (2 * TURNS))
        place += move * (1 - epoch / epochs)
        if on_progress is not None:
            on_progress(epoch + 1, epochs)
    laid = torch.empty(items, dimensions)
    laid[order] = place.T.cpu()
    return (laid - laid.mean(0)).numpy()


def curve(min_dist: float, spread: float = 1.0) -> tuple[float, float]:
    """a and b with which 1 / (1 + a d^2b) is nearest to 1 up to `min_dist`, exp(-(d - min_dist) / spread) after."""
    d = np.linspace(0, 3 * spread, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(-(d - min_dist) / spread))
    (a, b), _ = scipy.optimize.curve_fit(lambda x, a, b: 1 / (1 + a * x ** (2 * b)), d, wanted)
    return float(a), float(b)


def _attraction(
    place: torch.Tensor,
    head: torch.Tensor,
    tail: torch.Tensor,
    lengths: torch.Tensor,
    share: torch.Tensor,
    a: float,
    b: float,
) -> torch.Tensor:
    """(d, N): where the edges pull each item, given (E,) heads in order, tails and shares."""
    apart = place.index_select(1, head) - place.index_select(1, tail)
    square = apart.square().sum(0).clamp_min_(NEAR)
    power = square.pow(b)
    pull = power.div(square).mul_(-2 * a * b).div_(power.mul_(a).add_(1)).mul_(share)
    return torch.stack(
        [torch.segment_reduce(row, "sum", lengths=lengths, initial=0) for row in apart.mul_(pull)]
    )


def _repulsion(place: torch.Tensor, turns: list[int], a: float, b: float) -> torch.Tensor:
    """(d, N): the sum of where random pairs push each item."""
    whole = torch.zeros_like(place)
    for turn in turns:
        apart = place - place.roll(-turn, 1)
        square = apart.square().sum(0).clamp_min_(NEAR)
        below = square.pow(b).mul_(a).add_(1).mul_(square.add_(0.001))
        force = apart.mul_(2 * b / below).clamp_(-LONGEST, LONGEST)
        whole += force
        whole -= force.roll(turn, 1)
    return whole
