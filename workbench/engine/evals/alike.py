"""Images that a model finds alike: nearest neighbours by cosine, from a threshold on.

What cosine copies have depends on model and images: with EfficientNet-Lite0, moved copies of the sample's steel have
0.87 to 0.97, and so do thousands of pairs that merely have one texture; of photographs, copies alone have 0.95. Hence
pairs come most alike first, for the expert to look through, and join no set of copies by themselves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from workbench.engine.evals.knn import nearest

THRESHOLD = 0.98
NEIGHBOURS = 5


def alike(
    X: np.ndarray,
    *,
    threshold: float = THRESHOLD,
    k: int = NEIGHBOURS,
    device: str | torch.device = "cpu",
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of rows that are among each other's, or one's, k nearest and have a cosine of `threshold` or more.

    Exact, block by block; of more than k + 1 rows that are all alike not every pair is named, but every row is.
    A row of zeros is like none.

    Args:
        X: (N, D) float32.
        on_progress: called with (rows done, N); may raise to cancel.

    Returns:
        pairs (P, 2) int64, the lower position first, and cosine (P,) float32; most alike first, each pair once.

    Raises:
        ValueError: X is not a table, k < 1, or a threshold that is not above 0 and at most 1.
    """
    if X.ndim != 2 or k < 1:
        raise ValueError(f"look-alikes need a table of vectors and k >= 1, not shape {X.shape} and k = {k}.")
    if not 0 < threshold <= 1:
        raise ValueError(f"the threshold must be above 0 and at most 1, not {threshold}.")
    if len(X) < 2:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.float32)
    rows = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
    similarity, index = nearest(rows, rows, k, exclude_self=True, device=device, on_progress=on_progress)
    one, rank = np.nonzero(similarity.numpy() >= threshold)
    pairs = np.sort(np.stack([one, index.numpy()[one, rank]], axis=1), axis=1)
    pairs, first = np.unique(pairs, axis=0, return_index=True)
    cosine = similarity.numpy()[one, rank][first]
    order = np.argsort(-cosine, kind="stable")
    return pairs[order], cosine[order]
