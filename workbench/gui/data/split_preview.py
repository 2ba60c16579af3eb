"""What a way of splitting makes of the classes: a row each, with a bar of the three parts and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from workbench.gui.data.class_list import SHADES, natural, shade_colour
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme
from workbench.records.dataset_findings import find
from workbench.records.index import ImageIndex
from workbench.records.results import Finding
from workbench.records.splits import SplitPlan, make_split
from workbench.records.text import count, printable

AnyIndex = QModelIndex | QPersistentModelIndex
COLUMNS = ("Class", "", "Train", "Validation", "Test")
NAMED = 4  # classes in one sentence


@dataclass(frozen=True, slots=True)
class SplitPreview:
    """The split of seed 0 under some plan, counted."""

    parts: np.ndarray  # (classes, 3) labelled images of each part
    groups: tuple[int, int, int]  # groups of each part; 0 where there are no groups
    findings: tuple[Finding, ...]


def preview_split(index: ImageIndex, plan: SplitPlan, leaks: int) -> SplitPreview:
    """Split the index as `plan` says, and ask what is to be said of it; any thread.

    Args:
        leaks: how many sets of copies leak under this plan.

    Raises:
        ValueError: an official plan without an official training part.
    """
    split = make_split(index.ids, index.label, index.group, seed=0, plan=plan, official=index.part)
    used = split.part >= 0
    parts = np.zeros((len(index.classes), 3), dtype=np.int64)
    np.add.at(parts, (index.label[used], split.part[used]), 1)
    grouped = used & (index.group >= 0)
    groups = [len(np.unique(index.group[grouped & (split.part == part)])) for part in range(3)]
    about_splits = ("leak", "small class", "one group", "dominant group")
    found = [finding for finding in find(replace(index, plan=plan), leaks) if finding.name in about_splits]
    return SplitPreview(
        parts=parts,
        groups=(groups[0], groups[1], groups[2]),
        findings=(*_missing(parts, index.classes), *_torn(index, split.part), *found),
    )


def _missing(parts: np.ndarray, classes: Sequence[str]) -> list[Finding]:
    """Classes that a part of this split has no image of."""
    found = []
    for part, words in enumerate(("learnt from", "chosen on", "tested")):
        empty = np.flatnonzero((parts.sum(axis=1) > 0) & (parts[:, part] == 0))
        if len(empty):
            names = ", ".join(printable(classes[code]) for code in empty[:NAMED])
            more = f" and {len(empty) - NAMED:,} more" if len(empty) > NAMED else ""
            sentence = f"{names}{more}: no image of it is {words} in this split."
            if len(empty) > 1:
                sentence = f"{names}{more}: no image of them is {words} in this split."
            found.append(Finding(name="empty part", severity="bad", advice=sentence))
    return found


def _torn(index: ImageIndex, part: np.ndarray) -> list[Finding]:
    """Groups that lie in more than one part: only an official split does that."""
    used = (part >= 0) & (index.group >= 0)
    if not used.any():
        return []
    pairs = np.unique(np.stack([index.group[used].astype(np.int64), part[used].astype(np.int64)]), axis=1)
    torn = int((np.bincount(pairs[0]) > 1).sum())
    if not torn:
        return []
    verb = "lies" if torn == 1 else "lie"
    sentence = (
        f"{count(torn, 'group')} {verb} in more than one official part: the test repeats what was learnt."
    )
    return [Finding(name="torn group", severity="bad", advice=sentence)]


class PartsModel(QAbstractTableModel):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[tuple[str, tuple[int, int, int]]] = []
        self.largest = 1

    def show_parts(self, classes: Sequence[str], parts: np.ndarray) -> None:
        """Classes in their natural order; those without an image are left away."""
        self.beginResetModel()
        rows = [
            (printable(name), (int(train), int(val), int(test)))
            for name, (train, val, test) in zip(classes, parts, strict=True)
            if train + val + test
        ]
        self.rows = sorted(rows, key=lambda row: natural(row[0]))
        self.largest = max((sum(row[1]) for row in self.rows), default=1)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return COLUMNS[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
        return None

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        name, parts = self.rows[cell.row()]
        column = cell.column()
        if role == Qt.ItemDataRole.DisplayRole and column != 1:
            return name if column == 0 else f"{parts[column - 2]:,}"
        if role == Qt.ItemDataRole.ToolTipRole and column == 0:
            return plain(name)
        if role == Qt.ItemDataRole.AccessibleTextRole and column == 1:
            return f"{name}: {parts[0]:,} train, {parts[1]:,} validation, {parts[2]:,} test"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if role == Qt.ItemDataRole.ForegroundRole and column >= 2 and not parts[column - 2]:
            return QColor(current_theme().bad)
        return None


class PartsTable(QTableView):
    """The classes of one split."""

    def __init__(self) -> None:
        super().__init__()
        self._model = PartsModel(self)
        self.setModel(self._model)
        self.setItemDelegateForColumn(1, _Bars(self))
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Images of each class in the three parts")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(28)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        for column, width in ((2, 64), (3, 84), (4, 64)):
            self.setColumnWidth(column, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_names()

    def _fit_names(self) -> None:
        """Names get what they need, up to half of what they share with the bars."""
        rest = self.viewport().width() - sum(self.columnWidth(column) for column in (2, 3, 4))
        names = (row[0] for row in self._model.rows)
        wanted = max((self.fontMetrics().horizontalAdvance(name) for name in names), default=0) + 24
        self.setColumnWidth(0, max(min(wanted, rest // 2), 100))

    def show_parts(self, classes: Sequence[str], parts: np.ndarray) -> None:
        self._model.show_parts(classes, parts)
        self._fit_names()
        height = self.verticalHeader().defaultSectionSize() * self._model.rowCount()
        self.setMaximumHeight(max(height + self.horizontalHeader().sizeHint().height() + 4, 60))


class _Bars(QStyledItemDelegate):
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model = cell.model()
        assert isinstance(model, PartsModel)
        _, parts = model.rows[cell.row()]
        painter.setPen(current_theme().colour("line"))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        inner = QRectF(option.rect).adjusted(8, 9, -8, -9)
        share = sum(parts) / model.largest
        draw_parts(painter, QRectF(inner.left(), inner.top(), inner.width() * share, inner.height()), parts)


def draw_parts(painter: QPainter, bar: QRectF, parts: Sequence[int]) -> None:
    """A rounded bar that is filled by the three parts in their shades."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    shape = QPainterPath()
    shape.addRoundedRect(bar, 3, 3)
    painter.setClipPath(shape)
    painter.fillRect(bar, current_theme().colour("track"))
    left, whole = bar.left(), max(sum(parts), 1)
    for number, shade in zip(parts, SHADES, strict=True):
        width = bar.width() * number / whole
        painter.fillRect(QRectF(left, bar.top(), width, bar.height()), shade_colour(shade))
        left += width
    painter.restore()


def _alignment(column: int) -> int:
    side = Qt.AlignmentFlag.AlignRight if column >= 2 else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
