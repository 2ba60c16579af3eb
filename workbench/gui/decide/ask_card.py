"""What is good enough, and what else only the expert knows: fields with one sentence each, one line once filled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.decide.words import ARCHITECTURES, PROBLEMS, case_line, is_filled
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import button, set_icon
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.number_field import NumberField
from workbench.gui.widgets.segments import Segments
from workbench.records.scores import METRIC_NAMES

if TYPE_CHECKING:
    from workbench.gui.decision_store import DecisionStore

LARGEST_COST = 1e9
FIELD_HEIGHT = 30  # px, of the other fields beside it
ANSWERS = (("", "Not said", "Leave it open"), ("yes", "Yes", ""), ("no", "No", ""))
_SAID = {"": None, "yes": True, "no": False}

METRIC_HELP = {
    "macro_f1": "Every class counts the same, however rare it is; precision and recall both count.",
    "accuracy": "Every image counts the same, so that a rare class hardly matters.",
    "balanced_accuracy": "The mean of each class's own accuracy: a rare class counts as much as any.",
}
HELP = {
    "problem": "What is to be judged; this program is made for images and says so of the rest.",
    "architecture": "Which network can run where it will be used; it decides which pretraining is possible.",
    "threshold": "The least score that would be good enough to use. Without one nothing can be judged.",
    "everyday": "Things as anybody might photograph them: public backbones have seen millions of these.",
    "colour": "Stain, hue or ripeness: pretraining must then leave the colours alone.",
    "labels_an_hour": "How many images one person labels in an hour; it turns missing labels into hours.",
    "labelling_hour_cost": "What an hour of labelling costs; hours become money.",
    "gpu_hour_cost": "What an hour of a GPU costs, rented or your own.",
    "currency": "As it is written after a sum, such as EUR.",
    "attention": "Tick it if somebody took maps of attention as a sign of quality: they are none.",
}


class AskCard(Card):
    """Every edit is kept at once. `fold` and `unfold` change between fields and line."""

    resized = Signal()  # folded or unfolded

    def __init__(self, store: DecisionStore) -> None:
        super().__init__("What is good enough?")
        self._store = store
        self.change = button("Change…", self.unfold, kind="link", tip="Target, costs, and what you know")
        self.done = button("Done", self.fold, tip="Fold it to one line; everything is kept already")
        self.line = label("", wrap=True)
        self.add_head(self.line)
        self.head.setStretchFactor(self.line, 1)
        self.head.setStretch(1, 0)
        self.add_head(self.change)
        self.add_head(self.done)
        self._make_fields()
        self.fields = QWidget()
        self._lay_out()
        self.body.addWidget(self.fields)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        self.body.addWidget(self.error)
        store.case_changed.connect(self.show_case)
        self.open()

    def open(self) -> None:
        """Of another project: folded where the least was said already."""
        self.show_case()
        self._set_folded(is_filled(self._store.case))

    @property
    def folded(self) -> bool:
        return self.fields.isHidden()

    def fold(self) -> None:
        self._set_folded(True)
        self.change.setFocus()

    def unfold(self) -> None:
        self._set_folded(False)
        self.threshold.setFocus()

    def ask_threshold(self) -> None:
        """Where the next step is to set it."""
        self.unfold()
        self.threshold.selectAll()

    def _set_folded(self, folded: bool) -> None:
        self.fields.setVisible(not folded)
        self.done.setVisible(not folded)
        self.change.setVisible(folded)
        self.line.setVisible(folded)
        self.set_title("Target" if folded else "What is good enough?")
        self.resized.emit()

    # Fields

    def _make_fields(self) -> None:
        self.problem = QComboBox()
        for key, word in PROBLEMS.items():
            self.problem.addItem(word[0].upper() + word[1:], key)
        self.problem.activated.connect(lambda _: self._say(problem=self.problem.currentData()))
        self.score = QComboBox()
        for key, word in METRIC_NAMES.items():
            self.score.addItem(word, key)
        self.score.activated.connect(lambda _: self._say_target(metric=self.score.currentData()))
        self.threshold = _number(1.0, 0.01, 3, "not set")
        self.labels_an_hour = _number(1e6, 10.0, 0, "not known")
        self.labelling_hour_cost = _number(LARGEST_COST, 1.0, 2, "not known")
        self.gpu_hour_cost = _number(LARGEST_COST, 0.1, 2, "not known")
        for name in ("threshold", "labels_an_hour", "labelling_hour_cost", "gpu_hour_cost"):
            field: QDoubleSpinBox = getattr(self, name)
            field.valueChanged.connect(lambda value, name=name: self._say_target(**{name: value or None}))
        self.currency = QLineEdit()
        self.currency.setMaxLength(12)
        self.currency.setPlaceholderText("EUR")
        self.currency.editingFinished.connect(lambda: self._say_target(currency=self.currency.text().strip()))
        self.everyday = Segments("Everyday photographs", ANSWERS)
        self.everyday.chosen.connect(lambda key: self._say(everyday=_SAID[key]))
        self.colour = Segments("Colour tells classes apart", ANSWERS)
        self.colour.chosen.connect(lambda key: self._say(colour_is_signal=_SAID[key]))
        words = {"": "Either", "vit": "Transformer", "cnn": "Convolutional"}
        self.architecture = Segments(
            "What must be deployed",
            [(key, words[key], ARCHITECTURES[key].capitalize()) for key in ARCHITECTURES],
        )
        self.architecture.chosen.connect(lambda key: self._say(architecture=key))
        self.attention = QCheckBox("Attention maps were shown as proof")
        self.attention.clicked.connect(lambda on: self._say(attention_seen=on))

    def _lay_out(self) -> None:
        self.score_help = label("", "caption", wrap=True)
        first = (
            ("Score", self.score, ""),
            ("Good enough from", self.threshold, HELP["threshold"]),
            ("What is judged", self.problem, HELP["problem"]),
            ("What must be deployed", self.architecture, HELP["architecture"]),
            ("Everyday photographs?", self.everyday, HELP["everyday"]),
            ("Does colour tell classes apart?", self.colour, HELP["colour"]),
        )
        rest = (
            ("Labels an hour", self.labels_an_hour, HELP["labels_an_hour"]),
            ("An hour of labelling costs", self.labelling_hour_cost, HELP["labelling_hour_cost"]),
            ("An hour of a GPU costs", self.gpu_hour_cost, HELP["gpu_hour_cost"]),
            ("Currency", self.currency, HELP["currency"]),
            ("", self.attention, HELP["attention"]),
        )
        self.costs = QWidget()
        self.more = button(
            "Costs and more, if known", self._show_costs, kind="link", icon_name="chevron-right"
        )
        self.more.setCheckable(True)
        outer = QVBoxLayout(self.fields)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        for place, cells in enumerate((first, rest)):
            grid = QGridLayout()
            grid.setContentsMargins(0, 0, 0, 0)
            grid.setHorizontalSpacing(20)
            grid.setVerticalSpacing(10)
            for at, (title, field, help) in enumerate(cells):
                told = self.score_help if field is self.score else label(help, "caption", wrap=True)
                grid.addWidget(_cell(title, field, told, help), *divmod(at, 2))
            for column in (0, 1):
                grid.setColumnStretch(column, 1)
            if place == 0:
                outer.addLayout(grid)
            else:
                self.costs.setLayout(grid)
        row = QHBoxLayout()
        row.addWidget(self.more)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addWidget(self.costs)
        self.costs.hide()

    def _show_costs(self) -> None:
        shown = self.more.isChecked()
        self.costs.setVisible(shown)
        set_icon(self.more, "chevron-down" if shown else "chevron-right")

    # Saying

    def show_case(self) -> None:
        case = self._store.case
        target = case.target
        shown: tuple[QWidget, ...] = (
            self.problem,
            self.score,
            self.threshold,
            self.labels_an_hour,
            self.labelling_hour_cost,
            self.gpu_hour_cost,
            self.currency,
            self.attention,
        )
        blockers = [QSignalBlocker(field) for field in shown]
        self.problem.setCurrentIndex(self.problem.findData(case.problem))
        self.score.setCurrentIndex(self.score.findData(target.metric))
        for name in ("threshold", "labels_an_hour", "labelling_hour_cost", "gpu_hour_cost"):
            getattr(self, name).setValue(getattr(target, name) or 0.0)
        if self.currency.text() != target.currency:
            self.currency.setText(target.currency)
        self.attention.setChecked(case.attention_seen)
        blockers.clear()
        keys = {said: key for key, said in _SAID.items()}
        self.everyday.choose(keys[case.everyday])
        self.colour.choose(keys[case.colour_is_signal])
        self.architecture.choose(case.architecture)
        self.score_help.setText(METRIC_HELP[target.metric])
        self.line.setText(case_line(case))

    def _say_target(self, **changes: Any) -> None:
        try:
            target = replace(self._store.case.target, **changes)
        except ValueError as error:
            self._complain(str(error))
            return
        self._say(target=target)

    def _say(self, **changes: Any) -> None:
        try:
            self._store.say(**changes)
        except (ValueError, OSError) as error:
            self._complain(str(error))
        else:
            self._complain("")

    def _complain(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.setVisible(bool(sentence))


def _number(most: float, step: float, decimals: int, nothing: str) -> QDoubleSpinBox:
    """0 reads as `nothing`. A value counts when the field is left or Enter is pressed, not with each digit."""
    spin = NumberField()
    spin.setRange(0.0, most)
    spin.setSingleStep(step)
    spin.setDecimals(decimals)
    spin.setSpecialValueText(nothing)
    spin.setKeyboardTracking(False)
    spin.lineEdit().setTextMargins(*FIELD_MARGINS)
    spin.setGroupSeparatorShown(True)
    spin.setMinimumWidth(96)
    spin.setFixedHeight(FIELD_HEIGHT)
    return spin


def _cell(title: str, field: QWidget, told: QWidget, help: str) -> QWidget:
    """The question over its field over its sentence."""
    made = QWidget()
    column = QVBoxLayout(made)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(4)
    if title:
        name = label(title)
        name.setBuddy(field)
        column.addWidget(name)
        field.setAccessibleName(title)
    set_tip(field, help)
    if isinstance(field, Segments):
        row = QHBoxLayout()
        row.addWidget(field)
        row.addStretch(1)
        column.addLayout(row)
    else:
        column.addWidget(field)
    column.addWidget(told)
    column.addStretch(1)
    column.setAlignment(Qt.AlignmentFlag.AlignTop)
    return made
