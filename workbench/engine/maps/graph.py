"""The weighted graph that UMAP lays out (McInnes, Healy and Melville 2018, section 3.1 and algorithms 2 and 3)."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from workbench.engine.maps.neighbours import Neighbours

STEPS = 64  # of the bisection
SMALLEST = 1e-3  # of the mean distance: a kernel is no narrower than that


def fuzzy_graph(neighbours: Neighbours) -> scipy.sparse.csr_array:
    """(N, N) symmetric, float32, weights of 0 to 1 and nothing on the diagonal.

    Each item is connected to its nearest with weight 1, so that nothing stands alone, and to the others by a kernel
    whose width makes the weights sum to log2(k + 1): k others and itself. Weights of both directions are united as
    a + b - ab.

    Args:
        neighbours: (N, k), k >= 1.
    """
    weight = memberships(neighbours.distance)
    items, k = neighbours.index.shape
    begins = np.arange(0, items * k + 1, k)
    directed = scipy.sparse.csr_array(
        (weight.ravel(), neighbours.index.ravel(), begins), shape=(items, items)
    )
    other = directed.T.tocsr()
    graph = (directed + other - directed * other).tocsr()
    graph.sort_indices()
    return graph


def memberships(distance: np.ndarray) -> np.ndarray:
    """(N, k) float32 weights of the edges from each item, of ascending distances (N, k).

    The distance to the nearest that is not at the same place counts as 0 (local connectivity 1).
    """
    distance = distance.astype(np.float64)
    apart = distance > 0
    nearest = np.where(apart.any(1), np.take_along_axis(distance, apart.argmax(1)[:, None], 1)[:, 0], 0.0)
    beyond = np.maximum(distance - nearest[:, None], 0.0)
    target = np.log2(distance.shape[1] + 1)
    low, high = np.zeros(len(distance)), np.full(len(distance), np.inf)
    width = np.ones(len(distance))
    for _ in range(STEPS):
        wide = np.exp(-beyond / width[:, None]).sum(1) > target
        high, low = np.where(wide, width, high), np.where(wide, low, width)
        width = np.where(np.isinf(high), width * 2, (low + high) / 2)
    own = distance.mean(1)
    width = np.maximum(width, SMALLEST * np.where(nearest > 0, own, distance.mean()))
    width = np.where(width > 0, width, 1.0)  # every vector is the same
    return np.exp(-beyond / width[:, None]).astype(np.float32)
