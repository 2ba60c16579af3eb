"""From the supervisor's thread to the window's: queued Qt signals, progress at most ten times a second."""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from workbench.gui.background import Bell
from workbench.records.runs import RunFolder
from workbench.supervisor import JobState, Supervisor

INTERVAL_MS = 100


class Bridge(QObject):
    """Owns the supervisor. Signals are emitted in the thread that the bridge lives in.

    `changed(JobState)` comes for every change of a job's state, `progressed(JobState)` for the latest
    progress of each job, once an interval.
    """

    changed = Signal(object)
    progressed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._lock = threading.Lock()
        self._states: list[JobState] = []
        self._latest: dict[str, JobState] = {}
        self._last: dict[str, str] = {}
        self._timer = QTimer(self, singleShot=True, interval=INTERVAL_MS)
        self._timer.timeout.connect(self._flush)
        self._bell = Bell()
        self._bell.rung.connect(self._wake, Qt.ConnectionType.QueuedConnection)
        self.supervisor = Supervisor(self._hear)

    def submit(self, run: RunFolder) -> None:
        self.supervisor.submit(run)

    def close(self) -> None:
        self._timer.stop()
        self.supervisor.close()

    def _hear(self, state: JobState) -> None:
        """In the supervisor's thread."""
        with self._lock:
            key = f"{state.status.state}|{state.waits_for}|{len(state.status.notes)}"
            moved = self._last.get(state.id) != key
            self._last[state.id] = key
            if moved:
                self._states.append(state)
            self._latest[state.id] = state
        self._bell.rung.emit()

    @Slot()
    def _wake(self) -> None:
        with self._lock:
            states, self._states = self._states, []
        for state in states:  # a change of state doesn't wait for the timer
            self.changed.emit(state)
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _flush(self) -> None:
        with self._lock:
            latest, self._latest = self._latest, {}
        for state in latest.values():
            self.progressed.emit(state)
