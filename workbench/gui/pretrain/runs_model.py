"""The table of pretraining runs as data: a tick draws a run's curves beside those of the one that is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap

from workbench.gui.plain_text import plain
from workbench.gui.pretrain.run_rows import RunRow
from workbench.records.plotting import PALETTE
from workbench.records.text import printable

AnyIndex = QModelIndex | QPersistentModelIndex
MOST = len(PALETTE)  # curves at once: more have no colour of their own


class Column(IntEnum):
    RUN = 0
    STATE = 1
    EPOCHS = 2
    KNN = 3
    DATE = 4


HEADS = {
    Column.RUN: "Run",
    Column.STATE: "State",
    Column.EPOCHS: "Epochs",
    Column.KNN: "k-NN",
    Column.DATE: "Begun",
}
HELP = {
    Column.RUN: "Method, architecture and start; a tick draws its curves",
    Column.STATE: "How it stands",
    Column.EPOCHS: "Epochs done, of those that are planned",
    Column.KNN: "k-NN on validation, at the last look",
    Column.DATE: "When it was begun",
}
STATES = {
    "queued": "waits",
    "running": "runs",
    "paused": "paused",
    "stopping": "stops",
    "done": "done",
    "stopped": "kept",
    "failed": "failed",
}


class RunsModel(QAbstractTableModel):
    """`ticked` comes with every run that is ticked now, in the order of the rows, when the user changes one."""

    ticked = Signal(list)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: list[RunRow] = []
        self.shown = ""  # the run that the page is about: always drawn
        self._ticks: set[str] = set()
        self._colours: dict[str, str] = {}
        self._title: Callable[[RunRow], str] = lambda row: row.id
        self._states: Mapping[str, str] = {}

    def show_rows(
        self,
        rows: Sequence[RunRow],
        *,
        shown: str,
        ticks: set[str],
        colours: Mapping[str, str],
        states: Mapping[str, str],
        title: Callable[[RunRow], str],
    ) -> None:
        """`states` are those of the jobs that live, which are newer than what the folders say."""
        same = [row.id for row in rows] == [row.id for row in self.rows]
        if not same:
            self.beginResetModel()
        self.rows, self.shown, self._ticks = list(rows), shown, set(ticks)
        self._colours, self._states, self._title = dict(colours), dict(states), title
        if not same:
            self.endResetModel()
        elif self.rows:
            last = self.index(len(self.rows) - 1, len(Column) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    def flags(self, cell: AnyIndex) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if cell.column() == Column.RUN and self.rows[cell.row()].id != self.shown:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        column = Column(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADS[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(HELP[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self.rows[cell.row()], Column(cell.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{self._title(row)}\n{row.id}" if column == Column.RUN else HELP[column])
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        if column == Column.RUN and role == Qt.ItemDataRole.CheckStateRole:
            on = row.id in self._ticks or row.id == self.shown
            return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        if column == Column.RUN and role == Qt.ItemDataRole.DecorationRole:
            return _swatch(self._colours.get(row.id, ""))
        return None

    def setData(self, cell: AnyIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or cell.column() != Column.RUN:
            return False
        run_id = self.rows[cell.row()].id
        if run_id == self.shown or (run_id not in self._ticks and len(self._ticks) + 1 >= MOST):
            return False
        self._ticks ^= {run_id}
        self.dataChanged.emit(cell, cell)
        self.ticked.emit([row.id for row in self.rows if row.id in self._ticks])
        return True

    def text(self, row: RunRow, column: Column) -> str:
        if column == Column.RUN:
            return printable(self._title(row))
        if column == Column.STATE:
            state = self._states.get(row.id, row.status.state)
            return STATES.get(state, printable(state))
        if column == Column.EPOCHS:
            return f"{int(row.epochs + 1e-6):,} / {row.planned:,}"
        if column == Column.KNN:
            return f"{row.knn:.3f}" if row.knn is not None else "–"
        return row.when


def places(drawn: Sequence[str], known: Mapping[str, int]) -> dict[str, int]:
    """The place in the palette of each drawn run: the one it had, unless another has it now; else the first free."""
    given: dict[str, int] = {}
    for run in drawn:
        others = {given.get(other, known.get(other)) for other in drawn if other != run}
        mine = known.get(run)
        free = (place for place in range(MOST) if place not in others)
        given[run] = mine if mine is not None and mine not in others else next(free)
    return given


def _alignment(column: Column) -> int:
    right = column in (Column.EPOCHS, Column.KNN)
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)


def _swatch(colour: str) -> QIcon:
    """A dot in the run's colour; empty where its curves aren't drawn."""
    made = QPixmap(12, 12)
    made.fill(Qt.GlobalColor.transparent)
    if colour:
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colour))
        painter.drawEllipse(1, 1, 10, 10)
        painter.end()
    both = QIcon(made)
    both.addPixmap(made, QIcon.Mode.Selected)  # a selected row must not tint it
    return both
