"""The decision as part of the session: what the expert said, what was decided of it, and the steps that were started.

It decides again, in a thread and a moment after the last change, when results, backbones, images or the case change;
but only once somebody has looked. The files under `decision/` are what it reads and writes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs, Then
from workbench.gui.memo_desk import MemoDesk
from workbench.records.case import Case
from workbench.records.decision import Decision, NextStep
from workbench.records.evidence import AtHand, Evidence, Machine
from workbench.records.jobs import JobConfig
from workbench.records.project import Project
from workbench.records.runs import ENDED, RunFolder
from workbench.supervisor import JobState

if TYPE_CHECKING:
    from workbench.decide.start import Plan
    from workbench.gui.session import Session

PAUSE = 400  # ms after the last change, before it is decided again
STARTED = "decide.started"  # under which the project keeps the runs of each step


class DecisionStore(QObject):
    """`evidence` and `decision` are None until something was decided; `problem` is the sentence that says why not."""

    changed = Signal()  # evidence, decision, problem, or whether it is being decided
    case_changed = Signal()
    told = Signal(str, str)  # severity, sentence

    def __init__(self, session: Session, jobs: Jobs, follow_up: Callable[[str], Then | None]) -> None:
        """`follow_up` says what the session does when a job of a kind is done."""
        super().__init__(session)
        self._session, self._jobs, self._follow_up = session, jobs, follow_up
        self._background = Background(self)
        self.memo = MemoDesk(self._background, lambda: self._project, self)
        self.case = Case()
        self.evidence: Evidence | None = None
        self.decision: Decision | None = None
        self.problem = ""
        self._looking = False
        self._starting: set[str] = set()
        self._asked = 0
        self._answered = 0
        self._open_runs: frozenset[str] = frozenset()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE)
        self._timer.timeout.connect(self.decide)
        for signal in (
            session.dataset_changed,
            session.result_changed,
            session.finetunes_changed,
            session.backbones_changed,
        ):
            signal.connect(self._later)
        session.jobs_changed.connect(self._on_jobs)

    # What is open

    def open(self) -> None:
        """Another project: what was said and decided in it before is read."""
        self.evidence = self.decision = None
        self.case, self.problem = Case(), ""
        self._asked += 1
        self._answered = self._asked
        self._timer.stop()
        self.memo.open()
        project = self._project
        if project is None:
            return
        try:
            self.case = Case.load(project.folder)
        except ValueError as error:
            self.told.emit("bad", str(error))
        self.case_changed.emit()
        self.changed.emit()
        self._later()

    def look(self) -> None:
        """From now on the decision is kept up to date: `changed` comes with each new one."""
        if not self._looking:
            self._looking = True
            self.decide()

    @property
    def deciding(self) -> bool:
        return self._answered < self._asked or self._timer.isActive()

    @property
    def _project(self) -> Project | None:
        return self._session.project

    # The case

    def say(self, **changes: Any) -> None:
        """Change what the expert said and keep it at once; raises ValueError for what a case doesn't take."""
        project = self._project
        made = replace(self.case, **changes)
        if made == self.case or project is None:
            return
        made.save(project.folder)
        decides = any(name not in _MEMO_ONLY for name in changes)
        self.case = made
        self.case_changed.emit()
        if decides:
            self._later()

    def show_board(self, path: Path) -> None:
        """Let the memo show a picture of the project. Raises ValueError or OSError where that can't be kept."""
        project = self._project
        if project is not None:
            name = path.resolve().relative_to(project.folder.resolve()).as_posix()
            self.say(boards=self.case.with_board(name))

    # Deciding

    def decide(self) -> None:
        """Gather what is known and decide, in a thread."""
        self._timer.stop()
        project = self._project
        if project is None or not self._looking:
            return
        self._asked += 1
        asked, frozen = self._asked, as_it_is(project)
        case, catalogue, devices = self.case, self._session.catalogue, dict(self._session.devices)

        def work() -> tuple[Evidence, Decision]:
            # Here, because scipy takes most of a second.
            from workbench.decide.from_results import at_hand
            from workbench.decide.keep import decide_and_keep, known

            here, machine = known(frozen)
            here = at_hand(catalogue) if catalogue else here
            return decide_and_keep(frozen, case, here, machine_of(devices, machine))

        self._background.run(work, lambda made: self._take(asked, *made), lambda e: self._fail(asked, str(e)))
        self.changed.emit()

    def _take(self, asked: int, evidence: Evidence, decision: Decision) -> None:
        if asked == self._asked:
            self.evidence, self.decision, self.problem = evidence, decision, ""
            self._answered = asked
            self.changed.emit()

    def _fail(self, asked: int, sentence: str) -> None:
        if asked == self._asked:
            self.problem = sentence
            self._answered = asked
            self.changed.emit()

    def _later(self) -> None:
        if self._looking and self._project is not None:
            self._timer.start()

    def _on_jobs(self) -> None:
        """A job that has ended may have left a rung behind."""
        running = frozenset(job.id for job in self._jobs.all() if job.status.state not in ENDED)
        if self._open_runs - running:
            self._later()
        self._open_runs = running

    # Steps

    def at_hand(self, backbone: str) -> bool:
        """Whether this machine can use a backbone; yes where nobody has looked."""
        here: tuple[AtHand, ...] = self.evidence.at_hand if self.evidence else ()
        return not here or any(item.id == backbone for item in here)

    def start(self, step: NextStep) -> None:
        """Queue the jobs that a step takes; what they are is found in a thread."""
        project, evidence, key = self._project, self.evidence, _key(step)
        if project is None or evidence is None or key in self._starting or self.running(step) is not None:
            return
        self._starting.add(key)
        frozen = as_it_is(project)

        def work() -> Plan:
            from workbench.decide.start import jobs_for

            return jobs_for(step, frozen, evidence)

        def begin(plan: Plan) -> None:
            self._starting.discard(key)
            if project is self._project:
                self._begin(key, project, plan)

        def failed(error: Exception) -> None:
            self._starting.discard(key)
            self.told.emit("bad", str(error))

        self._background.run(work, begin, failed)

    def propose_pretraining(self) -> None:
        """Fill in, in Pretrain, what the ladder would ask of a pretraining; it is found in a thread."""
        project, evidence = self._project, self.evidence
        if project is None or evidence is None:
            return
        frozen = as_it_is(project)

        def work() -> tuple[dict[str, Any], str]:
            from workbench.decide.start import proposed_values

            return proposed_values(frozen, evidence)

        def take(found: tuple[dict[str, Any], str]) -> None:
            values, why = found
            if project is self._project and values:
                self._session.pretraining.propose(values, why)
            elif project is self._project:
                self.told.emit("warn", why)

        self._background.run(work, take, lambda error: self.told.emit("bad", str(error)))

    def _begin(self, key: str, project: Project, plan: Plan) -> None:
        if plan.by_hand:
            self.told.emit("warn", plan.by_hand)
            return

        def queue(job: JobConfig, title: str, after: tuple[str, ...]) -> RunFolder:
            return project.run(self._jobs.start(job, title, after=after, then=self._follow_up(job.kind)))

        runs = plan.start(queue)
        started = dict(self._session.recall(STARTED, {}))
        self._session.remember(STARTED, {**started, key: [run.id for run in runs]})
        self._jobs.changed.emit()

    def running(self, step: NextStep) -> JobState | None:
        """The job that a step has come to: one that runs, else the first that waits; None where none does."""
        started = set(dict(self._session.recall(STARTED, {})).get(_key(step), ()))
        mine = [job for job in self._jobs.all() if job.id in started and job.status.state not in ENDED]
        return min(mine, key=lambda job: job.status.state == "queued", default=None)


_MEMO_ONLY = ("author", "title", "prose", "boards")  # fields of a case that no decision hangs on


def _key(step: NextStep) -> str:
    return "|".join((step.step, step.backbone, str(step.seeds or ""), *step.rungs))


def as_it_is(project: Project) -> Project:
    """The project with the settings of now, for a thread: what the window changes meanwhile doesn't reach it."""
    settings = project.settings
    return Project(project.folder, replace(settings, chosen=list(settings.chosen)))


def machine_of(devices: dict[str, Any], known: Machine) -> Machine:
    """What was measured before, with the memory of the GPU that was found now."""
    memory, name = devices.get("memory"), str(devices.get("device", ""))
    if not name:
        return known
    return replace(known, gpu_bytes=int(memory[1]) if memory and name.startswith("cuda") else None)
