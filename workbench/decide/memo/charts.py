"""The plots of a memo as SVG: seeds of each rung, label budgets, confusion. What each shows is plain data.

No plot needs its colours: rungs differ in shape, dash and name too, and shades of one colour print as shades of grey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.decide.memo.document import Inks
from workbench.decide.memo.svg import LETTER, Svg
from workbench.records.plotting import MOST_TICKS, PALETTE, digits_of, nice_axis

WIDTH = 720.0  # px
ROW = 40.0  # of a rung
NAMES, VALUES = 210.0, 150.0  # px beside the seeds
MOST_CLASSES = 20  # of a confusion matrix that has names and counts
DASHES = ("", "7 4", "2 3", "9 3 2 3")
WIDEST = 76.0  # px, of a cell of it
SLANTED = 120.0  # px, of the name of a narrow column
SHADE = 0.1  # of the cell of a single mistake, so that it is seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One rung: its seeds, and the interval that it is judged by. `value` is what is written beside it."""

    name: str
    values: tuple[float, ...]
    mean: float
    interval: tuple[float, float] | None
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A rung's score at each number of labels, rising, with the intervals."""

    name: str
    labels: tuple[int, ...]
    means: tuple[float, ...]
    intervals: tuple[tuple[float, float] | None, ...]


def seed_spread(rungs: Sequence[Spread], threshold: float | None, metric: str, words: str, inks: Inks) -> str:
    """Every seed as a point, the mean as a stroke, the interval as a line, the threshold across all."""
    top, bottom = 26.0, 40.0
    height = top + ROW * len(rungs) + bottom
    svg = Svg(WIDTH, height, inks, title=f"{metric} of every seed", words=words)
    left, right = NAMES + 12, WIDTH - VALUES - 12
    wanted = [value for rung in rungs for value in (*rung.values, *(rung.interval or ()))]
    low, high, ticks = nice_axis([*wanted, *([] if threshold is None else [threshold])], MOST_TICKS)

    def across(score: float) -> float:
        return left + (min(max(score, low), high) - low) / (high - low) * (right - left)

    foot = top + ROW * len(rungs)
    for tick in ticks:
        svg.line(across(tick), top, across(tick), foot, "line")
        svg.text(across(tick), foot + 12, f"{tick:.{digits_of(ticks)}f}", "dim", anchor="middle")
    svg.text((left + right) / 2, foot + 30, metric, "dim", anchor="middle")
    svg.text(WIDTH - VALUES, 12, "mean [95 % interval]", "dim", size=11)
    for place, rung in enumerate(rungs):
        middle = top + ROW * (place + 0.5)
        if place:
            svg.line(0, middle - ROW / 2, WIDTH, middle - ROW / 2, "line")
        svg.text(NAMES, middle, rung.name, anchor="end", room=NAMES)
        if rung.interval:
            first, last = (across(edge) for edge in rung.interval)
            svg.line(first, middle, last, middle, "accent", width=2)
            for edge in (first, last):
                svg.line(edge, middle - 6, edge, middle + 6, "accent", width=2)
        for number, value in enumerate(rung.values):
            # Alternately above and below the line, for seeds often score nearly alike.
            svg.circle(across(value), middle + (7 if number % 2 else -7), 3, "dim", opacity=0.8)
        svg.line(across(rung.mean), middle - 11, across(rung.mean), middle + 11, "text", width=3)
        svg.text(WIDTH - VALUES, middle, rung.value, room=VALUES)
    if threshold is not None:
        _threshold_across(svg, across(threshold), top, foot, threshold)
    return svg.made()


def _threshold_across(svg: Svg, x: float, top: float, foot: float, threshold: float) -> None:
    svg.line(x, top - 6, x, foot, "bad", width=1.5, dash="6 4")
    svg.text(x, 12, f"threshold {threshold:.3f}", "bad", size=11, anchor="middle", bold=True)


def budget_curves(
    curves: Sequence[Curve], threshold: float | None, metric: str, words: str, inks: Inks
) -> str:
    """The score over the number of labels, on a logarithmic scale, each rung with its own dash and shape."""
    legend = 20.0 * (len(curves) + (threshold is not None))
    left, right, top, plot = 56.0, WIDTH - 24, 22.0, 250.0
    foot = top + plot
    svg = Svg(WIDTH, foot + 50 + legend, inks, title=f"{metric} by number of labels", words=words)
    wanted = [
        edge
        for curve in curves
        for mean, interval in zip(curve.means, curve.intervals, strict=True)
        for edge in (mean, *(interval or ()))
    ]
    low, high, ticks = nice_axis([*wanted, *([] if threshold is None else [threshold])], MOST_TICKS)
    sizes = sorted({size for curve in curves for size in curve.labels})
    first, last = math.log(sizes[0]), math.log(sizes[-1])

    def across(size: int) -> float:
        share = (math.log(size) - first) / (last - first) if last > first else 0.5
        return left + 14 + share * (right - left - 28)

    def down(score: float) -> float:
        return foot - (min(max(score, low), high) - low) / (high - low) * plot

    for tick in ticks:
        svg.line(left, down(tick), right, down(tick), "line")
        svg.text(left - 8, down(tick), f"{tick:.{digits_of(ticks)}f}", "dim", anchor="end")
    after = -math.inf
    for size in sizes:
        svg.line(across(size), foot, across(size), foot + 4, "dim")
        if across(size) - after > 44:
            svg.text(across(size), foot + 14, f"{size:,}", "dim", anchor="middle")
            after = across(size)
    svg.text((left + right) / 2, foot + 32, "labelled images", "dim", anchor="middle")
    svg.text(left, 9, metric, "dim", size=11)
    for place, curve in enumerate(curves):
        ink = f"series{place % len(PALETTE)}"
        dash = DASHES[(place + place // len(PALETTE)) % len(DASHES)]  # none twice with one colour
        spread = [
            (across(size), down(interval[0]), down(interval[1]))
            for size, interval in zip(curve.labels, curve.intervals, strict=True)
            if interval
        ]
        for x, lower, upper in spread:
            svg.line(x, lower, x, upper, ink, width=1)
        points = [(across(size), down(mean)) for size, mean in zip(curve.labels, curve.means, strict=True)]
        svg.polyline(points, ink, dash=dash)
        for x, y in points:
            svg.mark(x, y, place, ink)
        y = foot + 50 + 20 * place
        svg.line(left, y, left + 36, y, ink, width=2, dash=dash)
        svg.mark(left + 18, y, place, ink)
        svg.text(left + 46, y, curve.name, room=right - left - 50)
    if threshold is not None:
        y = foot + 50 + 20 * len(curves)
        for height, end in ((down(threshold), right), (y, left + 36)):
            svg.line(left, height, end, height, "bad", width=1.5, dash="6 4")
        svg.text(left + 46, y, f"threshold {threshold:.3f}", "bad", bold=True)
    return svg.made()


def confusion(
    classes: Sequence[str], counts: Sequence[Sequence[int]], title: str, words: str, inks: Inks
) -> str:
    """Rows are true classes, columns what was said; shaded by the share of the true class.

    Above `MOST_CLASSES` classes cells have a shade and neither name nor count.
    """
    if len(classes) > MOST_CLASSES:
        return _shades(counts, title, words, inks)
    size = len(classes)
    longest = max((len(name) for name in classes), default=0) * LETTER * 11
    slanted = longest > min((WIDTH - NAMES) / size, WIDEST) - 6
    rise = min(longest, SLANTED) * 0.75 if slanted else 18.0  # of the columns' names, and as far to the right
    side = min((WIDTH - NAMES - rise) / size, WIDEST)
    high, top, left, gap = min(side, 40.0), 24.0 + rise, NAMES, 2.0
    svg = Svg(WIDTH, top + high * size + 12, inks, title=title, words=words)
    svg.text(left, 9, "called", "dim", size=11)
    svg.text(left - 8, top - 10, "true class", "dim", size=11, anchor="end")
    for row, name in enumerate(classes):
        svg.text(left - 8, top + high * (row + 0.5), name, anchor="end", room=left - 12)
        middle = left + side * (row + 0.5)
        if slanted:
            svg.slanted(middle - 4, top - 6, name, room=SLANTED)
        else:
            svg.text(middle, top - 10, name, size=11, anchor="middle", room=side)
        for column, number in enumerate(counts[row]):
            x, y = left + side * column, top + high * row
            svg.rect(x, y, side - gap, high - gap, "track", round_=3)
            if not number:
                continue
            shade = _shade(number, sum(counts[row]))
            svg.rect(x, y, side - gap, high - gap, "accent", opacity=shade, round_=3)
            if side >= 8 * len(f"{number:,}"):
                ink = "accent_text" if shade > 0.6 else "text"
                svg.text(x + (side - gap) / 2, y + (high - gap) / 2, f"{number:,}", ink, anchor="middle")
    return svg.made()


def _shades(counts: Sequence[Sequence[int]], title: str, words: str, inks: Inks) -> str:
    """Of many classes: a square whose cells are only shaded, and only those that hold something."""
    top, square = 24.0, 480.0
    left, side = (WIDTH - square) / 2, square / len(counts)
    svg = Svg(WIDTH, top + square + 12, inks, title=title, words=words)
    svg.text(left, 9, "rows: true class, columns: called", "dim", size=11)
    svg.rect(left, top, square, square, "track")
    for row, line in enumerate(counts):
        for column, number in enumerate(line):
            if number:
                opacity = _shade(number, sum(line))
                svg.rect(left + side * column, top + side * row, side, side, "accent", opacity=opacity)
    return svg.made()


def _shade(number: int, whole: int) -> float:
    return SHADE + (1 - SHADE) * number / whole
