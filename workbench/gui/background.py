"""Small work off the GUI thread: a function runs in a thread, its answer comes back as a call in the window's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot


class Background(QObject):
    """Runs functions in a pool of its own. After `close` nothing is called any more."""

    _finished = Signal(object, object)

    def __init__(self, parent: QObject | None = None, *, threads: int = 1) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._open = True
        self._finished.connect(self._deliver)

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """`done(work())` in the window's thread, or `failed(error)` for a ValueError or OSError of `work`."""
        if self._open:
            self._pool.start(_Work(work, done, failed, self._finished))

    def close(self) -> None:
        self._open = False
        self._pool.clear()
        self._pool.waitForDone(5000)

    @Slot(object, object)
    def _deliver(self, call: Callable[[Any], None], answer: Any) -> None:
        if self._open:
            call(answer)


class _Work(QRunnable):
    def __init__(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[Exception], None],
        finished: Any,
    ) -> None:
        super().__init__()
        self._work, self._done, self._failed, self._finished = work, done, failed, finished

    def run(self) -> None:
        try:
            answer = self._work()
        except (ValueError, OSError) as error:
            self._finished.emit(self._failed, error)
        else:
            self._finished.emit(self._done, answer)
