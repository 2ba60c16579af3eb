"""Which random numbers the views are drawn from: one stream for each view and purpose."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from workbench.engine.methods.base import Draw

_FIRST = 1 << 20  # far from the streams that methods count from 0
_ROOM = 16  # purposes that a view may have


class Purpose(IntEnum):
    CROP = 0
    CORNER = 1
    TURN = 2
    COLOUR = 3
    BLUR = 4
    SOLARISE = 5


def uniform(draw: Draw, number: int, purpose: Purpose, *shape: int) -> np.ndarray:
    """(B, *shape) float64 in [0, 1) for view `number`, counted over all kinds."""
    return draw.uniform(_FIRST + _ROOM * number + purpose, *shape).numpy().astype(np.float64)
