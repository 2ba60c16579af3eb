"""The map along the directions of largest variance (PCA)."""

from __future__ import annotations

import numpy as np


def pca(X: np.ndarray, dimensions: int = 2) -> np.ndarray:
    """(N, dimensions) float32 coordinates of X (N, D) along its first principal directions, about their mean.

    Each direction points to where its largest entry is positive, so that a map is not mirrored by chance; of equally
    large ones the first decides. Directions that there are not (few items, few columns, no variance) are zeros.
    """
    centred = X.astype(np.float64)
    centred -= centred.mean(0)
    out = np.zeros((len(X), dimensions), dtype=np.float32)
    variance, turned = np.linalg.eigh(centred.T @ centred if _tall(X) else centred @ centred.T)
    largest = variance[::-1][:dimensions]
    for number, size in enumerate(largest):
        if size <= variance[-1] * 1e-12 or size <= 0:
            break
        vector = turned[:, -1 - number]
        direction = vector if _tall(X) else centred.T @ vector / np.sqrt(size)
        magnitude = np.abs(direction)
        peak = int(np.argmax(magnitude >= magnitude.max() * (1 - 1e-9)))
        out[:, number] = centred @ direction * np.sign(direction[peak])
    return out


def _tall(X: np.ndarray) -> bool:
    """Whether the table of columns by columns is the smaller one."""
    return X.shape[0] >= X.shape[1]
