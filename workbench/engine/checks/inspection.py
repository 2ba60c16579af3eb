"""What every inspection must be, asked of one that a plugin brings, on patches drawn at random."""

from __future__ import annotations

import numpy as np

from workbench.engine.inspect.plugged import looked
from workbench.records.plugin_checks import Steps

PICTURES, GRID, WIDTH, SIZE = 2, (5, 4), 24, 40


def check_inspection(name: str, steps: Steps) -> None:
    rng = np.random.default_rng(0)
    tokens = rng.normal(size=(PICTURES, *GRID, WIDTH)).astype(np.float32)
    pictures = rng.integers(0, 256, (PICTURES, SIZE, SIZE, 3), dtype=np.uint8)
    found: np.ndarray | None = None
    with steps.step(f"{name}: gives a number for each patch"):
        found = looked(name, tokens, pictures)
    if found is None:
        return
    with steps.step(f"{name}: says the same again"):
        if not np.array_equal(looked(name, tokens, pictures), found):
            raise ValueError("Of the same patches it says something else: it must not draw at random.")
