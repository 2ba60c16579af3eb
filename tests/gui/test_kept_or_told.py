"""A project that can't be written, is gone or is open elsewhere: the window goes on and says so."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QPushButton

from workbench.gui import app, faults
from workbench.gui.session import Session
from workbench.gui.widgets.cards import NoticeBar
from workbench.records import files
from workbench.records.project import Project
from workbench.records.project_lock import ProjectBusy, ProjectLock


@pytest.fixture
def live(qtbot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:  # type: ignore[no-untyped-def]
    session = Session()
    monkeypatch.setattr(session, "describe", lambda: None)
    session.create_project(tmp_path / "project", "Line 4")
    session.heard = []  # type: ignore[attr-defined]
    session.message.connect(lambda *said: session.heard.append(said))  # type: ignore[attr-defined]
    yield session
    session.close()


def fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)


def test_a_full_disk_is_told_once_and_what_was_chosen_is_kept_when_it_has_room(live, monkeypatch) -> None:
    with monkeypatch.context() as disk:
        fill_the_disk(disk)
        live.remember("place", "models")
        live.choose("random_vit")
        live.set_seeds(7)
    (said,) = live.heard
    assert said[0] == "bad"
    assert "can't be saved" in said[1]
    assert "disk is full" in said[1]
    live.remember("place", "data")
    assert live.heard[1][0] == "good"
    kept = Project.open(live.project.folder).settings
    assert ([choice.backbone for choice in kept.chosen], kept.seeds) == (["random_vit"], 7)


def test_a_project_that_was_moved_away_is_not_begun_anew_where_it_was(live, tmp_path: Path) -> None:
    (tmp_path / "project").rename(tmp_path / "elsewhere")
    live.set_seeds(7)
    assert not (tmp_path / "project").exists()
    assert "not there any more" in live.heard[0][1]
    with pytest.raises(FileNotFoundError):
        live.dataset.draw_sample(tmp_path / "sample")
    assert not (tmp_path / "project").exists()


def test_a_second_window_is_refused_until_the_first_lets_go(live, qtbot, tmp_path: Path) -> None:
    second = Session()
    second.describe = lambda: None  # type: ignore[method-assign]
    try:
        with pytest.raises(ProjectBusy, match="open in another window"):
            second.open_project(tmp_path / "project")
        assert second.project is None
        live.open_project(tmp_path / "project")  # its own is no other
        live.close()
        second.open_project(tmp_path / "project")
    finally:
        second.close()


def test_a_window_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    Project.create(tmp_path / "p")
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom workbench.records.project_lock import ProjectLock\n"
        "held = ProjectLock.take(Path(sys.argv[1]))\nprint('held', flush=True)\nsys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "p")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ProjectBusy):
            ProjectLock.take(tmp_path / "p")
    finally:
        holder.kill()
        holder.communicate()
    ProjectLock.take(tmp_path / "p").release()


def test_the_last_project_stays_the_last_while_another_window_has_it(
    live, qtbot, tmp_path, monkeypatch
) -> None:
    recent = tmp_path / "recent.json"
    recent.write_text(json.dumps({"last": str(tmp_path / "project")}))
    monkeypatch.setattr(app, "_recent", lambda: recent)
    monkeypatch.setattr(app, "user_data_path", lambda _: tmp_path / "data")
    second = Session()
    second.describe = lambda: None  # type: ignore[method-assign]
    said: list[tuple[str, str]] = []
    second.message.connect(lambda *each: said.append(each))
    try:
        app.open_or_new(second, app.last_project())
        assert "open in another window" in said[0][1]
        assert second.project is not None
        assert second.project.folder.is_relative_to(tmp_path / "data")
        app._remember(second)
        assert app.last_project() == tmp_path / "project"
        second.settings.roots = {"": "/images"}
        app._remember(second)
        assert app.last_project() == second.project.folder
    finally:
        second.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/p/run.json"), "/p/run.json: the disk is full"),
        (ValueError("Choose another folder."), "Choose another folder."),
        (KeyError("a"), "A fault of the program"),
    ],
)
def test_what_a_button_could_not_do_is_told(live, qtbot, tmp_path, monkeypatch, error, words) -> None:
    monkeypatch.setattr(faults, "user_log_path", lambda _: tmp_path / "logs")
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    end = faults.tell_faults(live)

    def fail() -> None:
        raise error

    pressed = QPushButton("Run")
    qtbot.addWidget(pressed)
    pressed.clicked.connect(fail)
    pressed.click()
    qtbot.waitUntil(lambda: bool(live.heard), timeout=5000)
    end()
    assert words in live.heard[0][1]
    assert type(error).__name__ in (tmp_path / "logs" / "window.log").read_text()


def test_a_memory_of_another_type_is_forgotten(live) -> None:
    live.settings.view |= {"geometry": 5, "compare.sort": (2, True), "tile": 96.0, "models": {"a": 1}}
    assert live.recall("geometry", "") == ""
    assert live.recall("compare.sort", [0, False]) == (2, True)
    assert live.recall("tile", 120) == 96.0
    assert live.recall("models", []) == []


def test_news_that_passes_does_not_hide_what_stays(qtbot) -> None:
    bar = NoticeBar()
    qtbot.addWidget(bar)
    bar.tell("bad", "It can't be saved.")
    bar.tell("info", "Exported.", seconds=0.05)
    assert bar.text == "Exported."
    qtbot.waitUntil(lambda: bar.text == "It can't be saved.", timeout=5000)
    assert bar.property("severity") == "bad"
    bar.tell("info", "Exported.", seconds=60)
    bar.dismiss()
    bar.dismiss()
    assert bar.isHidden()
    bar.tell("bad", "It can't be saved.")
    bar.tell("info", "Exported.", seconds=60)
    bar.clear()
    assert bar.isHidden()
