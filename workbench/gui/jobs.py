"""The jobs of the open project: what runs, what waits, what ended badly, and what is done with each.

Owns the bridge to the supervisor. What a finished job means is the session's business: it gives `start` a function
that is called with the run's folder when the job is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from workbench.gui.bridge import Bridge
from workbench.records.features import discard_run, restore_run
from workbench.records.files import DocumentError
from workbench.records.finetunes import discard_state, restore_state
from workbench.records.jobs import JobConfig
from workbench.records.project import Project
from workbench.records.runs import ENDED, RunFolder
from workbench.records.text import printable
from workbench.supervisor import JobState

Then = Callable[[RunFolder], None]


class Jobs(QObject):
    """Jobs by run id, oldest first. A job that is done leaves the list; any other end stays until it is dismissed."""

    changed = Signal()
    progressed = Signal(str)  # run id
    discarded = Signal(str)  # run id, after its folder went to the trash
    aside_started = Signal(str)  # run id: one that waits beside the others, whose lane has room for one

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project: Project | None = None
        self.trash: list[str] = []  # run ids that undo can bring back, oldest first
        self._states: dict[str, JobState] = {}
        self._then: dict[str, Then] = {}
        self._aside: dict[str, tuple[RunFolder, Callable[[RunFolder, JobState], None]]] = {}
        self._bridge = Bridge(self)
        self._bridge.changed.connect(self._on_changed)
        self._bridge.progressed.connect(self._on_progressed)

    def all(self) -> list[JobState]:
        return list(self._states.values())

    @property
    def busy(self) -> bool:
        return any(job.status.state not in ENDED for job in self._states.values())

    def open(self, project: Project) -> None:
        """Begin anew with another project."""
        self.project = project
        self.trash = []
        self._states = {}
        self._then = {}
        self.changed.emit()

    def close(self) -> None:
        self._bridge.close()

    def start(
        self, job: JobConfig, title: str, *, after: tuple[str, ...] = (), then: Then | None = None
    ) -> str:
        """Queue a job; returns its run's id."""
        run = self._open_project().new_run(job, title=title, after=after)
        if then:
            self._then[run.id] = then
        self._states[run.id] = JobState(id=run.id, kind=job.kind, title=title, status=run.status())
        self.changed.emit()
        self._bridge.submit(run)
        return run.id

    def start_aside(self, run: RunFolder, ended: Callable[[RunFolder, JobState], None]) -> None:
        """Run a job that the user didn't ask for and doesn't see; `ended` is called however it ended."""
        self._aside[run.id] = (run, ended)
        self._bridge.submit(run)
        self.aside_started.emit(run.id)

    def others_aside(self, run_id: str) -> bool:
        """Whether another run than this one is there beside the user's jobs: of two, one has to wait."""
        return any(known != run_id for known in self._aside)

    def take_up(self, states: list[JobState]) -> None:
        """Show runs of an earlier session that did not end well, to be resumed or discarded."""
        self._states = {state.id: state for state in states} | self._states
        self.changed.emit()

    def pause(self, run_id: str) -> None:
        self._bridge.supervisor.pause(run_id)

    def resume(self, run_id: str) -> None:
        self._bridge.supervisor.resume(run_id)

    def stop(self, run_id: str) -> None:
        self._bridge.supervisor.stop(run_id)

    def retry(self, run_id: str, follow_up: Callable[[RunFolder], Then | None]) -> None:
        """Run a failed or stopped job again; it goes on from what it kept. What waits for it waits on, and what it
        needs and has not ended well is run first.

        `follow_up` says what is done when a run of an earlier session is done.

        Raises ValueError where what it needs was discarded.
        """
        self._retry(run_id, follow_up, set())

    def _retry(self, run_id: str, follow_up: Callable[[RunFolder], Then | None], seen: set[str]) -> None:
        seen.add(run_id)
        project = self._open_project()
        needed = [name for name in self._after(run_id) if name not in seen]
        if not all(project.run(name).path.exists() for name in needed):
            raise ValueError(
                "What this job needs was discarded. Undo brings that back; or discard this one and begin anew."
            )
        for name in needed:
            state = self._states.get(name) or on_disk(project.run(name))
            if state.status.state in ("failed", "stopped"):
                self._retry(name, follow_up, seen)
        if self._is_known(run_id):
            self._bridge.supervisor.retry(run_id)
            return
        run = project.run(run_id)
        then = follow_up(run)
        if then:
            self._then[run_id] = then
        self._bridge.submit(run)
        for job in self.all():
            waits = job.status.state == "stopped" and job.id not in seen and not self._is_known(job.id)
            if waits and run_id in self._after(job.id):
                self._retry(job.id, follow_up, seen)

    def _after(self, run_id: str) -> tuple[str, ...]:
        """Ids of the runs that a run needs."""
        try:
            return tuple(self._open_project().run(run_id).document().get("after", ()))
        except DocumentError:
            return ()

    def _stop_waiting(self, run_id: str) -> None:
        """What waits for a run that is out of sight would seem to wait for nothing: it is stopped, to be retried."""
        for job in self.all():
            if job.status.state == "queued" and self._is_known(job.id) and run_id in self._after(job.id):
                self._bridge.supervisor.stop(job.id)

    def run_again(self, run_id: str, then: Then) -> None:
        """Start a run that has ended, however it ended: what it is asked has changed."""
        self._then[run_id] = then
        self._bridge.submit(self._open_project().run(run_id))

    def discard(self, run_id: str) -> None:
        """Stop a job and take away what it made; `undo_discard` brings it back."""
        if self._is_known(run_id):
            self._bridge.supervisor.discard(run_id)
        else:
            self._to_trash(run_id)

    def undo_discard(self) -> None:
        """Bring back the run that was discarded last, with the vectors that it had added."""
        if not self.trash:
            return
        project, run_id = self._open_project(), self.trash.pop()
        restore_run(project.features_cache, project.folder / "trash" / run_id)
        restore_state(project.finetune_cache, project.folder / "trash" / run_id)
        self._states[run_id] = on_disk(project.restore(run_id))
        self.changed.emit()

    def dismiss(self, run_id: str) -> None:
        """Take an ended job out of the list; its run stays."""
        if run_id in self._states and self._states[run_id].status.state in ENDED:
            del self._states[run_id]
            self._stop_waiting(run_id)
            self.changed.emit()

    def log(self, run_id: str) -> str:
        """The end of a run's log, made fit to be shown."""
        text = self._open_project().run(run_id).log_tail()
        return "\n".join(printable(line) for line in text.splitlines())

    def _open_project(self) -> Project:
        if self.project is None:
            raise ValueError("No project is open. Create or open one first.")
        return self.project

    def _is_known(self, run_id: str) -> bool:
        return any(state.id == run_id for state in self._bridge.supervisor.states())

    def _on_changed(self, state: JobState) -> None:
        if state.id in self._aside:
            if state.status.state in ENDED:
                run, ended = self._aside.pop(state.id)
                ended(run, state)
            return
        if self.project is None or not self.project.run(state.id).path.exists():
            return
        self._states[state.id] = state
        if state.status.state == "discarded":
            self._to_trash(state.id)
            return
        if state.status.state == "done":
            del self._states[state.id]
            then = self._then.pop(state.id, None)
            if then:
                then(self.project.run(state.id))
        self.changed.emit()

    def _on_progressed(self, state: JobState) -> None:
        known = self._states.get(state.id)
        if known and known.status.state not in ENDED:
            self._states[state.id] = state
            self.progressed.emit(state.id)

    def _to_trash(self, run_id: str) -> None:
        project = self._open_project()
        trash = project.discard(project.run(run_id))
        discard_run(project.features_cache, run_id, trash)
        discard_state(project.finetune_cache, RunFolder(trash), project.runs("finetune"), trash)
        self._states.pop(run_id, None)
        self._then.pop(run_id, None)
        self._stop_waiting(run_id)
        self.trash.append(run_id)
        self.changed.emit()
        self.discarded.emit(run_id)


def unfinished(project: Project) -> list[JobState]:
    """The runs of a project that did not end well; reads every run's status, so call it in a thread."""
    return [state for run in project.runs() if (state := on_disk(run)).status.state != "done"]


def on_disk(run: RunFolder) -> JobState:
    """A run as its folder tells it. One that was queued when the program ended is stopped: nobody starts it."""
    try:
        document = run.document()
        kind, title = document["kind"], document["title"]
    except (DocumentError, KeyError):
        kind, title = "unknown", run.id
    status = run.status()
    if status.state == "queued":
        status = replace(status, state="stopped", detail="Did not start")
    return JobState(id=run.id, kind=kind, title=title, status=status)
