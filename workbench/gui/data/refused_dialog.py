"""The files that can't be used, each with its reason; copied as CSV with one button."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import plain
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.index import Refused
from workbench.records.refused_csv import refused_csv
from workbench.records.text import count, printable

AnyIndex = QModelIndex | QPersistentModelIndex


class RefusedModel(QAbstractTableModel):
    def __init__(self, refused: Sequence[Refused], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._refused = refused

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._refused)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 2

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return ("File", "Why it can't be used")[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        item = self._refused[cell.row()]
        text = (item.path, item.reason)[cell.column()]
        return plain(text) if role == Qt.ItemDataRole.ToolTipRole else printable(text)


class RefusedDialog(QDialog):
    """A table that can be sorted, filtered and copied."""

    def __init__(self, refused: Sequence[Refused], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._refused = refused
        self.setWindowTitle("Files that can't be used")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(920, 480)
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(RefusedModel(refused, self))
        proxy.setFilterKeyColumn(-1)
        proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter the refused files")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(proxy.setFilterFixedString)
        self.table = QTableView()
        self.table.setModel(proxy)
        self.table.setSortingEnabled(True)
        self.table.setShowGrid(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setAccessibleName("Refused files")
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.setColumnWidth(0, 320)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label("They are left out; everything else goes on.", "dim"), 1)
        row.addWidget(button("Copy as CSV", self.copy, icon_name="copy"))
        row.addWidget(button("Close", self.close, kind="primary"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        head = QHBoxLayout()
        head.addWidget(label(f"{count(len(refused), 'file')} refused", "title"), 1)
        head.addWidget(self.filter)
        outer.addLayout(head)
        outer.addWidget(self.table, 1)
        outer.addLayout(row)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(refused_csv(self._refused))
