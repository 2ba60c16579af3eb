"""What a job may say and must ask while it runs: progress, notes, and whether to pause or stop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from workbench.records.messages import Message
from workbench.records.runs import RunFolder, Status

PROGRESS_SECONDS = 0.1  # at most ten messages a second
STATUS_SECONDS = 1.0  # status.json at most once a second


class StopRequested(Exception):
    """The user asked to stop and keep. A job lets it pass after writing what it has."""


class Control:
    """One job's line to the outside. All methods are called by the job's thread, but for `command`."""

    def __init__(self, run: RunFolder, send: Callable[[Message], None] = lambda message: None) -> None:
        self.run = run
        self._send = send
        self._go = threading.Event()
        self._go.set()
        self._stop = threading.Event()
        self._last_message = 0.0
        self._last_write = 0.0
        self._history: deque[tuple[float, int]] = deque(maxlen=64)
        self.status = Status(state="running", started=time.time())

    def command(self, command: str) -> None:
        """Take a command; called by the thread that reads the supervisor's lines."""
        if command == "pause":
            self._go.clear()
        else:
            if command == "stop":
                self._stop.set()
            self._go.set()
        self._send(Message("ack", {"command": command}))

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    def checkpoint(self) -> None:
        """Call between steps: waits while paused. Raises StopRequested."""
        if not self._go.is_set():
            self._write(state="paused")
            self._go.wait()
            self._history.clear()
            self._write(state="running")
        if self._stop.is_set():
            raise StopRequested

    def progress(self, done: int, total: int, *, unit: str = "images", detail: str = "", **more: Any) -> None:
        """Say how far the job is. Cheap: call it as often as you like. Also a `checkpoint`."""
        now = time.monotonic()
        if self._history and done < self._history[-1][1]:
            self._history.clear()  # another stage of the job, counted anew
        if not self._history or now - self._history[-1][0] > 0.2:
            self._history.append((now, done))
        self.checkpoint()
        if now - self._last_message < PROGRESS_SECONDS and done < total:
            return
        self._last_message = now
        rate = self._rate(now, done)
        eta = (total - done) / rate if rate > 0 and total else None
        facts = {
            "done": done,
            "total": total,
            "unit": unit,
            "rate": rate,
            "eta": eta,
            "detail": detail,
            **more,
        }
        self._send(Message("progress", facts))
        self.status = replace(self.status, **facts)
        if now - self._last_write > STATUS_SECONDS:
            self._write()

    def note(self, text: str, severity: str = "info") -> None:
        """Tell the user something that they should know and that stops nothing."""
        self._send(Message("note", {"severity": severity, "text": text}))
        self._write(notes=(*self.status.notes, text))

    def begin(self) -> None:
        """Write that the job runs."""
        self._write()

    def finish(self, state: Any, *, result: dict[str, Any] | None = None, error: str = "") -> None:
        self._write(state=state, result=result or {}, error=error, ended=time.time(), eta=None)

    def _write(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)
        self.run.write_status(self.status)
        self._last_write = time.monotonic()

    def _rate(self, now: float, done: int) -> float:
        """Units a second over the last seconds, so that a slow start doesn't spoil the forecast."""
        while len(self._history) > 2 and now - self._history[0][0] > 10:
            self._history.popleft()
        then, before = self._history[0]
        return (done - before) / (now - then) if now - then > 0.05 else 0.0
