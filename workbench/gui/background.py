"""Small work off the GUI thread: a function runs in a thread, its answer comes back as a call in the window's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot


class _Answers(QObject):
    """Brings answers into the window's thread. It has no parent: work under way holds it, and so can still end
    soundly where the window that asked has been deleted meanwhile."""

    came = Signal(object, object)

    def __init__(self) -> None:
        super().__init__()
        self.wanted = True

    @Slot()
    def refuse(self) -> None:
        self.wanted = False


class Background(QObject):
    """Runs functions in a pool of its own. After `close`, or once deleted, nothing is called any more."""

    def __init__(self, parent: QObject | None = None, *, threads: int = 1) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._answers = _Answers()
        self._answers.came.connect(self._deliver)
        self.destroyed.connect(self._answers.refuse)  # what still waits need not start

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`done(work())` in the window's thread, or `failed(error)` for a ValueError or OSError of `work`."""
        if self._answers.wanted:
            self._pool.start(_Work(work, done, failed, self._answers))

    def close(self) -> None:
        self._answers.refuse()
        self._pool.clear()
        self._pool.waitForDone(5000)

    @Slot(object, object)
    def _deliver(self, call: Callable[[Any], None], answer: Any) -> None:
        if self._answers.wanted:
            call(answer)


class _Work(QRunnable):
    def __init__(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        answers: _Answers,
    ) -> None:
        super().__init__()
        self._work, self._done, self._failed, self._answers = work, done, failed, answers

    def run(self) -> None:
        if not self._answers.wanted:
            return
        try:
            answer = self._work()
        except (ValueError, OSError) as error:
            self._answers.came.emit(self._failed, error)
        else:
            self._answers.came.emit(self._done, answer)
