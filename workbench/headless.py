"""Jobs without a window: the same run folders, supervisor and worker, with progress on stderr."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from platformdirs import user_data_path

from workbench.records.jobs import JobConfig
from workbench.records.project import Project
from workbench.records.runs import RunFolder, Status
from workbench.records.text import data_size, duration, printable, quantity
from workbench.supervisor import JobState, Supervisor

REPORT_SECONDS = 5.0  # between two lines where stderr is not a terminal


class JobFailed(Exception):
    """A job ended without a result; the message is a sentence for the user."""


def project_for(folder: Path, project: str = "") -> Project:
    """The project that headless work on `folder` keeps its caches in, unless another is named."""
    if project:
        return Project.open_or_create(Path(project))
    place = folder.expanduser().absolute()
    name = hashlib.blake2b(str(place).encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    plain = "".join(c if c.isalnum() or c in "-_" else "_" for c in place.name)[:40]
    return Project.open_or_create(user_data_path("ssl-workbench") / "folders" / f"{plain}-{name}", place.name)


def run_job(project: Project, job: JobConfig, title: str, *, out: TextIO = sys.stderr) -> RunFolder:
    """Run one job in a worker and wait. Ctrl-C, SIGTERM and SIGHUP stop it and keep what it has.

    Raises:
        JobFailed: the job failed or was stopped.
    """
    return run_folder(project.new_run(job, title=title), title, out=out)


def run_folder(
    run: RunFolder, title: str, *, out: TextIO = sys.stderr, limit: float | None = None
) -> RunFolder:
    """Like `run_job`, for a run that is there already: a new one, or one that goes on from what it kept.

    `limit`: seconds, after which it is stopped as Ctrl-C stops it.
    """
    shown = _Progress(title, out)
    supervisor = Supervisor(shown.show)
    try:
        supervisor.submit(run)
        try:
            with _signals_stop():
                status = supervisor.wait(run.id, limit)
        except (KeyboardInterrupt, TimeoutError) as reason:
            why = "" if isinstance(reason, KeyboardInterrupt) else "The time is over. "
            shown.say(f"\n{why}Stopping; what is done is kept.\n")
            supervisor.stop(run.id)
            status = supervisor.wait(run.id)
    finally:
        supervisor.close()
    shown.end(status)
    if status.state != "done":
        sentence = status.error or "Stopped. The same command goes on from what was kept."
        raise JobFailed(f"{title}: {sentence}" + (f" Log: {run.log}" if status.state == "failed" else ""))
    return run


@contextlib.contextmanager
def _signals_stop() -> Iterator[None]:
    """A cluster whose time is over, or a connection that breaks off, stops a job in the same order as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if (
            number is not None and signal.getsignal(number) == signal.SIG_DFL
        ):  # under nohup a SIGHUP says nothing
            before[number] = signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Progress:
    """One line that is rewritten on a terminal, a line now and then elsewhere."""

    def __init__(self, title: str, out: TextIO) -> None:
        self._title, self._out = printable(title), out
        self._tty = out.isatty()
        self._last = time.monotonic()
        self._notes = 0

    def show(self, state: JobState) -> None:
        status = state.status
        for note in status.notes[self._notes :]:
            self.say(f"{self._title}: {printable(note)}\n")
        self._notes = len(status.notes)
        now = time.monotonic()
        if not status.total or now - self._last < (0.1 if self._tty else REPORT_SECONDS):
            return
        self._last = now
        self.say(("\r\x1b[K" if self._tty else "") + self._line(status) + ("" if self._tty else "\n"))

    def end(self, status: Status) -> None:
        if self._tty:
            self.say("\r\x1b[K")
        if status.state == "done" and status.total:
            took = status.ended - status.started
            self.say(f"{self._title}: {quantity(status.total, status.unit)} in {duration(took)}\n")

    def say(self, text: str) -> None:
        """Nobody may be listening any more (`2>&1 | head`): no reason to lose the work."""
        with contextlib.suppress(OSError, ValueError):
            self._out.write(text)
            self._out.flush()

    def _line(self, status: Status) -> str:
        left = f", {duration(status.eta)} left" if status.eta is not None else ""
        if status.unit == "bytes":
            done, whole, rate = (data_size(round(n)) for n in (status.done, status.total, status.rate))
            return f"{self._title}: {done} of {whole}, {rate} a second{left}"
        if status.done >= status.total and status.detail:
            return f"{self._title}: {printable(status.detail)}"  # what comes after the last of them
        return f"{self._title}: {status.done:,} of {status.total:,} {status.unit}, {status.rate:.0f} a second{left}"
