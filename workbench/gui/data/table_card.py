"""The label table: which file, what its columns were taken for, and how well it fits the images."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout

from workbench.gui.data.layout_trial import Trial
from workbench.gui.data.rows_dialog import RowsDialog
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.label_table import LabelTable
from workbench.records.text import count, printable

ENDINGS = (".csv", ".tsv", ".txt", ".tab")
WANTED = (
    "A CSV or TSV file with the columns path and label; group and split are taken where they are. "
    "Choose one, or drop it here."
)


class TableCard(Card):
    """Emits `chosen` with the file; whoever reads it says what came of it."""

    chosen = Signal(object)  # Path
    fill_asked = Signal(object)  # Path: where a table to fill in is wanted

    def __init__(self, start: str) -> None:
        """`start`: the folder to look for tables in first."""
        super().__init__("Table")
        self._start = start
        self._trial: Trial | None = None
        self.name = ElidedLabel("")
        self.columns = label(WANTED, "dim", wrap=True)
        self.fit = label("", wrap=True)
        self.show_rows = button("Show", self.list_unmatched, kind="link")
        self.show_rows.setAccessibleName("Show the rows that don't fit")
        self.parts = label("", "dim", wrap=True)
        self.error = label("", "error", wrap=True)
        self.choose = button("Choose table…", self.ask, icon_name="table")
        self.fill = button(
            "Save one to fill in…",
            self.ask_where,
            tip="A table of every file with the label that it has, those without one first; fill in the rest in a "
            "spreadsheet and choose it here",
        )
        self.head.insertWidget(1, self.name, 1)
        self.add_head(self.fill)
        self.add_head(self.choose)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.fit, 1)
        line.addWidget(self.show_rows)
        self.body.setSpacing(4)
        self.body.addWidget(self.columns)
        self.body.addLayout(line)
        self.body.addWidget(self.parts)
        self.body.addWidget(self.error)
        self.show_table(None, "")

    def ask(self) -> None:
        """Let the user choose a file."""
        patterns = " ".join(f"*{ending}" for ending in ENDINGS)
        path, _ = QFileDialog.getOpenFileName(
            self, "Choose the label table", self._start, f"Tables ({patterns});;All files (*)"
        )
        if path:
            self.chosen.emit(Path(path))

    def ask_where(self) -> None:
        """Let the user say where a table to fill in goes; beside the images and never over them."""
        start = str(Path(self._start) / "labels.csv") if self._start else "labels.csv"
        path, _ = QFileDialog.getSaveFileName(self, "Save a table to fill in", start, "Table (*.csv)")
        if path:
            chosen = Path(path)
            self.fill_asked.emit(chosen if chosen.suffix else chosen.with_suffix(".csv"))

    def show_saved(self, name: str) -> None:
        """What is to be done with the table that was written."""
        self.error.hide()
        self.columns.setText(
            f"Saved {printable(name)}. Fill in its column “label”, save it, and choose it here or drop it."
        )
        self.choose.setFocus()

    def show_table(self, table: LabelTable | None, name: str) -> None:
        """Its columns; None and "" while there is none."""
        self.error.hide()
        self.name.setText(name)
        self.choose.setText("Choose another…" if name else "Choose table…")
        self.columns.setText(_columns(table) if table is not None else WANTED)
        self._show_fit(None)

    def show_reading(self, name: str) -> None:
        self.show_table(None, name)
        self.columns.setText("Reading…")

    def show_error(self, sentence: str) -> None:
        """The file that was chosen is of no use; what was there stays in force."""
        self.error.setText(sentence)
        self.error.show()

    def show_fit(self, trial: Trial) -> None:
        """How the rows found the images."""
        self._show_fit(trial)

    def _show_fit(self, trial: Trial | None) -> None:
        self._trial = trial
        self.fit.setText(_fit(trial) if trial is not None else "")
        self.fit.setVisible(trial is not None)
        self.show_rows.setVisible(trial is not None and bool(trial.arranged.unmatched))
        official = trial is not None and sum(trial.official) > 0
        if trial is not None and official:
            train, val, test = trial.official
            self.parts.setText(
                f"It also gives an official split: {train:,} train, {val:,} validation, {test:,} test. "
                "Use it under Split."
            )
        self.parts.setVisible(official)

    def list_unmatched(self) -> None:
        """The rows that tell nothing or contradict, each with its reason."""
        if self._trial is None:
            return
        rows = [(item.line, item.path, item.reason) for item in self._trial.arranged.unmatched]
        RowsDialog(
            f"{count(len(rows), 'row')} of the table {_dont(len(rows))} fit",
            ("Line", "Path", "Reason"),
            rows,
            "The other rows count. Mend the table and choose it again, or go on.",
            self.window(),
        ).open()


def table_of(event: QDropEvent) -> Path | None:
    """The one table that is being dragged, if it is one."""
    urls = event.mimeData().urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.suffix.lower() in ENDINGS and not path.is_dir() else None


def _columns(table: LabelTable) -> str:
    """ "36 rows: path from “file”, label from “class”"."""
    named = {"path": "path", "label": "label", "group": "group", "split": "part"}
    taken = [f"{named[kind]} from “{column}”" for kind, column in table.columns.items()]
    missing = [word for kind, word in (("group", "groups"), ("split", "parts")) if kind not in table.columns]
    told = f"{count(len(table.rows), 'row')}: {', '.join(taken)}."
    return f"{told} It has no column for {' or '.join(missing)}." if missing else told


def _fit(trial: Trial) -> str:
    arranged = trial.arranged
    parts = [f"{count(arranged.rows, 'row')} found {'its image' if arranged.rows == 1 else 'their images'}"]
    if arranged.unlisted:
        parts.append(f"{count(arranged.unlisted, 'image')} without a row")
    bad = len(arranged.unmatched)
    if bad:
        parts.append(f"{count(bad, 'row')} {_dont(bad)} fit")
    return " · ".join(parts)


def _dont(number: int) -> str:
    return "doesn't" if number == 1 else "don't"
