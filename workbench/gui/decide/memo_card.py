"""The memo: title, author, own words, boards; written, opened, and every number of it checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from workbench.gui.decide.memo_dialog import MemoDialog
from workbench.gui.decide.words import memo_line
from workbench.gui.decision_store import DecisionStore
from workbench.gui.guarded import guarded
from workbench.gui.session import Session
from workbench.gui.theme import restyle
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.text import count, printable

MOST_DIFFERENCES = 5  # shown of a check; the rest is counted
WIDEST = 120  # letters of a title or a name


class MemoCard(Card):
    """`open_memo` writes and opens it; what the session opens it with is the session's affair."""

    def __init__(self, session: Session, store: DecisionStore, open_memo: Callable[[], object]) -> None:
        super().__init__("Memo", "every number links to its run")
        self._session, self._store, self._desk = session, store, store.memo
        self.name, self.author = QLineEdit(), QLineEdit()
        for field, title, hint in (
            (self.name, "Title", "The project's name"),
            (self.author, "Author", "Who stands for it"),
        ):
            field.setAccessibleName(title)
            field.setPlaceholderText(hint)
            field.setMaxLength(WIDEST)
        self.name.editingFinished.connect(lambda: self._say(title=self.name.text().strip()))
        self.author.editingFinished.connect(lambda: self._say(author=self.author.text().strip()))
        self.said = label("", "dim", wrap=True)
        self.words = button(
            "Own words and boards…",
            self.edit,
            tip="Say in your own words what the numbers can't, section by section",
        )
        self.show_button = button(
            "Open memo", open_memo, tip="Write it as one page and open it in the browser"
        )
        self.pdf = button("PDF…", lambda: self.save(".pdf"), tip="Save it as PDF")
        self.markdown = button("Markdown…", lambda: self.save(".md"), tip="Save it as text with simple marks")
        self.check = button(
            "Check all numbers",
            lambda: guarded(session, self._desk.check),
            tip="Derive every number of the memo from the run folders again and name those that differ",
        )
        self.state = label("", wrap=True)
        self.verdict = Chip()
        self.differences = QWidget()
        self._lay_out()
        store.case_changed.connect(self.refresh)
        self._desk.changed.connect(self.refresh)
        self.refresh()

    def _lay_out(self) -> None:
        fields = QGridLayout()
        fields.setHorizontalSpacing(12)
        fields.setVerticalSpacing(8)
        fields.setColumnStretch(1, 1)
        for row, (word, field) in enumerate((("Title", self.name), ("Author", self.author))):
            name = label(word, "dim")
            name.setBuddy(field)
            fields.addWidget(name, row, 0)
            fields.addWidget(field, row, 1)
        self.body.addLayout(fields)
        self.body.addWidget(self.said)
        first, second = QHBoxLayout(), QHBoxLayout()
        for row, buttons in (
            (first, (self.words, self.check)),
            (second, (self.show_button, self.pdf, self.markdown)),
        ):
            row.setSpacing(8)
            for made in buttons:
                row.addWidget(made)
            row.addStretch(1)
            self.body.addLayout(row)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.verdict)
        line.addWidget(self.state, 1)
        self.body.addLayout(line)
        self._differences = QVBoxLayout(self.differences)
        self._differences.setContentsMargins(0, 0, 0, 0)
        self._differences.setSpacing(4)
        self.body.addWidget(self.differences)

    def make_primary(self, primary: bool) -> None:
        """The memo is the next thing to do where no step is left."""
        restyle(self.show_button, kind="primary" if primary else "")

    # What is shown

    def refresh(self) -> None:
        case, desk = self._store.case, self._desk
        for field, text in ((self.name, case.title), (self.author, case.author)):
            if not field.hasFocus() and field.text() != text:
                field.setText(text)
        self.said.setText(memo_line(case))
        busy = bool(desk.doing)
        for made in (self.show_button, self.pdf, self.markdown, self.check):
            made.setEnabled(not busy)
        self._show_state()

    def _show_state(self) -> None:
        desk = self._desk
        told, word, severity = "", "", "neutral"
        lines: tuple[str, ...] = ()
        if desk.doing:
            told = desk.doing
        elif desk.problem:
            told, word, severity = desk.problem, "not done", "bad"
        elif desk.checked is not None:
            same = desk.checked.same
            told, word, severity = (
                desk.checked.told(),
                "same" if same else "differs",
                "good" if same else "bad",
            )
            lines = tuple(each.said for each in desk.checked.differences) + desk.checked.notes
        elif desk.written is not None:
            told, word, severity = f"Written to {printable(desk.written.name)}.", "written", "good"
        self.verdict.set(word, severity)
        self.verdict.setVisible(bool(word))
        self.state.setText(told)
        self.state.setVisible(bool(told))
        self._show_lines(lines)

    def _show_lines(self, lines: tuple[str, ...]) -> None:
        while (item := self._differences.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        shown = lines[:MOST_DIFFERENCES]
        for line in shown:
            self._differences.addWidget(label(line, "caption", wrap=True))
        if len(lines) > len(shown):
            rest = count(len(lines) - len(shown), "more difference")
            self._differences.addWidget(label(f"And {rest}.", "caption"))
        self.differences.setVisible(bool(lines))

    # Doing

    def edit(self) -> None:
        project = self._session.project
        if project is not None:
            MemoDialog(self._store.case, project.folder, self._say, self.window()).open()

    def save(self, ending: str) -> None:
        """Ask where to, then write in a thread."""
        kinds = {".pdf": "PDF (*.pdf)", ".md": "Markdown (*.md)"}
        start = str(self._desk.standard_file(ending))
        chosen, _ = QFileDialog.getSaveFileName(self, "Save the memo", start, kinds[ending])
        if chosen:
            path = Path(chosen)
            path = path if path.suffix.lower() == ending else path.with_name(path.name + ending)
            guarded(self._session, lambda: self._desk.write(path))

    def _say(self, **changes: object) -> None:
        guarded(self._session, lambda: self._store.say(**changes))
