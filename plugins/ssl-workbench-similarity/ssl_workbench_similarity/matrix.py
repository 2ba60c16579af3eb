"""The matrix of classes: one colour scale, values in the cells, walked by pointer and keyboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPen

from ssl_workbench_similarity.likeness import Likeness
from workbench.gui.api import Dot, Theme, WalkedPlot, contrast, current_theme, font_of, printable

Cell = tuple[int, int]
NAMES = 24.0  # px above the cells
SCALE = 44.0  # px below them
WIDEST = 3.0  # a cell's width over its height, at the most
TOLD = 56.0  # px of a column from which a name that is cut still tells something
SMALLEST = 9  # px of a value's letters
READABLE = 4.5  # contrast of text and its ground (WCAG 2.2, 1.4.3); black or white reach 4.58 on any ground


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells are, px."""

    left: float
    top: float
    width: float
    height: float
    size: int

    def box(self, cell: Cell) -> QRectF:
        gap = 2.0 if min(self.width, self.height) > 12 else 0.5
        left, top = self.left + cell[1] * self.width, self.top + cell[0] * self.height
        return QRectF(left, top, self.width - gap, self.height - gap)

    def at(self, x: float, y: float) -> Cell | None:
        row, column = int((y - self.top) // self.height), int((x - self.left) // self.width)
        return (row, column) if 0 <= row < self.size and 0 <= column < self.size else None


@dataclass(frozen=True, slots=True)
class Scale:
    """From a cosine to a colour. Where some are negative, 0 is the ground; else the lowest is."""

    low: float
    high: float

    @classmethod
    def of(cls, cosines: np.ndarray) -> Scale:
        known = cosines[~np.isnan(cosines)]
        if not len(known):
            return cls(0.0, 1.0)
        low, high = float(known.min()), float(known.max())
        if low < 0:
            low = -(high := max(-low, high))
        return cls(low, high if high > low else low + 1e-9)

    def colour(self, value: float, theme: Theme) -> QColor:
        ground = theme.colour("track")
        if self.low >= 0:
            return _mix(ground, theme.colour("accent"), (value - self.low) / (self.high - self.low))
        end = theme.colour("accent" if value >= 0 else "warn")
        return _mix(ground, end, abs(value) / self.high)


class SimilarityMatrix(WalkedPlot):
    """`open_cell` is called with the two classes of a cell that is clicked, or opened by Enter."""

    def __init__(self, open_cell: Callable[[int, int], object]) -> None:
        super().__init__("Class similarity")
        self.likeness: Likeness | None = None
        self.chosen: Cell | None = None
        self._grid: Grid | None = None
        self._open = open_cell
        self.setMinimumSize(260, 220)

    def show_likeness(self, likeness: Likeness | None) -> None:
        self.likeness, self.current, self.chosen, self._grid = likeness, None, None, None
        self.update()

    def choose(self, cell: Cell | None) -> None:
        """Outline the cell whose images are shown."""
        self.chosen = cell
        self.update()

    # What WalkedPlot asks for

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> Sequence[Dot]:
        if self.likeness is None:
            return ()
        self._grid = draw(painter, area, self.likeness, theme)
        if self._grid is None:
            return ()
        for cell, token, width in ((self.chosen, "text", 2), (self.current, "accent", 3)):
            if cell is not None:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(theme.colour(token), width))
                painter.drawRoundedRect(self._grid.box(cell).adjusted(-1, -1, 1, 1), 4, 4)
        cells = [(row, column) for row in range(self._grid.size) for column in range(self._grid.size)]
        middles = [(self._grid.box(cell).center(), cell) for cell in cells]
        return [Dot(point.x(), point.y(), *cell) for point, cell in middles]

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        if self.likeness is not None:
            draw(painter, area, self.likeness, current_theme())

    def place_at(self, x: float, y: float) -> Cell | None:
        return self._grid.at(x, y) if self._grid else None

    def tell(self, place: Cell) -> str:
        assert self.likeness is not None
        value = self.likeness.cosines[place]
        first, second = (self.likeness.classes[code] for code in place)
        shown = "unknown, for it has one image" if np.isnan(value) else figure(value, 3)
        if place[0] == place[1]:
            return f"{first} with itself: mean cosine {shown}"
        return f"{first} and {second}: mean cosine {shown}"

    def step(self, place: Cell, down: int, right: int) -> Cell:
        last = len(self.likeness.classes) - 1 if self.likeness else 0
        return min(max(place[0] + down, 0), last), min(max(place[1] + right, 0), last)

    def home(self) -> Cell | None:
        if self.likeness is None:
            return None
        return self.chosen or (0, 0)

    def opened(self, place: Cell) -> None:
        self._open(*place)


def draw(painter: QPainter, area: QRectF, likeness: Likeness, theme: Theme) -> Grid | None:
    """Cells, names and scale; None where nothing fits."""
    grid = _lay_out(area, likeness.classes)
    if grid is None:
        return None
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    scale = Scale.of(likeness.cosines)
    size = int(min(max(min(grid.height * 0.42, grid.width * 0.3), SMALLEST), 16))
    figures = font_of("regular", size)
    readable = QFontMetricsF(figures).horizontalAdvance("-0.00") + 4 <= grid.width and grid.height >= size + 4
    for row in range(grid.size):
        for column in range(grid.size):
            value = float(likeness.cosines[row, column])
            box = grid.box((row, column))
            painter.setPen(Qt.PenStyle.NoPen)
            radius = 4.0 if grid.height > 16 else 0.0
            ground = theme.colour("panel") if np.isnan(value) else scale.colour(value, theme)
            painter.setBrush(ground)
            painter.drawRoundedRect(box, radius, radius)
            if readable:
                painter.setFont(figures)
                painter.setPen(_ink(ground, theme))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, figure(value))
    _draw_names(painter, area, grid, likeness.classes, theme)
    _draw_scale(painter, area, grid, scale, theme)
    return grid


def _lay_out(area: QRectF, classes: Sequence[str]) -> Grid | None:
    size = len(classes)
    if not size:
        return None
    metrics = QFontMetricsF(font_of("regular", 12))
    widest = max(metrics.horizontalAdvance(printable(name)) for name in classes)
    names = min(widest + 14, area.width() * 0.28)
    width = (area.width() - names - 4) / size
    height = (area.height() - NAMES - SCALE) / size
    if width < 2 or height < 2:
        return None
    height = min(height, width)
    width = min(width, height * WIDEST)
    left = area.left() + names + (area.width() - names - width * size) / 2
    return Grid(left, area.top() + NAMES, width, height, size)


def _draw_names(painter: QPainter, area: QRectF, grid: Grid, classes: Sequence[str], theme: Theme) -> None:
    painter.setPen(theme.colour("dim"))
    room = grid.left - area.left() - 8
    rows = font_of("regular", int(min(max(grid.height * 0.85, 6), 12)))
    columns = font_of("regular", 12)
    beside, above = QFontMetricsF(rows), QFontMetricsF(columns)
    for number, name in enumerate(map(printable, classes)):
        if grid.height >= SMALLEST:
            painter.setFont(rows)
            shown = beside.elidedText(name, Qt.TextElideMode.ElideMiddle, room)
            box = QRectF(area.left(), grid.top + number * grid.height, room, grid.height - 1)
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, shown)
        # Columns are in the order of the rows, so a name of which nothing would be left can be left out.
        if grid.width >= min(above.horizontalAdvance(name) + 4, TOLD):
            painter.setFont(columns)
            shown = above.elidedText(name, Qt.TextElideMode.ElideRight, grid.width - 4)
            box = QRectF(grid.left + number * grid.width, grid.top - NAMES, grid.width - 2, NAMES - 4)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


def _draw_scale(painter: QPainter, area: QRectF, grid: Grid, scale: Scale, theme: Theme) -> None:
    """The colours from the lowest to the highest value, with their numbers."""
    across = min(grid.width * grid.size, 260.0)
    bar = QRectF(grid.left, grid.top + grid.height * grid.size + 14, across, 8)
    gradient = QLinearGradient(bar.topLeft(), bar.topRight())
    for share in np.linspace(0, 1, 11):
        gradient.setColorAt(float(share), scale.colour(scale.low + share * (scale.high - scale.low), theme))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(gradient)
    painter.drawRoundedRect(bar, 4, 4)
    painter.setFont(font_of("regular", 12))
    painter.setPen(theme.colour("dim"))
    marks = [(0.0, scale.low), (1.0, scale.high)]
    if scale.low < 0:
        marks.insert(1, (0.5, 0.0))
    for share, value in marks:
        middle = QPointF(bar.left() + share * bar.width(), bar.bottom() + 10)
        box = QRectF(middle.x() - 30, middle.y() - 8, 60, 16)
        box.moveLeft(min(max(box.left(), bar.left()), bar.right() - box.width()))
        side = {0.0: Qt.AlignmentFlag.AlignLeft, 1.0: Qt.AlignmentFlag.AlignRight}
        where = side.get(share, Qt.AlignmentFlag.AlignHCenter) | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, where, figure(value))
    told = QRectF(bar.right() + 12, bar.top() - 6, area.right() - bar.right() - 12, 20)
    metrics = QFontMetricsF(font_of("regular", 12))
    text = metrics.elidedText("mean cosine between images", Qt.TextElideMode.ElideRight, told.width())
    painter.drawText(told, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def figure(value: float, digits: int = 2) -> str:
    """A cosine as it is written everywhere in this view."""
    if np.isnan(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "" if abs(value) < 0.5 * 10**-digits else "−")


def _mix(low: QColor, high: QColor, share: float) -> QColor:
    share = min(max(share, 0.0), 1.0)
    red, green, blue = (
        a + (b - a) * share
        for a, b in (
            (low.redF(), high.redF()),
            (low.greenF(), high.greenF()),
            (low.blueF(), high.blueF()),
        )
    )
    return QColor.fromRgbF(red, green, blue)


def _ink(ground: QColor, theme: Theme) -> QColor:
    """The theme's text where it stands out enough from `ground`; else black or white, of which one always does."""
    inks = [theme.colour("text"), theme.colour("accent_text"), QColor("black"), QColor("white")]
    return next(ink for ink in inks if contrast(ink.name(), ground.name()) >= READABLE)
