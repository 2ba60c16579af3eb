"""Objects of Qt that lie in cycles are destroyed in the window's thread, whichever thread makes new objects."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, Qt, QTimer

from workbench.gui.background import Background
from workbench.gui.garbage import GarbageSearch


class _Closed(QObject):
    """As a dialog that was closed: it lies in a cycle, and has a timer. That may run: Qt then crashes where another
    thread destroys it."""

    def __init__(self, destroyed_in: list[int]) -> None:
        super().__init__()
        self._me = self
        self._timer = QTimer(self)
        self.destroyed.connect(
            lambda: destroyed_in.append(threading.get_ident()), Qt.ConnectionType.DirectConnection
        )


@pytest.fixture
def search() -> Iterator[GarbageSearch]:
    was = gc.isenabled()
    gc.collect()
    made = GarbageSearch()
    yield made
    made.close()
    assert gc.isenabled()
    if not was:
        gc.disable()


def _work_a_lot() -> int:
    """Enough new objects for searches of every generation."""
    kept = [[number] for number in range(200_000)]
    return len(kept)


def test_a_thread_that_makes_many_objects_destroys_no_window(qtbot, search: GarbageSearch) -> None:
    destroyed_in: list[int] = []
    _Closed(destroyed_in)
    came: list[object] = []
    background = Background()
    background.run(_work_a_lot, came.append, came.append)
    qtbot.waitUntil(lambda: bool(came))
    background.close()
    assert not destroyed_in
    search.look()
    assert destroyed_in == [threading.get_ident()]


def test_what_has_grown_old_is_found_too(search: GarbageSearch) -> None:
    destroyed_in: list[int] = []
    made = _Closed(destroyed_in)
    for generation in (0, 1):  # it lives long enough to grow old
        gc.collect(generation)
    del made
    looks = 0
    while not destroyed_in and looks < 200:
        search.look()
        looks += 1
    assert looks > 10 and destroyed_in == [threading.get_ident()]
