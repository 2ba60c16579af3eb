"""What every plot of a comparison shares, wherever it is drawn: round ticks of an axis of scores, and colours."""

from __future__ import annotations

import math
from collections.abc import Sequence

FEWEST_TICKS, MOST_TICKS = 3, 6

# Okabe & Ito, "Color Universal Design" (2008), its black replaced by a grey that shows on both grounds.
# Yellow comes last: it is faint on white.
PALETTE = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c", "#f0e442")


def nice_axis(values: Sequence[float], ticks: int = 6) -> tuple[float, float, list[float]]:
    """Lower end, upper end and round tick positions that hold all of `values` (scores, 0 to 1).

    There are at most `ticks` of them, unless the next coarser step would leave fewer than three.
    """
    low, high = min(values), max(values)
    room = max(high - low, 0.01) * 0.06
    low, high = max(0.0, low - room), min(1.0, high + room)
    if high - low < 1e-9:
        low, high = max(0.0, low - 0.01), min(1.0, low + 0.01)
    size = 10.0 ** math.floor(math.log10(high - low) - 1)
    found: list[float] = []
    for step in (size * factor for factor in (1, 2, 2.5, 5, 10, 20, 25, 50)):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        round_ones = [round(number * step, 10) for number in range(first, last + 1)]
        if found and (len(round_ones) < 2 or (len(round_ones) < FEWEST_TICKS and len(found) <= MOST_TICKS)):
            break  # one tick alone says nothing about the scale, two say little
        found = round_ones
        if len(found) <= ticks:
            break
    return low, high, found


def digits_of(ticks: Sequence[float]) -> int:
    """Decimals that tell `ticks` apart: two, or three where they are finer than a hundredth."""
    return 2 if all(abs(tick * 100 - round(tick * 100)) < 1e-6 for tick in ticks) else 3
