"""The axis of scores that the plots of a comparison share, and their legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from workbench.gui.theme import Theme, font_of, model_colour
from workbench.records.plotting import digits_of


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
