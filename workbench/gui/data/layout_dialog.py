"""Where labels and groups come from, with what the rules make of the user's own files while they are chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.background import Background
from workbench.gui.data.layout_fields import GroupFields, LabelFields
from workbench.gui.data.layout_preview import LayoutPreview
from workbench.gui.data.layout_trial import QUICK, Trial, summary, try_layout
from workbench.gui.data.pattern_starters import guess
from workbench.gui.data.table_card import TableCard, table_of
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.files import write_text
from workbench.records.label_table import LabelTable, read_table
from workbench.records.layout import Layout
from workbench.records.results import Finding
from workbench.records.safe_csv import labels_csv
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

SETTLE_MS = 150  # after the last key
FINDINGS_HEIGHT = 132  # px, before the findings scroll
MARGIN = 16  # px
TITLE = "Your files"
TRIALS = "layout trials"  # the name of the session's threads for them
SEVERAL = "There are several folders: each one's own name is folder 1, what lies in it begins with folder 2."


class LayoutDialog(QDialog):
    """Opens with what is in force; puts the new rules in force by `Dataset.set_layout`, which can be undone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        files = session.dataset.files
        assert files is not None
        self._session, self._files = session, files
        self._table: LabelTable | None = None
        self._table_path: Path | None = None  # a table that was chosen here
        self._trial: Trial | None = None
        self._asked = 0
        self._closed = False
        self.setWindowTitle("Labels and groups")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAcceptDrops(True)
        self.resize(980, 700)
        layout = session.settings.curation.layout
        self.labels = LabelFields(layout.labels)
        example = str(files.paths[0]).rsplit("/", 1)[-1] if len(files) else ""
        self.groups = GroupFields(layout.group_by, example, guess(files))
        self.table = TableCard(next(iter(session.dataset.roots.values()), ""))
        self.preview = LayoutPreview()
        self.lacking = QCheckBox("Only those without a label or group")
        self.error = label("", "error", wrap=True)
        self.apply = button("Use these rules", self.accept, kind="primary")
        self.apply.setDefault(True)
        self._background = _background_of(session)
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._try)
        self._lay_out()
        self.labels.changed.connect(self.refresh)
        self.groups.changed.connect(self.refresh)
        self.table.chosen.connect(self.take_table)
        self.table.fill_asked.connect(self.save_to_fill)
        self.lacking.toggled.connect(self._show_examples)
        if session.settings.curation.table:
            self._read_kept()
        self.refresh()

    def _lay_out(self) -> None:
        both = QWidget()
        both.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        beside = QHBoxLayout(both)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.setSpacing(12)
        beside.addWidget(self.labels, 1)
        beside.addWidget(self.groups, 1)
        self.shown = Card(TITLE)
        self.shown.add_head(self.lacking)
        self.shown.body.addWidget(self.error)
        self.shown.body.addWidget(self.preview, 1)
        self.worth = Card("Worth knowing")
        self.worth.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.worth.body.addWidget(self._area)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(label("Nothing is moved or renamed on the disk. Undo takes it back.", "dim"), 1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(MARGIN, MARGIN, MARGIN, MARGIN)
        outer.setSpacing(12)
        outer.addWidget(both)
        if "" not in self._files.roots:
            outer.addWidget(label(SEVERAL, "dim", wrap=True))
        outer.addWidget(self.table)
        outer.addWidget(self.shown, 1)
        outer.addWidget(self.worth)
        outer.addLayout(row)
        self.worth.hide()
        self.lacking.hide()

    def expect_table(self) -> None:
        """Ask for a table straight away where the images lie in no folder that could name a class, and where some of
        them have a label and others none."""
        index = self._session.index
        some = index is not None and 0 < len(index.labelled()) < len(index)
        if self._table is None and (some or not (self._files.paths.arrays()[0] == ord("/")).any()):
            self.labels.choose("table")
            self.table.fill.setFocus()

    # The rules

    def layout_rules(self) -> Layout:
        """What the fields say. Raises ValueError with a sentence while that makes no sense."""
        labels, group_by = self.labels.rule(), self.groups.rule()
        if "table" in (labels, group_by) and self._table is None:
            raise ValueError("")  # the card of the table says what it needs
        if group_by == "table" and self._table is not None and not self._table.has_groups:
            raise ValueError(
                "The table has no column for groups. Call one of them group, patient, lot or the like, "
                "and choose it again."
            )
        self.groups.check()
        return Layout(labels=labels, group_by=group_by)

    def refresh(self) -> None:
        """Try the rules; the answer comes a moment later."""
        self.table.setVisible("table" in (self.labels.rule(), self.groups.rule()))
        self._asked += 1
        self.apply.setEnabled(False)
        try:
            self.layout_rules()
        except ValueError as error:
            self._refuse(str(error))
        else:
            self._tell("")
        self._settle.start()

    def _try(self) -> None:
        """Where the rules make no sense yet, the files are shown all the same: to see what there is to write for."""
        files, asked = self._files, self._asked
        usable = True
        try:
            layout = self.layout_rules()
        except ValueError:
            usable = False
            told = self.labels.rule() if self.labels.rule() != "table" or self._table is not None else "none"
            layout = Layout(labels=told)
        by_table = "table" in (layout.labels, layout.group_by)
        table = self._table if by_table else None
        curation = replace(self._session.settings.curation, layout=layout)

        def attempt(quick: bool) -> None:
            def work() -> Trial | None:
                return try_layout(files, curation, table, quick=quick) if asked == self._asked else None

            def show(trial: Trial | None) -> None:
                if trial is None or asked != self._asked:
                    return
                self._show(trial, usable)
                if usable and not trial.whole:
                    attempt(quick=False)

            def fail(error: Exception) -> None:
                if asked == self._asked:
                    self._refuse(str(error))

            self._background.run(work, show, fail)

        attempt(quick=not by_table and (not usable or len(files) > QUICK))

    def _show(self, trial: Trial, usable: bool) -> None:
        self._trial = trial
        self.apply.setEnabled(usable)
        if trial.whole and self._table is not None:
            self.table.show_fit(trial)
        told = summary(trial) if trial.whole else f"Counting {count(len(self._files), 'image')}…"
        self.shown.set_title(told if usable else TITLE)
        self.lacking.setVisible(usable and bool(trial.num_lacking))
        self._show_examples()
        self._show_findings(trial.findings if usable else ())

    def _show_examples(self) -> None:
        if self._trial is None:
            return
        only = self.lacking.isChecked() and self._trial.num_lacking > 0
        examples = self._trial.lacking if only else self._trial.examples
        self.preview.show_examples(examples, official=sum(self._trial.official) > 0)

    def _show_findings(self, findings: tuple[Finding, ...]) -> None:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, finding in enumerate(findings):
            grid.addWidget(Chip(finding.name, finding.severity), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(finding.advice, wrap=True), row, 1)
        self.worth.setVisible(bool(findings))
        self._area.setWidget(inner)
        wanted = grid.totalHeightForWidth(max(self.width() - 2 * MARGIN - 40, 200)) if findings else 0
        self._area.setFixedHeight(min(wanted, FINDINGS_HEIGHT))

    def _refuse(self, sentence: str) -> None:
        self._tell(sentence)
        self.apply.setEnabled(False)
        self.shown.set_title(TITLE)
        self.lacking.hide()
        self._show_findings(())

    def _tell(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))
        self.groups.mark(invalid=bool(sentence) and self.groups.rule().startswith("name:"))

    # The table

    def take_table(self, path: Path) -> None:
        """Read a table that the user chose or dropped, and let it tell the labels."""
        if "table" not in (self.labels.rule(), self.groups.rule()):
            self.labels.choose("table")
        self._read(lambda: read_table(path), path.name, path)

    def save_to_fill(self, path: Path) -> None:
        """Write a table with the labels that there are, in a thread."""
        index = self._session.index
        if index is None:
            return

        def work() -> None:
            write_text(path, labels_csv(index))

        def saved(_: object) -> None:
            if not self._closed:
                self.table.show_saved(path.name)

        def fail(error: Exception) -> None:
            if not self._closed:
                self.table.show_error(f"{printable(path.name)} can't be written: {error}")

        self._background.run(work, saved, fail)

    def _read_kept(self) -> None:
        project = self._session.project
        assert project is not None
        self._read(project.table, self._session.settings.curation.table_name, None)

    def _read(self, work: Callable[[], LabelTable | None], name: str, path: Path | None) -> None:
        before = self._table, self._table_path, self.table.name.text()
        self._table = None
        self.table.show_reading(name)
        self.refresh()

        def show(table: LabelTable | None) -> None:
            if self._closed:
                return
            self._table, self._table_path = table, path
            self.table.show_table(table, name)
            self.groups.show_column(table.columns.get("group", "") if table is not None else "")
            if table is not None and table.has_groups and path is not None and not self.groups.rule():
                self.groups.choose("table")
            self.refresh()

        def fail(error: Exception) -> None:
            if self._closed:
                return
            self._table, self._table_path, known = before
            self.table.show_table(self._table, known)
            self.table.show_error(str(error))
            self.refresh()

        self._background.run(work, show, fail)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if table_of(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = table_of(event)
        if path is not None:
            event.acceptProposedAction()
            self.take_table(path)

    # The end

    def accept(self) -> None:
        """Put the rules in force; what refuses them is told here."""
        if not self.apply.isEnabled():
            return
        layout = self.layout_rules()
        path = self._table_path if "table" in (layout.labels, layout.group_by) else None
        if layout != self._session.settings.curation.layout or path is not None:
            try:
                self._session.dataset.set_layout(layout, table=path)
            except (ValueError, OSError) as error:
                self._refuse(str(error))
                return
        super().accept()

    def done(self, result: int) -> None:
        """What is still being counted is of no use any more; the window doesn't wait for it."""
        self._asked += 1
        self._closed = True
        self._settle.stop()
        super().done(result)


def _background_of(session: Session) -> Background:
    """The session's threads for trials: a dialog that closes needn't wait for what it has begun."""
    found = session.findChild(Background, TRIALS)
    if isinstance(found, Background):
        return found
    made = Background(session, threads=2)  # one may be stuck in a slow pattern for a moment
    made.setObjectName(TRIALS)
    application = QApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(made.close)
    return made
