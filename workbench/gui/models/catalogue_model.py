"""The catalogue as a Qt table: what each backbone is, with a tick where it is in the comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
    Signal,
)

from workbench.gui.glossary import tip
from workbench.gui.models.words import FLOOR_SENTENCE, is_floor, parameters_text
from workbench.gui.plain_text import plain
from workbench.records.catalogue import BackboneFacts
from workbench.records.text import printable

FACTS_ROLE = Qt.ItemDataRole.UserRole + 1  # -> BackboneFacts
SORT_ROLE = Qt.ItemDataRole.UserRole + 2

Index = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    BACKBONE = 0
    PARAMETERS = 1
    INPUT = 2
    TRAINING = 3
    LICENCE = 4
    HERE = 5


HEADS = ("Backbone", "Parameters", "Input px", "Trained on", "Licence", "Weights")
NUMBERS = frozenset({Column.PARAMETERS, Column.INPUT})


HEAD_TIPS = {
    Column.BACKBONE: tip("backbone"),
    Column.PARAMETERS: "How many numbers the network holds: more see more and cost more.",
    Column.INPUT: tip("input size"),
    Column.TRAINING: "The images that it has learnt from, and whether people had labelled them.",
    Column.LICENCE: "What the weights' owner allows, in short; read the licence before you ship.",
    Column.HERE: "Whether the weights are on this machine. Nothing is fetched unasked.",
}


class CatalogueModel(QAbstractTableModel):
    """Ticking a row asks for it by `ticked`; the answer comes back through `show_chosen`."""

    ticked = Signal(str, bool)  # backbone id, wanted

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.entries: tuple[BackboneFacts, ...] = ()
        self._chosen: frozenset[str] = frozenset()

    def show_entries(self, entries: Sequence[BackboneFacts], names: Sequence[BackboneFacts] = ()) -> None:
        """The catalogue, and the names that only a search shows; what is on this machine comes first."""
        known = {facts.id for facts in entries}
        unlisted = [facts for facts in names if facts.id not in known]
        shown = tuple(
            sorted([*entries, *unlisted], key=lambda facts: (not facts.available, not facts.listed))
        )
        if shown != self.entries:
            self.beginResetModel()
            self.entries = shown
            self.endResetModel()

    def show_chosen(self, backbones: Iterable[str]) -> None:
        chosen = frozenset(backbones)
        if chosen != self._chosen:
            self._chosen = chosen
            last = self.index(len(self.entries) - 1, len(HEADS) - 1)
            self.dataChanged.emit(self.index(0, 0), last, [Qt.ItemDataRole.CheckStateRole])

    # Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADS)

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index) | Qt.ItemFlag.ItemNeverHasChildren
        return flags | Qt.ItemFlag.ItemIsUserCheckable if index.column() == Column.BACKBONE else flags

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(HEADS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return HEADS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section in NUMBERS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(HEAD_TIPS[Column(section)])
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        facts, column = self.entries[index.row()], Column(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return _text(facts, column)
        if role == Qt.ItemDataRole.CheckStateRole and column == Column.BACKBONE:
            return Qt.CheckState.Checked if facts.id in self._chosen else Qt.CheckState.Unchecked
        if role == FACTS_ROLE:
            return facts
        if role == SORT_ROLE:
            return _sort_key(facts, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_tip(facts, column))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{HEADS[column]}: {_text(facts, column)}"
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.CheckStateRole or index.column() != Column.BACKBONE:
            return False
        wanted = Qt.CheckState(value) == Qt.CheckState.Checked
        self.ticked.emit(self.entries[index.row()].id, wanted)
        return True


class CatalogueFilter(QSortFilterProxyModel):
    """Rows that hold every typed word, in title, id, family, training data or licence.

    Names that aren't listed are shown only to who types something: there are nearly two thousand.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words: list[str] = []

    def set_text(self, text: str) -> None:
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        model = self.sourceModel()
        assert isinstance(model, CatalogueModel)
        facts = model.entries[source_row]
        return facts.holds(self._words) if self._words else facts.listed


def _text(facts: BackboneFacts, column: Column) -> str:
    if column == Column.BACKBONE:
        return printable(facts.title)
    if column == Column.PARAMETERS:
        return parameters_text(facts.parameters)
    if column == Column.INPUT:
        return str(facts.input_size) if facts.input_size else "any"
    if column == Column.TRAINING:
        return printable(facts.training_data)
    if column == Column.LICENCE:
        return printable(facts.licence)
    return "on this machine" if facts.available else "not here"


def _sort_key(facts: BackboneFacts, column: Column) -> float | str:
    if column == Column.PARAMETERS:
        return float(-1 if facts.parameters is None else facts.parameters)
    if column == Column.INPUT:
        return float(facts.input_size or 0)
    return _text(facts, column).casefold()


def _tip(facts: BackboneFacts, column: Column) -> str:
    if column == Column.BACKBONE:
        floor = f"\n{FLOOR_SENTENCE}" if is_floor(facts) else ""
        return f"{facts.title}\n{facts.id}, from {facts.source}{floor}"
    if column == Column.HERE and not facts.available:
        return facts.remedy
    return _text(facts, column) if column in (Column.TRAINING, Column.LICENCE) else ""
