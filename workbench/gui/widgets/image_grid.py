"""A grid of thumbnails for a million images: one scroll area that paints the cells in sight and knows no others.

There is no model and no header: a place in the grid is a number, its row and column are two divisions.
Selection is a set of item ids that the session owns, so that it outlives the filter and is the same in
every view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip, QWidget

from workbench.gui.item_ids import ItemIds, contents_of
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, themes
from workbench.gui.thumbnails import Thumbnails, Tile, tile_key
from workbench.gui.widgets.tile_painter import CAPTION, TilePainter
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.text import printable

TILE = 112  # px, the least width of a cell
SELECT_AT_MOST = 100_000  # images that "select all" takes: every view must be able to mark them

FilePath = Callable[[int], Any]


def describe(index: ImageIndex, position: int) -> str:
    """What is known of one image, in a line or two."""
    label, group, page = int(index.label[position]), int(index.group[position]), int(index.page[position])
    mode = index.modes[int(index.mode[position])] if index.modes else ""
    parts = [printable(str(index.paths[position]))]
    if page:
        parts.append(f"page {page + 1:,}")
    if label != NO_CODE:
        parts.append(printable(index.classes[label]))
    if group != NO_CODE:
        parts.append(printable(index.groups[group]))
    parts.append(f"{index.width[position]:,} × {index.height[position]:,} px {mode}".strip())
    return " · ".join(parts)


class ImageGrid(QAbstractScrollArea):
    """Thumbnails of the images at some positions of an index.

    Arrow keys move, shift and ctrl select as in a file manager, space or Enter or a double click asks
    for a quick look, Delete asks to leave the selection out, the right button or the menu key for a menu.
    """

    selected = Signal(object)  # list of item ids: what the user selected
    look = Signal(int)  # place among the shown items that the user wants to see large
    menu_asked = Signal(QPoint)  # where on the screen
    removal_asked = Signal()

    def __init__(self, thumbnails: Thumbnails, file: FilePath, parent: QWidget | None = None) -> None:
        """`file(position)` is where the image lies now."""
        super().__init__(parent)
        self.thumbnails = thumbnails
        self._file = file
        self._index: ImageIndex | None = None
        self._positions: np.ndarray | None = None  # None: all of the index
        self._ids: ItemIds | None = None
        self._chosen: frozenset[str] = frozenset()
        self._tile = TILE
        self.columns = 1
        self._side = TILE  # px, width of a cell; it is CAPTION higher
        self._current = -1
        self._anchor = 0
        self._painter = TilePainter(self)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Painted in full by `paintEvent`: scrolling moves what is there and paints only what is new.
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Images")
        thumbnails.arrived.connect(self._on_arrived)
        thumbnails.renewed.connect(self.viewport().update)
        themes().changed.connect(self.viewport().update)

    # What is shown

    def set_items(
        self, index: ImageIndex | None, positions: np.ndarray | None = None, *, stay: bool = False
    ) -> None:
        """Show the images at `positions` (all of them where None); `stay` keeps the place, as after an edit."""
        if index is not self._index:
            self._ids = ItemIds(index) if index is not None else None
        self._index, self._positions = index, positions
        current, self._current = self._current if stay else 0, -1
        self._anchor = 0
        self._lay_out()
        if not stay:
            self.verticalScrollBar().setValue(0)
        self._set_current(min(max(current, 0), self.num_items - 1))
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
    def index(self) -> ImageIndex | None:
        """The index that the shown positions belong to."""
        return self._index

    @property
    def num_items(self) -> int:
        if self._positions is not None:
            return len(self._positions)
        return len(self._index) if self._index is not None else 0

    def position(self, place: int) -> int:
        """The position in the index of the item at `place` of the grid."""
        return int(self._positions[place]) if self._positions is not None else place

    def current_place(self) -> int:
        """The item that the keys act on; -1 where there is none."""
        return self._current

    def go_to(self, place: int) -> None:
        """Make the item at `place` the current one and bring it into sight."""
        self._set_current(place)
        bar, height = self.verticalScrollBar(), self._side + CAPTION
        top = place // self.columns * height
        if top < bar.value():
            bar.setValue(top)
        elif top + height > bar.value() + self.viewport().height():
            bar.setValue(top + height - self.viewport().height())

    def tile_of(self, place: int) -> Tile | None:
        """The tile for a place, asked for where it is not there yet."""
        assert self._index is not None
        position = self.position(place)
        return self.thumbnails.get(tile_key(self._index, position), self._file(position), id(self))

    def item_id(self, place: int) -> str:
        assert self._ids is not None
        return self._ids.of(self.position(place))

    def ids_of(self, positions: Iterable[int]) -> list[str]:
        """The item ids at positions of the index."""
        return self._ids.of_many(positions) if self._ids is not None else []

    def is_selected(self, place: int) -> bool:
        if not self._chosen or self._ids is None:
            return False
        return self._ids.among(self.position(place), self._chosen, contents_of(self._chosen))

    def caption(self, place: int) -> str:
        assert self._index is not None
        position = self.position(place)
        name, page = str(self._index.paths[position]).rsplit("/", 1)[-1], int(self._index.page[position])
        return printable(f"{name} · p. {page + 1}" if page else name)

    # Where it is

    def cell_rect(self, place: int) -> QRect:
        """The cell of `place` in the viewport's coordinates, px; it may lie out of sight."""
        row, column = divmod(place, self.columns)
        height = self._side + CAPTION
        return QRect(column * self._side, row * height - self.verticalScrollBar().value(), self._side, height)

    def place_at(self, point: QPoint) -> int:
        """The item at a point of the viewport; -1 where there is none."""
        column = point.x() // self._side
        row = (point.y() + self.verticalScrollBar().value()) // (self._side + CAPTION)
        place = row * self.columns + column
        return place if 0 <= column < self.columns and 0 <= place < self.num_items else -1

    def visible_places(self) -> range:
        height = self._side + CAPTION
        first = self.verticalScrollBar().value() // height
        last = (self.verticalScrollBar().value() + self.viewport().height() - 1) // height + 1
        return range(min(first * self.columns, self.num_items), min(last * self.columns, self.num_items))

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
        self.columns, self._side = self._cells()
        height, bar = self._side + CAPTION, self.verticalScrollBar()
        rows = -(-self.num_items // self.columns)
        bar.setRange(0, max(0, rows * height - self.viewport().height()))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(1, height // 3))  # a notch of the wheel is three of them: one row
        if self._current > 0:
            self.go_to(self._current)
        self.viewport().update()

    def _set_current(self, place: int) -> None:
        for changed in (self._current, place):
            if changed >= 0:
                self.viewport().update(self.cell_rect(changed))
        self._current = place
        told = describe(self._index, self.position(place)) if place >= 0 and self._index is not None else ""
        self.setAccessibleDescription(told)

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        exposed = event.rect()
        painter.fillRect(exposed, current_theme().colour("panel"))
        if self._index is None:
            return
        height = self._side + CAPTION
        shift = self.verticalScrollBar().value()
        first = (exposed.top() + shift) // height * self.columns
        last = min(((exposed.bottom() + shift) // height + 1) * self.columns, self.num_items)
        cells = {place: self.cell_rect(place) for place in range(first, last)}
        region = event.region()
        # The newest wish is served first: asked from the last to the first, the first picture comes first.
        tiles = {
            place: self.tile_of(place) for place, cell in reversed(cells.items()) if region.intersects(cell)
        }
        self._painter.begin(painter)
        for place, tile in reversed(tiles.items()):
            self._painter.paint(painter, cells[place], place, tile)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().scroll(dx, dy)
        self._drop_unseen()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def _drop_unseen(self) -> None:
        if self._index is not None:
            index = self._index
            seen = (tile_key(index, self.position(place)) for place in self.visible_places())
            self.thumbnails.retain(seen, id(self))

    def _on_arrived(self, keys: set[bytes]) -> None:
        if not self.isVisible() or self._index is None:
            return
        for place in self.visible_places():
            if tile_key(self._index, self.position(place)) in keys:
                self.viewport().update(self.cell_rect(place))

    # Hands

    def _select(self, places: Sequence[int], *, add: bool = False) -> None:
        ids = self.ids_of(self.position(place) for place in places[:SELECT_AT_MOST])
        self.selected.emit(sorted(self._chosen.union(ids)) if add else ids)

    def _pick(self, place: int, modifiers: Qt.KeyboardModifier) -> None:
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            low, high = sorted((min(self._anchor, self.num_items - 1), place))
            self._select(range(low, high + 1), add=bool(modifiers & Qt.KeyboardModifier.ControlModifier))
            return
        self._anchor = place
        if modifiers & Qt.KeyboardModifier.ControlModifier:
            self.selected.emit(sorted(self._chosen ^ {self.item_id(place)}))
        else:
            self._select([place])

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self.place_at(event.pos())
            if place >= 0 and self._index is not None:
                told = plain(describe(self._index, self.position(place)))
                QToolTip.showText(event.globalPos(), told, self.viewport(), self.cell_rect(place))
            else:
                QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton:
            if place < 0:
                self.selected.emit([])
            else:
                self._set_current(place)
                self._pick(place, event.modifiers())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().toPoint())
        if place >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.look.emit(place)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """What the menu is about is selected first, as in a file manager."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        place = self._current if by_key else self.place_at(event.pos())
        if place < 0:
            return
        self._set_current(place)
        if not self.is_selected(place):
            self._pick(place, Qt.KeyboardModifier.NoModifier)
        where = self.cell_rect(place).center() if by_key else event.pos()
        self.menu_asked.emit(self.viewport().mapToGlobal(where))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        place, key = self._current, event.key()
        if event.matches(QKeySequence.StandardKey.SelectAll):
            if self.num_items:
                self._select(range(self.num_items))
        elif key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and place >= 0:
            self.look.emit(place)
        elif key == Qt.Key.Key_Escape and self._chosen:
            self.selected.emit([])
        elif key == Qt.Key.Key_Delete and self._chosen:
            self.removal_asked.emit()
        elif (step := self._step(key)) is not None and self.num_items:
            target = min(max(place + step, 0), self.num_items - 1)
            self.go_to(target)
            if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
                self._pick(target, event.modifiers())
        else:
            event.ignore()

    def _step(self, key: int) -> int | None:
        """How many items a key moves; rows run on, so that "right" at the end of one goes to the next."""
        page = max(self.viewport().height() // (self._side + CAPTION), 1) * self.columns
        keys = Qt.Key
        return {
            int(keys.Key_Left): -1,
            int(keys.Key_Right): 1,
            int(keys.Key_Up): -self.columns,
            int(keys.Key_Down): self.columns,
            int(keys.Key_PageUp): -page,
            int(keys.Key_PageDown): page,
            int(keys.Key_Home): -self.num_items,
            int(keys.Key_End): self.num_items,
        }.get(int(key))

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()
