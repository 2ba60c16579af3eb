"""The confusion matrix of one model: counts, shaded by the share of the true class, walked by keyboard."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.plain_text import plain
from workbench.gui.theme import Theme, contrast, current_theme, font_of
from workbench.records.text import count, printable

Cell = tuple[int, int]  # true class, predicted class
NAMES_FROM = 11.0  # px of a cell's height; below, names would overlap and the tooltip tells them
WIDEST = 3.0  # a cell's width over its height, at the most


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts over all seeds' test parts: `counts[true][predicted]`."""

    classes: tuple[str, ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()

    def share(self, cell: Cell) -> float:
        """Of the true class's test items; 0 where it has none."""
        line = self.counts[cell[0]]
        return line[cell[1]] / sum(line) if sum(line) else 0.0

    def tell(self, cell: Cell) -> str:
        true, predicted = (printable(self.classes[i]) for i in cell)
        number = self.counts[cell[0]][cell[1]]
        share = f"{100 * self.share(cell):.1f} % of its test answers"
        if cell[0] == cell[1]:
            return f"{true}, called so: {count(number, 'time')}, {share}"
        return f"{true}, called {predicted}: {count(number, 'time')}, {share}"


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the cells are, px."""

    left: float
    top: float
    width: float
    height: float
    size: int

    def box(self, cell: Cell) -> QRectF:
        row, column = cell
        gap = 2.0 if min(self.width, self.height) > 12 else 0.5
        return QRectF(
            self.left + column * self.width, self.top + row * self.height, self.width - gap, self.height - gap
        )

    def at(self, x: float, y: float) -> Cell | None:
        column, row = int((x - self.left) // self.width), int((y - self.top) // self.height)
        return (row, column) if 0 <= row < self.size and 0 <= column < self.size else None


def lay_out(matrix: Matrix, area: QRectF) -> Grid | None:
    """Cells as large as `area` allows beside the class names; None where nothing fits."""
    size = len(matrix.classes)
    if not size or not matrix.counts:
        return None
    metrics = QFontMetricsF(font_of())
    widest = max(metrics.horizontalAdvance(printable(name)) for name in matrix.classes)
    left = min(widest + 12, area.width() * 0.3)
    top = 40.0
    if (area.height() - top) / size < NAMES_FROM:
        left = 0.0
    width = (area.width() - left) / size
    height = (area.height() - top) / size
    if width < 2 or height < 2:
        return None
    height = min(height, width)
    width = min(width, height * WIDEST)
    across = area.left() + (area.width() - left - width * size) / 2 + left
    down = area.top() + (area.height() - top - height * size) / 2 + top
    return Grid(across, down, width, height, size)


def draw(
    painter: QPainter,
    area: QRectF,
    matrix: Matrix,
    theme: Theme,
    *,
    current: Cell | None = None,
    focus: bool = False,
) -> Grid | None:
    """Draw `matrix` into `area`; `current` is outlined, more strongly with `focus`."""
    grid = lay_out(matrix, area)
    if grid is None:
        return None
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _draw_names(painter, area, matrix, theme, grid)
    figures = font_of("regular", int(min(max(grid.height * 0.4, 11), 16)))
    metrics = QFontMetricsF(figures)
    largest = max((number for line in matrix.counts for number in line), default=0)
    readable = grid.height >= 13 and grid.width >= metrics.horizontalAdvance(str(largest)) + 4
    empty, full = theme.colour("track"), theme.colour("accent")
    for row in range(grid.size):
        for column in range(grid.size):
            box = grid.box((row, column))
            share = matrix.share((row, column))
            number = matrix.counts[row][column]
            # A single mistake must be seen: what is not zero begins at a tenth of the way.
            ground = _mix(empty, full, 0.1 + 0.9 * share if number else 0.0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            radius = 4.0 if grid.height > 16 else 0.0
            painter.drawRoundedRect(box, radius, radius)
            if number and readable:
                painter.setFont(figures)
                painter.setPen(_ink(ground, theme))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, f"{number:,}")
    if current is not None and max(current) < grid.size:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("accent" if focus else "text"), 3 if focus else 2))
        painter.drawRoundedRect(grid.box(current).adjusted(-1, -1, 1, 1), 5, 5)
    return grid


def _draw_names(painter: QPainter, area: QRectF, matrix: Matrix, theme: Theme, grid: Grid) -> None:
    small = font_of("regular", 12)
    painter.setFont(small)
    metrics = QFontMetricsF(small)
    painter.setPen(theme.colour("dim"))
    middle = Qt.AlignmentFlag.AlignVCenter
    axis = QRectF(grid.left, grid.top - 40, grid.width * grid.size, 16)
    painter.drawText(axis, Qt.AlignmentFlag.AlignCenter, "predicted class")
    rows_fit, columns_fit = grid.left - area.left() > 12 and grid.height >= NAMES_FROM, grid.width >= 26
    for i, name in enumerate(matrix.classes):
        text = printable(name)
        if rows_fit:
            room = grid.left - area.left() - 10
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)
            box = QRectF(area.left(), grid.top + i * grid.height, room, grid.height - 2)
            painter.drawText(box, middle | Qt.AlignmentFlag.AlignRight, shown)
        if columns_fit:
            shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, grid.width - 4)
            box = QRectF(grid.left + i * grid.width, grid.top - 21, grid.width - 2, 18)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, shown)


def _mix(low: QColor, high: QColor, share: float) -> QColor:
    parts = (a + (b - a) * share for a, b in zip(low.getRgbF()[:3], high.getRgbF()[:3], strict=True))
    return QColor.fromRgbF(*parts)


def _ink(ground: QColor, theme: Theme) -> QColor:
    """The text colour that stands out more from `ground`."""
    candidates = [theme.colour("text"), theme.colour("accent_text"), QColor("#ffffff"), QColor("#14171c")]
    return max(candidates, key=lambda ink: contrast(ink.name(), ground.name()))


class ConfusionMatrix(QWidget):
    """Arrow keys walk, Enter or a click opens a cell; walking shows it at once too."""

    cell_changed = Signal(int, int)  # true class, predicted class: shown
    cell_opened = Signal(int, int)  # asked for: its images are to be selected everywhere

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.matrix = Matrix()
        self.current: Cell | None = None
        self._grid: Grid | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 140)
        self.setAccessibleName("Confusion matrix")

    def show_matrix(self, matrix: Matrix, current: Cell | None) -> None:
        self.matrix = matrix
        self.current = current if current is not None and max(current) < len(matrix.classes) else None
        self._speak()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 300)

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        draw(painter, area, self.matrix, current_theme())

    def box(self, cell: Cell) -> QRectF:
        """Where a cell is on the screen, for tests and for tooltips."""
        grid = lay_out(self.matrix, self._area())
        return grid.box(cell) if grid else QRectF()

    def _area(self) -> QRectF:
        return QRectF(self.rect()).adjusted(2, 2, -4, -4)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._grid = draw(
            painter, self._area(), self.matrix, current_theme(), current=self.current, focus=self.hasFocus()
        )
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        cell = self._at(event.position())
        if cell is not None:
            self._go(cell)
            self.cell_opened.emit(*cell)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            cell = self._at(QPointF(event.pos()))
            if cell is None:
                QToolTip.hideText()
            else:
                QToolTip.showText(event.globalPos(), plain(self.matrix.tell(cell)), self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Up: (-1, 0),
            Qt.Key.Key_Down: (1, 0),
            Qt.Key.Key_Left: (0, -1),
            Qt.Key.Key_Right: (0, 1),
        }
        size = len(self.matrix.classes)
        if not size:
            super().keyPressEvent(event)
            return
        row, column = self.current or (0, 0)
        if event.key() in moves:
            down, right = moves[Qt.Key(event.key())]
            self._go((min(max(row + down, 0), size - 1), min(max(column + right, 0), size - 1)))
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._go((row, column))
            self.cell_opened.emit(row, column)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def _at(self, point: QPointF) -> Cell | None:
        grid = lay_out(self.matrix, self._area())
        return grid.at(point.x(), point.y()) if grid else None

    def _go(self, cell: Cell) -> None:
        if cell != self.current:
            self.current = cell
            self._speak()
            self.update()
            self.cell_changed.emit(*cell)

    def _speak(self) -> None:
        self.setAccessibleDescription(self.matrix.tell(self.current) if self.current else "")
