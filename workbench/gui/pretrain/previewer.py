"""The worker that draws views: started when somebody wants to see some, asked by a file, answered by a file.

ask.json            {"ask": number, "draw": number, "config": the pretraining job's values}
preview.npz         the answer, with the number that it answers
preview-error.json  {"ask": number, "error": a sentence}, where there is none
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.files import write_text
from workbench.records.pretrain_job import PreviewJob
from workbench.records.pretrain_plans import PREVIEW, PREVIEW_ERROR, Preview
from workbench.records.project import Project
from workbench.records.runs import RunFolder
from workbench.supervisor import JobState

POLL_MS = 100  # while an answer is awaited
GATHER_MS = 80  # a slider that is dragged asks once, not for every pixel
LEAVE_MS = 60_000  # after which a worker that nobody looks at is let go


class Previewer(QObject):
    """`came` brings a `Preview`, `failed` a sentence; `waiting` says whether an answer is awaited."""

    came = Signal(object)
    failed = Signal(str)
    waiting_changed = Signal(bool)

    def __init__(
        self,
        jobs: Jobs,
        background: Background,
        project: Callable[[], Project],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._jobs, self._background, self._project = jobs, background, project
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

    @property
    def next_ask(self) -> int:
        """Number of the request that will be written next."""
        return self._ask + 1

    def ask(self, config: Mapping[str, Any], draw: int = 0) -> None:
        """Draw the views of these values; `draw` is the number of the draw. The latest wish wins."""
        self._leave.stop()
        self._wanted = {"draw": draw, "config": dict(config)}
        self._set_waiting(True)
        self._gather.start()

    def leave(self) -> None:
        """Nobody looks: the worker is let go after a while, unless somebody asks again."""
        if self._run is not None:
            self._leave.start()

    def stop(self) -> None:
        """Let the worker go now."""
        for timer in (self._gather, self._poll, self._leave):
            timer.stop()
        self._set_waiting(False)
        run, self._run = self._run, None
        if run is not None:
            self._jobs.stop(run.id)

    # The worker

    def _write(self) -> None:
        self._ask += 1
        if self._run is None:
            self._begin()
        assert self._run is not None
        try:
            self._put(self._run)
        except OSError as error:
            self._fail(f"The views can't be asked for: {error}.")
            return
        self._poll.start()

    def _put(self, run: RunFolder) -> None:
        write_text(run.path / "ask.json", json.dumps({"ask": self._ask, **self._wanted}))

    def _begin(self) -> None:
        folder = self._project().folder / "caches" / "preview"
        for left in folder.glob("*"):  # of a window that was closed
            if not RunFolder(left).alive():
                shutil.rmtree(left, ignore_errors=True)
        name = f"preview-{secrets.token_hex(4)}"
        job = PreviewJob(pretrain=str(folder / name / "ask.json"), watch=True)
        run = self._run = RunFolder.create(folder, job, title="Draw views", name=name)
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
        for name, read in ((PREVIEW, Preview.load), (PREVIEW_ERROR, _read_error)):
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
                self._take,
                self._unreadable,
            )
            return

    def _take(self, answer: Preview | tuple[int, str]) -> None:
        self._reading = False
        number = answer.ask if isinstance(answer, Preview) else answer[0]
        if number >= self._ask:
            self._set_waiting(False)
            self._poll.stop()
        if isinstance(answer, Preview):
            self.came.emit(answer)
        elif number >= self._ask:
            self.failed.emit(answer[1])

    def _unreadable(self, error: Exception) -> None:
        """The folder went away between the look and the reading, or the file is damaged."""
        self._reading = False
        if self._run is not None:
            self._fail(str(error))

    def _fail(self, sentence: str) -> None:
        self._poll.stop()
        self._set_waiting(False)
        self.failed.emit(sentence)

    def _set_waiting(self, waiting: bool) -> None:
        if waiting != self.waiting:
            self.waiting = waiting
            self.waiting_changed.emit(waiting)


def _read_error(path: Path) -> tuple[int, str]:
    """Raises ValueError for a file that is none."""
    body = json.loads(path.read_text("utf-8"))
    try:
        return int(body["ask"]), str(body["error"])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no error ({error}).") from None
