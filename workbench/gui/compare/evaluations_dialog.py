"""Which evaluations of plugins a comparison computes beside probe and k-NN: those chosen, and a form to add one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.commands import Command
from workbench.gui.compare.words import evaluation_words
from workbench.gui.forms import Form
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.evaluations import EvaluationFacts
from workbench.records.methods import written_by_name
from workbench.records.params import config_of
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

EVALUATIONS = "compare.evaluations"
TOLD = (
    "Plugins score the same features on the same splits, and never see a test label. What they say stands beside "
    "probe and k-NN as columns of the table; no verdict is made of it."
)
NONE = "None is chosen: the table shows probe and k-NN alone."
WITHOUT = "No plugin brings an evaluation. Plugins shows how to add one."


def why_no_evaluations(session: Session) -> str:
    """A sentence where there is nothing to choose; "" where there is."""
    return "" if session.brought.evaluations or session.settings.evaluations else WITHOUT


def evaluations_command(session: Session, parent: QWidget) -> Command:
    """The command that opens the dialog."""
    return Command(
        id=EVALUATIONS,
        title="Evaluations of plugins…",
        run=lambda: EvaluationsDialog(session, parent).show(),
        why_not=lambda: why_no_evaluations(session),
        help="What is computed beside probe and k-NN",
        place="compare",
    )


class EvaluationsDialog(QDialog):
    """Every change is kept with the project at once; it counts from the next comparison on."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Evaluations of plugins")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(600, 500)
        self.which = QComboBox()
        self.which.setAccessibleName("Evaluation")
        for facts in session.brought.evaluations:
            self.which.addItem(printable(facts.title), facts.name)
        self.which.currentIndexChanged.connect(lambda _: self._show_form())
        self.summary = label("", "dim", wrap=True)
        self.form: Form[object] | None = None
        self.error = label("", "error", wrap=True)
        self.add = button("Add", self._add)
        self.add.setDefault(True)
        self._chosen = QVBoxLayout()
        self._chosen.setSpacing(4)
        self._lay_out()
        self._show_chosen()
        self._show_form()

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label(TOLD, "dim", wrap=True))
        outer.addWidget(label("Computed when the comparison runs", "strong"))
        outer.addLayout(self._chosen)
        self.adding = QWidget()
        column = QVBoxLayout(self.adding)
        column.setContentsMargins(0, 4, 0, 0)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(label("Add another", "strong"))
        head.addWidget(self.which, 1)
        column.addLayout(head)
        column.addWidget(self.summary)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        self._fields = QVBoxLayout(inside)
        self._fields.setContentsMargins(0, 0, 12, 0)
        scroll.setWidget(inside)
        column.addWidget(scroll, 1)
        column.addWidget(self.error)
        outer.addWidget(self.adding, 1)
        outer.addStretch(0)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.add)
        row.addStretch(1)
        row.addWidget(button("Done", self.accept, kind="primary"))
        outer.addLayout(row)
        brought = bool(self._session.brought.evaluations)
        self.adding.setVisible(brought)
        self.add.setVisible(brought)
        self.error.hide()

    def _facts(self) -> EvaluationFacts | None:
        return self._session.brought.evaluation(str(self.which.currentData()))

    def _show_form(self) -> None:
        self.error.hide()
        if self.form is not None:
            self._fields.removeWidget(self.form)
            self.form.deleteLater()
            self.form = None
        facts = self._facts()
        if facts is None:
            return
        self.summary.setText(f"{facts.summary} {facts.source}. Brought by the plugin {facts.plugin}.")
        self.form = Form(config_of("Settings", facts.params))
        self.form.changed.connect(self.error.hide)
        self._fields.addWidget(self.form)

    def _show_chosen(self) -> None:
        while (item := self._chosen.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        chosen = self._session.settings.evaluations
        for text in chosen:
            self._chosen.addWidget(self._row(text))
        if not chosen:
            self._chosen.addWidget(label(NONE, "dim", wrap=True))

    def _row(self, text: str) -> QWidget:
        made = QWidget()
        row = QHBoxLayout(made)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        words = evaluation_words(text, self._session.brought)
        row.addWidget(ElidedLabel(words, "", Qt.TextElideMode.ElideMiddle), 1)
        remove = button("Remove", lambda: self._remove(text), kind="link")
        remove.setAccessibleName(f"Remove {words}")
        row.addWidget(remove)
        return made

    def _add(self) -> None:
        facts = self._facts()
        if facts is None or self.form is None or self.form.value() is None:
            return  # the form shows what is wrong, under its field
        usual = {item.name: item.default for item in facts.params}
        values = {name: value for name, value in self.form.values().items() if value != usual[name]}
        try:
            text = written_by_name(facts.name, values)
        except ValueError as error:
            self._complain(str(error))
            return
        chosen = self._session.settings.evaluations
        if text in chosen:
            self._complain("It is chosen already with these settings. Change one to add it once more.")
            return
        self._keep([*chosen, text])

    def _remove(self, text: str) -> None:
        self._keep([one for one in self._session.settings.evaluations if one != text])

    def _keep(self, texts: list[str]) -> None:
        self.error.hide()
        self._session.set_lock(evaluations=texts)
        self._show_chosen()

    def _complain(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.show()
