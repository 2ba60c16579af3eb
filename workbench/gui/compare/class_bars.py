"""Recall and precision of each class under one model, with their intervals, worst first.

`ClassBars` is what to draw, `draw` draws it anywhere (window, PNG, SVG), `ClassPlot` is the widget.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.axis import draw_whisker, soft
from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.theme import Theme, current_theme, font_of, model_colour
from workbench.records.scores import ClassScore
from workbench.records.text import count, printable

ROW_HEIGHT = 18  # px, at the least
TALLEST = 110  # px, at the most: bars that are thicker say no more
HEAD, FOOT = 20.0, 20.0  # px: the key above the bars, the axis below them
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassBars:
    """The whole plot: `codes[i]` is the class code of `scores[i]`; `baseline` are recalls by class code."""

    model: str = ""
    scores: tuple[ClassScore, ...] = ()
    codes: tuple[int, ...] = ()
    baseline: tuple[
        float, ...
    ] = ()  # empty where the model is the baseline itself, or its scores are unknown
    baseline_title: str = ""

    def tell(self, row: int) -> str:
        score = self.scores[row]
        low, high = score.recall_interval
        below, above = score.precision_interval
        told = (
            f"{score.name}, {count(score.support, 'test image')}\n"
            f"recall {score.recall:.3f} [{low:.3f}, {high:.3f}], "
            f"precision {score.precision:.3f} [{below:.3f}, {above:.3f}], F1 {score.f1:.3f}"
        )
        if self.baseline:
            told += f"\nrecall of {self.baseline_title}, the baseline: {self.baseline[self.codes[row]]:.3f}"
        return told


def bars_of(
    model: str,
    scores: tuple[ClassScore, ...],
    *,
    by_name: bool = False,
    baseline: tuple[ClassScore, ...] = (),
    baseline_title: str = "",
) -> ClassBars:
    """The classes by rising recall, those of equal recall by the number of images, or all by name."""
    keys = {
        code: (printable(score.name).casefold(),) if by_name else (score.recall, -score.support)
        for code, score in enumerate(scores)
    }
    order = sorted(keys, key=lambda code: (*keys[code], code))
    return ClassBars(
        model=model,
        scores=tuple(scores[code] for code in order),
        codes=tuple(order),
        baseline=tuple(score.recall for score in baseline) if len(baseline) == len(scores) else (),
        baseline_title=baseline_title,
    )


@dataclass(frozen=True, slots=True)
class Rows:
    """Where the bars are, px."""

    inner: QRectF
    height: float

    def middle(self, row: int) -> float:
        return self.inner.top() + (row + 0.5) * self.height

    def across(self, share: float) -> float:
        return self.inner.left() + min(max(share, 0.0), 1.0) * self.inner.width()


def lay_out(plot: ClassBars, area: QRectF) -> Rows | None:
    """None where nothing fits."""
    if not plot.scores:
        return None
    metrics = QFontMetricsF(font_of())
    widest = max(metrics.horizontalAdvance(printable(score.name)) for score in plot.scores)
    left = min(widest + 14, area.width() * 0.36)
    right = metrics.horizontalAdvance(f"{max(score.support for score in plot.scores):,}") + 18
    inner = area.adjusted(left, HEAD, -right, -FOOT)
    if inner.width() < 40 or inner.height() < 8 * len(plot.scores):
        return None
    height = min(inner.height() / len(plot.scores), TALLEST)
    inner.setHeight(height * len(plot.scores))
    return Rows(inner, height)


def draw(
    painter: QPainter,
    area: QRectF,
    plot: ClassBars,
    theme: Theme,
    *,
    hovered: int | None = None,
    chosen: int = -1,
) -> list[Dot]:
    """Draw `plot` into `area`; `chosen` is the class code that is looked at. A point is the end of a recall's bar."""
    rows = lay_out(plot, area)
    if rows is None:
        return []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inner, middle = rows.inner, Qt.AlignmentFlag.AlignVCenter
    small = font_of("regular", 12)
    _draw_key(painter, area, plot, theme)
    for tick in TICKS:
        x = rows.across(tick)
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(QPointF(x, inner.top()), QPointF(x, inner.bottom() + 3))
        painter.setPen(theme.colour("dim"))
        painter.setFont(small)
        text = f"{tick:.2f}"
        painter.drawText(QRectF(x - 20, inner.bottom() + 3, 40, 16), Qt.AlignmentFlag.AlignCenter, text)
    colour = QColor(model_colour(plot.model))
    dots = []
    for row, score in enumerate(plot.scores):
        y = rows.middle(row)
        if hovered == row or plot.codes[row] == chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("hover" if hovered != row else "track"))
            box = QRectF(area.left(), y - rows.height / 2 + 1, area.width(), rows.height - 2)
            painter.drawRoundedRect(box, 5, 5)
        bold = plot.codes[row] == chosen
        painter.setFont(font_of("semibold" if bold else "regular"))
        painter.setPen(theme.colour("text"))
        room = inner.left() - area.left() - 12
        name = QFontMetricsF(painter.font()).elidedText(
            printable(score.name), Qt.TextElideMode.ElideMiddle, room
        )
        box = QRectF(area.left() + 4, y - rows.height / 2, room, rows.height)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignLeft, name)
        painter.setPen(theme.colour("dim"))
        painter.setFont(small)
        box = QRectF(inner.right(), y - rows.height / 2, area.right() - inner.right() - 4, rows.height)
        painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, f"{score.support:,}")
        thick = min(max(rows.height * 0.32, 4.0), 24.0)
        _draw_bar(
            painter, rows, theme, y - thick / 2 - 0.5, thick, score.recall, score.recall_interval, colour
        )
        thin = soft(colour, 0.4)
        _draw_bar(
            painter,
            rows,
            theme,
            y + thick / 2 + 0.5,
            thick * 0.8,
            score.precision,
            score.precision_interval,
            thin,
        )
        if plot.baseline:
            x = rows.across(plot.baseline[plot.codes[row]])
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawLine(QPointF(x, y - thick - 3), QPointF(x, y + 1))
        dots.append(Dot(rows.across(score.recall), y, row, 0))
    return dots


def _draw_bar(
    painter: QPainter,
    rows: Rows,
    theme: Theme,
    middle: float,
    thick: float,
    share: float,
    interval: tuple[float, float],
    colour: QColor,
) -> None:
    left = rows.inner.left()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawRoundedRect(
        QRectF(left, middle - thick / 2, max(rows.across(share) - left, 1.0), thick), 2, 2
    )
    painter.setPen(QPen(theme.colour("dim"), 1))
    draw_whisker(painter, interval, middle, rows.across, min(thick * 0.7, 8.0))


def _draw_key(painter: QPainter, area: QRectF, plot: ClassBars, theme: Theme) -> None:
    """Which bar is which, over the bars; what the numbers at the right are, over them."""
    painter.setFont(font_of("regular", 12))
    metrics = QFontMetricsF(painter.font())
    colour = QColor(model_colour(plot.model))
    x, y = area.left() + 4, area.top() + 8
    baseline = [("baseline's recall", None)] if plot.baseline else []
    for text, ground in (("recall", colour), ("precision", soft(colour, 0.4)), *baseline):
        wide = metrics.horizontalAdvance(text) + 2
        if x + 14 + wide > area.right() - 4:
            break
        if ground is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(QRectF(x, y - 4, 10, 8), 2, 2)
        else:
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawLine(QPointF(x + 5, y - 6), QPointF(x + 5, y + 6))
        painter.setPen(theme.colour("dim"))
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(x + 14, y - 8, wide, 16), side, text)
        x += 14 + wide + 12
    side = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
    if x < area.right() - 54:
        painter.drawText(QRectF(area.right() - 54, y - 8, 50, 16), side, "images")


class ClassPlot(WalkedPlot):
    """Up and down walk the classes; Enter or a click opens one."""

    class_chosen = Signal(int)  # class code

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Classes", parent)
        self.plot = ClassBars()
        self.chosen = -1

    def show_plot(self, plot: ClassBars, chosen: int) -> None:
        if plot.codes != self.plot.codes:
            self.current = None
        self.plot, self.chosen = plot, chosen
        self.setMinimumHeight(round(len(plot.scores) * ROW_HEIGHT + HEAD + FOOT) if plot.scores else 0)
        told = "; ".join(f"{printable(score.name)} recall {score.recall:.3f}" for score in plot.scores)
        self.setAccessibleDescription(f"Recall of each class. {told}.")
        self.update()

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        draw(painter, area, self.plot, current_theme())

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        hovered = self.current[0] if self.current else None
        return draw(painter, area, self.plot, theme, hovered=hovered, chosen=self.chosen)

    def tell(self, place: Place) -> str:
        return self.plot.tell(place[0])

    def home(self) -> Place | None:
        codes = self.plot.codes
        return (codes.index(self.chosen) if self.chosen in codes else 0, 0) if codes else None

    def step(self, place: Place, down: int, right: int) -> Place:
        return min(max(place[0] + down, 0), len(self.plot.scores) - 1), 0

    def opened(self, place: Place) -> None:
        self.class_chosen.emit(self.plot.codes[place[0]])

    def place_at(self, x: float, y: float) -> Place | None:
        """The whole row is the class's, not its point only."""
        rows = lay_out(self.plot, QRectF(self.rect()).adjusted(2, 2, -2, -2))
        row = int((y - rows.inner.top()) // rows.height) if rows else -1
        return (row, 0) if 0 <= row < len(self.plot.scores) else None
