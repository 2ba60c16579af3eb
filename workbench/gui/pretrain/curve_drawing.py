"""How curves are drawn: axes, lines with the band of all that lies in a column of pixels, the value they are read
against. Nothing here knows a widget."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from workbench.gui.pretrain.decimate import Drawn, tick_text, ticks
from workbench.gui.pretrain.metrics_tail import Series
from workbench.gui.theme import Theme, font_of
from workbench.records.text import printable

LEFT, RIGHT, TOP, BOTTOM = 50.0, 12.0, 8.0, 24.0  # px around the lines
TICK_HEIGHT, TICK_WIDTH = 34.0, 84.0  # px that a tick and its number want
MOST_TICKS = 8  # more lines than that say no more
PIECE = 16  # points stroked at once: Qt's cost of a wide line grows with the square of its points
DASHED = (
    400  # points up to which a dashed line is stroked whole, so that its dashes go on from piece to piece
)
DOTS = 80  # points up to which each is drawn


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of one run. `scale` multiplies its values (100 for shares that are told in per cent)."""

    name: str
    title: str
    colour: str
    series: Series
    scale: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A value that the curves are read against, as a dashed line with its name."""

    value: float
    title: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where values lie: `inner` in px, `across` and `up` the values at its edges."""

    inner: QRectF
    across: tuple[float, float]
    up: tuple[float, float]

    def right(self, values: np.ndarray | float) -> np.ndarray | float:
        """px of positions along the axis."""
        low, high = self.across
        return self.inner.left() + (values - low) / max(high - low, 1e-12) * self.inner.width()

    def down(self, values: np.ndarray | float) -> np.ndarray | float:
        """px of heights."""
        low, high = self.up
        return self.inner.bottom() - (values - low) / (high - low) * self.inner.height()


def heights(drawn: list[Drawn], mark: Mark | None) -> tuple[float, float]:
    """Lower and upper end of the axis that holds everything, with some room."""
    lows = [float((what.middle if what.low is None else what.low).min()) for what in drawn]
    highs = [float((what.middle if what.high is None else what.high).max()) for what in drawn]
    marked = [mark.value] if mark is not None else []
    low, high = min(lows + marked), max(highs + marked)
    room = (high - low) * 0.06 or abs(high) * 0.02 or 0.5
    return low - room, high + room


def draw_axes(painter: QPainter, frame: Frame, theme: Theme, word: str, *, log: bool) -> None:
    """Lines across at round heights, their numbers at the left; round positions below, the last with its `word`."""
    inner = frame.inner
    painter.setFont(font_of("regular", 12))
    marks = ticks(*frame.up, min(max(int(inner.height() / TICK_HEIGHT), 2), MOST_TICKS))
    step = _step(marks, frame.up)
    side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    for value in marks:
        y = float(frame.down(value))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(inner.left(), y), QPointF(inner.right(), y))
        painter.setPen(theme.colour("dim"))
        text = number_text(10**value) if log else tick_text(value, step)
        painter.drawText(QRectF(0, y - 8, inner.left() - 6, 16), side, text)
    marks = ticks(*frame.across, max(int(inner.width() / TICK_WIDTH), 2))
    step = _step(marks, frame.across)
    metrics = QFontMetricsF(painter.font())
    for number, value in enumerate(marks):
        last = number == len(marks) - 1
        text = f"{word} {tick_text(value, step)}" if last else tick_text(value, step)
        width = metrics.horizontalAdvance(text)
        at = min(max(float(frame.right(value)) - width / 2, 2), inner.right() + RIGHT - width - 2)
        painter.drawText(QPointF(at, inner.bottom() + 18), text)


def draw_line(painter: QPainter, frame: Frame, line: Line, what: Drawn) -> None:
    """The middle of each column, over the band of what lies in it; dots where there are few points."""
    colour = QColor(line.colour)
    x = frame.right(what.x)
    if what.low is not None and what.high is not None:
        ground = QColor(colour)
        ground.setAlphaF(0.22)
        painter.setPen(QPen(ground, 1))
        painter.setRenderHint(
            QPainter.RenderHint.Antialiasing, False
        )  # one line a column of pixels, side by side
        upper, lower = (np.asarray(frame.down(edge)).tolist() for edge in (what.high, what.low))
        places = (np.floor(x) + 0.5).tolist()
        painter.drawLines([QLineF(a, b, a, c) for a, b, c in zip(places, upper, lower, strict=True)])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = _points(x, frame.down(what.middle))
    style = Qt.PenStyle.DotLine if line.dashed else Qt.PenStyle.SolidLine
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, 1.75, style))
    piece = len(middle) if line.dashed and len(middle) <= DASHED else PIECE
    for start in range(0, len(middle) - 1, piece):
        painter.drawPolyline(QPolygonF(middle[start : start + piece + 1]))
    if len(middle) == 1 or (len(middle) <= DOTS and not line.dashed):
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        for point in middle:
            painter.drawEllipse(point, 2.5, 2.5)


def draw_mark(painter: QPainter, frame: Frame, mark: Mark, theme: Theme) -> None:
    """A dashed line, its name at the right end on a ground that keeps it readable over curves."""
    inner = frame.inner
    y = float(frame.down(mark.value))
    painter.setPen(QPen(theme.colour("dim"), 1.25, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(inner.left(), y), QPointF(inner.right(), y))
    painter.setFont(font_of("regular", 12))
    metrics = QFontMetricsF(painter.font())
    text = f"{printable(mark.title)} {mark.value:.3f}"
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, inner.width() - 8)
    width = metrics.horizontalAdvance(shown)
    top = y - 19 if y - 20 > inner.top() else y + 3
    box = QRectF(inner.right() - width - 8, top, width + 8, 16)
    ground = QColor(theme.panel)
    ground.setAlphaF(0.85)
    painter.fillRect(box, ground)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


def number_text(value: float) -> str:
    """Four figures, and no more zeros than these need."""
    if value and (abs(value) < 1e-3 or abs(value) >= 1e7):
        return f"{value:.2e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def logarithm(value: float) -> float:
    return math.log10(value) if value > 0 else math.nan


def _step(marks: list[float], ends: tuple[float, float]) -> float:
    return marks[1] - marks[0] if len(marks) > 1 else ends[1] - ends[0]


def _points(x: np.ndarray | float, y: np.ndarray | float) -> list[QPointF]:
    return [QPointF(a, b) for a, b in zip(np.asarray(x).tolist(), np.asarray(y).tolist(), strict=True)]
