"""Views of plugins open in windows of their own, and one that fails is told and counted while the program goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from tests.installed import only_files
from workbench import plugins
from workbench.gui import plugin_views
from workbench.gui.commands import Commands
from workbench.gui.plugins import store as storing
from workbench.gui.plugins.view import PluginsView

CODE = """
PLUGIN = {"name": "shows", "version": "1.0", "api": "1.0",
          "views": {"fine": "It shows.", "raises": "It raises.", "leaves": "It leaves.", "none": "It gives nothing."}}

def register_views(views):
    import sys
    from PySide6.QtWidgets import QLabel
    from workbench.gui.api import PluginView

    def fail(session, commands):
        raise RuntimeError("no <b>data</b>\\x1b[31m")

    views.add_view(PluginView(name="fine", title="Fine <i>view</i>", build=lambda session, commands: QLabel("here")))
    views.add_view(PluginView(name="raises", title="Raises", build=fail))
    views.add_view(PluginView(name="leaves", title="Leaves", build=lambda session, commands: sys.exit(3)))
    views.add_view(PluginView(name="none", title="None", build=lambda session, commands: None))
"""


@pytest.fixture
def page(qtbot, session, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginsView]:
    only_files(monkeypatch)
    monkeypatch.setattr(plugins, "tried", plugins.plugins)  # no process for a trial
    monkeypatch.setattr(plugins, "facts_of", lambda one, part="engine": {})
    monkeypatch.setattr(plugin_views, "_loaded", {})
    folder: Path = plugins.plugin_folder()
    folder.mkdir(parents=True)
    (folder / "shows.py").write_text(CODE)
    made = PluginsView(session, Commands())
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.store.read and not made.store.trying)
    made.list.go_to("shows")
    yield made
    plugin_views.release_views()
    for child in session.findChildren(storing.Background):
        child.close()


def opener(page: PluginsView, view: str) -> QPushButton:
    name = f"Open the view {view}"
    buttons = page.details.findChildren(QPushButton)
    return next(one for one in buttons if one.accessibleName() == name and one.isVisibleTo(page))


def test_a_view_opens_in_a_window_and_only_once(qtbot, page) -> None:
    shown: list[str] = []
    page.store.view_ready.connect(lambda one, view: shown.append(view))
    for times in (1, 2):
        opener(page, "fine").click()
        qtbot.waitUntil(lambda times=times: len(shown) == times)
    (window,) = page._windows.values()
    assert window.isVisible() and window.findChild(QLabel).text() == "here"
    assert window.windowTitle() == "Fine <i>view</i> - SSL workbench"
    assert plugins.plugin("shows").state == "enabled"


def test_a_view_that_fails_is_told_and_after_two_the_plugin_is_off(qtbot, page, session) -> None:
    said: list[str] = []
    session.message.connect(lambda severity, sentence: said.append(sentence))
    opener(page, "raises").click()
    qtbot.waitUntil(lambda: bool(said))
    assert said[-1].startswith(
        "The view raises of the plugin shows can't be shown: RuntimeError: no <b>data</b>\\x1b"
    )
    qtbot.waitUntil(
        lambda: page.details.listed.plugin.name == "shows" and page.details.listed.plugin.state == "broken"
    )
    assert "in fail" in page.details.traceback.toPlainText()
    assert not opener(page, "leaves").isEnabled()  # not into the window, before it was tried again
    page.store.ask_view("shows", "leaves")
    qtbot.waitUntil(lambda: len(said) == 2)
    assert said[1] == said[0]
    page.store.view_ready.emit(page.details.listed.plugin, "leaves")
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "off")
    assert not opener(page, "none").isEnabled() and page._windows == {}
    page.details.switch.click()  # try again
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "enabled")
    opener(page, "none").click()
    qtbot.waitUntil(lambda: "NoneType" in said[-1])
    assert "build must return a widget, not NoneType" in said[-1]
