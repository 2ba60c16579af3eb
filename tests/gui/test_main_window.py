"""The frame: places, facts, jobs, notices, keys, what is remembered, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from workbench.gui import theme
from workbench.gui.commands import Command, Commands
from workbench.gui.main_window import MainWindow
from workbench.gui.places import Place
from workbench.gui.tray import MOST, LogDialog, detail, numbers
from workbench.records.project import Chosen, Project
from workbench.records.runs import Status
from workbench.supervisor import JobState

GB = 2**30


def job(identifier: str, state: str = "running", **status) -> JobState:
    return JobState(
        id=identifier, kind="embed", title=f"Embed {identifier}", status=Status(state=state, **status)
    )


class Room(QWidget):
    """A place that counts how often it was built."""

    built: ClassVar[list[str]] = []
    acted: ClassVar[list[str]] = []

    def __init__(self, name: str, commands: Commands) -> None:
        super().__init__()
        Room.built.append(name)
        QLabel(name, self)
        act = Command(
            id=f"{name}.act", title=name, run=lambda: Room.acted.append(name), place=name, keys="Ctrl+E"
        )
        commands.add(act)


@pytest.fixture
def window(qtbot, session):
    Room.built, Room.acted = [], []
    places = [
        Place(
            id=n,
            title=n.title(),
            icon="data",
            order=i,
            build=lambda s, c, n=n: Room(n, c),
            bottom=n == "last",
        )
        for i, n in enumerate(("first", "second", "last"))
    ]
    made = MainWindow(session, Commands(), places)
    qtbot.addWidget(made)
    made.show()
    return made


def test_importing_the_window_is_light() -> None:
    program = (
        "import sys, workbench.gui.main_window, workbench.gui.views.data\n"
        "heavy = {'pyqtgraph', 'h5py', 'simplejpeg', 'tifffile', 'imagecodecs', 'PIL', 'torch', 'sklearn', 'scipy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def test_places_are_built_when_first_shown_and_once(window) -> None:
    assert Room.built == ["first"]
    window.show_place("second")
    window.show_place("first")
    window.show_place("second")
    assert Room.built == ["first", "second"]
    assert window.stack.currentWidget() is window.widget_of("second")
    with pytest.raises(KeyError):
        window.show_place("nowhere")


def test_ctrl_number_goes_to_a_place(qtbot, window) -> None:
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    assert window.place == "last"


def test_one_key_means_what_the_open_place_says(qtbot, window) -> None:
    window.show_place("second")
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    window.show_place("first")
    qtbot.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert Room.acted == ["second", "first"]


def test_ctrl_k_opens_the_palette_which_lists_everything(qtbot, window) -> None:
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.palette_box.isVisible()
    listed = {command.id for command, _ in window.palette_box.model.found}
    assert {"project.open", "project.new", "project.pool", "edit.undo", "go.second", "help.show"} <= listed


def test_every_command_key_is_bound(window) -> None:
    bound = set(window._shortcuts)
    assert {"Ctrl+O", "Ctrl+N", "Ctrl+Z", "Ctrl+K", "F1", "Ctrl+1"} <= bound
    assert {command.keys for command in window.commands.all() if command.keys} == bound


def test_ctrl_r_runs_the_comparison_from_any_place_and_says_why_it_cannot(qtbot, window, session) -> None:
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert window.notice.text == "Choose at least one backbone."
    session.settings.chosen.append(Chosen(backbone="lab/small"))
    qtbot.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert session.calls == [("run_comparison",)]


def test_facts_of_the_data_set_are_on_top(qtbot, window, session, small_index) -> None:
    assert window.top_bar.data.isHidden()
    session.test_openings = 2
    session.show_index(small_index, small_index)
    qtbot.waitUntil(lambda: not window.top_bar.data.isHidden())
    bar = window.top_bar
    assert bar.name.text() == "Line 4"
    assert bar.data.accessibleName() == "37 labelled · 3 classes · 4 groups"
    assert bar.pool.accessibleName() == "37 unlabelled"
    assert bar.split.accessibleName() == f"split {session.split.hash[:4]} · test opened 2×"
    copies = ("crack/lot0_99.png", "crack/lot1_01.png")
    parts = {int(session.split.part[list(small_index.paths).index(path)]) for path in copies}
    assert bar.leaks.text() == ("1 leak" if len(parts) > 1 else "1 set of copies")
    session.test_openings = 3
    session.finetunes_changed.emit()
    assert bar.split.accessibleName().endswith("test opened 3×"), "a fine-tune opens the test part too"


def test_device_memory_shows_where_there_is_one(window, session) -> None:
    assert window.top_bar.device.isHidden()
    session.devices = {"device": "cuda:0", "name": "Some GPU", "memory": [3 * GB, 24 * GB]}
    session.backbones_changed.emit()
    assert window.top_bar.device.accessibleName() == "GPU 0 · 3.0 / 24 GB"
    session.show_jobs(job("a", memory=(11 * GB, 24 * GB), device="cuda:1"))
    assert window.top_bar.device.accessibleName() == "GPU 1 · 11.0 / 24 GB"


def test_numbers_of_a_job() -> None:
    status = Status(state="running", done=41200, total=180212, rate=3140.4, eta=44.2)
    assert numbers(status) == "41,200 / 180,212 · 3,140 img/s · 44 s left"
    assert (
        numbers(Status(state="running", done=3, total=5, unit="splits", rate=0.4)) == "3 / 5 · 0.4 splits/s"
    )
    assert numbers(Status(state="paused", done=3, total=5, rate=9.0, eta=1.0)) == "3 / 5"
    load = Status(
        state="running", done=41_000_000, total=1_200_000_000, unit="bytes", rate=11_600_000, eta=100
    )
    assert numbers(load) == "41 MB / 1.2 GB · 12 MB/s · 2 min left"


def test_details_of_a_job() -> None:
    waiting = JobState(id="w", kind="evaluate", title="Compare", status=Status(), waits_for="Embed a")
    assert detail(waiting) == "for Embed a"
    assert detail(job("f", "failed", error="It broke.")) == "It broke."
    assert detail(job("r", notes=("Batch halved to 32.",), detail="224 px")) == "Batch halved to 32."


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("running", {"pause", "stop", "discard"}),
        ("paused", {"resume", "stop", "discard"}),
        ("queued", {"discard"}),
        ("failed", {"retry", "log", "discard", "dismiss"}),
        ("stopped", {"retry", "log", "discard", "dismiss"}),
    ],
)
def test_a_card_offers_what_can_be_done_and_does_it(qtbot, window, session, state, expected) -> None:
    session.show_jobs(job("a", state, done=1, total=4))
    card = window.tray.card("a")
    shown = {name for name, made in card.buttons.items() if made.isVisible()}
    assert shown == expected
    for name in sorted(shown - {"log"}):
        assert card.buttons[name].accessibleName()
        card.buttons[name].click()
        assert session.calls[-1] == (name, "a")


def test_a_failed_job_says_why_and_shows_its_log(qtbot, window, session) -> None:
    session.show_jobs(job("a", "failed", error="The worker was killed.", done=2, total=4))
    card = window.tray.card("a")
    assert card.error.text() == "The worker was killed."
    assert card.error.isVisible()
    assert card.bar.isHidden()
    card.buttons["log"].click()
    dialog = next(w for w in QApplication.topLevelWidgets() if isinstance(w, LogDialog) and w.isVisible())
    assert dialog.text.toPlainText() == "log of a"
    dialog.copy()
    assert QApplication.clipboard().text() == "log of a"
    dialog.close()


def test_progress_moves_the_bar(window, session) -> None:
    session.show_jobs(job("a", done=1, total=4))
    session.jobs = [job("a", done=3, total=4, rate=2.0, eta=1.0)]
    session.job_progressed.emit("a")
    card = window.tray.card("a")
    assert card.bar.value() == 750
    assert card.numbers.text() == "3 / 4 · 2.0 img/s · 1 s left"


def test_the_tray_is_calm_when_empty_and_bounded_when_full(qtbot, window, session) -> None:
    assert window.tray.calm.isVisible()
    assert window.tray.calm.text() == "No jobs running"
    session.show_jobs(*(job(f"j{i}", "queued") for i in range(MOST + 40)))
    assert window.tray.calm.isHidden()
    assert len(window.tray._cards) == MOST
    assert window.tray._more.text() == "and 40 more waiting"
    assert window.tray.height() < 200
    session.show_jobs()
    assert window.tray.calm.isVisible()
    assert not window.tray._cards


def test_running_and_failed_come_before_waiting(window, session) -> None:
    session.show_jobs(job("w", "queued"), job("f", "failed"), job("r"))
    assert window.tray._shown == ["r", "f", "w"]


def test_messages_stay_as_long_as_they_matter(window, session) -> None:
    session.message.emit("bad", "It can't be read.")
    assert window.notice.isVisible()
    assert window.notice.text == "It can't be read."
    assert not window.notice._timer.isActive()
    session.message.emit("info", "Exported.")
    assert window.notice.text == "Exported."
    assert window.notice._timer.isActive()


def test_what_was_said_of_another_project_goes(window, session, tmp_path) -> None:
    window._restore()
    session.message.emit("info", "3 images left out.")
    session.project = Project.create(tmp_path / "other", "Other")
    session.project_changed.emit()
    assert window.notice.isHidden()


def test_a_discard_offers_undo(qtbot, window, session) -> None:
    session.discarded.append("run-1")
    session.message.emit("info", "The run was discarded.")
    assert window.notice._action.text() == "Undo"
    window.notice._action.click()
    assert session.calls == [("undo",)]
    assert window.notice.isHidden()
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert session.calls == [("undo",), ("undo",)]
    session.message.emit("info", "Something else.")
    assert window.notice._action.isHidden()


def test_what_cannot_be_done_says_why(qtbot, window) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.notice.text == "There is nothing to undo."


def test_the_look_is_remembered(qtbot, session) -> None:
    places = [Place(id=n, title=n, icon="data", order=0, build=lambda s, c: QWidget()) for n in ("a", "b")]
    first = MainWindow(session, Commands(), places)
    qtbot.addWidget(first)
    first.show()
    first.resize(980, 640)
    first.show_place("b")
    theme.model_colour("DINOv2 small")
    first.commands.run("view.theme_dark")
    first.close()
    theme.themes().set_preference("light")
    theme.know_models([], forget=True)
    second = MainWindow(session, Commands(), places)
    qtbot.addWidget(second)
    assert second.height() == 640, "the width is bounded by the screen of the test"
    assert second.place == "b"
    assert theme.current_theme().dark
    assert theme.known_models() == ["DINOv2 small"]


def test_everything_that_can_be_pressed_has_a_name(window, session) -> None:
    session.show_jobs(job("a"), job("b", "failed"))
    nameless = [
        made
        for made in window.findChildren(QAbstractButton)
        if made.isVisible() and not (made.text() or made.accessibleName())
    ]
    assert not nameless
    unreachable = [
        made
        for made in window.findChildren(QAbstractButton)
        if made.isVisible() and not made.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    assert not unreachable


def test_help_holds_terms_and_keys(qtbot, window) -> None:
    from workbench.gui.help_window import HelpWindow

    qtbot.keyClick(window, Qt.Key.Key_F1)
    shown = next(w for w in QApplication.topLevelWidgets() if isinstance(w, HelpWindow) and w.isVisible())
    assert "linear probe" in shown.text.toPlainText()
    qtbot.keyClicks(shown.field, "macro")
    assert "linear probe" not in shown.text.toPlainText()
    assert "macro-F1" in shown.text.toPlainText()
    shown.close()


@pytest.mark.parametrize("size", [(1280, 800), (2560, 1440)])
def test_nothing_asks_for_more_room_than_the_window_has(window, session, size) -> None:
    session.show_jobs(*(job(f"j{i}", done=1, total=2) for i in range(5)))
    window.resize(*size)
    assert (window.width(), window.height()) == size
    for name in ("top_bar", "rail", "stack", "tray"):
        part = getattr(window, name)
        assert part.minimumSizeHint().width() <= part.width()


def test_the_sample_is_drawn_once_and_never_over_images_of_ones_own(window, session) -> None:
    assert window.commands.run("project.sample") == ""
    drawn = JobState(id="s", kind="sample", title="Draw the sample images", status=Status(state="queued"))
    session.show_jobs(drawn)
    assert window.commands.run("project.sample") == "The sample is being drawn already."
    session.show_jobs()
    session.settings.roots = {"": "/own"}
    assert "images of its own" in window.commands.run("project.sample")
    assert [call[0] for call in session.calls] == ["draw_sample"]


def test_a_renamed_project_renames_the_window(window, session) -> None:
    session.project_changed.emit()
    session.settings.name = "Pictures"
    session.project_changed.emit()
    assert window.windowTitle() == "Pictures - SSL workbench"
