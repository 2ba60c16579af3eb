"""The table of fine-tunes as data: one row a finished run, the newest first. Nothing here ranks them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from workbench.gui.plain_text import plain
from workbench.records.files import DocumentError
from workbench.records.finetunes import FinetuneResult
from workbench.records.project import Project
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import printable

AnyIndex = QModelIndex | QPersistentModelIndex


class Column(IntEnum):
    BACKBONE = 0
    LEARNT = 1
    SCORE = 2
    INTERVAL = 3
    EPOCHS = 4
    SPLITS = 5


HEADS = {
    Column.BACKBONE: "Backbone",
    Column.LEARNT: "What learnt",
    Column.SCORE: "Test ± SD",
    Column.INTERVAL: "95 % interval",
    Column.EPOCHS: "Epochs",
    Column.SPLITS: "Splits",
}
HELP = {
    Column.BACKBONE: "The backbone that it began as",
    Column.LEARNT: "The part whose weights the labels changed; the rest stayed as it was published",
    Column.SCORE: "Mean of the test score over the splits, and its standard deviation",
    Column.INTERVAL: "Where the mean would lie in 95 of 100 repetitions; it allows for splits that share images",
    Column.EPOCHS: "The epoch that validation chose, of each split; 0 is the probe that the head began as",
    Column.SPLITS: "Whether these are the splits of the comparison that is shown",
}
RIGHT = (Column.SCORE, Column.INTERVAL)


@dataclass(frozen=True, slots=True)
class FinetuneRow:
    """A finished fine-tune and where its files lie."""

    result: FinetuneResult
    folder: Path

    @property
    def checkpoint(self) -> Path:
        return self.folder / self.result.checkpoint


def read_rows(project: Project) -> list[FinetuneRow]:
    """Every finished fine-tune of the project, the newest first; reads files, so call it in a thread."""
    rows = []
    for run in reversed(project.runs("finetune")):
        try:
            rows.append(FinetuneRow(FinetuneResult.load(run.path / "finetune.json"), run.path))
        except DocumentError:
            continue  # it has not ended, or ended badly: the tray says so
    return rows


class FinetuneModel(QAbstractTableModel):
    """Shows rows; `splits` are the hashes of the comparison that is shown."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.rows: list[FinetuneRow] = []
        self._splits: tuple[str, ...] = ()
        self._titles: dict[str, str] = {}

    def show_rows(self, rows: list[FinetuneRow], splits: tuple[str, ...], titles: dict[str, str]) -> None:
        """`titles`: what backbones are called, by identifier."""
        self.beginResetModel()
        self.rows, self._splits, self._titles = rows, splits, titles
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

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
            return self._text(row, column)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(row, column))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(column)
        return None

    def _text(self, row: FinetuneRow, column: Column) -> str:
        result = row.result
        score = result.scores[result.metric]
        if column == Column.BACKBONE:
            return printable(self._titles.get(result.backbone, result.title))
        if column == Column.LEARNT:
            return printable(result.trained[:1].upper() + result.trained[1:])
        if column == Column.SCORE:
            return f"{METRIC_NAMES[result.metric]} {score.mean:.3f} ± {score.sd:.3f}"
        if column == Column.INTERVAL:
            return f"{score.interval[0]:.3f} to {score.interval[1]:.3f}" if score.interval else "one split"
        if column == Column.EPOCHS:
            return ", ".join(str(seed.chosen) for seed in result.seeds)
        if not self._splits:
            return "no comparison shown"
        return "same as shown" if result.same_splits(self._splits) else "other splits"

    def _tip(self, row: FinetuneRow, column: Column) -> str:
        result = row.result
        if column == Column.LEARNT:
            return f"{result.trainable_parameters:,} of {result.total_parameters:,} parameters learnt"
        if column == Column.SCORE:
            values = result.scores[result.metric].values
            return "Of each split: " + ", ".join(f"{value:.3f}" for value in values)
        if column == Column.SPLITS and self._splits and not result.same_splits(self._splits):
            return (
                "Its images, labels or number of splits differ from those of the comparison that is shown, so the "
                "two say nothing about each other"
            )
        return HELP[column]


def _alignment(column: Column) -> int:
    side = Qt.AlignmentFlag.AlignRight if column in RIGHT else Qt.AlignmentFlag.AlignLeft
    return int(side | Qt.AlignmentFlag.AlignVCenter)
