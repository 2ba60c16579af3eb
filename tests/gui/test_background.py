"""Work in a thread whose window closes, or is deleted, before it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import shiboken6
from PySide6.QtCore import QObject

from workbench.gui.background import Background


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
