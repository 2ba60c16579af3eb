"""The reliability curve: how often a model is right when it is so sure, with the number of images beneath.

`Curve` is what to draw, `draw` draws it anywhere (window, PNG, SVG), `ReliabilityPlot` is the widget.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.axis import draw_score_axis, soft
from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.theme import Theme, current_theme, font_of, model_colour
from workbench.records.scores import CalibrationScore, ReliabilityBin
from workbench.records.text import count

LEFT, RIGHT, FOOT = 46.0, 14.0, 38.0  # px beside and below the plots
COUNTS = 0.22  # of the height, for the histogram
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
BAR_WIDTH = 1 / 15  # the bins that ECE is computed with (Guo et al. 2017)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One model's bins, by rising confidence."""

    model: str = ""
    bins: tuple[ReliabilityBin, ...] = ()

    def tell(self, place: int) -> str:
        found = self.bins[place]
        low, high = found.interval
        return (
            f"{count(found.count, 'image')} of which the model is {100 * found.confidence:.1f} % sure: "
            f"{100 * found.accuracy:.1f} % [{100 * low:.1f}, {100 * high:.1f}] are right"
        )


def told(calibration: CalibrationScore) -> str:
    """What the numbers say, in a sentence or two. The level by chance is of equally filled bins: so is its pair."""
    images = sum(found.count for found in calibration.bins)
    gap = sum(found.count * (found.confidence - found.accuracy) for found in calibration.bins) / max(
        images, 1
    )
    numbers = (
        f"ECE {calibration.mass:.3f}; a perfectly calibrated model would show up to {calibration.by_chance:.3f} "
        "on so few images."
    )
    if calibration.mass <= calibration.by_chance:
        return f"{numbers} No sign that its confidence misleads."
    way = "Too sure of itself" if gap > 0 else "Less sure than it could be"
    return f"{numbers} {way}, by {100 * abs(gap):.1f} points on average."


def more(calibration: CalibrationScore) -> str:
    """What the sentence leaves out."""
    return (
        "ECE, the expected calibration error: how far confidence and accuracy lie apart, here with bins of equal "
        f"numbers of images. With 15 bins of equal width, as in the table that is copied: {calibration.ece:.3f}."
    )


def draw(
    painter: QPainter, area: QRectF, plot: Curve, theme: Theme, *, hovered: int | None = None
) -> list[Dot]:
    """Draw `plot` into `area` and return where the bins are."""
    inner = area.adjusted(LEFT, 8, -RIGHT, -FOOT)
    if not plot.bins or inner.width() < 60 or inner.height() < 60:
        return []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    below = QRectF(inner)
    below.setTop(inner.bottom() - COUNTS * inner.height())
    inner.setBottom(below.top() - 8)

    def across(share: float) -> float:
        return inner.left() + share * inner.width()

    def down(share: float) -> float:
        return inner.bottom() - share * inner.height()

    ticks = TICKS if inner.height() > 110 else TICKS[::2]
    draw_score_axis(painter, inner, theme, ticks, down)
    painter.setPen(QPen(theme.colour("dim"), 1, Qt.PenStyle.DashLine))
    painter.drawLine(QPointF(across(0), down(0)), QPointF(across(1), down(1)))
    _draw_counts(painter, below, plot, theme, hovered)
    _draw_confidence_axis(painter, below, theme)
    colour = QColor(model_colour(plot.model))
    spots = [QPointF(across(found.confidence), down(found.accuracy)) for found in plot.bins]
    painter.setPen(QPen(soft(colour, 0.55), 1.5))
    painter.drawPolyline(QPolygonF(spots))
    for place, (found, spot) in enumerate(zip(plot.bins, spots, strict=True)):
        painter.setPen(QPen(colour, 1.5))
        top, bottom = down(found.interval[1]), down(found.interval[0])
        painter.drawLine(QPointF(spot.x(), top), QPointF(spot.x(), bottom))
        for y in (top, bottom):
            painter.drawLine(QPointF(spot.x() - 3, y), QPointF(spot.x() + 3, y))
        marked = hovered == place
        painter.setBrush(colour)
        painter.setPen(QPen(theme.colour("text"), 2) if marked else QPen(theme.colour("panel"), 1))
        painter.drawEllipse(spot, 4.5 + 1.5 * marked, 4.5 + 1.5 * marked)
    painter.setFont(font_of("regular", 12))
    painter.setPen(theme.colour("dim"))
    box = QRectF(inner.left() + 6, inner.top() - 2, inner.width(), 16)
    painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "share that is right")
    return [Dot(spot.x(), spot.y(), 0, place) for place, spot in enumerate(spots)]


def _draw_counts(painter: QPainter, below: QRectF, plot: Curve, theme: Theme, hovered: int | None) -> None:
    most = max(found.count for found in plot.bins)
    painter.setPen(QPen(theme.colour("line"), 1))
    painter.drawLine(below.bottomLeft(), below.bottomRight())
    wide = below.width() * BAR_WIDTH * 0.7
    painter.setPen(Qt.PenStyle.NoPen)
    for place, found in enumerate(plot.bins):
        tall = max(found.count / most * below.height(), 1.0)
        x = below.left() + found.confidence * below.width()
        painter.setBrush(theme.colour("dim" if hovered == place else "track"))
        painter.drawRect(QRectF(x - wide / 2, below.bottom() - tall, wide, tall))
    painter.setFont(font_of("regular", 12))
    painter.setPen(theme.colour("dim"))
    middle = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    box = QRectF(below.left() + 6, below.top() - 4, below.width(), 16)
    painter.drawText(box, middle, f"images, up to {most:,} a bin")


def _draw_confidence_axis(painter: QPainter, below: QRectF, theme: Theme) -> None:
    painter.setFont(font_of("regular", 12))
    painter.setPen(theme.colour("dim"))
    for tick in TICKS:
        x = below.left() + tick * below.width()
        left = min(x - 20, below.right() + RIGHT - 40)
        painter.drawText(
            QRectF(left, below.bottom() + 4, 40, 14), Qt.AlignmentFlag.AlignCenter, f"{tick:.2f}"
        )
    box = QRectF(below.left(), below.bottom() + 19, below.width(), 16)
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "confidence")


class ReliabilityPlot(WalkedPlot):
    """Left and right walk the bins."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Calibration", parent)
        self.plot = Curve()
        self.setMinimumHeight(90)

    def show_plot(self, plot: Curve) -> None:
        if plot != self.plot:
            self.current = None
        self.plot = plot
        told = "; ".join(plot.tell(place) for place in range(len(plot.bins)))
        self.setAccessibleDescription(told)
        self.update()

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        draw(painter, area, self.plot, current_theme())

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        return draw(painter, area, self.plot, theme, hovered=self.current[1] if self.current else None)

    def tell(self, place: Place) -> str:
        return self.plot.tell(place[1])

    def home(self) -> Place | None:
        return (0, len(self.plot.bins) - 1) if self.plot.bins else None

    def step(self, place: Place, down: int, right: int) -> Place:
        return 0, min(max(place[1] + right, 0), len(self.plot.bins) - 1)

    def place_at(self, x: float, y: float) -> Place | None:
        """The nearest bin along the confidence: its bar in the histogram tells it too."""
        near = [(abs(dot.x - x), dot.place) for dot in self._dots]
        distance, place = min(near, default=(1e9, -1))
        return (0, place) if distance <= 12 else None
