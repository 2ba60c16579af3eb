"""What a group rule makes of some paths, found out without the window ever waiting for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from PySide6.QtCore import QObject, QProcess, QTimer, Signal

from workbench.records.layout import Layout

SETTLE_MS = 120  # after the last key
LIMIT_MS = 3000  # for the process, its start included
TOO_SLOW = (
    "This pattern takes too long on your file names. Make it simpler: one + or * inside a bracket that is "
    "itself repeated is the usual cause."
)


class RuleTrial(QObject):
    """`ask`, then `answered` or `refused` once; a newer question drops the older."""

    answered = Signal(object)  # list of the groups, "" for none, in the order of the paths
    refused = Signal(str)

    def __init__(self, parent: QObject | None = None, *, limit_ms: int = LIMIT_MS) -> None:
        super().__init__(parent)
        self._asked: tuple[str, tuple[str, ...]] = ("", ())
        self._process: QProcess | None = None
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._start)
        self._limit = QTimer(self, singleShot=True, interval=limit_ms)
        self._limit.timeout.connect(self._give_up)

    def ask(self, group_by: str, paths: Sequence[str]) -> None:
        """Try a rule that `Layout` accepts. Only patterns need a process; others are answered at once."""
        self.close()
        if not group_by.startswith("name:"):
            layout = Layout(group_by=group_by)
            self.answered.emit([layout.group(path) for path in paths])
            return
        self._asked = (group_by, tuple(paths))
        self._settle.start()

    def close(self) -> None:
        """End what runs; nothing is answered any more."""
        self._settle.stop()
        self._limit.stop()
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect()
            process.errorOccurred.disconnect()
            process.finished.connect(process.deleteLater)
            process.kill()

    def _start(self) -> None:
        group_by, paths = self._asked
        process = QProcess(self)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        self._limit.start()
        process.start(sys.executable, ["-m", "workbench.gui.data.rule_process"])
        process.write(json.dumps({"group_by": group_by, "paths": paths}).encode("ascii"))
        process.closeWriteChannel()

    def _on_finished(self, code: int) -> None:
        process, self._process = self._process, None
        self._limit.stop()
        if process is None:
            return
        answer = process.readAllStandardOutput().data()
        process.deleteLater()
        if code:
            self.refused.emit(
                "The pattern could not be tried: its process ended early. Change it or try again."
            )
        else:
            self.answered.emit(json.loads(answer))

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.close()
            self.refused.emit("The pattern could not be tried: no process could be started.")

    def _give_up(self) -> None:
        self.close()
        self.refused.emit(TOO_SLOW)
