"""Classes or groups as bars: how many images, and how they are divided into training, validation and test."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPainterPath
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.text import count, printable

ROW = 34  # px
FRAME = 2  # px around the list, where the focus shows
MOST_ROWS = 12  # in sight before a list scrolls
EVERYTHING = -2  # the code of the row that filters nothing
ALL = "All images"
SHADES = (1.0, 0.55, 0.28)  # of the accent: training, validation, test

AnyIndex = QModelIndex | QPersistentModelIndex


class ClassModel(QAbstractListModel):
    """A row for everything (classes only), then the names in natural order, then the images without one."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[int, str, int, tuple[int, int, int]]] = []  # code, name, images, parts
        self.largest = 1

    def set_rows(self, rows: list[tuple[int, str, int, tuple[int, int, int]]]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.largest = max((row[2] for row in rows if row[0] != EVERYTHING), default=1) or 1
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        code, name, images, parts = self.rows[cell.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            told = f"{name}: {count(images, 'image')}"
            if sum(parts) and code != NO_CODE:
                told += f", of which {parts[0]:,} train, {parts[1]:,} validation, {parts[2]:,} test"
            return plain(told) if role == Qt.ItemDataRole.ToolTipRole else told
        return None


class ClassList(QListView):
    """Choosing a row filters the images."""

    chosen = Signal(int, str)  # class code (EVERYTHING, NO_CODE), name

    def __init__(self, column: Literal["label", "group"]) -> None:
        """`column` of the index that the rows are the codes of."""
        super().__init__()
        self.column = column
        self._model = ClassModel()
        self._quiet = False
        self.setModel(self._model)
        self.setItemDelegate(_Bars(self))
        self.setUniformItemSizes(True)
        self.setAccessibleName("Classes" if column == "label" else "Groups")
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.selectionModel().currentChanged.connect(self._on_current)

    def show_index(self, index: ImageIndex | None, facts: DatasetFacts | None) -> None:
        """The chosen row stays where the classes are the same."""
        if index is None:
            self._model.set_rows([])
            return
        kept = self._entry()
        codes: np.ndarray = getattr(index, self.column)
        names = index.classes if self.column == "label" else index.groups
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        parts = np.zeros((len(names), 3), dtype=np.int64)
        if facts is not None:
            known = facts.parts if self.column == "label" else facts.group_parts
            parts = known if known.shape == parts.shape else parts
        rows = [
            (code, printable(name), int(counts[code]), _triple(parts[code]))
            for code, name in enumerate(names)
        ]
        left_over = len(index) - int(counts.sum())
        rows.sort(key=lambda row: natural(row[1]))
        if self.column == "label":
            rows.insert(0, (EVERYTHING, ALL, len(index), _triple(parts.sum(axis=0))))
        if left_over and names:
            rows.append((NO_CODE, f"Without a {self.column}", left_over, (0, 0, 0)))
        if rows == self._model.rows:
            return
        self._quiet = True
        self._model.set_rows(rows)
        # By name: another code may mean the same class now, and the same code another.
        row = next((row for row, (code, name, *_) in enumerate(rows) if (min(code, 0), name) == kept), None)
        if row is None and self.column == "label" and kept is not None:
            row = 0
        if row is not None:
            self.setCurrentIndex(self._model.index(row, 0))
        self._quiet = False
        self.updateGeometry()

    def choice(self) -> int:
        row = self.currentIndex().row()
        return self._model.rows[row][0] if 0 <= row < len(self._model.rows) else EVERYTHING

    def _entry(self) -> tuple[int, str] | None:
        """What the chosen row stands for, whatever its code; None where none is chosen."""
        row = self.currentIndex().row()
        if not 0 <= row < len(self._model.rows):
            return None if self._model.rows else (EVERYTHING, ALL)
        code, name, *_ = self._model.rows[row]
        return min(code, 0), name

    def choose(self, code: int) -> None:
        for row, entry in enumerate(self._model.rows):
            if entry[0] == code:
                self.setCurrentIndex(self._model.index(row, 0))

    def mark(self, code: int | None) -> None:
        """Show what is filtered by elsewhere, and tell nobody; None marks no row."""
        if code is None:
            self.clear_choice()
        elif not self.selectionModel().hasSelection() or self.choice() != code:
            self._quiet = True
            self.choose(code)
            self._quiet = False

    def clear_choice(self) -> None:
        """No row is marked, as when something else than a class is shown."""
        self._quiet = True
        self.selectionModel().clear()
        self._quiet = False

    def sizeHint(self) -> QSize:
        return QSize(200, ROW * min(max(len(self._model.rows), 1), MOST_ROWS) + 2 * FRAME)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _on_current(self, cell: QModelIndex, _: QModelIndex) -> None:
        if not self._quiet and cell.isValid():
            code, name, _, _ = self._model.rows[cell.row()]
            self.chosen.emit(code, name)


class _Bars(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, cell: AnyIndex) -> QSize:
        return QSize(100, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model = cell.model()
        assert isinstance(model, ClassModel)
        code, name, images, parts = model.rows[cell.row()]
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(option.rect, 6, 6)
        inner = option.rect.adjusted(8, 3, -8, -5)
        line = QRect(inner.left(), inner.top(), inner.width(), 18)
        painter.setFont(font_of("semibold" if chosen or code == EVERYTHING else "regular"))
        painter.setPen(theme.colour("text"))
        number = f"{images:,}"
        wide = painter.fontMetrics().horizontalAdvance(number)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, number)
        room = line.adjusted(0, 0, -wide - 12, 0)
        text = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        share = 1.0 if code == EVERYTHING else images / model.largest
        bar = QRectF(inner.left(), inner.bottom() - 4, inner.width(), 5)
        _draw_bar(painter, bar, share, parts, images)
        painter.restore()


def _draw_bar(painter: QPainter, bar: QRectF, share: float, parts: tuple[int, int, int], images: int) -> None:
    theme = current_theme()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("track"))
    painter.drawRoundedRect(bar, 2.5, 2.5)
    if not images:
        return
    filled = QRectF(bar.left(), bar.top(), max(bar.width() * share, 4), bar.height())
    shape = QPainterPath()
    shape.addRoundedRect(filled, 2.5, 2.5)
    painter.setClipPath(shape)
    left = filled.left()
    rest = images - sum(parts)
    for number, shade in zip((*parts, rest), (*SHADES, 0.0), strict=True):
        width = filled.width() * number / images
        colour = shade_colour(shade) if shade else QColor(theme.dim)
        painter.fillRect(QRectF(left, filled.top(), width, filled.height()), colour)
        left += width
    painter.setClipping(False)


def shade_colour(shade: float) -> QColor:
    """The accent at one of `SHADES`."""
    colour = QColor(current_theme().accent)
    colour.setAlphaF(shade)
    return colour


def natural(name: str) -> list[tuple[int, str]]:
    """A sort key under which "lot 9" comes before "lot 10"."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _triple(row: np.ndarray) -> tuple[int, int, int]:
    train, val, test = (int(value) for value in row)
    return train, val, test
