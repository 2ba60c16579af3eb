"""Which images are learnt from, how, and from which weights: the three choices that come before any number."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import menu_text, set_tip
from workbench.gui.pretrain.plan import Plan
from workbench.gui.pretrain.words import (
    ARCHITECTURES,
    FAMILY_TITLES,
    POOLS,
    architecture_words,
    images_words,
    is_transformer,
)
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import PushButton
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.methods import FAMILIES, MethodFacts
from workbench.records.text import printable


class PoolCard(Card):
    """Which images; how many; what that means for later numbers."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__("Learn from")
        self._session, self._plan = session, plan
        options = [(key, word, meaning) for key, (word, meaning) in POOLS.items()]
        self.choice = Segments("Learn from", options)
        self.choice.chosen.connect(plan.choose_pool)
        self.means = label("", "caption", wrap=True)
        self.body.addWidget(self.choice)
        self.body.addWidget(self.means)
        session.dataset_changed.connect(self.refresh)
        plan.changed.connect(lambda what: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        plan, sizes = self._plan, self._plan.sizes()
        self.choice.choose(plan.learn_from)
        self.set_title("Learn from", f"up to {images_words(sizes.of(plan.learn_from))}")
        self.aside.set_tip(
            "Copies of images that must stay unseen are left out as well; the estimate counts them"
        )
        counts = f"{sizes.unlabelled:,} unlabelled, {sizes.train:,} of the training part"
        seen = "are learnt from too" if plan.learn_from == "all" else "stay unseen"
        unseen = f", {sizes.unseen:,} of validation and test {seen}" if sizes.unseen else ""
        self.means.setText(f"{POOLS[plan.learn_from][1]} Here: {counts}{unseen}.")


class MethodChoice(Card):
    """The methods in their three families, each family in a sentence; then what is to be known of the chosen one."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__("Method")
        self._session, self._plan = session, plan
        self.buttons: dict[str, QPushButton] = {}
        self._shown: tuple[MethodFacts, ...] = ()
        self._group = QButtonGroup(self)
        self._families = QVBoxLayout()
        self._families.setSpacing(4)
        self.body.addLayout(self._families)
        self.summary = label("", wrap=True)
        self.when = label("", "caption", wrap=True)
        self.body.addWidget(self.summary)
        self.body.addWidget(self.when)
        session.pretraining.methods_changed.connect(self.refresh)
        plan.changed.connect(lambda what: what == "method" and self.refresh())
        self.refresh()

    def refresh(self) -> None:
        methods = self._session.pretraining.methods
        if methods != self._shown:
            self._shown = methods
            self._rebuild(methods)
        chosen = self._plan.method
        for name, made in self.buttons.items():
            made.setChecked(chosen is not None and name == chosen.name)
        if chosen is None:
            self.summary.setText("The methods are being looked up.")
            self.when.setText("")
            return
        self.set_title("Method", printable(chosen.title))
        self.aside.set_tip(chosen.source)
        self.summary.setText(chosen.summary)
        self.when.setText(f"Right for: {_lower(chosen.when)} Not for: {_lower(chosen.when_not)}")
        set_tip(self.when, chosen.source)

    def _rebuild(self, methods: tuple[MethodFacts, ...]) -> None:
        while (item := self._families.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self.buttons = {}
        families = [
            *FAMILIES,
            *dict.fromkeys(facts.family for facts in methods if facts.family not in FAMILIES),
        ]
        for family in families:
            members = [facts for facts in methods if facts.family == family]
            if members:
                self._families.addWidget(self._family(family, members))

    def _family(self, family: str, members: list[MethodFacts]) -> QWidget:
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 4)
        column.setSpacing(2)
        what, when = FAMILIES.get(family, ("From a plugin.", ""))
        line = QHBoxLayout()
        line.setSpacing(2)
        title = FAMILY_TITLES.get(family, family[:1].upper() + family[1:])
        line.addWidget(label(title, "strong", tip=when))
        line.addStretch(1)
        for facts in members:
            made = PushButton(menu_text(facts.title))
            made.setProperty("kind", "segment")
            made.setCheckable(True)
            made.setAutoDefault(False)
            made.setAccessibleName(f"{printable(title)}: {printable(facts.title)}")
            set_tip(made, f"{facts.summary}\n{facts.when}")
            made.clicked.connect(lambda _, name=facts.name: self._plan.choose_method(name))
            self._group.addButton(made)
            self.buttons[facts.name] = made
            line.addWidget(made)
        column.addLayout(line)
        column.addWidget(label(what, "caption", wrap=True, tip=when))
        return row


class StartCard(Card):
    """The weights to start from, and the architecture where there are none."""

    def __init__(self, session: Session, plan: Plan) -> None:
        super().__init__("Start")
        self._session, self._plan = session, plan
        self.start, self.backbone = QComboBox(), QComboBox()
        self.start.setAccessibleName("Start from")
        set_tip(
            self.start,
            "Weights to start from: those on this machine that the method can work with. Backbones of plugins are "
            "left out: what would be learnt from them could not be written for other programs.",
        )
        self.backbone.setAccessibleName("Architecture")
        self.backbone.setEditable(True)
        self.backbone.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        set_tip(
            self.backbone, "timm's name of an architecture; any vit_*, resnet* or convnext_* can be typed"
        )
        self.start_note, self.backbone_note = label("", "caption", wrap=True), label("", "caption", wrap=True)
        for title, field, note in (
            ("Start from", self.start, self.start_note),
            ("Architecture", self.backbone, self.backbone_note),
        ):
            field.setMinimumContentsLength(12)
            field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            row = QHBoxLayout()
            row.setSpacing(12)
            name = label(title)
            name.setFixedWidth(92)
            name.setBuddy(field)
            row.addWidget(name)
            row.addWidget(field, 1)
            self.body.addLayout(row)
            self.body.addWidget(note)
        self.start.activated.connect(lambda _: plan.choose_start(str(self.start.currentData())))
        self.backbone.activated.connect(lambda _: plan.choose_backbone(self._typed()))
        self.backbone.lineEdit().editingFinished.connect(self._on_typed)
        session.backbones_changed.connect(lambda: plan.refresh())
        plan.changed.connect(lambda what: what in ("method", "start") and self.refresh())
        self.refresh()

    def refresh(self) -> None:
        plan = self._plan
        with QSignalBlocker(self.start), QSignalBlocker(self.backbone):
            self.start.clear()
            self.start.addItem("Nothing: random weights", "")
            for facts in plan.starts():
                self.start.addItem(printable(facts.title), facts.id)
            if plan.start and self.start.findData(plan.start) < 0:
                self.start.addItem(printable(plan.start), plan.start)
            self.start.setCurrentIndex(max(self.start.findData(plan.start), 0))
            self.backbone.clear()
            for name, much in ARCHITECTURES:
                if is_transformer(name) or not plan.tokens_only:
                    self.backbone.addItem(f"{architecture_words(name)}, {much}", name)
            if plan.start:
                self.backbone.setEditText("as the start weights have it")
            else:
                at = self.backbone.findData(plan.backbone)
                self.backbone.setCurrentIndex(at)
                if at < 0:
                    self.backbone.setEditText(plan.backbone)
        self.backbone.lineEdit().setCursorPosition(0)
        self.backbone.setEnabled(not plan.start)
        self._tell()

    def _tell(self) -> None:
        plan = self._plan
        facts = next((known for known in self._session.catalogue if known.id == plan.start), None)
        if facts is not None:
            data = printable(facts.training_data)
            self.start_note.setText(f"Learnt from {data}. Licence: {printable(facts.licence)}.")
        elif plan.start:
            self.start_note.setText("These weights are not among those on this machine.")
        elif self.start.count() > 1:
            self.start_note.setText(
                "Random weights need many images and epochs; a public backbone has seen more than most folders hold."
            )
        else:
            self.start_note.setText(
                "No public backbone on this machine fits. Download one in Models, or start from random weights."
            )
        needs = "The method needs a transformer. " if plan.tokens_only else ""
        self.backbone_note.setText(
            "" if plan.start else f"{needs}Larger ones take longer and want more images."
        )
        self.backbone_note.setVisible(not plan.start)

    def _typed(self) -> str:
        at = self.backbone.findText(self.backbone.currentText())
        return str(self.backbone.itemData(at)) if at >= 0 else self.backbone.currentText()

    def _on_typed(self) -> None:
        if not self._plan.start and self._typed() and self._typed() != self._plan.backbone:
            self._plan.choose_backbone(self._typed())


def _lower(sentence: str) -> str:
    """A sentence as it goes on after a colon; names and abbreviations keep their capitals."""
    first = sentence.split(" ", 1)[0]
    return sentence if first != first.capitalize() or len(first) < 2 else sentence[:1].lower() + sentence[1:]
