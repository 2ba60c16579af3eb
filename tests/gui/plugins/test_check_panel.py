"""The button Check: what is found is shown as it goes, can be stopped, and stays with its plugin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtWidgets import QLabel

from tests.installed import only_files
from workbench import plugins
from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.plugins import checker as checking
from workbench.gui.plugins.check_panel import STARTS, summary_of
from workbench.gui.plugins.checker import Checked
from workbench.gui.plugins.view import PluginsView
from workbench.records.plugin_checks import Step, stopped_steps
from workbench.records.plugins import PluginError

CODE = 'PLUGIN = {{"name": "{name}", "version": "1.0", "api": "1.0", "evaluations": {{"{name}_x": "It scores."}}}}\n'
CODE += "def register(house):\n    pass\n"
DONE = Step(name="is imported", outcome="ok", seconds=1.24)
GOING = Step(name="trains <b>", outcome="running")
FAILED = Step(name="trains <b>", outcome="failed", why="Loss is not finite\x1b[0m.", seconds=3.0)


class SlowCheck:
    """Stands in for the processes: tells what the test says, until it ends."""

    def __init__(self) -> None:
        self.told: Callable[[tuple[Step, ...], str], bool] | None = None
        self.asked: list[str] = []
        self.steps: tuple[Step, ...] = ()
        self.said = ""
        self.go = threading.Event()
        self.stopped = False

    def __call__(self, one, told) -> tuple[Step, ...]:
        self.asked.append(one.name)
        one.refuse_unusable()
        while not self.go.wait(0.01):
            if not told(self.steps, self.said):
                self.stopped = True
                return stopped_steps(self.steps)
        return self.steps


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> SlowCheck:
    made = SlowCheck()
    monkeypatch.setattr(checking, "check", made)
    return made


@pytest.fixture
def page(qtbot, session, slow: SlowCheck, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginsView]:
    only_files(monkeypatch)
    monkeypatch.setattr(plugins, "tried", plugins.plugins)  # no process for a trial
    folder = plugins.plugin_folder()
    folder.mkdir(parents=True)
    for name in ("first", "second"):
        (folder / f"{name}.py").write_text(CODE.format(name=name))
    made = PluginsView(session, Commands())
    qtbot.addWidget(made)
    made.resize(1150, 720)
    made.show()
    qtbot.waitUntil(lambda: made.store.read and not made.store.trying)
    made.list.go_to("first")
    yield made
    slow.go.set()
    for child in session.findChildren(Background):
        child.close()


def shown(page: PluginsView) -> list[str]:
    panel = page.details.check
    return [one.text() for one in panel.findChildren(QLabel) if one.isVisibleTo(panel) and one.text()]


def test_steps_and_words_are_shown_as_they_come(qtbot, page: PluginsView, slow: SlowCheck) -> None:
    panel = page.details.check
    assert panel.isHidden() and page.details.try_out.isEnabled()
    page.details.try_out.click()
    qtbot.waitUntil(lambda: slow.asked == ["first"])
    assert panel.isVisibleTo(page) and panel.summary.text() == STARTS
    assert not page.details.try_out.isEnabled()
    slow.steps, slow.said = (DONE, GOING), "loading \x1b[31mlayers\n"
    qtbot.waitUntil(lambda: panel.summary.text() == "1 step done")
    assert "trying" in shown(page) and "trains <b>" in shown(page) and "1.2 s" in shown(page)
    assert panel.said.isVisibleTo(page) and panel.said.toPlainText() == "loading \\x1b[31mlayers"
    page.list.go_to("second")  # has no check, and can't have one now
    assert panel.isHidden() and not page.details.try_out.isEnabled()
    assert "The check of first goes on" in page.details.try_out.toolTip()
    page.list.go_to("first")
    slow.steps = (DONE, FAILED)
    slow.go.set()
    qtbot.waitUntil(lambda: not page.checker.checking)
    assert panel.summary.text() == "2 steps, 1 failed, 4 s"
    assert "failed" in shown(page) and "Loss is not finite\\x1b[0m." in shown(page)
    assert panel.said.isVisibleTo(page) and not panel.stop.isVisibleTo(page)
    assert page.details.try_out.isEnabled()


def test_one_is_stopped(qtbot, page: PluginsView, slow: SlowCheck) -> None:
    slow.steps = (DONE, GOING)
    page.details.try_out.click()
    panel = page.details.check
    qtbot.waitUntil(lambda: panel.summary.text() == "1 step done")
    panel.stop.click()
    assert not panel.stop.isEnabled()
    qtbot.waitUntil(lambda: not page.checker.checking)
    assert slow.stopped and panel.summary.text() == "2 steps, none failed, 1 left out, 1 s"
    assert "The check was stopped." in shown(page)
    slow.go.set()
    page.details.try_out.click()
    qtbot.waitUntil(lambda: slow.asked == ["first", "first"])
    assert panel.stop.isEnabled()
    qtbot.waitUntil(lambda: not page.checker.checking)


def test_a_check_that_cannot_be_done_says_why(qtbot, page: PluginsView, slow: SlowCheck, monkeypatch) -> None:
    def refuse(one, told) -> tuple[Step, ...]:
        raise PluginError("The plugin first is switched off.")

    monkeypatch.setattr(checking, "check", refuse)
    page.details.try_out.click()
    qtbot.waitUntil(lambda: page.details.check.why.text() == "The plugin first is switched off.")
    plugins.switch("first", False)
    page.store.look()
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "off")
    assert not page.details.try_out.isEnabled()


def test_a_whole_check_in_words() -> None:
    assert summary_of(Checked(name="x", running=False, steps=(DONE, DONE))) == "2 steps, all ok, 2 s"
    assert summary_of(Checked(name="x", running=False, why="no")) == ""
