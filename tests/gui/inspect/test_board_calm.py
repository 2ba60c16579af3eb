"""The window stays live with a large board, and the whole way works: real worker, real model, real pictures."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication

from tests.gui.inspect.sights import sight
from workbench.gui.commands import Commands
from workbench.gui.inspect.page import BoardPage
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex

STALL = 0.1  # s: what a hand on a slider takes for a standstill


class Heart:
    """The longest that the window's thread was away between two beats, s: by the clock, and what it worked meanwhile.

    A machine that others work on too keeps the clock running; what the thread itself works is the window's own.
    """

    def __init__(self) -> None:
        self.away = self.worked = 0.0
        self._last = time.perf_counter(), time.thread_time()
        self._timer = QTimer(interval=5, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self.away = max(self.away, now[0] - self._last[0])
        self.worked = max(self.worked, now[1] - self._last[1])
        self._last = now

    def stop(self) -> None:
        self._timer.stop()


def test_a_board_of_ten_models_and_twenty_images_never_stands_still(qtbot, page, models) -> None:
    """Every slider is moved while cells of 224 px are made."""
    page.resize(2300, 1200)
    page.board.set_models([f"lab/m{number}" for number in range(10)])
    page.board.set_rows(number=20)
    qtbot.waitUntil(lambda: len(page.board.rows) == 20)
    models.answer(lambda job, model, ask: sight(job, model, ask, side=224, grid=14))
    qtbot.waitUntil(lambda: page.look.composer.idle)
    heart = Heart()
    moves = [
        *(lambda v=v: page.controls.opacity.slider.setValue(v) for v in range(20, 100, 8)),
        *(lambda v=v: page.controls.keep.slider.setValue(v) for v in range(20, 100, 8)),
        *(lambda v=v: page.controls.layer.slider.setValue(v) for v in (1, 2, 3)),
        *(lambda v=v: page.canvas.verticalScrollBar().setValue(v) for v in range(0, 3000, 300)),
    ]
    for move in moves:
        move()
        until = time.perf_counter() + 0.03  # a slider that is dragged fast
        while time.perf_counter() < until:
            QApplication.processEvents()
    qtbot.waitUntil(lambda: page.look.composer.idle)
    heart.stop()
    print(f"longest stall {1000 * heart.away:.0f} ms, of which {1000 * heart.worked:.0f} ms work")
    assert heart.worked < STALL


@pytest.mark.slow
@pytest.mark.usefixtures("warm_workers")
def test_a_real_worker_looks_into_a_real_model(
    qtbot, tmp_path: Path, monkeypatch, small_index: ImageIndex
) -> None:
    session = Session()
    monkeypatch.setattr(session, "describe", lambda **_: None)
    monkeypatch.setattr(session.dataset, "read", lambda *_: None)
    session.create_project(tmp_path / "project", "Line 4")
    session.dataset.arranged, session.settings.roots = Arranged(small_index), dict(small_index.roots)
    page = BoardPage(session, Commands())
    qtbot.addWidget(page)
    page.resize(1180, 700)
    try:
        page.board.set_models(["random_vit", "histogram"])
        page.board.set_rows(number=2)
        page.show()
        qtbot.waitUntil(lambda: len(page.board.sights()) == 2 and not page.board.waiting, timeout=120_000)
        looked, blind = page.board.sights()
        assert not looked.error and looked.attention.shape[:1] == (2,) and blind.error
        page.board.set(show="likeness")
        page.board.ask_place(page.board.rows[1], (0.5, 0.5))
        qtbot.waitUntil(lambda: len(page.board.sights()) == 2 and not page.board.waiting, timeout=60_000)
        seen = page.board.sights()[0]
        row, column = seen.patch_at(1, (0.5, 0.5))
        assert seen.values[1, row, column] == pytest.approx(1, abs=1e-3)  # a patch is like itself
        assert np.nanmax(seen.values) <= 1 + 1e-3
    finally:
        page.hide()
        session.close()
        page.look.thumbnails.close()
