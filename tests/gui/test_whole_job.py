"""A user's whole job by clicks: real window, real session, real worker, real images; a worker is killed on the way.

Meanwhile a timer measures how long the window's thread was ever away.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QToolButton, QWidget

from tests.conftest import SHARED
from workbench.engine.sample.build import build_sample
from workbench.gui.commands import Commands
from workbench.gui.main_window import MainWindow
from workbench.gui.models.catalogue_table import CatalogueTable
from workbench.gui.session import Session
from workbench.records.embeddings import read_h5ad

PER_CLASS = 16
BEAT_MS = 5
CALM_MS = 100.0


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A part of the shared surface defects, or drawn ones where these are not beside the checkout."""
    source = SHARED / "neu_surface_defects"
    target = tmp_path / "pictures"
    if not source.is_dir():
        build_sample(tmp_path / "sample", labelled=100, unlabelled=0)
        return (tmp_path / "sample" / "labelled").rename(target)
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True)
        for file in sorted(folder.iterdir())[:PER_CLASS]:
            shutil.copy(file, target / folder.name)
    return target


class Heart:
    """Milliseconds between the beats of the window's thread."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer(interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1000)
        self._last = now

    def stop(self) -> np.ndarray:
        self._timer.stop()
        return np.asarray(self.gaps)


class User:
    """What a hand on the mouse can do."""

    def __init__(self, qtbot, window: MainWindow) -> None:  # type: ignore[no-untyped-def]
        self.qtbot, self.window = qtbot, window

    def until(self, holds: Callable[[], object], seconds: float = 60) -> None:
        self.qtbot.waitUntil(lambda: bool(holds()), timeout=int(seconds * 1000))

    def button(self, words: str) -> QAbstractButton:
        """The visible button whose text or accessible name begins with `words`."""
        self.until(lambda: self._buttons(words), 20)
        return self._buttons(words)[0]

    def click(self, words: str) -> None:
        button = self.button(words)
        self.until(button.isEnabled, 20)
        self.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def pick(self, menu: str, entry: str) -> None:
        """An entry of a button's menu. A menu runs its own event loop, so its entry is triggered."""
        button = self.button(menu)
        assert isinstance(button, QToolButton) or hasattr(button, "menu")
        opened = button.menu()
        opened.aboutToShow.emit()
        next(action for action in opened.actions() if entry in action.text()).trigger()

    def tick(self, backbone: str) -> None:
        """The check box of a backbone in the catalogue."""
        table = self.window.findChild(CatalogueTable)
        assert table is not None
        table.go_to(backbone)
        cell = table.visualRect(table.currentIndex())
        self.qtbot.mouseClick(
            table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(cell.left() + 16, cell.center().y())
        )

    def _buttons(self, words: str) -> list[QAbstractButton]:
        return [
            found
            for found in self.window.findChildren(QAbstractButton)
            if found.isVisible()
            and (found.text().startswith(words) or found.accessibleName().startswith(words))
        ]


@pytest.fixture
def opened(qtbot) -> Iterator[Callable[[], tuple[Session, MainWindow]]]:  # type: ignore[no-untyped-def]
    """Makes windows on sessions, and ends them."""
    made: list[tuple[Session, MainWindow]] = []

    def build() -> tuple[Session, MainWindow]:
        session = Session()
        window = MainWindow(session, Commands())
        qtbot.addWidget(window)
        window.resize(1280, 800)
        window.show()
        made.append((session, window))
        return session, window

    yield build
    for session, window in made:
        window.close()
        session.close()


def table_texts(window: QWidget) -> list[str]:
    view = window.widget_of("compare")  # type: ignore[attr-defined]
    table = view.table
    model = table.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


@pytest.mark.usefixtures("warm_workers")
def test_from_a_folder_to_a_table_and_back_again(
    qtbot,  # type: ignore[no-untyped-def]
    opened: Callable[[], tuple[Session, MainWindow]],
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = tmp_path / "project"
    session, window = opened()
    user = User(qtbot, window)
    session.create_project(project, "Line 4")
    heart = Heart()
    gc.collect()

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, **__: str(pictures))
    user.click("Choose image folder")
    user.until(lambda: session.index is not None and len(session.index))
    assert session.index is not None
    images = len(session.index)
    assert images >= 90

    user.until(lambda: session.catalogue)
    window.show_place("models")
    user.tick("efficientnet_lite0")
    user.tick("histogram")
    user.until(
        lambda: {choice.backbone for choice in session.settings.chosen} == {"efficientnet_lite0", "histogram"}
    )
    user.click("Run comparison")

    def embedding() -> list[str]:
        return [job.id for job in session.jobs if job.kind == "embed" and job.status.state == "running"]

    user.until(lambda: any(job.id in embedding() and job.status.done > 0 for job in session.jobs))
    assert session.project is not None
    victim = session.project.run(embedding()[0])
    os.kill(int((victim.path / "heartbeat").read_text().split()[0]), signal.SIGKILL)
    user.until(lambda: any(job.id == victim.id and job.status.state == "failed" for job in session.jobs))
    failed = next(job for job in session.jobs if job.id == victim.id)
    assert "killed" in failed.status.error
    user.click("Retry")
    user.until(lambda: session.result is not None, 180)

    window.show_place("compare")
    qtbot.wait(300)
    names = table_texts(window)
    assert len(names) == 2
    assert any("EfficientNet-Lite0" in name for name in names)
    assert session.result is not None
    best = session.result.model(session.result.comparisons[0].a)
    assert best.backbone == "efficientnet_lite0"
    assert session.test_openings == 1

    out = tmp_path / "out.h5ad"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(out), ""))
    user.pick("Export embeddings", ".h5ad")
    user.until(out.exists)
    assert len(read_h5ad(out).ids) == images
    user.until(lambda: not session.busy)

    gaps = heart.stop()
    p99, longest = float(np.percentile(gaps, 99)), float(gaps.max())
    print(f"the window's thread was away {p99:.0f} ms at p99, {longest:.0f} ms at most, {len(gaps)} beats")
    assert p99 < CALM_MS

    result, chosen = session.result, list(session.settings.chosen)
    window.close()
    session.close()
    again, second = opened()
    again.open_project(project)
    user = User(qtbot, second)
    user.until(lambda: again.index is not None and again.result is not None)
    assert again.index is not None
    assert len(again.index) == images
    assert again.settings.chosen == chosen
    assert again.result == result
    assert not again.jobs, "what was retried is done and must not come back"
    second.show_place("compare")
    qtbot.wait(300)
    assert table_texts(second) == names
