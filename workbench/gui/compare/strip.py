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
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QMouseEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.axis import soft
from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.theme import Theme, current_theme, font_of, model_colour
from workbench.records.plotting import FEWEST_TICKS, MOST_TICKS, digits_of, nice_axis

ROW_HEIGHT = 22  # px, at the least
AXIS_HEIGHT = 34
LEAST_WIDTH = 150
GAP = 12
TICK_WIDTH = 42  # px that a tick and its number want


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
            left, right = (across(edge) for edge in strip.interval)
            tall = min(row_height * 0.36, 64.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(soft(colour, 0.22))
            painter.drawRoundedRect(QRectF(left, middle - tall / 2, right - left, tall), 4, 4)
        tall = min(row_height * 0.42, 76.0)
        painter.setPen(QPen(colour, 2))
        x = across(strip.mean)
        painter.drawLine(QPointF(x, middle - tall / 2), QPointF(x, middle + tall / 2))

        bold = strip.name == chosen
        painter.setFont(font_of("semibold", 13) if bold else label_font)
        painter.setPen(theme.colour("text" if bold else "dim"))
        title = QFontMetricsF(painter.font()).elidedText(
            strip.title, Qt.TextElideMode.ElideMiddle, labels - GAP
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
        box = QRectF(left, inner.top(), max(right - left, 1.0), inner.height())
        painter.fillRect(box, soft(theme.colour("undecided"), 0.12))
    painter.setFont(font)
    digits = digits_of(ticks)
    wide = QFontMetricsF(font).horizontalAdvance("0.000"[: digits + 2]) + 6
    told = math.inf  # where the number to the right begins
    for tick in reversed(ticks):
        x = across(tick)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(x, inner.top()), QPointF(x, inner.bottom() + 4))
        if x + wide > told:
            continue
        told = x
        painter.setPen(theme.colour("dim"))
        box = QRectF(x - 30, inner.bottom() + 4, 60, 14)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{tick:.{digits}f}")
    painter.setPen(theme.colour("dim"))
    box = QRectF(inner.left() - 60, inner.bottom() + 18, inner.width() + 120, 16)
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
    same = [dot for dot in dots if dot.place == hovered[1]]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.colour("dim"), 1, Qt.PenStyle.DashLine))
    painter.drawPolyline(QPolygonF([QPointF(dot.x, dot.y) for dot in same]))
    for dot in same:
        painter.setBrush(QColor(model_colour(plot.strips[dot.row].name)))
        painter.setPen(QPen(theme.colour("text"), 2))
        grown = radius + (2 if dot.row == hovered[0] else 0.5)
        painter.drawEllipse(QPointF(dot.x, dot.y), grown, grown)


class StripPlot(WalkedPlot):
    """Arrow keys walk the points, Enter chooses the model of the point; so does a click."""

    model_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Every seed", parent)
        self.setMinimumWidth(LEAST_WIDTH)
        self.plot = Strips()
        self.chosen = ""

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

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        draw(painter, area, self.plot, current_theme())

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        return draw(painter, area, self.plot, theme, chosen=self.chosen, hovered=self.current)

    def tell(self, place: Place) -> str:
        return self.plot.tell(*place)

    def home(self) -> Place | None:
        rows = [strip.name for strip in self.plot.strips]
        return (rows.index(self.chosen) if self.chosen in rows else 0, 0) if rows else None

    def step(self, place: Place, down: int, right: int) -> Place:
        """Up and down to another model, left and right to the next seed along the axis."""
        row, seed = place
        row = min(max(row + down, 0), len(self.plot.strips) - 1)
        values = self.plot.strips[row].values
        order = sorted(range(len(values)), key=lambda i: (values[i], i))
        at = order.index(min(seed, len(values) - 1))
        return row, order[min(max(at + right, 0), len(order) - 1)]

    def opened(self, place: Place) -> None:
        self.model_chosen.emit(self.plot.strips[place[0]].name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Anywhere in a strip chooses its model."""
        dot = self.dot_at(event.position().x(), event.position().y())
        rows = len(self.plot.strips)
        if dot is not None:
            self.opened((dot.row, dot.place))
        elif rows and self.height() > AXIS_HEIGHT:
            row = int(event.position().y() / ((self.height() - AXIS_HEIGHT) / rows))
            if row < rows:
                self.opened((row, 0))
