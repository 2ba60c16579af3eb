"""The label budget: the score at each share of the labels, one line a model, with the user's target across.

`Curves` is what to draw, `draw` draws it anywhere (window, PNG, SVG), `BudgetPlot` is the widget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.axis import draw_legend, draw_score_axis, legend_height, soft
from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.theme import Theme, current_theme, font_of, model_colour
from workbench.records.plotting import FEWEST_TICKS, MOST_TICKS, nice_axis
from workbench.records.text import count, printable

LEFT, RIGHT, AXIS_HEIGHT = 46.0, 14.0, 38.0  # px beside and below the lines
TICK_HEIGHT = 34  # px that a tick and its number want
LEAST_HEIGHT = 110


@dataclass(frozen=True, slots=True)
class Point:
    """The score at one budget: `fraction` of the training part, above 0 to 1."""

    fraction: float
    labels: int
    mean: float
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One model, by rising fraction."""

    name: str
    title: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The whole plot; `target` is in the metric's unit, None without one."""

    curves: tuple[Curve, ...] = ()
    metric: str = ""
    target: float | None = None

    @property
    def fractions(self) -> list[float]:
        return sorted({point.fraction for curve in self.curves for point in curve.points})

    def tell(self, place: Place) -> str:
        curve, point = self.curves[place[0]], self.curves[place[0]].points[place[1]]
        interval = f" [{point.interval[0]:.3f}, {point.interval[1]:.3f}]" if point.interval else ""
        share = f"{100 * point.fraction:g} % of the training part"
        labels = count(point.labels, "label")
        return f"{curve.title}, {labels} ({share}): {self.metric} {point.mean:.3f}{interval}"


def draw(
    painter: QPainter,
    area: QRectF,
    plot: Curves,
    theme: Theme,
    *,
    chosen: str = "",
    hovered: Place | None = None,
    legend: bool = False,
) -> list[Dot]:
    """Draw `plot` into `area` and return where the points are; the `chosen` model's line lies on top."""
    curves = [curve for curve in plot.curves if curve.points]
    if not curves:
        return []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    titles = [(curve.name, printable(curve.title)) for curve in curves]
    foot = AXIS_HEIGHT + (legend_height(titles, area.width() - 8) + 6 if legend else 0)
    inner = area.adjusted(LEFT, 8 if plot.target is None else 20, -RIGHT, -foot)
    if inner.width() < 40 or inner.height() < 30:
        return []
    scores = [edge for curve in curves for point in curve.points for edge in _edges(point)]
    wanted = [*scores, plot.target] if plot.target is not None else scores
    ticks_at_most = min(max(int(inner.height() / TICK_HEIGHT), FEWEST_TICKS), MOST_TICKS)
    low, high, ticks = nice_axis(wanted, ticks_at_most)
    fractions = plot.fractions
    first, last = math.log(fractions[0]), math.log(fractions[-1])

    def across(fraction: float) -> float:
        share = (math.log(fraction) - first) / (last - first) if last > first else 0.5
        return inner.left() + 6 + share * (inner.width() - 12)

    def down(score: float) -> float:
        return inner.bottom() - (min(max(score, low), high) - low) / (high - low) * inner.height()

    draw_score_axis(painter, inner, theme, ticks, down)
    _draw_shares(painter, inner, theme, fractions, across, plot.metric)
    order = sorted(range(len(plot.curves)), key=lambda row: plot.curves[row].name == chosen)
    for row in order:
        _draw_band(painter, plot.curves[row], across, down, strong=plot.curves[row].name == chosen)
    if plot.target is not None:
        _draw_target(painter, inner, plot.target, theme, down)
    dots: list[Dot] = []
    for row in order:
        dots += _draw_curve(painter, plot.curves[row], row, theme, across, down, chosen, hovered)
    if legend:
        box = QRectF(area.left() + 4, area.bottom() - foot + AXIS_HEIGHT + 4, area.width() - 8, foot)
        draw_legend(painter, box, titles, theme, chosen)
    return dots


def _edges(point: Point) -> tuple[float, ...]:
    """What the axis must hold; an interval may reach beyond what a score can be."""
    return (point.mean, *(min(max(edge, 0.0), 1.0) for edge in point.interval or ()))


def _draw_shares(
    painter: QPainter,
    inner: QRectF,
    theme: Theme,
    fractions: Sequence[float],
    across: Callable[[float], float],
    metric: str,
) -> None:
    """The shares under the lines, those left out that would touch the one before."""
    font = font_of("regular", 12)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    painter.setPen(theme.colour("dim"))
    free = math.inf
    for fraction in reversed(fractions):  # the last one, all labels, is always told
        text = f"{100 * fraction:g}"
        wide, x = metrics.horizontalAdvance(text), across(fraction)
        left = min(x - wide / 2, inner.right() + RIGHT - wide)
        if left + wide + 4 > free:
            continue
        free = left
        painter.drawText(QRectF(left, inner.bottom() + 5, wide + 1, 14), Qt.AlignmentFlag.AlignCenter, text)
    box = QRectF(inner.left() - LEFT, inner.bottom() + 20, inner.width() + LEFT + RIGHT, 16)
    text = f"{metric} by the share of labels, %"
    fits = metrics.horizontalAdvance(text) <= box.width()
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text if fits else "share of labels, %")


def _draw_band(
    painter: QPainter,
    curve: Curve,
    across: Callable[[float], float],
    down: Callable[[float], float],
    *,
    strong: bool,
) -> None:
    known = [(point.fraction, point.interval) for point in curve.points if point.interval is not None]
    if len(known) < 2:
        return
    upper = [QPointF(across(fraction), down(interval[1])) for fraction, interval in known]
    lower = [QPointF(across(fraction), down(interval[0])) for fraction, interval in reversed(known)]
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(soft(model_colour(curve.name), 0.24 if strong else 0.1))
    painter.drawPolygon(QPolygonF([*upper, *lower]))


def _draw_target(
    painter: QPainter, inner: QRectF, target: float, theme: Theme, down: Callable[[float], float]
) -> None:
    y = down(target)
    painter.setPen(QPen(theme.colour("bad"), 1.5, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(inner.left(), y), QPointF(inner.right(), y))
    font = font_of("regular", 12)
    text = f"your target {target:.{2 if abs(target * 100 - round(target * 100)) < 1e-6 else 3}f}"
    wide = QFontMetricsF(font).horizontalAdvance(text) + 6
    box = QRectF(inner.left() + 4, y - 18, wide, 16)  # at the left, where few labels leave the lines below
    painter.fillRect(box, soft(theme.colour("panel"), 0.8))
    painter.setFont(font)
    painter.setPen(theme.colour("bad"))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _draw_curve(
    painter: QPainter,
    curve: Curve,
    row: int,
    theme: Theme,
    across: Callable[[float], float],
    down: Callable[[float], float],
    chosen: str,
    hovered: Place | None,
) -> list[Dot]:
    colour = QColor(model_colour(curve.name))
    spots = [QPointF(across(point.fraction), down(point.mean)) for point in curve.points]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(colour, 3 if curve.name == chosen else 1.8))
    painter.drawPolyline(QPolygonF(spots))
    radius = 4.5 if curve.name == chosen else 3.5
    for place, spot in enumerate(spots):
        marked = hovered == (row, place)
        painter.setBrush(colour)
        painter.setPen(QPen(theme.colour("text"), 2) if marked else QPen(theme.colour("panel"), 1))
        painter.drawEllipse(spot, radius + 2 * marked, radius + 2 * marked)
    return [Dot(spot.x(), spot.y(), row, place) for place, spot in enumerate(spots)]


class BudgetPlot(WalkedPlot):
    """Left and right walk the budgets, up and down the models by their score; Enter or a click chooses the model."""

    model_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Label budget", parent)
        self.plot = Curves()
        self.chosen = ""
        self.setMinimumHeight(LEAST_HEIGHT)

    def show_plot(self, plot: Curves, chosen: str) -> None:
        if plot.curves != self.plot.curves:
            self.current = None
        self.plot, self.chosen = plot, chosen
        told = "; ".join(
            f"{printable(curve.title)} from {curve.points[0].mean:.3f} to {curve.points[-1].mean:.3f}"
            for curve in plot.curves
            if curve.points
        )
        self.setAccessibleDescription(f"{plot.metric} by the number of labels. {told}.")
        self.update()

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file, which has no table beside it: with the models' names."""
        draw(painter, area, self.plot, current_theme(), legend=True)

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        return draw(painter, area, self.plot, theme, chosen=self.chosen, hovered=self.current)

    def tell(self, place: Place) -> str:
        return self.plot.tell(place)

    def home(self) -> Place | None:
        rows = [row for row, curve in enumerate(self.plot.curves) if curve.points]
        return next((self._end(row) for row in rows if self.plot.curves[row].name == self.chosen), None) or (
            self._end(rows[0]) if rows else None
        )

    def step(self, place: Place, down: int, right: int) -> Place:
        row, at = place
        if right:
            return row, min(max(at + right, 0), len(self.plot.curves[row].points) - 1)
        fraction = self.plot.curves[row].points[at].fraction
        column = [
            (-point.mean, other, number)
            for other, curve in enumerate(self.plot.curves)
            for number, point in enumerate(curve.points)
            if point.fraction == fraction
        ]
        column.sort()
        here = next(i for i, (_, other, _) in enumerate(column) if other == row)
        _, row, at = column[min(max(here + down, 0), len(column) - 1)]
        return row, at

    def opened(self, place: Place) -> None:
        self.model_chosen.emit(self.plot.curves[place[0]].name)

    def _end(self, row: int) -> Place:
        return row, len(self.plot.curves[row].points) - 1
