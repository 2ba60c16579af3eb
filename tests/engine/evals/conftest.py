from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def cloud():
    """Builds (X (n, d) float32, y (n,) int64): overlapping classes with a decaying spectrum, as embeddings have."""

    def build(
        n: int = 300, d: int = 24, classes: int = 4, seed: int = 0, spread: float = 1.0, flip: float = 0.05
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, classes, n)
        scale = (1 + np.arange(d)) ** -0.7
        turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
        X = (rng.normal(size=(n, d)) + spread * rng.normal(size=(classes, d))[y]) * scale @ turn
        flipped = rng.random(n) < flip
        y[flipped] = rng.integers(0, classes, int(flipped.sum()))
        y[:classes] = np.arange(classes)
        return (X * rng.uniform(0.1, 10, d) + rng.normal(size=d)).astype(np.float32), y

    return build
