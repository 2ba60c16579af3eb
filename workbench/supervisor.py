"""The door out of the window: a thread that starts worker processes, one a lane, and listens to them.

Requests and the lines of the workers go through one inbox that one thread reads, so that no state is
shared. Callers get an answer at once: the state changes when the request is taken, not when the
worker has obeyed. No Qt, no torch.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.plugins import plugin_home
from workbench.records.disk_faults import told
from workbench.records.jobs import DEVICE
from workbench.records.messages import Command, Message, command_line
from workbench.records.plugin_state import blame, remove_marks
from workbench.records.runs import ACTIVE, ENDED, RunFolder, State, Status

BUS_ERROR = int(getattr(signal, "SIGBUS", 0))  # Windows has none
STOP_GRACE = 30.0  # seconds until a worker that was asked to stop is killed; a chunk is written by then
DISCARD_GRACE = 1.0
CLOSE_GRACE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A snapshot of one job, for a view."""

    id: str
    kind: str
    title: str
    status: Status
    waits_for: str = ""  # title of the job that must end before this one starts


@dataclass(slots=True)
class _Job:
    run: RunFolder
    kind: str
    title: str
    lane: str
    after: tuple[str, ...]
    status: Status
    process: subprocess.Popen[str] | None = None
    discarding: bool = False
    kill_at: float | None = None
    told: str = ""  # why it failed, as the worker said it: a full disk may keep it from writing that down
    ended: threading.Event = field(default_factory=threading.Event)


class Supervisor:
    """Runs jobs in worker processes and tells `listener` (in the supervisor's thread) of every change."""

    def __init__(self, listener: Callable[[JobState], None], *, python: str = sys.executable) -> None:
        self._listener = listener
        self._python = python
        self._inbox: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._jobs: dict[str, _Job] = {}
        self._snapshot: tuple[JobState, ...] = ()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    # Requests: each returns at once.

    def submit(self, run: RunFolder) -> None:
        """Queue a run. Raises ValueError when its folder doesn't hold a job that this program knows."""
        document, job = run.document(), run.job()
        after = tuple(document.get("after", ()))
        state = _Job(run, document["kind"], document["title"], lane_of(job), after, Status())
        self._inbox.put(("submit", state))

    def pause(self, run_id: str) -> None:
        self._inbox.put(("pause", run_id))

    def resume(self, run_id: str) -> None:
        self._inbox.put(("resume", run_id))

    def stop(self, run_id: str) -> None:
        """Stop and keep: the worker writes what it has; `retry` goes on from there."""
        self._inbox.put(("stop", run_id))

    def discard(self, run_id: str) -> None:
        """Stop without keeping. The run folder is left for the listener to move away once nobody writes to it."""
        self._inbox.put(("discard", run_id))

    def retry(self, run_id: str) -> None:
        """Queue a run that failed or was stopped again; it goes on from what it kept."""
        self._inbox.put(("retry", run_id))

    def states(self) -> tuple[JobState, ...]:
        """Every job of this supervisor, in the order of submission."""
        return self._snapshot

    def wait(self, run_id: str, timeout: float | None = None) -> Status:
        """Block until a job has ended; for headless use. Raises TimeoutError."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            job = self._jobs.get(run_id)
            if job is not None and job.ended.wait(0.05):
                return job.status
            if job is None:
                time.sleep(0.01)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"{run_id} did not end in {timeout} s.")

    def close(self) -> None:
        """Stop every worker, keeping what it has, and end the thread. Takes a few seconds at most."""
        self._closing.set()
        self._inbox.put(("close", None))
        self._thread.join(CLOSE_GRACE + 5)

    # The thread.

    def _run(self) -> None:
        while True:
            timeout = self._next_deadline()
            try:
                kind, body = self._inbox.get(timeout=timeout)
            except queue.Empty:
                self._kill_late()
                continue
            if kind == "close":
                self._close_all()
                return
            if kind == "submit":
                self._jobs[body.run.id] = body
                self._publish(body)
            elif kind == "line":
                self._heard(*body)
            elif kind == "exit":
                self._exited(body)
            elif body in self._jobs:
                getattr(self, f"_on_{kind}")(self._jobs[body])
            self._kill_late()
            self._start_waiting()

    def _on_pause(self, job: _Job) -> None:
        if job.status.state == "running":
            self._send(job, "pause")
            self._change(job, state="paused", detail="Pausing…")

    def _on_resume(self, job: _Job) -> None:
        if job.status.state == "paused":
            self._send(job, "resume")
            self._change(job, state="running", detail="")

    def _on_stop(self, job: _Job) -> None:
        if job.process is not None:
            self._send(job, "stop")
            job.kill_at = time.monotonic() + STOP_GRACE
            self._change(job, state="stopping", detail="Keeping what is done…")
        elif job.status.state == "queued":
            self._end(job, replace(job.status, state="stopped", ended=time.time()))

    def _on_discard(self, job: _Job) -> None:
        job.discarding = True
        if job.process is not None:
            self._send(job, "stop")
            job.kill_at = time.monotonic() + DISCARD_GRACE
            self._change(job, state="stopping", detail="Discarding…")
        else:
            self._end(job, replace(job.status, state="discarded"))

    def _on_retry(self, job: _Job) -> None:
        if job.process is None and job.status.state in ("failed", "stopped"):
            job.discarding = False
            job.ended.clear()
            job.status = Status()
            try:
                job.run.write_status(job.status)
            except OSError as error:
                self._end(job, replace(job.status, state="failed", error=told(error), ended=time.time()))
                return
            self._publish(job)

    def _start_waiting(self) -> None:
        busy = {job.lane for job in self._jobs.values() if job.process is not None}
        for job in list(self._jobs.values()):
            if job.status.state != "queued" or job.process is not None or job.lane in busy:
                continue
            if any(self._state_of(job, name) != "done" for name in job.after):
                continue
            busy.add(job.lane)
            self._start(job)

    def _state_of(self, job: _Job, run_id: str) -> State:
        known = self._jobs.get(run_id)
        return known.status.state if known else RunFolder(job.run.path.parent / run_id).status().state

    def _start(self, job: _Job) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        try:
            with job.run.log.open("ab") as log:
                # A session of its own: Ctrl-C in a terminal reaches the parent, which then stops it in order.
                job.process = subprocess.Popen(
                    [self._python, "-m", "workbench.worker", str(job.run.path)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    text=True,
                    encoding="utf-8",
                    errors="replace",
                    env=environment,
                    start_new_session=sys.platform != "win32",
                )
        except OSError as error:
            sentence = f"The worker could not be started. {told(error)}"
            self._end(job, replace(job.status, state="failed", error=sentence, ended=time.time()))
            return
        job.kill_at = None
        job.told = ""
        self._change(job, state="running", started=time.time(), error="", detail="Starting…")
        threading.Thread(target=self._listen, args=(job.run.id, job.process), daemon=True).start()

    def _listen(self, run_id: str, process: subprocess.Popen[str]) -> None:
        """In a thread of its own: a worker's lines, then its end, go to the inbox."""
        assert process.stdout is not None
        for line in process.stdout:
            message = Message.parse(line)
            if message is not None:
                self._inbox.put(("line", (run_id, message)))
        process.wait()
        self._inbox.put(("exit", run_id))

    def _heard(self, run_id: str, message: Message) -> None:
        job = self._jobs[run_id]
        body = message.body
        if message.kind == "progress":
            known = {key: body[key] for key in _PROGRESS if key in body}
            if job.status.state in ("stopping", "paused"):
                known.pop("detail", None)  # what was asked of the job stays in sight until it has happened
            if known.get("memory"):
                known["memory"] = tuple(known["memory"])
            self._change(job, **known)
        elif message.kind == "note":
            self._change(job, notes=(*job.status.notes, str(body.get("text", ""))))
        elif message.kind == "failed":
            job.told = str(body.get("error", ""))
        elif message.kind == "ack" and body.get("command") == "pause" and job.status.state == "paused":
            self._change(job, detail="Paused")

    def _exited(self, run_id: str) -> None:
        job = self._jobs[run_id]
        process, job.process, job.kill_at = job.process, None, None
        code = process.returncode if process else 0
        for stream in (process.stdin, process.stdout) if process else ():
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        if job.discarding:
            if process is not None:
                remove_marks(plugin_home(), process.pid)  # it was ended before it could say that all is well
            self._end(job, replace(job.status, state="discarded", ended=time.time()))
            return
        status = job.run.status()
        # A worker writes its last state before it leaves; one that still says "running" was cut off.
        if status.state not in ENDED or (status.state == "failed" and status.ended == 0):
            if process and job.told:  # it could still say why: no plugin has taken it along
                remove_marks(plugin_home(), process.pid)
            blamed = _blame(job, process, code) if process and not job.told else ""
            if job.status.state == "stopping":
                status = replace(status, state="stopped", error="", ended=time.time())
            else:
                error = job.told or blamed or _why_died(code)
                status = replace(status, state="failed", error=error, ended=time.time())
        self._end(job, status)

    def _end(self, job: _Job, status: Status) -> None:
        job.status = status
        with contextlib.suppress(OSError):
            job.run.write_status(status)
        self._publish(job)
        job.ended.set()

    def _change(self, job: _Job, **changes: Any) -> None:
        job.status = replace(job.status, **changes)
        self._publish(job)

    def _publish(self, job: _Job) -> None:
        self._snapshot = tuple(self._view(known) for known in self._jobs.values())
        if not self._closing.is_set():
            self._listener(self._view(job))

    def _view(self, job: _Job) -> JobState:
        waits_for = ""
        if job.status.state == "queued":
            waiting = [name for name in job.after if self._state_of(job, name) != "done"]
            if waiting:
                waits_for = self._jobs[waiting[0]].title if waiting[0] in self._jobs else waiting[0]
            else:
                ahead = [other for other in self._jobs.values() if other.lane == job.lane and other.process]
                waits_for = ahead[0].title if ahead else ""
        return JobState(id=job.run.id, kind=job.kind, title=job.title, status=job.status, waits_for=waits_for)

    def _send(self, job: _Job, command: Command) -> None:
        if job.process is not None and job.process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                job.process.stdin.write(command_line(command))
                job.process.stdin.flush()

    def _next_deadline(self) -> float | None:
        deadlines = [job.kill_at for job in self._jobs.values() if job.kill_at is not None]
        return max(min(deadlines) - time.monotonic(), 0.01) if deadlines else None

    def _kill_late(self) -> None:
        for job in self._jobs.values():
            if job.kill_at is not None and time.monotonic() >= job.kill_at:
                job.kill_at = None
                _kill(job.process)

    def _close_all(self) -> None:
        living = [job for job in self._jobs.values() if job.process is not None]
        for job in living:
            self._send(job, "stop")
        deadline = time.monotonic() + CLOSE_GRACE
        for job in living:
            assert job.process is not None
            try:
                job.process.wait(max(deadline - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                _kill(job.process)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    job.process.wait(2)
            status = job.run.status()
            if status.state in ACTIVE or status.state == "queued" or status.ended == 0:
                with contextlib.suppress(OSError):
                    job.run.write_status(replace(status, state="stopped", error="", ended=time.time()))
            job.ended.set()


_PROGRESS = ("done", "total", "unit", "rate", "eta", "detail", "memory", "device")


def lane_of(job: Any) -> str:
    """The lane a job runs in: "files", or one for each device, so that two jobs never share a device's memory."""
    if job.lane != DEVICE:
        return str(job.lane)
    name, _, number = str(job.device).partition(":")
    return f"device:{number or 0}" if name == "cuda" else "device:0"


def _kill(process: subprocess.Popen[str] | None) -> None:
    if process is None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _blame(job: _Job, process: subprocess.Popen[str], code: int) -> str:
    """A sentence where the worker died over a plugin, which is then counted against it; else ""."""
    how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    # A worker that was killed, by hand or for its memory, says nothing about a plugin loaded long before.
    sentence = blame(plugin_home(), process.pid, how, job.run.log_tail(), used=code != -9)
    return f"{sentence} What was finished is kept." if sentence else ""


def _why_died(code: int) -> str:
    """A sentence for a worker that ended without a word."""
    if code == -9:
        return (
            "The worker was killed, by hand or by the system because the memory was full. What was finished is kept: "
            "Retry goes on from there."
        )
    if BUS_ERROR and code == -BUS_ERROR:
        return (
            "The worker lost a file that it had mapped into memory: most likely the disk or shared memory (/dev/shm) "
            "is full, or its disk went away. Free some space; what was finished is kept, and Retry goes on."
        )
    if code < 0:
        return f"The worker crashed (signal {-code}). What was finished is kept; the log may say why."
    return f"The worker ended without a result (exit code {code}). The log may say why."
