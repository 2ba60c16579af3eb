"""Images as a list: a small picture, the path, size and kind. Painted, never made, so that many cost nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from workbench.gui.icons import pixmap
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of, themes
from workbench.gui.thumbnails import Thumbnails, Tile, shrink, tile_key
from workbench.gui.widgets.image_grid import describe
from workbench.records.index import ImageIndex
from workbench.records.text import printable

SIDE = 48  # px of a picture
ROW = SIDE + 12

AnyIndex = QModelIndex | QPersistentModelIndex


class ImageRowsModel(QAbstractListModel):
    """N positions of an index."""

    def __init__(self) -> None:
        super().__init__()
        self.files: ImageIndex | None = None
        self.positions = np.zeros(0, dtype=np.int64)

    def show(self, files: ImageIndex | None, positions: np.ndarray) -> None:
        self.beginResetModel()
        self.files, self.positions = files, positions
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.positions)

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.files is None:
            return None
        position = int(self.positions[cell.row()])
        if role == Qt.ItemDataRole.DisplayRole:
            return printable(self.files.name(position))
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = describe(self.files, position)
            return plain(told) if role == Qt.ItemDataRole.ToolTipRole else told
        return None


class ImageRows(QListView):
    """Ctrl and shift select as in a file manager; space or a double click asks to see an image large."""

    chosen = Signal()  # other rows are selected
    look = Signal(int)  # row

    def __init__(self, thumbnails: Thumbnails, file: Callable[[int], Path], name: str) -> None:
        """`file(position)` is where the image lies now; `name` is what a screen reader calls the list."""
        super().__init__()
        self.thumbnails, self._file = thumbnails, file
        self._model = ImageRowsModel()
        self.setModel(self._model)
        self.setItemDelegate(_Rows(self))
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW // 2)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(name)
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())
        self.doubleClicked.connect(lambda cell: self.look.emit(cell.row()))
        self.verticalScrollBar().valueChanged.connect(self._drop_unseen)
        thumbnails.arrived.connect(self._repaint)
        themes().changed.connect(self._repaint)

    def show_images(self, files: ImageIndex | None, positions: np.ndarray) -> None:
        """None is selected; the first is current."""
        self._model.show(files, positions)
        if len(positions):
            self.selectionModel().setCurrentIndex(
                self._model.index(0), self.selectionModel().SelectionFlag.NoUpdate
            )
        self.scrollToTop()
        self._drop_unseen()
        self.chosen.emit()

    @property
    def num_rows(self) -> int:
        return len(self._model.positions)

    def position(self, row: int) -> int:
        return int(self._model.positions[row])

    def selected(self) -> np.ndarray:
        """Positions of the selected images, ascending."""
        rows = sorted(cell.row() for cell in self.selectionModel().selectedRows())
        return self._model.positions[rows] if rows else np.zeros(0, dtype=np.int64)

    def go_to(self, row: int) -> None:
        self.setCurrentIndex(self._model.index(row))

    def tile_of(self, row: int) -> Tile | None:
        files = self._model.files
        assert files is not None
        position = self.position(row)
        return self.thumbnails.get(tile_key(files, position), self._file(position), id(self))

    def close_thumbnails(self) -> None:
        """Take back every wish: nobody looks any more."""
        self.thumbnails.retain((), id(self))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.modifiers() and self.currentIndex().isValid():
            self.look.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)

    def _repaint(self) -> None:
        self.viewport().update()

    def _drop_unseen(self) -> None:
        files = self._model.files
        if files is not None:
            first = max(self.verticalScrollBar().value() // ROW, 0)
            seen = self._model.positions[first : first + self.viewport().height() // ROW + 2]
            self.thumbnails.retain((tile_key(files, int(position)) for position in seen), id(self))


class _Rows(QStyledItemDelegate):
    def __init__(self, rows: ImageRows) -> None:
        super().__init__(rows)
        self._rows = rows

    def sizeHint(self, option: QStyleOptionViewItem, cell: AnyIndex) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model, theme = cell.model(), current_theme()
        assert isinstance(model, ImageRowsModel) and model.files is not None
        tile = self._rows.tile_of(cell.row())
        position = self._rows.position(cell.row())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setPen(Qt.PenStyle.NoPen)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(option.rect.adjusted(0, 1, 0, -1), 6, 6)
        elif option.state & QStyle.StateFlag.State_HasFocus:
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(option.rect.adjusted(0, 1, 0, -1), 6, 6)
        frame = QRect(option.rect.left() + 8, option.rect.top() + 6, SIDE, SIDE)
        self._draw_picture(painter, frame, tile)
        text = QRect(frame.right() + 13, frame.top() + 4, option.rect.right() - frame.right() - 24, 20)
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font_of())
        painter.setPen(theme.colour("text"))
        name = printable(model.files.name(position))
        shown = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, text.width())
        painter.drawText(text, left, shown)
        broken = tile is not None and tile.image is None
        painter.setFont(font_of(size=12))
        painter.setPen(QColor(theme.bad if broken else theme.dim))
        told = printable(tile.reason) if tile is not None and broken else _told(model.files, position)
        text.translate(0, 20)
        shown = painter.fontMetrics().elidedText(told, Qt.TextElideMode.ElideRight, text.width())
        painter.drawText(text, left, shown)
        painter.restore()

    def _draw_picture(self, painter: QPainter, frame: QRect, tile: Tile | None) -> None:
        theme = current_theme()
        if tile is None or tile.image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(frame, 4, 4)
            if tile is not None:
                mark = pixmap("broken", theme.bad, 20)
                painter.drawPixmap(frame.center() - QPoint(10, 10), mark)
            return
        image = shrink(tile.image, round(SIDE * self._rows.devicePixelRatioF()))
        target = QRect(QPoint(0, 0), image.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio))
        target.moveCenter(frame.center())
        painter.drawImage(target, image)


def _told(files: ImageIndex, position: int) -> str:
    mode = printable(files.modes[int(files.mode[position])]) if files.modes else ""
    return f"{files.width[position]:,} × {files.height[position]:,} px {mode}".strip()
