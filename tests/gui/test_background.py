"""Work in a thread whose window closes, or is deleted, before it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QObject, Qt, Slot

from workbench.gui.background import Background, Bell


class _Held:
    """Work that waits until it is let go."""

    def __init__(self) -> None:
        self.started, self.free = threading.Event(), threading.Event()

    def __call__(self) -> str:
        self.started.set()
        assert self.free.wait(10)
        return "answer"


def _delete_later(owner: QObject) -> None:
    owner.deleteLater()


def test_an_answer_and_an_error_come_in_the_windows_thread(qtbot) -> None:
    came: list[tuple[object, int]] = []

    def take(what: object) -> None:
        came.append((what, threading.get_ident()))

    def fail() -> None:
        raise OSError("the disk is gone")

    made = Background()
    made.run(threading.get_ident, take, take)
    made.run(fail, take, take)
    qtbot.waitUntil(lambda: len(came) == 2)
    here = threading.get_ident()
    assert came[0][0] != here and str(came[1][0]) == "the disk is gone"
    assert [thread for _, thread in came] == [here, here]


@pytest.mark.parametrize("end", [_delete_later, shiboken6.delete])
def test_work_ends_soundly_where_its_window_is_deleted(end: Callable[[QObject], None], qtbot, capfd) -> None:
    owner, held = QObject(), _Held()
    made, came, ran = Background(owner), [], threading.Event()
    made.run(held, came.append, came.append)
    made.run(ran.set, came.append, came.append)  # waits behind it, and need not start any more
    assert held.started.wait(10)
    gone = threading.Event()
    owner.destroyed.connect(gone.set)
    threading.Timer(0.2, held.free.set).start()
    end(owner)
    qtbot.waitUntil(gone.is_set)
    qtbot.wait(50)
    assert not shiboken6.isValid(made)
    assert came == [] and not ran.is_set()
    assert "Error" not in capfd.readouterr().err


def test_after_close_nothing_is_called_and_nothing_starts(qtbot) -> None:
    made, held, came, ran = Background(), _Held(), [], threading.Event()
    made.run(held, came.append, came.append)
    made.run(ran.set, came.append, came.append)
    assert held.started.wait(10)
    threading.Timer(0.2, held.free.set).start()
    made.close()
    made.run(ran.set, came.append, came.append)
    qtbot.wait(50)
    assert came == [] and not ran.is_set()


@pytest.mark.parametrize("end", [_delete_later, shiboken6.delete])
def test_what_work_says_on_its_way_comes_until_the_window_is_deleted(
    end: Callable[[QObject], None], qtbot, capfd
) -> None:
    owner, said, gone = QObject(), [], threading.Event()
    made = Background(owner)
    say = made.telling(lambda done, total: said.append((done, total, threading.get_ident())))
    going, over = threading.Event(), threading.Event()

    def work() -> None:
        say(1, 9)
        going.set()
        gone.wait(10)
        say(2, 9)
        over.set()

    made.run(work, said.append, said.append)
    assert going.wait(10)
    qtbot.waitUntil(lambda: bool(said))
    threading.Timer(0.2, gone.set).start()  # a pool waits for its threads before it goes
    end(owner)
    qtbot.waitUntil(over.is_set)
    qtbot.wait(50)
    assert said == [(1, 9, threading.get_ident())]
    assert "Error" not in capfd.readouterr().err


def test_a_thread_that_ends_last_destroys_nothing_of_the_window(qtbot) -> None:
    """Work, and what is called with its answer, may be all that still holds a widget."""
    destroyed_in: list[int] = []

    class Shown(QObject):
        def __init__(self) -> None:
            super().__init__()
            self.destroyed.connect(
                lambda: destroyed_in.append(threading.get_ident()), Qt.ConnectionType.DirectConnection
            )

        def show(self, answer: object) -> None:
            pass

    made, held, shown = Background(), _Held(), Shown()
    made.run(lambda shown=shown: held() and None, shown.show, shown.show)
    assert held.started.wait(10)
    del shown
    held.free.set()
    made._pool.waitForDone(10_000)
    assert not destroyed_in
    qtbot.waitUntil(lambda: bool(destroyed_in))
    assert destroyed_in == [threading.get_ident()]


def test_a_bell_may_be_rung_when_nobody_is_there_any_more(qtbot) -> None:
    class Hears(QObject):
        def __init__(self, heard: list[int]) -> None:
            super().__init__()
            self._heard = heard

        @Slot()
        def hear(self) -> None:
            self._heard.append(threading.get_ident())

    heard: list[int] = []
    bell, hears = Bell(), Hears(heard)
    bell.rung.connect(hears.hear, Qt.ConnectionType.QueuedConnection)
    for _ in range(2):
        ringer = threading.Thread(target=bell.rung.emit)
        ringer.start()
        ringer.join()
        qtbot.waitUntil(lambda: bool(heard))
        if shiboken6.isValid(hears):
            shiboken6.delete(hears)
    qtbot.wait(20)
    assert heard == [threading.get_ident()]
