"""The ladder without a window: decide, run the jobs of the next step, decide again, until nothing is left to do."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from workbench.decide.from_results import at_hand
from workbench.decide.keep import decide_and_keep
from workbench.decide.ladder import meanwhile
from workbench.decide.start import Plan, estimate_for, jobs_for
from workbench.headless import JobFailed, run_folder
from workbench.records.case import Case
from workbench.records.catalogue import load_catalogue
from workbench.records.climbing import Bounds, Climbed
from workbench.records.decision import Standing
from workbench.records.evidence import AtHand, Machine
from workbench.records.jobs import DescribeJob, EmbedJob, JobConfig
from workbench.records.project import Chosen, Project
from workbench.records.runs import RunFolder
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import duration, printable

_KEPT = "what it has is kept, and the same command goes on with it."


def look_up(project: Project, *, out: TextIO = sys.stderr) -> tuple[tuple[AtHand, ...], Machine]:
    """Which frozen backbones and what memory this machine has. The catalogue is kept where the window looks for it.

    Raises:
        JobFailed: the job failed or was stopped.
    """
    known = project.folder / "caches" / "catalogue.json"
    shutil.rmtree(known.parent / "describe", ignore_errors=True)
    job = DescribeJob(devices=True, runs=str(project.runs_folder))
    run = RunFolder.create(known.parent, job, title="Look up the backbones", name="describe")
    run_folder(run, "Look up the backbones", out=out)
    memory = (run.status().result.get("devices") or {}).get("memory")
    (run.path / "catalogue.json").replace(known)
    shutil.rmtree(run.path, ignore_errors=True)
    return at_hand(load_catalogue(known)), Machine(gpu_bytes=int(memory[1]) if memory else None)


def climb(
    project: Project,
    case: Case,
    here: tuple[AtHand, ...],
    machine: Machine,
    bounds: Bounds,
    *,
    say: Callable[[str], None],
    out: TextIO = sys.stderr,
) -> Climbed:
    """Climb from where the project stands. Every step's decision is kept, so that it can be left at any time.

    Args:
        say: takes a line about each step and what came of it.

    Raises:
        JobFailed: a job failed or was stopped; what was measured before is kept.
    """
    began = time.monotonic()
    taken: set[tuple[object, ...]] = set()
    runner = _Runner(project, None if bounds.seconds is None else began + bounds.seconds, out)
    estimated = False
    lacking = False  # whether it was said that the backbone to try next is not on this machine
    shown: dict[str, tuple[object, ...]] = {}
    while True:
        evidence, decision = decide_and_keep(project, case, here, machine)
        for standing in decision.standings:
            seen = standing.mean, standing.interval, standing.place
            if shown.get(standing.name) != seen:
                say(f"  = {_told(standing)}")
            shown[standing.name] = seen
        step, spent = decision.next_step, time.monotonic() - began
        if step is None:
            return Climbed(
                evidence=evidence, decision=decision, ended=decision.stopped or "Nothing is left to measure."
            )
        no_use = estimated or runner.late or bounds.beyond(step)
        trial = Plan() if no_use else estimate_for(step, project, evidence)
        if trial.stages:
            estimated = True
            say(f"{trial.stages[0].title}: one step of it, before hours are spent on it.")
            _try(trial, runner, say)
            continue
        plan = jobs_for(step, project, evidence)
        other = meanwhile(evidence) if plan.by_hand and step.step == "public" else None
        if other is not None:
            if not lacking:
                say(f"{plan.by_hand} The ladder goes on with what is here.")
            lacking, step, plan = True, other, jobs_for(other, project, evidence)
        ended = plan.by_hand or bounds.why_stop(step, spent)
        asked = (step.step, step.backbone, step.seeds, step.rungs)
        if not ended and asked in taken:
            ended = "This step was taken and has changed nothing, so that it is not taken again."
        if ended:
            flags = " Here: --copies leave-out, or --copies group." if step.step == "leaks" else ""
            return Climbed(evidence=evidence, decision=decision, ended=f"{ended}{flags}")
        taken.add(asked)
        say(f"{step.title}\n  {step.why}\n  Expected: {step.cost}.")
        try:
            plan.start(runner)
        except JobFailed:
            if not runner.late:
                raise
            evidence, decision = decide_and_keep(project, case, here, machine)
            return Climbed(
                evidence=evidence, decision=decision, ended=f"The time is over. {step.title}: {_KEPT}"
            )


def _try(plan: Plan, runner: _Runner, say: Callable[[str], None]) -> None:
    """What can't be estimated is said, and ends nothing: the cost stays unknown."""
    try:
        plan.start(runner)
    except JobFailed as error:
        say(str(error))


class _Runner:
    """Runs each job of a plan as it comes, and goes on with one that was begun and has not ended well.

    `until`: on the clock of `time.monotonic`; a job that runs then is stopped.
    """

    def __init__(self, project: Project, until: float | None, out: TextIO) -> None:
        self._project, self._until, self._out = project, until, out

    @property
    def late(self) -> bool:
        return self._until is not None and time.monotonic() >= self._until

    def __call__(self, job: JobConfig, title: str, after: tuple[str, ...]) -> RunFolder:
        run = self._begun(job) or self._project.new_run(job, title=title, after=after)
        limit = None if self._until is None else max(self._until - time.monotonic(), 0.0)
        run_folder(run, title, out=self._out, limit=limit)
        self._adopt(run, job)
        return run

    def _begun(self, job: JobConfig) -> RunFolder | None:
        for run in reversed(self._project.runs(job.kind)):
            try:
                if run.job() == job and run.status().state != "done" and not run.alive():
                    return run
            except (ValueError, KeyError):
                continue
        return None

    def _adopt(self, run: RunFolder, job: JobConfig) -> None:
        """What the window does when a job of its own is done."""
        settings = self._project.settings
        if isinstance(job, EmbedJob) and all(choice.backbone != job.backbone for choice in settings.chosen):
            settings.chosen.append(Chosen(backbone=job.backbone))
        if job.kind == "evaluate":
            settings.result = run.id
        self._project.save()


def _told(standing: Standing) -> str:
    """ "EfficientNet-Lite0, frozen: macro-F1 0.981 (0.972 to 0.990), passes; 1 min" """
    interval = f" ({standing.interval[0]:.3f} to {standing.interval[1]:.3f})" if standing.interval else ""
    where = {"above": ", passes", "below": ", falls short", "open": ", not told yet"}.get(
        standing.place or "", ""
    )
    cost = f"; {duration(standing.cost_seconds)}" if standing.cost_seconds else ""
    return f"{printable(standing.name)}: {METRIC_NAMES[standing.metric]} {standing.mean:.3f}{interval}{where}{cost}"
