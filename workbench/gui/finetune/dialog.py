"""What is to learn, and how: the form of the fine-tune job, with the backbone chosen from those on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.forms import Form
from workbench.gui.guarded import guarded
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.catalogue import PLUGIN
from workbench.records.finetunes import NOT_RANKED
from workbench.records.jobs import FinetuneJob
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

REMEMBERED = "finetune"  # under which the project keeps what was asked last
HIDDEN = ("index", "curation", "roots", "backbone", "ledger", "cache")
FEATURES_ALONE = (
    "Not offered: {names}. What would be learnt on top of a plugin's backbone could not be written for other "
    "programs, so it is compared and not fine-tuned. Take a backbone of timm, of Hugging Face or from a file."
)
NO_WEIGHTS = "histogram"  # counts and does not learn


class FinetuneDialog(QDialog):
    """Starts the job when accepted; what was asked is remembered with the project."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.setWindowTitle("Fine-tune a backbone")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 680)
        before = session.recall(REMEMBERED, {})
        before = before if isinstance(before, dict) else {}
        self.backbone = QComboBox()
        for identifier, title in backbones_of(session):
            self.backbone.addItem(title, identifier)
        self.backbone.setCurrentIndex(max(self.backbone.findData(before.get("backbone")), 0))
        self.backbone.setAccessibleName("Backbone")
        set_tip(self.backbone, "Those on this machine; others are added in Models")
        self.backbone.currentIndexChanged.connect(lambda _: self._refresh())
        given = {
            "index": session.settings.index,
            "backbone": "chosen above",
        }  # so that the rest can be checked
        self.form = Form(FinetuneJob, {**_usual(session), **_known(before), **given}, hidden=HIDDEN)
        rate = self.form.fields["learning_rate"]
        assert isinstance(rate, QDoubleSpinBox)
        rate.setDecimals(6)
        rate.setSingleStep(1e-5)
        self.form.changed.connect(self._refresh)
        self.work = label("", "dim", wrap=True)
        self.start = button("Start fine-tuning", self.accept, kind="primary")
        self.start.setDefault(True)
        self._lay_out()
        self._refresh()

    def values(self) -> dict[str, Any]:
        """What the fields say, unchecked."""
        return {
            **{name: value for name, value in self.form.values().items() if name not in HIDDEN},
            "backbone": self.backbone.currentData() or "",
        }

    def accept(self) -> None:
        if self.form.value() is None:
            return  # the form shows what is wrong, under its field
        values = self.values()
        self._session.remember(REMEMBERED, values)
        guarded(self._session, lambda: self._session.run_finetune(values))
        super().accept()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(12)
        name = label("Backbone")
        name.setBuddy(self.backbone)
        top.addWidget(name)
        top.addWidget(self.backbone, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 12, 0)
        column.addWidget(self.form)
        scroll.setWidget(inside)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.work, 1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.start)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label(NOT_RANKED, "dim", wrap=True))
        outer.addLayout(top)
        left_out = features_alone(self._session)
        if left_out:
            names = ", ".join(printable(self._session.title_of(name)) for name in left_out[:3])
            outer.addWidget(label(FEATURES_ALONE.format(names=names), "caption", wrap=True))
        outer.addWidget(scroll, 1)
        outer.addLayout(row)

    def _refresh(self) -> None:
        self.work.setText(work_told(self._session, self.values()))
        self.start.setEnabled(self.backbone.count() > 0)


def backbones_of(session: Session) -> list[tuple[str, str]]:
    """(identifier, title) of what can learn: those of this comparison first, then all others on this machine."""
    here = {facts.id: facts.title for facts in session.catalogue if facts.available}
    chosen = [choice.backbone for choice in session.settings.chosen]
    listed = {facts.id for facts in session.catalogue}
    order = [name for name in chosen if name in here or name not in listed] + list(here)
    left_out = {NO_WEIGHTS, *features_alone(session)}
    return [(name, printable(here.get(name, name))) for name in dict.fromkeys(order) if name not in left_out]


def features_alone(session: Session) -> list[str]:
    """The backbones of plugins that are on this machine or chosen: they give features and can't learn."""
    found = [facts.id for facts in session.catalogue if facts.available and facts.source == PLUGIN]
    chosen = (choice.backbone for choice in session.settings.chosen)
    return list(dict.fromkeys([*found, *(name for name in chosen if session.brought.backbone(name))]))


def work_told(session: Session, values: dict[str, Any]) -> str:
    """How much work that is, in a sentence."""
    if session.index is None or session.split is None:
        return ""
    train, val, test = session.split.counts()
    seeds, epochs = int(values["seeds"]), int(values["epochs"])
    return (
        f"{count(max(seeds, 0), 'split')}, each learns from {count(train, 'image')} at most "
        f"{count(max(epochs, 0), 'time')}; {val:,} choose the epoch and {test:,} test it, once."
    )


def _usual(session: Session) -> dict[str, Any]:
    """As the comparison has it: as many splits, so that they are the same ones."""
    return {"seeds": session.settings.seeds}


def _known(before: dict[str, Any]) -> dict[str, Any]:
    """What an earlier version of the program may have remembered and this one still has."""
    known = FinetuneJob.__dataclass_fields__
    return {name: value for name, value in before.items() if name in known and name not in HIDDEN}
