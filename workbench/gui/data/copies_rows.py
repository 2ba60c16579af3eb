"""Sets of copies as rows of pictures: painted, never made, so that thousands of sets cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
)

from workbench.gui.data.copies_sets import PARTS, CopySet
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of, severity_colours
from workbench.gui.thumbnails import Thumbnails, shrink, tile_key
from workbench.gui.widgets.image_grid import describe
from workbench.records.index import ImageIndex
from workbench.records.splits import Split
from workbench.records.text import count, printable

SIDE = 96  # px of a picture
CELL = 232  # px, the least width of a picture with what is known of it
HEAD = 24  # px of the line above the pictures
ROW = HEAD + SIDE + 24
GAP = 8

AnyIndex = QModelIndex | QPersistentModelIndex


class CopyModel(QAbstractListModel):
    """A row for each set."""

    def __init__(self) -> None:
        super().__init__()
        self.index_of_images: ImageIndex | None = None
        self.split: Split | None = None
        self.sets: Sequence[CopySet] = ()

    def show(self, index: ImageIndex | None, split: Split | None, sets: Sequence[CopySet]) -> None:
        self.beginResetModel()
        self.index_of_images, self.split, self.sets = index, split, sets
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.sets)

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if self.index_of_images is None or role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        found = self.sets[cell.row()]
        told = found.told(self.index_of_images, self.split)
        if role == Qt.ItemDataRole.DisplayRole:
            return told
        words = [word for word, holds in (("leak", found.leaks), ("two labels", found.conflict)) if holds]
        return ", ".join([*words, told, *(self.facts(p)[0] for p in found.positions)])

    def facts(self, position: int) -> tuple[str, str, str, str]:
        """Path, class, group and part of an image, fit to be shown; "" for what it has none of."""
        index, split = self.index_of_images, self.split
        assert index is not None
        label, group = int(index.label[position]), int(index.group[position])
        part = int(split.part[position]) if split is not None and len(split.part) == len(index) else -1
        return (
            printable(index.name(position)),
            printable(index.classes[label]) if label >= 0 else "",
            printable(index.groups[group]) if group >= 0 else "",
            PARTS[part] if part >= 0 else "",
        )


class CopyRows(QListView):
    """Up and down go from set to set, left and right from picture to picture; space looks at one."""

    chosen = Signal()  # other rows are selected
    look = Signal(int)  # which picture of the current set to see large

    def __init__(self, thumbnails: Thumbnails, file: Callable[[int], Path]) -> None:
        """`file(position)` is where the image lies now."""
        super().__init__()
        self.thumbnails, self._file = thumbnails, file
        self._model = CopyModel()
        self.place = 0  # of the current picture in the current set
        self.setModel(self._model)
        self.setItemDelegate(_Rows(self))
        self.setUniformItemSizes(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalScrollBar().setSingleStep(ROW // 3)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Sets of copies")
        self.setStyleSheet("QListView::item { border: none; padding: 0; }")
        self.selectionModel().selectionChanged.connect(lambda *_: self.chosen.emit())
        self.selectionModel().currentRowChanged.connect(lambda *_: self._go(0))
        self.doubleClicked.connect(lambda _: self.look.emit(self.place))
        self.verticalScrollBar().valueChanged.connect(self._drop_unseen)
        thumbnails.arrived.connect(self._on_arrived)

    def show_sets(self, index: ImageIndex | None, split: Split | None, sets: Sequence[CopySet]) -> None:
        """The first is current; none is selected."""
        self._model.show(index, split, sets)
        self.place = 0
        if sets:
            keep = self.selectionModel().SelectionFlag.NoUpdate
            self.selectionModel().setCurrentIndex(self._model.index(0), keep)
        self.scrollToTop()
        self._drop_unseen()

    def selected_sets(self) -> list[CopySet]:
        rows = sorted(cell.row() for cell in self.selectionModel().selectedRows())
        return [self._model.sets[row] for row in rows]

    def current_set(self) -> CopySet | None:
        row = self.currentIndex().row()
        return self._model.sets[row] if 0 <= row < len(self._model.sets) else None

    def go_to(self, place: int) -> None:
        """Make picture `place` of the current set the current one."""
        self._go(place)

    def tile_of(self, position: int) -> Any:
        index = self._model.index_of_images
        assert index is not None
        return self.thumbnails.get(tile_key(index, position), self._file(position), id(self))

    def close_thumbnails(self) -> None:
        """Take back every wish: nobody looks any more."""
        self.thumbnails.retain((), id(self))

    # How pictures lie in a row

    def cells(self, row: QRect, num: int) -> list[QRect]:
        """Where the pictures go that fit side by side into a row's rectangle."""
        inner = row.adjusted(12, HEAD + 4, -12, -8)
        columns = max(min(inner.width() // CELL, max(num, 4)), 1)
        width = inner.width() // columns
        return [
            QRect(inner.left() + i * width, inner.top(), width - GAP, inner.height())
            for i in range(min(columns, num))
        ]

    def first_shown(self, row: int, num: int, columns: int) -> int:
        """Which picture of a set is the leftmost: the current one stays in sight."""
        place = self.place if row == self.currentIndex().row() else 0
        return min(max(place - columns + 1, 0), max(num - columns, 0))

    def position_at(self, point: QPoint) -> tuple[int, int]:
        """The picture under a point of the viewport: its place in the set and its position; -1, -1 for none."""
        cell = self.indexAt(point)
        if not cell.isValid():
            return -1, -1
        positions = self._model.sets[cell.row()].positions
        boxes = self.cells(self.visualRect(cell), len(positions))
        first = self.first_shown(cell.row(), len(positions), len(boxes))
        for i, box in enumerate(boxes):
            if box.contains(point):
                return first + i, positions[first + i]
        return -1, -1

    def _go(self, place: int) -> None:
        self.place = place
        self.viewport().update()

    def _on_arrived(self, _: object) -> None:
        self.viewport().update()

    def _drop_unseen(self) -> None:
        index = self._model.index_of_images
        if index is None:
            return
        first = max(self.verticalScrollBar().value() // ROW, 0)
        seen = self._model.sets[first : first + self.viewport().height() // ROW + 2]
        keys = (tile_key(index, position) for found in seen for position in found.positions)
        self.thumbnails.retain(keys, id(self))

    # Hands

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place, _ = self.position_at(event.position().toPoint())
        super().mousePressEvent(event)
        if place >= 0:
            self._go(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        found = self.current_set()
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if found is not None and event.key() in steps:
            self._go(min(max(self.place + steps[Qt.Key(event.key())], 0), len(found.positions) - 1))
        elif found is not None and event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.look.emit(self.place)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            _, position = self.position_at(event.pos())
            index = self._model.index_of_images
            text = plain(describe(index, position)) if position >= 0 and index is not None else ""
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)


class _Rows(QStyledItemDelegate):
    def __init__(self, rows: CopyRows) -> None:
        super().__init__(rows)
        self._rows = rows

    def sizeHint(self, option: QStyleOptionViewItem, cell: AnyIndex) -> QSize:
        return QSize(CELL, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model = cell.model()
        assert isinstance(model, CopyModel)
        found = model.sets[cell.row()]
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(option.rect.adjusted(0, 1, 0, -2), 6, 6)
        else:
            painter.setPen(theme.colour("line"))
            painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        boxes = self._rows.cells(option.rect, len(found.positions))
        first = self._rows.first_shown(cell.row(), len(found.positions), len(boxes))
        told = str(model.data(cell))
        hidden = len(found.positions) - len(boxes)
        if hidden:
            told += f" · {count(hidden, 'image')} not in sight, Left and Right go on"
        self._draw_head(painter, option.rect, found, told)
        current = cell.row() == self._rows.currentIndex().row() and self._rows.hasFocus()
        for i, box in enumerate(boxes):
            self._draw_picture(painter, model, box, found, first + i, current)
        painter.restore()

    def _draw_head(self, painter: QPainter, row: QRect, found: CopySet, told: str) -> None:
        left = row.left() + 12
        line = QRect(left, row.top() + 6, row.width() - 24, 18)
        for word, holds in (("leak", found.leaks), ("two labels", found.conflict)):
            if not holds:
                continue
            ink, ground = severity_colours("bad")
            painter.setFont(font_of(size=12))
            width = painter.fontMetrics().horizontalAdvance(word) + 16
            chip = QRectF(left, line.top(), width, 18)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(current_theme().colour("bad_on") if ground else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(chip, 9, 9)
            painter.setPen(ink)
            painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, word)
            left += width + 6
        painter.setFont(font_of(size=12))
        painter.setPen(current_theme().colour("dim"))
        room = QRect(left, line.top(), line.right() - left, 18)
        text = painter.fontMetrics().elidedText(told, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_picture(
        self, painter: QPainter, model: CopyModel, box: QRect, found: CopySet, place: int, current: bool
    ) -> None:
        theme = current_theme()
        position = found.positions[place]
        frame = QRect(box.left(), box.top(), SIDE, SIDE)
        tile = self._rows.tile_of(position)
        if tile is None or tile.image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(frame, 4, 4)
        else:
            ratio = self._rows.devicePixelRatioF()
            image = shrink(tile.image, round(SIDE * ratio))
            size = image.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(frame.center())
            painter.drawImage(target, image)
        if current and place == self._rows.place:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(frame).adjusted(-2, -2, 2, 2), 6, 6)
        path, label, group, part = model.facts(position)
        broken = printable(tile.reason) if tile is not None and tile.image is None else ""
        folder, _, name = path.rpartition("/")
        label_ink = "bad" if found.conflict and label else "text"
        lines = (
            (name, "text", "regular"),
            (broken or (folder if folder != label else ""), "bad" if broken else "dim", "regular"),
            (label or "no label", label_ink if label else "dim", "semibold" if label else "regular"),
            (group, "dim", "regular"),
            (part, "text", "regular"),
        )
        text = QRect(frame.right() + GAP, box.top() + 1, box.right() - frame.right() - GAP, 18)
        for words, ink, weight in lines:
            if not words:
                continue
            font = font_of(weight, 12)
            painter.setFont(font)
            painter.setPen(theme.colour(ink))
            shown = QFontMetrics(font).elidedText(words, Qt.TextElideMode.ElideMiddle, text.width())
            painter.drawText(text, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            text.translate(0, 18)
