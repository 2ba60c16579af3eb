"""The comparison as a Qt table: one row a model, everything that a cell shows, sorts by and says aloud."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSortFilterProxyModel,
    Qt,
)

from workbench.gui.compare.words import VERDICT_HELP, feature_name
from workbench.gui.glossary import tip
from workbench.gui.plain_text import plain
from workbench.records.extra_columns import ExtraColumn, extra_columns, extra_text
from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES, NONE, Score, score_text, spread_text
from workbench.records.tables import Row, difference_text, rows
from workbench.records.text import printable

ROW_ROLE = Qt.ItemDataRole.UserRole + 1  # -> Row
SORT_ROLE = Qt.ItemDataRole.UserRole + 2  # -> a number or a string
AXIS_ROLE = Qt.ItemDataRole.UserRole + 3  # -> (low, high) of the shared axis
EXTRA_ROLE = Qt.ItemDataRole.UserRole + 4  # -> the evaluation of a plugin's column, as it was asked for

Index = QModelIndex | QPersistentModelIndex
_LOWEST = -1e9


class Column(IntEnum):
    """Those that every comparison has; evaluations of plugins have the numbers behind them."""

    MODEL = 0
    INPUT = 1
    PROBE = 2
    INTERVAL = 3
    KNN = 4
    SEEDS = 5
    VERDICT = 6
    DIFFERENCE = 7


HEADS = (
    "Model",
    "Input px",
    "Probe, mean ± SD",
    "95 % interval",
    "k-NN",
    "Seeds",
    "Against baseline",
    "Difference, points",
)
LONGEST_HEAD = 26  # letters of a plugin's line; the tooltip has all
NUMBERS = frozenset({Column.INPUT, Column.PROBE, Column.KNN, Column.SEEDS})
TERMS: dict[Column, tuple[str, ...]] = {  # what the glossary says of each head
    Column.MODEL: ("backbone", "feature"),
    Column.INPUT: ("input size",),
    Column.PROBE: ("linear probe", "SD"),
    Column.INTERVAL: ("interval",),
    Column.KNN: ("k-NN",),
    Column.SEEDS: ("seed",),
    Column.VERDICT: ("verdict", "baseline", "margin"),
    Column.DIFFERENCE: ("difference", "point"),
}


class ComparisonModel(QAbstractTableModel):
    """Shows `result` against `baseline`; empty without a result."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []
        self.axis = (0.0, 1.0)
        self.metric = ""
        self.extra: tuple[ExtraColumn, ...] = ()
        self._order: tuple[int, bool] = (Column.PROBE, True)  # column, descending
        self._axis_shown = False

    def show_result(
        self,
        result: EvaluationResult | None,
        baseline: str = "",
        metric: str = "",
        titles: Mapping[str, str] | None = None,
    ) -> None:
        self.beginResetModel()
        self.rows = rows(result, baseline, metric, titles) if result else []
        self.extra = extra_columns(result) if result else ()
        self.metric = METRIC_NAMES.get(metric or (result.metric if result else ""), metric)
        ends = [
            edge for row in self.rows if row.probe for edge in (row.probe.mean, *(row.probe.interval or ()))
        ]
        low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
        room = max((high - low) * 0.06, 0.005)
        self.axis = (max(0.0, low - room), min(1.0, high + room))
        self.endResetModel()

    def show_order(self, column: int, order: Qt.SortOrder) -> None:
        """Mark the column that the rows are sorted by."""
        self._order = (column, order == Qt.SortOrder.DescendingOrder)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    def show_axis(self, shown: bool) -> None:
        """Whether there is room to tell the ends of the interval's axis."""
        if shown != self._axis_shown:
            self._axis_shown = shown
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.INTERVAL, Column.INTERVAL)

    def words(self, column: int) -> tuple[str, ...]:
        """What stands over a column, a line each."""
        extra = self._extra(column)
        if extra is None:
            return (HEADS[column],)
        return tuple(_cut(printable(part)) for part in (extra.title, extra.settings) if part)

    def head(self, column: int) -> str:
        text = "\n".join(self.words(column))
        if column == Column.INTERVAL and self._axis_shown and self.rows:
            text += f", from {self.axis[0]:.2f} to {self.axis[1]:.2f}"
        if self._order[0] != column:
            return text
        mark = "↓" if self._order[1] else "↑"
        return f"{mark} {text}" if _is_number(column) else f"{text} {mark}"

    # Qt

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADS) + len(self.extra)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < self.columnCount():
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.head(section)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(section)
        if role == Qt.ItemDataRole.ToolTipRole:
            extra = self._extra(section)
            return plain(_extra_tip(extra) if extra else tip(*TERMS[Column(section)]))
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row, column, extra = self.rows[index.row()], index.column(), self._extra(index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == EXTRA_ROLE:
            return extra.evaluation if extra else None
        if role == ROW_ROLE:
            return row
        if role == SORT_ROLE:
            score = row.extra.get(extra.evaluation) if extra else None
            return (score.mean if score else _LOWEST) if extra else _sort_key(row, column)
        if role == AXIS_ROLE:
            return self.axis
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(_score_tip(row, extra) if extra else _tip(row, Column(column)))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{extra.told() if extra else HEADS[column]}: {self.text(row, column)}"
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(column)
        return None

    def _extra(self, column: int) -> ExtraColumn | None:
        return self.extra[column - len(Column)] if column >= len(Column) else None

    def text(self, row: Row, column: int) -> str:
        extra = self._extra(column)
        if extra:
            return extra_text(extra, row.extra, row.failed)
        probe, model = row.probe, row.model
        if column == Column.MODEL:
            return f"{printable(row.title)} ({feature_name(model.feature)})"
        if column == Column.INPUT:
            return str(model.image_size) if model.image_size else NONE
        if column == Column.PROBE:
            return spread_text(probe)
        if column == Column.INTERVAL:
            return f"{probe.interval[0]:.3f} to {probe.interval[1]:.3f}" if probe and probe.interval else NONE
        if column == Column.KNN:
            return f"{score_text(row.knn.mean)}, k {row.neighbours}" if row.knn else NONE
        if column == Column.SEEDS:
            return str(len(probe.values)) if probe else NONE
        if column == Column.VERDICT:
            return row.verdict or NONE
        return difference_text(row)


class ComparisonFilter(QSortFilterProxyModel):
    """Sorts by the number behind a cell; filters by any part of name, backbone, feature or verdict."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setSortRole(SORT_ROLE)
        self._words: list[str] = []

    def set_text(self, text: str) -> None:
        self.beginFilterChange()
        self._words = text.casefold().split()
        self.endFilterChange()

    def filterAcceptsRow(self, source_row: int, source_parent: Index) -> bool:
        row: Row = self.sourceModel().index(source_row, 0, source_parent).data(ROW_ROLE)
        model = row.model
        parts = (row.title, model.name, model.backbone, feature_name(model.feature), row.verdict)
        text = " ".join(parts).casefold()
        return all(word in text for word in self._words)

    def shown(self) -> list[Row]:
        return [self.index(i, 0).data(ROW_ROLE) for i in range(self.rowCount())]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_HEAD else f"{text[: LONGEST_HEAD - 1]}…"


def _is_number(column: int) -> bool:
    return column in NUMBERS or column >= len(Column)


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if _is_number(column) else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


def _extra_tip(extra: ExtraColumn) -> str:
    """Of an evaluation's column: whose it is and how it was asked for."""
    return (
        f"{extra.told()}\n{METRIC_NAMES[extra.metric]} of the same test images, {extra.by}, mean ± SD over seeds. "
        f"Asked for as {extra.evaluation}. No verdict is made of it."
    )


def _score_tip(row: Row, extra: ExtraColumn) -> str:
    score = row.extra.get(extra.evaluation)
    if extra.evaluation in row.failed:
        return f"{row.failed[extra.evaluation]} All other numbers stand. Plugins says more."
    if score is None:
        return f"It was computed for {METRIC_NAMES[extra.metric]} only. Choose that metric to see it."
    return f"{_interval_words(score)}Every seed: {', '.join(score_text(value) for value in score.values)}"


def _interval_words(score: Score) -> str:
    if score.interval is None:
        return ""
    return f"95 % interval {score_text(score.interval[0])} to {score_text(score.interval[1])}\n"


def _sort_key(row: Row, column: Column) -> float | str:
    if column == Column.MODEL:
        return row.title.casefold()
    if column == Column.INPUT:
        return float(row.model.image_size or 0)
    if column in (Column.PROBE, Column.INTERVAL):
        return row.probe.mean if row.probe else _LOWEST
    if column == Column.KNN:
        return row.knn.mean if row.knn else _LOWEST
    if column == Column.SEEDS:
        return float(len(row.probe.values)) if row.probe else 0.0
    if row.verdict == "baseline":
        return 0.0
    return row.difference if row.difference is not None else _LOWEST


def _tip(row: Row, column: Column) -> str:
    model, probe, knn = row.model, row.probe, row.knn
    if column == Column.MODEL:
        size = f"{model.image_size} px" if model.image_size else "any size"
        return (
            f"{row.title}\n{model.backbone} · {feature_name(model.feature)}, {model.dimension} numbers · {size}"
            f"\nmade from {model.source}\nfingerprint {model.fingerprint or 'unknown'}"
        )
    if column in (Column.PROBE, Column.INTERVAL, Column.SEEDS) and probe:
        return "Every seed: " + ", ".join(f"{value:.3f}" for value in probe.values)
    if column == Column.KNN and knn:
        return f"{knn.mean:.3f} ± {knn.sd:.3f}, k chosen on validation: {row.neighbours}"
    if column in (Column.VERDICT, Column.DIFFERENCE):
        if not row.verdict:
            return "Verdicts are made for the comparison's own metric. Choose it to see them."
        return row.reason or VERDICT_HELP.get(row.verdict, "")
    return ""
