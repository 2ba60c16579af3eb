"""What the colours mean: a row for each category, which a click shows or hides on every map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import set_tip
from workbench.gui.theme import current_theme, font_of, themes
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.text import printable

ROW = 24  # px
MOST_ROWS = 9  # in sight; more scroll
AnyIndex = QModelIndex | QPersistentModelIndex


class Legend(QWidget):
    """`toggled` says which categories are shown, those of none last."""

    toggled = Signal(object)  # (K + 1,) bool
    wanted = Signal(int)  # the category whose images are to be selected

    def __init__(self) -> None:
        super().__init__()
        self.model = _Rows(self)
        self.list = _List()
        self.list.setModel(self.model)
        self.list.setItemDelegate(_Painter(self.list))
        self.list.setAccessibleName("Legend")
        set_tip(
            self.list,
            "A click hides a category and shows it again, on every map. A double click shows it alone. Enter selects "
            "its images.",
        )
        self.note = label("", "caption", wrap=True)
        self.note.hide()
        self.everything = button("Show all", self.show_all, kind="link")
        self.nothing = button("Hide all", self.hide_all, kind="link")
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.everything)
        row.addWidget(self.nothing)
        row.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(self.list)
        outer.addWidget(self.note)
        outer.addLayout(row)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.list.clicked_row.connect(self.toggle)
        self.list.alone_row.connect(self.alone)
        self.list.entered_row.connect(self._want)
        themes().changed.connect(self.list.viewport().update)

    @property
    def shown(self) -> np.ndarray:
        return self.model.shown

    def show_rows(self, names: Sequence[str], counts: Sequence[int], note: str, *, by_size: bool) -> None:
        """Other categories, all of them shown; the last is that of none, left out where it is empty."""
        self.model.set_rows(names, counts, by_size)
        self.note.setText(note)
        self.note.setVisible(bool(note))
        rows = min(max(self.model.rowCount(), 1), MOST_ROWS)
        self.list.setFixedHeight(rows * ROW + 2)
        self._tell()

    def show_colours(self, colours: Sequence[str]) -> None:
        self.model.colours = list(colours)
        self.list.viewport().update()

    def toggle(self, row: int) -> None:
        shown = self.shown.copy()
        place = self.model.places[row]
        shown[place] = not shown[place]
        self._set(shown)

    def alone(self, row: int) -> None:
        shown = np.zeros_like(self.shown)
        shown[self.model.places[row]] = True
        self._set(shown)

    def show_all(self) -> None:
        self._set(np.ones_like(self.shown))

    def hide_all(self) -> None:
        self._set(np.zeros_like(self.shown))

    def _want(self, row: int) -> None:
        self.wanted.emit(self.model.places[row])

    def _set(self, shown: np.ndarray) -> None:
        self.model.set_shown(shown)
        self._tell()
        self.toggled.emit(shown)

    def _tell(self) -> None:
        self.everything.setVisible(not self.shown.all())
        self.nothing.setVisible(bool(self.shown.any()))


class _Rows(QAbstractListModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.names: list[str] = []
        self.counts: list[int] = []
        self.colours: list[str] = []
        self.shown = np.ones(1, bool)
        self.places: list[int] = []  # category of each row

    def set_rows(self, names: Sequence[str], counts: Sequence[int], by_size: bool) -> None:
        self.beginResetModel()
        self.names, self.counts = [printable(name) for name in names], list(counts)
        self.shown = np.ones(len(names), bool)
        last = len(names) - 1
        order = sorted(range(last), key=lambda place: -counts[place]) if by_size else list(range(last))
        self.places = [*order, *([last] if counts[last] else [])]
        self.endResetModel()

    def set_shown(self, shown: np.ndarray) -> None:
        self.shown = shown
        self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, 0))

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        return len(self.places)

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not 0 <= cell.row() < len(self.places):
            return None
        place = self.places[cell.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self.names[place]
        if role in (Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            seen = "shown" if self.shown[place] else "hidden"
            return f"{self.names[place]}, {self.counts[place]:,}, {seen}"
        return None


class _List(QListView):
    clicked_row = Signal(int)
    alone_row = Signal(int)
    entered_row = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QListView.SelectionMode.NoSelection)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A double click is a press and then this event's sibling: the second never toggles back."""
        super().mousePressEvent(event)
        cell = self.indexAt(event.position().toPoint())
        if cell.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.clicked_row.emit(cell.row())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        cell = self.indexAt(event.position().toPoint())
        if cell.isValid() and event.button() == Qt.MouseButton.LeftButton:
            self.alone_row.emit(cell.row())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().row()
        if event.key() == Qt.Key.Key_Space and row >= 0:
            self.clicked_row.emit(row)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.entered_row.emit(row)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if not self.currentIndex().isValid() and self.model().rowCount():
            self.setCurrentIndex(self.model().index(0, 0))


class _Painter(QStyledItemDelegate):
    """A swatch, hollow where the category is hidden, its name, and how many there are."""

    def sizeHint(self, option: QStyleOptionViewItem, cell: AnyIndex) -> QSize:
        return QSize(120, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        rows = cell.model()
        assert isinstance(rows, _Rows)
        theme, place = current_theme(), rows.places[cell.row()]
        shown = bool(rows.shown[place])
        box = QRectF(option.rect)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if focused or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(QPen(theme.colour("accent"), 1.5) if focused else QPen(Qt.PenStyle.NoPen))
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 4, 4)
        colour = QColor(rows.colours[place] if place < len(rows.colours) else theme.dim)
        painter.setPen(QPen(colour, 2))
        painter.setBrush(colour if shown else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(QRectF(box.left() + 8, box.center().y() - 4.5, 9, 9))
        painter.setFont(font_of())
        number = f"{rows.counts[place]:,}"
        room = painter.fontMetrics().horizontalAdvance(number) + 8
        painter.setPen(theme.colour("dim"))
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box.adjusted(0, 0, -8, 0), right, number)
        painter.setPen(theme.colour("text" if shown else "dim"))
        line = box.adjusted(26, 0, -room - 8, 0)
        name = painter.fontMetrics().elidedText(
            rows.names[place], Qt.TextElideMode.ElideMiddle, int(line.width())
        )
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()
