"""What a pretraining would take: memory, time, disk; and what speaks against it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from workbench.gui.guarded import guarded
from workbench.gui.plain_text import set_tip
from workbench.gui.pretrain.findings_list import FindingsList
from workbench.gui.pretrain.plan import Plan
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.pretrain_plans import Estimate
from workbench.records.runs import ENDED
from workbench.records.text import count, data_size, duration, printable

EMPTY = (
    "One step is tried on the device, and images are read from the disk, before anything is promised. It takes less "
    "than a minute."
)
EARLIER = "Measured with other settings than these."
MOST_RULES = 6


class EstimateCard(Card):
    """Follows the store: asked, answered, of the present settings or of earlier ones."""

    def __init__(self, session: Session, plan: Plan, why_not: Callable[[], str]) -> None:
        super().__init__("What it takes")
        self._session, self._plan, self._why_not = session, plan, why_not
        self.ask_button = button("Estimate", self.ask, kind="quiet")
        self.add_head(self.ask_button)
        self.text = label(EMPTY, "dim", wrap=True)
        self.body.addWidget(self.text)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)
        self.note = label(EARLIER, "caption", wrap=True)
        self.findings = FindingsList()
        self.body.addWidget(self.note)
        self.body.addWidget(self.findings)
        self.rows: list[tuple[str, str, str]] = []
        self._shown: Estimate | None = None
        session.pretraining.answered.connect(lambda kind: kind == "estimate" and self.refresh())
        session.jobs_changed.connect(self.refresh)
        session.project_changed.connect(self.refresh)
        plan.changed.connect(lambda what: self.refresh())
        self.refresh()

    def ask(self) -> None:
        reason = self._why_not()
        if reason:
            self._session.message.emit("warn", reason)
            return
        guarded(self._session, lambda: self._session.pretraining.estimate(self._plan.values()))
        self.refresh()

    def refresh(self) -> None:
        store = self._session.pretraining
        answer = store.answer("estimate")
        running = is_asking(self._session, "estimate")
        self.ask_button.setEnabled(not running)
        set_tip(
            self.ask_button, "Try one step, and read some images" if not running else "It is being measured"
        )
        if not isinstance(answer, Estimate):
            self.set_title("What it takes", "being measured" if running else "")
            self.text.setText(EMPTY)
            self.text.show()
            self._show([])
            self._shown = None
            self.findings.show_findings(())
            self.note.hide()
            return
        current = store.is_current("estimate", self._plan.values())
        self.set_title("What it takes", "being measured" if running else "")
        self.note.setVisible(not current)
        if answer is not self._shown:
            self._shown = answer
            self._show(told(answer))
            self.findings.show_findings(answer.findings)
        self.text.hide()

    def _show(self, rows: list[tuple[str, str, str]]) -> None:
        self.rows = rows
        while (item := self._grid.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        for number, (name, value, why) in enumerate(rows):
            self._grid.addWidget(label(name, "dim", tip=why), number, 0)
            shown = ElidedLabel(value)
            shown.set_tip(why)
            shown.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            shown.setAccessibleName(f"{printable(name)}: {printable(value)}")
            self._grid.addWidget(shown, number, 1)


def told(estimate: Estimate) -> list[tuple[str, str, str]]:
    """(name, value, tooltip) of each number. Not measured is said, never guessed."""
    memory = "not measured here"
    if estimate.peak_bytes is not None:
        memory = data_size(estimate.peak_bytes)
        if estimate.memory_bytes:
            memory += f" of {data_size(estimate.memory_bytes)}"
    batch = f"{estimate.batch_size:,}"
    if estimate.accumulate > 1:
        batch += f", in {estimate.accumulate} parts"
    left_out = f", {estimate.left_out:,} left out" if estimate.left_out else ""
    disk = f"{data_size(estimate.store_bytes)}, {data_size(estimate.free_bytes)} free"
    rows = [
        ("Images", f"{estimate.images:,}{left_out}", "Validation, test and their copies are left out"),
        ("Total time", f"{duration(estimate.seconds)}, {count(estimate.epochs, 'epoch')}", ""),
        (
            "An epoch",
            f"{duration(estimate.seconds_per_epoch)}, {count(estimate.steps_per_epoch, 'step')}",
            "",
        ),
        ("Rate", f"{estimate.images_per_second:,.0f} img/s", f"On {estimate.device}"),
        ("Batch", batch, "Images of one step, and in how many parts it is computed"),
        ("Memory", memory, "The most that a step took of the device's memory"),
        ("Disk", disk, f"Decoded pixels are kept at {estimate.stored_size} px"),
    ]
    rows += [(_upper(rule.name), rule.value, rule.rule) for rule in estimate.rules[:MOST_RULES]]
    return rows


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def is_asking(session: Session, kind: str) -> bool:
    """Whether a worker answers the question, or will."""
    run_id = session.pretraining.asking(kind)
    return any(job.id == run_id and job.status.state not in ENDED for job in session.jobs)
