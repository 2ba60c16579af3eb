"""As many points as a plot has columns of pixels, with every peak: what is drawn doesn't grow with what is known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Drawn:
    """A curve at the width of a plot. `low` and `high` are None where no column holds two points."""

    x: np.ndarray  # (M,)
    middle: np.ndarray  # (M,) mean of a column
    low: np.ndarray | None
    high: np.ndarray | None


def thin(x: np.ndarray, y: np.ndarray, left: float, right: float, columns: int) -> Drawn:
    """(N,) rising `x` and its `y` from `left` to `right`, in `columns` columns at most.

    One point beyond either end is kept, so that the line goes on to the edge.
    """
    first = max(int(np.searchsorted(x, left, "left")) - 1, 0)
    last = min(int(np.searchsorted(x, right, "right")) + 1, len(x))
    x, y = x[first:last], y[first:last]
    if right <= left or len(x) <= 2:
        return Drawn(x, y, None, None)
    spanned = columns * (min(x[-1], right) - max(x[0], left)) / (right - left)
    if len(x) <= 2 * spanned:
        return Drawn(x, y, None, None)
    column = np.clip(((x - left) * (columns / (right - left))).astype(np.int64), -1, columns)
    starts = np.flatnonzero(np.diff(column, prepend=column[0] - 1))
    sizes = np.diff(starts, append=len(x))
    return Drawn(
        np.add.reduceat(x, starts) / sizes,
        np.add.reduceat(y, starts) / sizes,
        np.minimum.reduceat(y, starts),
        np.maximum.reduceat(y, starts),
    )


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round positions between `low` and `high`, `most` of them at the most and two where there is room for them."""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / max(most, 1)))
    for step in (size * factor for factor in (1, 2, 2.5, 5, 10, 20, 25, 50)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first + 1 <= max(most, 2):
            return [round(number * step, 12) for number in range(first, last + 1)]
    return [low, high]


def tick_text(value: float, step: float) -> str:
    """As many decimals as tell neighbours apart; thousands and millions by their letter."""
    if value == 0:
        return "0"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if letter == 'k' else size):g}{letter}"
    if abs(value) < 1e-3:
        return f"{value:.1e}".replace("e-0", "e-")
    decimals = 0
    while decimals < 6 and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
        decimals += 1
    return f"{value:,.{decimals}f}"
