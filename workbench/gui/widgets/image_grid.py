"""A grid of thumbnails for a million images: a table view whose cells are painted, never made.

The model knows only positions in an index and how many columns fit. Selection is a set of item ids
that the session owns, so that it outlives the filter and is the same in every view.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QTableView,
    QWidget,
)

from workbench.gui.plain_text import plain
from workbench.gui.thumbnails import Thumbnails
from workbench.gui.widgets.tile_painter import CAPTION, TilePainter
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.text import printable

TILE = 112  # px, the least width of a cell
SELECT_AT_MOST = 100_000  # images that "select all" takes: every view must be able to mark them

AnyIndex = QModelIndex | QPersistentModelIndex
FilePath = Callable[[int], Any]


class ImageModel(QAbstractTableModel):
    """N positions of an index, laid out in rows of `columns`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index_of_images: ImageIndex | None = None
        self.positions = np.zeros(0, dtype=np.int64)
        self.columns = 1

    def set_items(self, index: ImageIndex | None, positions: np.ndarray) -> None:
        self.beginResetModel()
        self.index_of_images, self.positions = index, positions
        self.endResetModel()

    def set_columns(self, columns: int) -> None:
        if columns != self.columns:
            self.beginResetModel()
            self.columns = columns
            self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else -(-len(self.positions) // self.columns)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.columns

    def place(self, cell: AnyIndex) -> int:
        """Which of the shown items a cell holds; -1 for the empty cells at the end."""
        place = cell.row() * self.columns + cell.column()
        return place if cell.isValid() and place < len(self.positions) else -1

    def cell(self, place: int) -> QModelIndex:
        return self.index(place // self.columns, place % self.columns)

    def flags(self, cell: AnyIndex) -> Qt.ItemFlag:
        if self.place(cell) < 0:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        place = self.place(cell)
        if place < 0 or self.index_of_images is None:
            return None
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = describe(self.index_of_images, int(self.positions[place]))
            return plain(told) if role == Qt.ItemDataRole.ToolTipRole else told
        return None


def describe(index: ImageIndex, position: int) -> str:
    """What is known of one image, in a line or two."""
    label, group = int(index.label[position]), int(index.group[position])
    mode = index.modes[int(index.mode[position])] if index.modes else ""
    parts = [printable(str(index.paths[position]))]
    if label != NO_CODE:
        parts.append(printable(index.classes[label]))
    if group != NO_CODE:
        parts.append(printable(index.groups[group]))
    parts.append(f"{index.width[position]:,} × {index.height[position]:,} px {mode}".strip())
    return " · ".join(parts)


class ImageGrid(QTableView):
    """Thumbnails of the images at some positions of an index.

    Arrow keys move, shift and ctrl select as in a file manager, space or Enter or a double click asks
    for a quick look.
    """

    selected = Signal(object)  # list of item ids: what the user selected
    look = Signal(int)  # place among the shown items that the user wants to see large

    def __init__(self, thumbnails: Thumbnails, file: FilePath, parent: QWidget | None = None) -> None:
        """`file(position)` is where the image lies now."""
        super().__init__(parent)
        self.thumbnails = thumbnails
        self._file = file
        self._tile = TILE
        self._chosen: frozenset[str] = frozenset()
        self._anchor = 0
        self._model = ImageModel(self)
        self.setModel(self._model)
        self.setItemDelegate(TilePainter(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.hide()
            header.setMinimumSectionSize(8)
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setAccessibleName("Images")
        self.setStyleSheet(
            "QTableView::item { border: none; padding: 0; } QTableView:focus { border: none; }"
        )
        thumbnails.arrived.connect(self._on_arrived)
        self.verticalScrollBar().valueChanged.connect(self._drop_unseen)
        self.doubleClicked.connect(self._on_double_click)

    # What is shown

    def set_items(self, index: ImageIndex | None, positions: np.ndarray | None = None) -> None:
        """Show the images at `positions` (all of them where None)."""
        if positions is None:
            positions = np.arange(len(index) if index is not None else 0)
        self._model.set_items(index, positions)
        self._anchor = 0
        self._lay_out()
        if len(positions):
            self.setCurrentIndex(self._model.cell(0))
        self.scrollToTop()
        self._drop_unseen()
        self.viewport().update()

    def set_tile(self, size: int) -> None:
        """The least width of a cell, px."""
        self._tile = size
        self._lay_out()

    def set_selected(self, ids: frozenset[str]) -> None:
        self._chosen = ids
        self.viewport().update()

    @property
    def num_items(self) -> int:
        return len(self._model.positions)

    def position(self, place: int) -> int:
        """The position in the index of the item at `place` of the grid."""
        return int(self._model.positions[place])

    def current_place(self) -> int:
        return self._model.place(self.currentIndex())

    def go_to(self, place: int) -> None:
        self.setCurrentIndex(self._model.cell(place))
        self.scrollTo(self.currentIndex())

    def tile_of(self, place: int) -> Any:
        """The tile for a place, asked for where it is not there yet."""
        index = self._model.index_of_images
        assert index is not None
        position = self.position(place)
        return self.thumbnails.get(index.digest[position].tobytes(), self._file(position), id(self))

    def item_id(self, place: int) -> str:
        index = self._model.index_of_images
        assert index is not None
        return index.ids[self.position(place)]

    def is_selected(self, place: int) -> bool:
        return bool(self._chosen) and self.item_id(place) in self._chosen

    def caption(self, place: int) -> str:
        index = self._model.index_of_images
        assert index is not None
        return printable(str(index.paths[self.position(place)]).rsplit("/", 1)[-1])

    def _cells(self) -> tuple[int, int]:
        """How many columns, and the side of a cell in px, with the room that the scroll bar takes or will take."""
        bar = self.verticalScrollBar()
        width = self.viewport().width() + (bar.width() if bar.isVisible() else 0)
        columns = max(1, width // self._tile)
        rows = -(-self.num_items // columns)
        if rows * (width // columns + CAPTION) > self.viewport().height():
            width -= bar.sizeHint().width()
            columns = max(1, width // self._tile)
        return columns, max(16, width // columns)

    def _lay_out(self) -> None:
        columns, side = self._cells()
        place = max(self.current_place(), 0)
        self._model.set_columns(columns)
        self.horizontalHeader().setDefaultSectionSize(side)
        self.verticalHeader().setDefaultSectionSize(side + CAPTION)
        if place and place < self.num_items:
            self.go_to(place)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def visible_places(self) -> range:
        columns = self._model.columns
        height = max(self.verticalHeader().defaultSectionSize(), 1)
        first = self.verticalScrollBar().value() // height
        last = first + self.viewport().height() // height + 2
        return range(first * columns, min(last * columns, self.num_items))

    def _drop_unseen(self) -> None:
        index = self._model.index_of_images
        if index is not None:
            seen = (index.digest[self.position(p)].tobytes() for p in self.visible_places())
            self.thumbnails.retain(seen, id(self))

    def _on_arrived(self, keys: set[bytes]) -> None:
        index = self._model.index_of_images
        if not self.isVisible() or index is None:
            return
        for place in self.visible_places():
            if index.digest[self.position(place)].tobytes() in keys:
                self.update(self._model.cell(place))

    # Hands

    def _select(self, places: range | list[int], *, add: bool = False) -> None:
        ids = [self.item_id(place) for place in places[:SELECT_AT_MOST]]
        self.selected.emit(sorted(self._chosen.union(ids)) if add else ids)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._model.place(self.indexAt(event.position().toPoint()))
        super().mousePressEvent(event)
        if place < 0:
            self.selected.emit([])
            return
        if event.button() != Qt.MouseButton.LeftButton:
            return
        self._pick(place, event.modifiers())

    def _pick(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            low, high = sorted((self._anchor, place))
            self._select(range(low, high + 1), add=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
            return
        self._anchor = place
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            name = self.item_id(place)
            self.selected.emit(sorted(self._chosen ^ {name}))
        else:
            self._select([place])

    def _on_double_click(self, cell: QModelIndex) -> None:
        place = self._model.place(cell)
        if place >= 0:
            self.look.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place = self.current_place()
        key = event.key()
        if event.matches(QKeySequence.StandardKey.SelectAll):
            self._select(range(self.num_items))
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and place >= 0:
            self.look.emit(place)
        elif key == Qt.Key.Key_Escape and self._chosen:
            self.selected.emit([])
        elif (step := self._step(key)) is not None and self.num_items:
            target = min(max(place + step, 0), self.num_items - 1)
            self.go_to(target)
            if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._pick(target, event.modifiers())
        else:
            super().keyPressEvent(event)

    def _step(self, key: int) -> int | None:
        """How many items a key moves; rows run on, so that "right" at the end of one goes to the next."""
        columns = self._model.columns
        page = (
            max(self.viewport().height() // max(self.verticalHeader().defaultSectionSize(), 1), 1) * columns
        )
        keys = Qt.Key
        return {
            int(keys.Key_Left): -1,
            int(keys.Key_Right): 1,
            int(keys.Key_Up): -columns,
            int(keys.Key_Down): columns,
            int(keys.Key_PageUp): -page,
            int(keys.Key_PageDown): page,
            int(keys.Key_Home): -self.num_items,
            int(keys.Key_End): self.num_items,
        }.get(int(key))
