"""Small work off the GUI thread: a function runs in a thread, its answer comes back as a call in the window's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, Slot


class Bell(QObject):
    """A signal that any thread may emit, whatever has been deleted meanwhile: it has no parent, and lives as long as
    somebody holds it. An object that is deleted hears no more of it."""

    rung = Signal()


class _Answers(QObject):
    """Brings what threads say into the window's. Work under way holds it, as it would a `Bell`."""

    ended = Signal(int, object, object)  # number of the work, answer, error
    told = Signal(object, object)  # what is called, with which arguments

    def __init__(self) -> None:
        super().__init__()
        self.wanted = True

    @Slot()
    def refuse(self) -> None:
        self.wanted = False


@dataclass(frozen=True, slots=True)
class _Asked:
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


class Background(QObject):
    """Runs functions in a pool of its own. After `close`, or once deleted, nothing is called any more."""

    def __init__(self, parent: QObject | None = None, *, threads: int = 1) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        # Kept here until it is over: a thread that let go last of a widget would destroy it.
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._answers = _Answers()
        self._answers.ended.connect(self._end, Qt.ConnectionType.QueuedConnection)
        self._answers.told.connect(self._tell, Qt.ConnectionType.QueuedConnection)
        self.destroyed.connect(self._answers.refuse)  # what still waits need not start

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`done(work())` in the window's thread, or `failed(error)` for a ValueError or OSError of `work`."""
        if self._answers.wanted:
            self._number += 1
            self._asked[self._number] = _Asked(work, done, failed)
            self._pool.start(_Work(self._number, work, self._answers))

    def telling(self, call: Callable[..., None]) -> Callable[..., None]:
        """A function for `work` to say in its thread how far it is: `call` gets the same, in the window's thread."""
        answers = self._answers
        return lambda *arguments: answers.told.emit(call, arguments)

    def close(self) -> None:
        self._answers.refuse()
        self._pool.clear()
        if self._pool.waitForDone(5000):
            self._asked.clear()

    @Slot(int, object, object)
    def _end(self, number: int, answer: Any, error: Exception | None) -> None:
        asked = self._asked.pop(number, None)
        if asked is None or not self._answers.wanted:
            return
        if error is None:
            asked.done(answer)
        else:
            asked.failed(error)

    @Slot(object, object)
    def _tell(self, call: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self._answers.wanted:
            call(*arguments)


class _Work(QRunnable):
    def __init__(self, number: int, work: Callable[[], Any], answers: _Answers) -> None:
        super().__init__()
        self._number, self._answers = number, answers
        self._work: Callable[[], Any] | None = work

    def run(self) -> None:
        work, self._work = self._work, None
        if work is None or not self._answers.wanted:
            return
        answer, failed = None, None
        try:
            answer = work()
        except (ValueError, OSError) as error:
            failed = error.with_traceback(None)  # which would hold what the work's frames hold
        del work
        self._answers.ended.emit(self._number, answer, failed)
