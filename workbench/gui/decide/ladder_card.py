"""The ladder: what was climbed with what it scored and cost, the next step with its button, and what lies ahead."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from workbench.gui.decide.interval_bar import IntervalBar, axis_of
from workbench.gui.decide.words import (
    PRETRAIN,
    STATES,
    badge,
    cost_words,
    in_order,
    interval_words,
    lead_of,
    short_cost,
    short_name,
    told_ahead,
    told_rung,
    why_not_step,
)
from workbench.gui.decision_store import DecisionStore
from workbench.gui.plain_text import menu_text, set_tip
from workbench.gui.theme import restyle
from workbench.gui.tray import numbers
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.decision import Ahead, Decision, NextStep, Standing
from workbench.records.evidence import Evidence
from workbench.records.text import duration, printable
from workbench.supervisor import JobState

NUMBER, NAME, SCORE, BAR, COST, SO_FAR, STATE, ACT = range(8)
NUMBER_WIDTH, NAME_WIDTH = 14, 190  # px
BAR_WIDTH = 80  # px
INDENT = 4  # px, the border of a link
STRIP_GAP = 6  # px above and below the next step
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class LadderCard(Card):
    """Emits `opened` with a climbed rung, `asked` with a step whose button was pressed."""

    opened = Signal(object)  # Standing
    asked = Signal(object)  # NextStep

    def __init__(self, store: DecisionStore) -> None:
        super().__init__("The ladder", "cheapest credible step first")
        self._store = store
        self.title.set_tip(
            "Steps from cheap to dear; it ends where one meets the threshold with its whole interval"
        )
        self._shown: object = None
        self._grid_box = QWidget()
        self.body.addWidget(self._grid_box)
        self.names: list[NameButton] = []
        self.step_buttons: dict[str, QPushButton] = {}  # by the step's title
        self.next = NextStrip(self.asked.emit)

    def show_decision(self, decision: Decision, evidence: Evidence) -> None:
        """Rebuilt only where something of it changed, so that the focus stays."""
        jobs = tuple(self._store.running(item.step) is not None for item in decision.ahead)
        key = (decision, evidence.target.threshold, evidence.at_hand, jobs)
        if key != self._shown:
            self._shown = key
            self._rebuild(decision, evidence)
        self.refresh()

    def refresh(self) -> None:
        """What runs, and how far it is."""
        if self.next.step is not None:
            self.next.show_job(self._store.running(self.next.step))

    def _rebuild(self, decision: Decision, evidence: Evidence) -> None:
        self.next.setParent(None)
        self._grid_box.hide()
        self._grid_box.deleteLater()
        self._grid_box = QWidget()
        self.names, self.step_buttons = [], {}
        whole = QVBoxLayout(self._grid_box)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(STRIP_GAP)
        threshold = evidence.target.threshold
        axis = axis_of(decision.standings, threshold)
        if decision.standings:
            grid = _grid(whole)
            grid.setColumnMinimumWidth(NAME, NAME_WIDTH)
            grid.setColumnStretch(BAR, 2)  # what is left over: long bars tell small differences apart
            grid.setColumnMinimumWidth(BAR, BAR_WIDTH)
            row = self._heads(grid, threshold)
            for number, (standing, so_far) in enumerate(in_order(decision.standings), start=1):
                self._climbed(grid, row, number, standing, so_far, threshold, axis)
                row = self._rule(grid, row + 1)
        self.next.show_step(decision, self._lead(decision.next_step))
        if self.next.told:
            whole.addWidget(self.next)
            self.next.show()
        rest = [item for item in decision.ahead if not self._is_next(item, decision.next_step)]
        below, row = _grid(whole), 0  # of its own, for its buttons would take the room of the names above
        for number, item in enumerate(
            rest, start=len(decision.standings) + 1 + (decision.next_step is not None)
        ):
            self._ahead(below, row, number, item, evidence)
            row = self._rule(below, row + 1) if item is not rest[-1] else row + 1
        self.body.addWidget(self._grid_box)
        total = decision.standings[-1].cost_so_far if decision.standings else 0.0
        self.set_title(
            "The ladder", f"{duration(total)} of computing so far" if total else "cheapest step first"
        )

    def _is_next(self, item: Ahead, step: NextStep | None) -> bool:
        return item.state == "next" and step is not None

    def _lead(self, step: NextStep | None) -> str:
        """The word of a step that only a person can do; "" where a job does it."""
        lead = lead_of(step, self._store.at_hand(step.backbone)) if step is not None else None
        return lead.word if lead is not None else ""

    def _heads(self, grid: QGridLayout, threshold: float | None) -> int:
        bar = "interval" if threshold is None else f"beside {threshold:.3f}"
        for column, word in (
            (NAME, "rung"),
            (SCORE, "score"),
            (BAR, bar),
            (COST, "cost"),
            (SO_FAR, "so far"),
        ):
            head = label(word, "caption")
            head.setContentsMargins(INDENT if column == NAME else 0, 0, 0, 0)
            if column in (SCORE, COST, SO_FAR):
                head.setAlignment(RIGHT)
            grid.addWidget(head, 0, column)
        return self._rule(grid, 1)

    def _climbed(
        self,
        grid: QGridLayout,
        row: int,
        number: int,
        standing: Standing,
        so_far: float,
        threshold: float | None,
        axis: tuple[float, float],
    ) -> None:
        name = NameButton(short_name(standing), lambda: self.opened.emit(standing))
        told = told_rung(standing, number)
        name.setAccessibleName(told)
        name.setEnabled(bool(standing.run))
        spread = f"Interval {interval_words(standing.interval)}. " if standing.interval else ""
        if short_name(standing) != standing.name:
            spread = f"{printable(standing.name)}. {spread}"
        name.set_help(f"{spread}Open it in Compare." if standing.run else f"{spread}It names no run.")
        self.names.append(name)
        word, severity, help = badge(standing, threshold)
        grid.addWidget(_dim(str(number)), row, NUMBER)
        grid.addWidget(name, row, NAME)
        grid.addWidget(_right(f"{standing.mean:.3f}"), row, SCORE)
        grid.addWidget(IntervalBar(standing, threshold, axis), row, BAR)
        grid.addWidget(_right(cost_words(standing.cost_seconds), "dim"), row, COST)
        grid.addWidget(_right(cost_words(so_far or None), "dim"), row, SO_FAR)
        grid.addWidget(Chip(word, severity, help), row, STATE)
        grid.setRowMinimumHeight(row, 32)

    def _ahead(self, grid: QGridLayout, row: int, number: int, item: Ahead, evidence: Evidence) -> None:
        step = item.step
        words = QWidget()  # two lines, for a title with its cost beside it loses its end in a small window
        lines = QVBoxLayout(words)
        lines.setContentsMargins(INDENT, 4, 0, 4)
        lines.setSpacing(1)
        lines.addWidget(label(step.title, wrap=True, tip=step.why))
        lines.addWidget(label(short_cost(step), "caption", wrap=True, tip=f"Expected cost: {step.cost}"))
        state, severity, help = STATES[item.state]
        job = self._store.running(step)
        lead = lead_of(step, self._store.at_hand(step.backbone))
        word = f"Open {lead.place.title()}" if lead is not None else "Run"
        tip = f"{step.why} Expected cost: {step.cost}."
        act = button(word, lambda: self.asked.emit(step), tip=tip)
        act.setAccessibleName(f"{lead.word if lead is not None else word}: {told_ahead(item)}")
        reason = why_not_step(step, evidence)
        act.setEnabled(job is None and not reason)
        if reason:
            set_tip(act, reason)
        restate = Chip("running", "info", "Its jobs are at the foot of the window.") if job else None
        self.step_buttons[step.title] = act
        grid.addWidget(_dim(str(number)), row, NUMBER)
        grid.addWidget(words, row, NAME)
        grid.addWidget(restate or Chip(state, severity, help), row, STATE)
        grid.addWidget(act, row, ACT, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        grid.setRowMinimumHeight(row, 44)

    def _rule(self, grid: QGridLayout, row: int) -> int:
        line = QFrame()
        line.setProperty("rule", True)
        grid.addWidget(line, row, 0, 1, ACT + 1)
        return row + 1


class NextStrip(QFrame):
    """The next step with why, cost and button; or why no further one is needed. A pretraining can be looked at, and
    estimated, in its own place before it takes its hours."""

    looked = Signal()

    def __init__(self, asked: Callable[[NextStep], object]) -> None:
        super().__init__()
        self.setProperty("notice", True)
        self.step: NextStep | None = None
        self.told = ""
        self._lead = ""
        self.title = label("", "strong", wrap=True)
        self.why = label("", wrap=True)
        self.cost = label("", "dim", wrap=True)
        self.run = button("Run this step", lambda: self._ask(asked), kind="primary")
        self.look = button(
            PRETRAIN.word, self.looked.emit, tip="Fill in there what would be run, and run nothing"
        )
        words = QVBoxLayout()
        words.setSpacing(2)
        for part in (self.title, self.why, self.cost):
            words.addWidget(part)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 12, 8)
        row.setSpacing(12)
        row.addLayout(words, 1)
        acts = QVBoxLayout()
        acts.setSpacing(6)
        for act in (self.run, self.look):
            acts.addWidget(act)
        row.addLayout(acts)
        row.setAlignment(acts, Qt.AlignmentFlag.AlignVCenter)

    def _ask(self, asked: Callable[[NextStep], object]) -> None:
        if self.step is not None:
            asked(self.step)

    def show_step(self, decision: Decision, lead: str) -> None:
        step = decision.next_step
        self.step, self._lead = step, lead
        self.told = step.title if step is not None else decision.stopped
        self.title.setText(f"Next: {step.title}" if step is not None else "No further step is needed")
        self.why.setText(step.why if step is not None else decision.stopped)
        self.run.setVisible(step is not None)
        self.look.setVisible(step is not None and step.step in ("pretrain", "method"))
        restyle(self, severity="info" if step is not None else "good")
        self.show_job(None)
        self.setAccessibleName(printable(self.told))

    def show_job(self, job: JobState | None) -> None:
        step = self.step
        if step is None:
            self.cost.hide()
            return
        running = job is not None
        self.cost.setText(
            f"{job.title}: {numbers(job.status) or 'waiting'}"
            if job is not None
            else f"Expected cost: {step.cost}."
        )
        self.cost.show()
        self.run.setText("Running" if running else self._lead or "Run this step")
        self.run.setEnabled(not running)
        set_tip(self.run, "Its jobs are at the foot of the window." if running else step.why)
        self.run.setAccessibleName(f"{self.run.text()}: {printable(step.title)}")


class NameButton(QPushButton):
    """A link that loses its end rather than push its neighbours aside."""

    def __init__(self, text: str, run: Callable[[], object]) -> None:
        super().__init__()
        self.setProperty("kind", "link")
        self.setAutoDefault(False)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setMinimumWidth(110)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole, self._help = printable(text), ""
        self.clicked.connect(lambda: run())
        self._fit()

    def set_help(self, help: str) -> None:
        self._help = help
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), self.width() - 10
        shown = metrics.elidedText(self._whole, Qt.TextElideMode.ElideRight, room)
        self.setText(menu_text(shown))
        set_tip(self, f"{self._whole}\n{self._help}" if shown != self._whole else self._help)


def _grid(whole: QVBoxLayout) -> QGridLayout:
    """At the foot of `whole`; numbers and names begin at the same place in each."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(10)
    grid.setVerticalSpacing(0)
    grid.setColumnMinimumWidth(NUMBER, NUMBER_WIDTH)
    grid.setColumnStretch(NAME, 3)
    whole.addLayout(grid)
    return grid


def _dim(text: str) -> QWidget:
    made = label(text, "dim")
    made.setAlignment(RIGHT)
    return made


def _right(text: str, role: str = "") -> QWidget:
    made = label(text, role)
    made.setAlignment(RIGHT)
    return made
