"""Vectors to draw maps of."""

from __future__ import annotations

import numpy as np


def clustered(items: int = 400, width: int = 16, clusters: int = 6, seed: int = 0) -> np.ndarray:
    """(items, width) float32 in clusters whose spread falls from direction to direction, as in features of images."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(clusters, width)) * 3
    around = rng.normal(size=(items, width)) * np.arange(1, width + 1) ** -0.5
    return (centres[rng.integers(0, clusters, items)] + around + 1).astype(np.float32)
