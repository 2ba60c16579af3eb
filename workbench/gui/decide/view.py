"""The Decide place: the verdict as the heading, how it came about, what would change it, and the memo of it."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from workbench.gui.commands import Commands
from workbench.gui.compare.panes import Scrolled
from workbench.gui.compare.run_command import POINT, go
from workbench.gui.decide.advice_card import AdviceCard
from workbench.gui.decide.ask_card import AskCard
from workbench.gui.decide.cases_card import CasesCard
from workbench.gui.decide.commands import MEMO, follow, register_decide, take_step
from workbench.gui.decide.doubt_dialog import DoubtDialog
from workbench.gui.decide.findings_card import FindingsCard
from workbench.gui.decide.known_card import KnownCard
from workbench.gui.decide.ladder_card import LadderCard
from workbench.gui.decide.memo_card import MemoCard
from workbench.gui.decide.other_tool import OtherTool
from workbench.gui.decide.reasons_card import ReasonsCard
from workbench.gui.decide.words import PRETRAIN, VERDICTS, caption, headline, is_filled, why_ask
from workbench.gui.session import Session
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.gui.widgets.labels import Chip
from workbench.records.decision import Decision, NextStep, Standing
from workbench.records.evidence import Evidence
from workbench.records.runs import ENDED

LEFT, RIGHT = 5, 3  # shares of the width
NARROW = 1110  # px of width, below which the right cards stand under the left ones
ROOMY, ROOMIER = 860, 1000  # px of height, from which findings and reasons are shown whole
SPACING = 12  # px between cards
WAITING = "Gathering what is known…"
NO_IMAGES = (
    "Nothing to decide on yet",
    "A decision is about images. Choose their folder, one folder for each class or none at all. Nothing is copied or "
    "sent anywhere.",
)
READING = (
    "The images are being read",
    "They are listed, checked and hashed once; the bar below shows how far it is. Then the first steps stand here.",
)


class DecideView(Page):
    """Shows one of three pages: no images, another kind of problem, the decision."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(headline(None))
        self.session, self.commands, self.store = session, commands, session.decisions
        register_decide(session, commands)
        self.verdict = Chip()
        self.verdict.hide()
        self._put_beside_heading(self.verdict)
        self.ask = AskCard(self.store)
        self.ladder = LadderCard(self.store)
        self.reasons = ReasonsCard()
        self.cases = CasesCard()
        self.advice, self.known = AdviceCard(), KnownCard()
        self.findings = FindingsCard(lambda lead: follow(commands, lead))
        self.memo = MemoCard(session, self.store, lambda: commands.run(MEMO))
        self.other = OtherTool(lambda: self.store.say(problem="images"))
        self.empty = EmptyState(
            *NO_IMAGES,
            (
                ("Choose image folder…", lambda: commands.run("project.open"), "primary"),
                ("Open the sample project", lambda: commands.run("project.sample"), ""),
            ),
            "decide",
        )
        self._lay_out()
        self._laid_out = QTimer(self)
        self._laid_out.setSingleShot(True)
        self._laid_out.setInterval(0)
        self._laid_out.timeout.connect(self._show_cases)
        self.ask.resized.connect(self._fit)
        self.ladder.opened.connect(self.open_rung)
        self.ladder.asked.connect(self.take)
        self.ladder.next.looked.connect(self.look_at_pretraining)
        self.store.changed.connect(self.refresh)
        self.store.case_changed.connect(self.refresh)
        session.dataset_changed.connect(self.refresh)
        session.jobs_changed.connect(self._on_jobs)
        session.job_progressed.connect(lambda _: self.ladder.refresh())
        session.project_changed.connect(self._on_project)
        self.store.look()
        self.refresh()

    def _put_beside_heading(self, chip: Chip) -> None:
        """Behind the heading's text; the rest of the line stays empty."""
        outer = self.layout()
        head = outer.itemAt(0).layout()
        head.removeWidget(self.heading)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self.heading)
        row.addWidget(chip, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        head.insertLayout(0, row)

    def _lay_out(self) -> None:
        empty = Card()
        empty.body.addWidget(self.empty)
        scrolled = Scrolled()
        self._row = row = QBoxLayout(QBoxLayout.Direction.LeftToRight, scrolled.content)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        self._left, self._right = QWidget(), QWidget()
        for side, share, cards in (
            (self._left, LEFT, (self.ask, self.ladder, self.reasons, self.cases)),
            (self._right, RIGHT, (self.advice, self.findings, self.memo, self.known)),
        ):
            column = QVBoxLayout(side)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(SPACING)
            for card in cards:
                column.addWidget(card)
            column.addStretch(1)
            row.addWidget(side, share)
        self.pages = QStackedLayout()
        self._empty_card, self._whole = empty, scrolled
        for page in (empty, self.other, scrolled):
            self.pages.addWidget(page)
        self.body.addLayout(self.pages, 1)

    # What is shown

    def refresh(self) -> None:
        session, store = self.session, self.store
        decision, evidence = store.decision, store.evidence
        images = store.case.problem == "images"
        have = session.index is not None or session.pool_index is not None or not images
        ready = have and decision is not None and evidence is not None
        for card in (self.ladder, self.reasons):
            card.setVisible(ready)
        self.cases.setHidden(self.cases.isHidden() or not ready)
        self._right.setVisible(ready)
        self.verdict.setVisible(ready)
        if not ready or decision is None or evidence is None:
            self._show_empty()
            self.pages.setCurrentWidget(self._whole if have else self._empty_card)
            self.set_heading(headline(None), (store.problem or WAITING) if have else "")
            return
        self._head(decision, evidence)
        if decision.verdict == "not this tool":
            self.other.show_decision(decision)
            self.pages.setCurrentWidget(self.other)
            return
        self.ladder.show_decision(decision, evidence)
        self.reasons.show_decision(decision)
        self.cases.show_row(decision.advice.row)
        self.advice.show_decision(decision, evidence)
        self.known.show_evidence(evidence)
        self.findings.show_decision(decision)
        self.memo.make_primary(decision.next_step is None)
        self._fit()
        self.pages.setCurrentWidget(self._whole)

    def _show_empty(self) -> None:
        jobs = self.session.jobs
        reading = any(job.kind in ("index", "sample") and job.status.state not in ENDED for job in jobs)
        self.empty.set(*(READING if reading else NO_IMAGES))
        for choice in self.empty.buttons:
            choice.setHidden(reading)

    def _head(self, decision: Decision, evidence: Evidence) -> None:
        severity, word = VERDICTS[decision.verdict]
        told = caption(decision, evidence)
        self.set_heading(headline(decision), self.store.problem or told)
        self.verdict.set(word, severity)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        beside = self.width() >= NARROW
        self._row.setDirection(
            QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
        )
        self._fit()

    def _fit(self) -> None:
        """Fold nothing away where the place has room."""
        if self._right.isHidden():
            return
        height = self._whole.viewport().height()
        self.reasons.fit(height >= ROOMIER)
        self.findings.fit(height >= ROOMY)
        self._laid_out.start()

    def _show_cases(self) -> None:
        """Where the cards above them leave room, by the heights that these have got."""
        column = (self.ask, self.ladder, self.reasons)
        taken = sum(card.height() + SPACING for card in column) + self.cases.height_at(self._left.width())
        room = self._whole.viewport().height()
        self.cases.setVisible(self.reasons.isVisible() and taken <= room)

    # Doing

    def take(self, step: NextStep) -> None:
        """Do a step of the ladder; of hours that what was measured speaks against, ask before."""
        decision = self.store.decision
        if step.step == "threshold":
            self.ask.ask_threshold()
            return
        if not self.ask.folded and is_filled(self.store.case):
            self.ask.fold()  # what runs is to be seen
        item = next((each for each in decision.ahead if each.step == step), None) if decision else None
        doubt = why_ask(item, decision) if item is not None and decision is not None else ""
        if not doubt or decision is None:
            take_step(self.session, self.commands, step)
            return
        start = lambda: take_step(self.session, self.commands, step)  # noqa: E731
        DoubtDialog(step, doubt, decision, start, self.look_at_pretraining, self.window()).open()

    def look_at_pretraining(self) -> None:
        """Open Pretrain with what the ladder would ask, to be estimated and changed before anything runs."""
        follow(self.commands, PRETRAIN)
        self.store.propose_pretraining()

    def open_rung(self, standing: Standing) -> None:
        """Open Compare with the row of a rung marked: a model of its comparison, or a fine-tune."""
        run_id = standing.run.rsplit("/", 1)[-1]
        project, evidence = self.session.project, self.store.evidence
        if project is not None and (project.run(run_id).path / "result.json").exists():
            backbone = evidence.rung(standing.name).checkpoint if evidence is not None else ""
            self.session.remember(POINT, backbone)
            self.session.show_result(run_id)
        else:
            self.session.remember(POINT, run_id)
        go(self.commands, "compare")

    # Signals

    def _on_jobs(self) -> None:
        self._show_empty()
        if self.store.decision is not None and self.store.evidence is not None:
            self.ladder.show_decision(self.store.decision, self.store.evidence)

    def _on_project(self) -> None:
        self.ask.open()
        self.refresh()
