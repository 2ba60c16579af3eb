"""A worker that stays and answers by files: started when somebody asks, asked by ask.json.

It is let go when nobody looks any more, and when another job waits for its lane while nothing is awaited from it. Who
derives says which job answers, which files it writes and what becomes of each.
"""

from __future__ import annotations

import json
import secrets
import shutil
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.files import write_text
from workbench.records.jobs import JobConfig
from workbench.records.project import Project
from workbench.records.runs import ASK, RunFolder
from workbench.supervisor import JobState

POLL_MS = 100  # while an answer is awaited
GATHER_MS = 80  # a slider that is dragged asks once, not for every pixel
LEAVE_MS = 60_000  # after which a worker that nobody looks at is let go

Read = Callable[[Path], Any]  # in a thread; raises OSError or ValueError


class AskFile(QObject):
    """`failed` brings a sentence; `waiting` says whether an answer is awaited."""

    failed = Signal(str)
    waiting_changed = Signal(bool)

    def __init__(
        self,
        jobs: Jobs,
        background: Background,
        project: Callable[[], Project],
        folder: str,
        title: str,
        parent: QObject | None = None,
    ) -> None:
        """`folder` is one of the project's caches, in which the runs live as long as they answer."""
        super().__init__(parent)
        self._jobs, self._background, self._project = jobs, background, project
        self._folder, self._title = folder, title
        self.waiting = False
        self._run: RunFolder | None = None
        self._wanted: dict[str, Any] = {}
        self._ask = 0
        self._seen: dict[str, int] = {}  # file -> its mtime when it was read
        self._reading = False
        self._gather = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._gather.timeout.connect(self._write)
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._look)
        self._leave = QTimer(self, singleShot=True, interval=LEAVE_MS)
        self._leave.timeout.connect(self.stop)
        jobs.aside_started.connect(self._make_way)

    # Said by who derives

    @abstractmethod
    def _job(self, ask: Path) -> JobConfig:
        """What stays and answers `ask`."""

    @abstractmethod
    def _answers(self) -> Iterable[tuple[str, Read]]:
        """The files that may hold answers, and how each is read."""

    @abstractmethod
    def _take(self, answer: Any) -> None:
        """An answer was read. Calls `_settle` when nothing more is awaited."""

    # Asking

    @property
    def next_ask(self) -> int:
        """Number of the request that will be written next."""
        return self._ask + 1

    def leave(self) -> None:
        """Nobody looks: the worker is let go after a while, unless somebody asks again, or another job waits now."""
        if self._run is not None:
            self._leave.start()
            self._make_way_for_others()

    def _make_way(self, run_id: str) -> None:
        """Another job waits for the lane that this worker holds: it has it at once, unless an answer is awaited."""
        idle = not self.waiting or self._leave.isActive()
        if self._run is not None and run_id != self._run.id and idle:
            self.stop()

    def _make_way_for_others(self) -> None:
        if self._run is not None and self._jobs.others_aside(self._run.id):
            self.stop()

    def stop(self) -> None:
        """Let the worker go now."""
        for timer in (self._gather, self._poll, self._leave):
            timer.stop()
        self._set_waiting(False)
        run, self._run = self._run, None
        if run is not None:
            self._jobs.stop(run.id)

    def _want(self, body: Mapping[str, Any]) -> None:
        """The latest wish wins."""
        self._leave.stop()
        self._wanted = dict(body)
        self._set_waiting(True)
        self._gather.start()

    # The worker

    def _write(self) -> None:
        self._ask += 1
        if self._run is None:
            self._begin()
        assert self._run is not None
        try:
            self._put(self._run)
        except OSError as error:
            self._fail(f"Nothing can be asked: {error}.")
            return
        self._poll.start()

    def _put(self, run: RunFolder) -> None:
        write_text(run.path / ASK, json.dumps({"ask": self._ask, **self._wanted}))

    def _begin(self) -> None:
        folder = self._project().folder / "caches" / self._folder
        for left in folder.glob("*"):  # of a window that was closed
            if not RunFolder(left).alive():
                shutil.rmtree(left, ignore_errors=True)
        name = f"{self._folder}-{secrets.token_hex(4)}"
        job = self._job(folder / name / ASK)
        run = self._run = RunFolder.create(folder, job, title=self._title, name=name)
        self._seen = {}
        self._put(run)
        self._jobs.start_aside(run, self._ended)

    def _ended(self, run: RunFolder, state: JobState) -> None:
        if self._run is not None and run.id == self._run.id:
            self._look()
            self._run = None
            self._poll.stop()
            if state.status.state == "failed":
                self._fail(state.status.error)
            elif self.waiting and not self._reading:
                self._gather.start()  # it had waited long enough just when it was asked
        shutil.rmtree(run.path, ignore_errors=True)

    # Its answers

    def _look(self) -> None:
        run = self._run
        if run is None or self._reading:
            return
        for name, read in self._answers():
            path = run.path / name
            try:
                stamp = path.stat().st_mtime_ns
            except OSError:
                continue
            if self._seen.get(name) == stamp:
                continue
            self._seen[name] = stamp
            self._reading = True
            self._background.run(
                lambda path=path, read=read: read(path),  # type: ignore[misc]
                self._read,
                self._unreadable,
            )
            return

    def _read(self, answer: Any) -> None:
        self._reading = False
        self._take(answer)
        if self.waiting:
            self._look()  # there may be more than one

    def _settle(self) -> None:
        """Nothing more is awaited; whoever waits for the lane has it now."""
        self._set_waiting(False)
        self._poll.stop()
        self._make_way_for_others()

    def _unreadable(self, error: Exception) -> None:
        """The folder went away between the look and the reading, or the file is damaged."""
        self._reading = False
        if self._run is not None:
            self._fail(str(error))

    def _fail(self, sentence: str) -> None:
        self._settle()
        self.failed.emit(sentence)

    def _set_waiting(self, waiting: bool) -> None:
        if waiting != self.waiting:
            self.waiting = waiting
            self.waiting_changed.emit(waiting)
