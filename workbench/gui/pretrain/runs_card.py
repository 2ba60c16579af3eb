"""Every pretraining of the project: a tick overlays its curves, a click or Enter shows it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QFrame, QHeaderView, QTableView

from workbench.gui.pretrain.runs_model import HEADS, Column, RunsModel
from workbench.gui.theme import font_of
from workbench.gui.widgets.cards import Card
from workbench.records.text import count

ROW_HEIGHT, HEAD_HEIGHT, MARGIN = 30, 30, 9  # px
LEAST_RUN = 200  # px of the first column, before others leave
LEAVING = (
    Column.DATE,
    Column.STATE,
    Column.EPOCHS,
)  # that are hidden where there is too little room, in turn


class RunsCard(Card):
    """`opened` comes with the id of the run that is to be shown."""

    opened = Signal(str)

    def __init__(self, model: RunsModel) -> None:
        super().__init__("Runs")
        self.model = model
        self._marked = ""  # the run whose row was made the current one
        self.table = RunsTable(model)
        self.table.opened.connect(self.opened)
        self.body.addWidget(self.table, 1)
        model.modelReset.connect(self.refresh)
        model.dataChanged.connect(lambda *_: self.refresh())

    def refresh(self) -> None:
        self.set_title("Runs", f"{count(self.model.rowCount(), 'run')}, ticked ones are drawn")
        self.table.fit()
        if self.model.shown != self._marked or not self.table.currentIndex().isValid():
            self._marked = self.model.shown
            self.table.mark_shown()  # only then: the keyboard may be walking the rows


class RunsTable(QTableView):
    """Space ticks, Enter shows."""

    opened = Signal(str)

    def __init__(self, model: RunsModel) -> None:
        super().__init__()
        self._runs = model
        self.setModel(model)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self.horizontalHeader()
        header.setFixedHeight(HEAD_HEIGHT)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setAccessibleName("Pretraining runs")
        self.clicked.connect(self._on_clicked)

    def mark_shown(self) -> None:
        """The row of the run that the page is about is the current one."""
        for number, row in enumerate(self._runs.rows):
            if row.id == self._runs.shown and self.currentIndex().row() != number:
                self.setCurrentIndex(self._runs.index(number, Column.RUN))

    def fit(self) -> None:
        """Columns as wide as what they hold; the first takes the rest, and others leave where that is too little."""
        metrics = QFontMetrics(font_of())
        widths = {
            column: max(
                metrics.horizontalAdvance(HEADS[column]) + 2 * MARGIN, self.sizeHintForColumn(column) + MARGIN
            )
            for column in Column
            if column != Column.RUN
        }
        room = self.viewport().width()
        gone: set[Column] = set()
        for column in LEAVING:
            if room - sum(width for known, width in widths.items() if known not in gone) < LEAST_RUN:
                gone.add(column)
        widths[Column.RUN] = max(room - sum(w for column, w in widths.items() if column not in gone), 60)
        for (
            column,
            width,
        ) in widths.items():  # nothing is set that is so already: each setting asks for a new layout
            if self.isColumnHidden(column) != (column in gone):
                self.setColumnHidden(column, column in gone)
            if column not in gone and self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        cell = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and cell.isValid():
            self.opened.emit(self._runs.rows[cell.row()].id)
        elif event.key() == Qt.Key.Key_Space and cell.isValid():
            self._runs.setData(
                self._runs.index(cell.row(), Column.RUN),
                None,
                Qt.ItemDataRole.CheckStateRole,
            )
        else:
            super().keyPressEvent(event)

    def _on_clicked(self, cell: QModelIndex) -> None:
        """A click on the tick is only a tick."""
        where = self.viewport().mapFromGlobal(self.cursor().pos())
        if cell.column() == Column.RUN and where.x() < 28:
            return
        self.opened.emit(self._runs.rows[cell.row()].id)
