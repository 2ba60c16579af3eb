"""A table of things that don't count, each with its reason: sorted, filtered, and copied as CSV with one button."""

from __future__ import annotations

import csv
import io
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
from workbench.records.text import printable, spreadsheet_safe

AnyIndex = QModelIndex | QPersistentModelIndex
Row = tuple[int | str, ...]


class RowsModel(QAbstractTableModel):
    """Text is shown as it is; numbers are sorted as numbers."""

    def __init__(self, headers: Sequence[str], rows: Sequence[Row], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._headers, self._rows = headers, rows

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._headers)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return self._headers[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return None

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        value = self._rows[cell.row()][cell.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(value) if isinstance(value, str) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return printable(value) if isinstance(value, str) else value
        return None


class RowsDialog(QDialog):
    """`rows` are cells under `headers`; `title` says what they are and `aside` what becomes of them."""

    def __init__(
        self,
        title: str,
        headers: Sequence[str],
        rows: Sequence[Row],
        aside: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._headers, self._rows = headers, rows
        self.setWindowTitle(printable(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 460)
        proxy = QSortFilterProxyModel(self)
        proxy.setSourceModel(RowsModel(headers, rows, self))
        proxy.setFilterKeyColumn(-1)
        proxy.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter")
        self.filter.setAccessibleName("Filter the rows")
        self.filter.setClearButtonEnabled(True)
        self.filter.textChanged.connect(proxy.setFilterFixedString)
        self.table = QTableView()
        self.table.setModel(proxy)
        self.table.setSortingEnabled(True)
        self.table.setShowGrid(False)
        self.table.setTabKeyNavigation(False)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.table.setAccessibleName(title)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setStretchLastSection(True)
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, first in enumerate(rows[0] if rows else ()):
            self.table.setColumnWidth(column, 70 if isinstance(first, int) else 320)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        close = button("Close", self.close, kind="primary")
        close.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label(aside, "dim"), 1)
        row.addWidget(button("Copy as CSV", self.copy, icon_name="copy"))
        row.addWidget(close)
        head = QHBoxLayout()
        head.addWidget(label(title, "title"), 1)
        head.addWidget(self.filter)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addLayout(head)
        outer.addWidget(self.table, 1)
        outer.addLayout(row)

    def copy(self) -> None:
        QGuiApplication.clipboard().setText(self.csv())

    def csv(self) -> str:
        """All rows as written, in their own order, no cell of which a spreadsheet would run."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(name.lower() for name in self._headers)
        writer.writerows([spreadsheet_safe(str(value)) for value in row] for row in self._rows)
        return text.getvalue()
