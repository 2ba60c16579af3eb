"""Round tick positions, and the axis of scores that the plots of a comparison share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from workbench.gui.theme import Theme, font_of, model_colour

FEWEST_TICKS, MOST_TICKS = 3, 6


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


def soft(colour: QColor | str, alpha: float) -> QColor:
    """`colour` as a ground: `alpha` from 0 to 1."""
    made = QColor(colour)
    made.setAlphaF(alpha)
    return made


def draw_score_axis(
    painter: QPainter, inner: QRectF, theme: Theme, ticks: Sequence[float], down: Callable[[float], float]
) -> None:
    """Lines across `inner` at the score `ticks`, and their numbers at its left; `down(score)` is px."""
    painter.setFont(font_of("regular", 12))
    digits = digits_of(ticks)
    for tick in ticks:
        y = down(tick)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(inner.left(), y), QPointF(inner.right(), y))
        painter.setPen(theme.colour("dim"))
        box = QRectF(inner.left() - 46, y - 8, 40, 16)
        side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, side, f"{tick:.{digits}f}")


def draw_whisker(
    painter: QPainter,
    interval: tuple[float, float],
    middle: float,
    place: Callable[[float], float],
    tall: float,
) -> None:
    """An interval as a horizontal line with ends, in the painter's pen."""
    left, right = (place(edge) for edge in interval)
    painter.drawLine(QPointF(left, middle), QPointF(right, middle))
    for x in (left, right):
        painter.drawLine(QPointF(x, middle - tall / 2), QPointF(x, middle + tall / 2))


def legend_height(titles: Sequence[tuple[str, str]], width: float) -> float:
    """px that `draw_legend` takes at `width` px."""
    return 18.0 * len(_legend_lines(titles, width))


def draw_legend(
    painter: QPainter, area: QRectF, titles: Sequence[tuple[str, str]], theme: Theme, chosen: str = ""
) -> None:
    """A dot and a title for each (name, title), in as many lines as they take."""
    painter.setFont(font_of("regular", 12))
    for number, line in enumerate(_legend_lines(titles, area.width())):
        middle = area.top() + 18 * number + 9
        for name, title, x, width in line:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(model_colour(name)))
            painter.drawEllipse(QPointF(area.left() + x + 4, middle), 4, 4)
            painter.setPen(theme.colour("text" if name == chosen else "dim"))
            box = QRectF(area.left() + x + 12, middle - 9, width, 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)


def _legend_lines(
    titles: Sequence[tuple[str, str]], width: float
) -> list[list[tuple[str, str, float, float]]]:
    """(name, elided title, left, width) of each entry, line by line."""
    metrics = QFontMetricsF(font_of("regular", 12))
    lines: list[list[tuple[str, str, float, float]]] = []
    x = 0.0
    for name, title in titles:
        shown = metrics.elidedText(title, Qt.TextElideMode.ElideRight, max(width - 14, 20.0))
        taken = metrics.horizontalAdvance(shown) + 2
        if not lines or x + 12 + taken > width:
            lines.append([])
            x = 0.0
        lines[-1].append((name, shown, x, taken))
        x += 12 + taken + 14
    return lines
