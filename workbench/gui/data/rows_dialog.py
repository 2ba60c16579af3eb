"""A table of things that don't count, each with its reason: sorted, filtered, copied or saved as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QFileDialog,
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
from workbench.records.files import write_text
from workbench.records.index import Refused
from workbench.records.safe_csv import REFUSED, safe_csv
from workbench.records.text import count, printable

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
        *,
        columns: Sequence[str] = (),
    ) -> None:
        """`columns` names the columns of the CSV, by default as the headers do."""
        super().__init__(parent)
        self._columns, self._rows = columns or [name.lower() for name in headers], rows
        self.setWindowTitle(printable(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(980, min(520, 200 + 30 * len(rows)))
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
            self.table.setColumnWidth(column, 70 if isinstance(first, int) else 300)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        close = button("Close", self.close, kind="primary")
        close.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.aside = label(aside, "dim", wrap=True)
        row.addWidget(self.aside, 1)
        row.addWidget(button("Save as CSV…", self.save))
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

    def save(self) -> None:
        """Ask for a file and write all rows to it."""
        chosen, _ = QFileDialog.getSaveFileName(self, "Save as CSV", "files.csv", "CSV (*.csv)")
        if not chosen:
            return
        try:
            write_text(Path(chosen), self.csv())
        except OSError as error:
            self.aside.setText(f"{printable(chosen)} can't be written: {error.strerror or error}.")
        else:
            self.aside.setText(f"Saved to {printable(chosen)}.")

    def csv(self) -> str:
        """All rows as written, in their own order, no cell of which a spreadsheet would run."""
        return safe_csv(self._columns, self._rows)


def refused_dialog(refused: Sequence[Refused], parent: QWidget | None = None) -> RowsDialog:
    """The files that can't be used, each with its reason."""
    return RowsDialog(
        f"{count(len(refused), 'file')} refused",
        ("File", "Why it can't be used"),
        [(item.path, item.reason) for item in refused],
        "They are left out; everything else goes on.",
        parent,
        columns=REFUSED,
    )
