"""Every seed as a point: one strip a model, on one axis, so that the spread is seen before the mean.

`Strips` is what to draw, `draw` draws it anywhere (window, PNG, SVG), `StripPlot` is the widget: the
pointer or the arrow keys choose a point, and the same seed is then joined across the models.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.plain_text import plain
from workbench.gui.theme import Theme, current_theme, font_of, model_colour

ROW_HEIGHT = 22  # px, at the least
AXIS_HEIGHT = 34
GAP = 12
TICK_WIDTH = 42  # px that a tick and its number want
FEWEST_TICKS, MOST_TICKS = 3, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One model's scores, 0 to 1; `values[i]` belongs to `Strips.seeds[i]`."""

    name: str
    title: str
    values: tuple[float, ...]
    interval: tuple[float, float] | None

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strips:
    """The whole plot. `band` is the baseline's mean with the margin on both sides, in the metric's unit."""

    strips: tuple[Strip, ...] = ()
    seeds: tuple[int, ...] = ()
    metric: str = ""
    band: tuple[float, float] | None = None
    baseline: str = ""

    def tell(self, row: int, seed: int) -> str:
        strip = self.strips[row]
        return f"{strip.title}, seed {self.seeds[seed]}: {self.metric} {strip.values[seed]:.3f}"


@dataclass(frozen=True, slots=True)
class Dot:
    """A drawn point: centre in px, row and position of the seed."""

    x: float
    y: float
    row: int
    seed: int


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


@lru_cache(maxsize=256)
def swarm(positions: tuple[float, ...], diameter: float, room: float) -> tuple[float, ...]:
    """How far each point moves sideways so that no two overlap, or overlap least within +-`room`.

    Args:
        positions: (n,) px along the axis.
        diameter: px; two points nearer than this overlap.
        room: px, the largest offset.
    """
    xs, ys = np.asarray(positions), np.zeros(len(positions))
    step = diameter / 4
    steps = np.arange(1, int(max(room, 0.0) / step) + 1) * step
    tries = np.concatenate([[0.0], np.stack([steps, -steps], axis=1).ravel()])  # nearest to the line first
    order = np.argsort(xs, kind="stable")
    for place, index in enumerate(order.tolist()):
        before = order[:place]
        near = before[xs[index] - xs[before] < diameter]
        if len(near):
            apart = np.hypot(xs[near] - xs[index], ys[near] - tries[:, None]).min(axis=1)
            free = np.flatnonzero(apart >= diameter - 1e-6)
            ys[index] = tries[free[0] if len(free) else int(np.argmax(apart))]
    return tuple(ys.tolist())


def draw(
    painter: QPainter,
    area: QRectF,
    plot: Strips,
    theme: Theme,
    *,
    chosen: str = "",
    hovered: tuple[int, int] | None = None,
) -> list[Dot]:
    """Draw `plot` into `area` and return where the points are.

    Args:
        chosen: name of the model whose strip is marked.
        hovered: row and seed position of the point under the pointer; its seed is joined across rows.
    """
    if not plot.strips:
        return []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    label_font = font_of("regular", 13)
    small = font_of("regular", 12)
    metrics = QFontMetricsF(font_of("semibold", 13))  # the chosen one's
    widest = max(metrics.horizontalAdvance(strip.title) for strip in plot.strips)
    labels = min(widest + GAP + 4, area.width() * 0.38)
    means = metrics.horizontalAdvance("0.000") + GAP
    inner = QRectF(
        area.left() + labels, area.top(), area.width() - labels - means, area.height() - AXIS_HEIGHT
    )
    if inner.width() < 20 or inner.height() < 10:
        return []
    spread = [value for strip in plot.strips for value in (*strip.values, *(strip.interval or ()))]
    low, high, ticks = nice_axis(
        spread, ticks=min(max(int(inner.width() / TICK_WIDTH), FEWEST_TICKS), MOST_TICKS)
    )

    def across(value: float) -> float:
        return inner.left() + (min(max(value, low), high) - low) / (high - low) * inner.width()

    row_height = inner.height() / len(plot.strips)
    radius = min(9.0, max(3.0, row_height / 14))  # what is drawn grows with the room that it has
    for row, strip in enumerate(plot.strips):
        if strip.name == chosen:
            tall = min(row_height - 2, max(row_height * 0.36, 44.0))
            middle = inner.top() + (row + 0.5) * row_height
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(QRectF(area.left(), middle - tall / 2, area.width(), tall), 6, 6)
    _draw_axis(painter, inner, plot, theme, ticks, across, small)

    dots: list[Dot] = []
    for row, strip in enumerate(plot.strips):
        middle = inner.top() + (row + 0.5) * row_height
        colour = QColor(model_colour(strip.name))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(inner.left(), middle), QPointF(inner.right(), middle))
        if strip.interval:
            soft = QColor(colour)
            soft.setAlphaF(0.22)
            left, right = (across(edge) for edge in strip.interval)
            tall = min(row_height * 0.36, 64.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(soft)
            painter.drawRoundedRect(QRectF(left, middle - tall / 2, right - left, tall), 4, 4)
        tall = min(row_height * 0.42, 76.0)
        painter.setPen(QPen(colour, 2))
        x = across(strip.mean)
        painter.drawLine(QPointF(x, middle - tall / 2), QPointF(x, middle + tall / 2))

        bold = strip.name == chosen
        painter.setFont(font_of("semibold", 13) if bold else label_font)
        painter.setPen(theme.colour("text" if bold else "dim"))
        title = QFontMetricsF(painter.font()).elidedText(
            strip.title, Qt.TextElideMode.ElideRight, labels - GAP
        )
        box = QRectF(area.left() + 4, middle - row_height / 2, labels, row_height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        painter.setPen(theme.colour("text"))
        box = QRectF(inner.right(), middle - row_height / 2, means - 4, row_height)
        painter.drawText(
            box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, f"{strip.mean:.3f}"
        )

        xs = tuple(across(value) for value in strip.values)
        offsets = swarm(xs, 2 * radius + 0.5, max(row_height / 2 - radius - 2, 0.0))
        dots += [Dot(x, middle + dy, row, seed) for seed, (x, dy) in enumerate(zip(xs, offsets, strict=True))]
    _draw_dots(painter, plot, theme, dots, radius, hovered)
    return dots


def _draw_axis(
    painter: QPainter,
    inner: QRectF,
    plot: Strips,
    theme: Theme,
    ticks: Sequence[float],
    across: Callable[[float], float],
    font: QFont,
) -> None:
    if plot.band:
        left, right = (across(edge) for edge in plot.band)
        soft = theme.colour("undecided")
        soft.setAlphaF(0.12)
        painter.fillRect(QRectF(left, inner.top(), max(right - left, 1.0), inner.height()), soft)
    painter.setFont(font)
    digits = 2 if all(abs(tick * 100 - round(tick * 100)) < 1e-6 for tick in ticks) else 3
    for tick in ticks:
        x = across(tick)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(x, inner.top()), QPointF(x, inner.bottom() + 4))
        painter.setPen(theme.colour("dim"))
        box = QRectF(x - 30, inner.bottom() + 4, 60, 14)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{tick:.{digits}f}")
    painter.setPen(theme.colour("dim"))
    box = QRectF(inner.left(), inner.bottom() + 18, inner.width(), 16)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, plot.metric)


def _draw_dots(
    painter: QPainter,
    plot: Strips,
    theme: Theme,
    dots: Sequence[Dot],
    radius: float,
    hovered: tuple[int, int] | None,
) -> None:
    ring = QPen(theme.colour("panel"), 1)
    for dot in dots:
        painter.setBrush(QColor(model_colour(plot.strips[dot.row].name)))
        painter.setPen(ring)
        painter.drawEllipse(QPointF(dot.x, dot.y), radius, radius)
    if hovered is None:
        return
    same = [dot for dot in dots if dot.seed == hovered[1]]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.colour("dim"), 1, Qt.PenStyle.DashLine))
    painter.drawPolyline(QPolygonF([QPointF(dot.x, dot.y) for dot in same]))
    for dot in same:
        painter.setBrush(QColor(model_colour(plot.strips[dot.row].name)))
        painter.setPen(QPen(theme.colour("text"), 2))
        grown = radius + (2 if dot.row == hovered[0] else 0.5)
        painter.drawEllipse(QPointF(dot.x, dot.y), grown, grown)


class StripPlot(QWidget):
    """Arrow keys walk the points, Enter chooses the model of the point; so does a click."""

    model_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot = Strips()
        self.chosen = ""
        self.current: tuple[int, int] | None = None  # row and seed position
        self._dots: list[Dot] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Every seed")

    def show_plot(self, plot: Strips, chosen: str) -> None:
        if plot != self.plot:
            self.current = None
        self.plot, self.chosen = plot, chosen
        self.setMinimumHeight(len(plot.strips) * ROW_HEIGHT + AXIS_HEIGHT if plot.strips else 0)
        told = "; ".join(
            f"{strip.title} mean {strip.mean:.3f}, from {min(strip.values):.3f} to {max(strip.values):.3f}"
            for strip in plot.strips
        )
        self.setAccessibleDescription(f"{plot.metric} of each split. {told}.")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, max(240, self.minimumHeight()))

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        draw(painter, area, self.plot, current_theme())

    def dot_at(self, x: float, y: float, reach: float = 9.0) -> Dot | None:
        near = [(math.hypot(dot.x - x, dot.y - y), i) for i, dot in enumerate(self._dots)]
        distance, index = min(near, default=(math.inf, -1))
        return self._dots[index] if distance <= reach else None

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current_theme()
        area = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        self._dots = draw(painter, area, self.plot, theme, chosen=self.chosen, hovered=self.current)
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        dot = self.dot_at(event.position().x(), event.position().y())
        self._go(dot and (dot.row, dot.seed))
        if dot:
            QToolTip.showText(
                event.globalPosition().toPoint(), plain(self.plot.tell(dot.row, dot.seed)), self
            )
        else:
            QToolTip.hideText()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        dot = self.dot_at(event.position().x(), event.position().y())
        if dot is not None:
            self.model_chosen.emit(self.plot.strips[dot.row].name)
        elif self.plot.strips and self.height() > AXIS_HEIGHT:
            row = int(event.position().y() / ((self.height() - AXIS_HEIGHT) / len(self.plot.strips)))
            if row < len(self.plot.strips):
                self.model_chosen.emit(self.plot.strips[row].name)

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._go(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self.current is None and self.plot.strips:
            rows = [strip.name for strip in self.plot.strips]
            self._go((rows.index(self.chosen) if self.chosen in rows else 0, 0))
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._go(None)
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        if self.current is None or not self.plot.strips:
            super().keyPressEvent(event)
            return
        row, seed = self.current
        if event.key() in moves:
            down, right = moves[Qt.Key(event.key())]
            row = min(max(row + down, 0), len(self.plot.strips) - 1)
            self._go((row, self._beside(row, seed, right)))
            self._speak()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.model_chosen.emit(self.plot.strips[row].name)
        else:
            super().keyPressEvent(event)

    def _beside(self, row: int, seed: int, step: int) -> int:
        """The seed `step` places further along the axis in this row."""
        values = self.plot.strips[row].values
        order = sorted(range(len(values)), key=lambda i: (values[i], i))
        place = order.index(min(seed, len(values) - 1))
        return order[min(max(place + step, 0), len(order) - 1)]

    def _go(self, where: tuple[int, int] | None) -> None:
        if where != self.current:
            self.current = where
            self.update()

    def _speak(self) -> None:
        if self.current is None:
            return
        text = self.plot.tell(*self.current)
        self.setAccessibleDescription(text)
        dot = next((dot for dot in self._dots if (dot.row, dot.seed) == self.current), None)
        if dot is not None:
            QToolTip.showText(self.mapToGlobal(QPointF(dot.x + 8, dot.y + 8).toPoint()), plain(text), self)
