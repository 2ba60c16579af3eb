"""Views of plugins are places of the window, and one that fails is told and counted while the program goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QPushButton

from tests.installed import only_files
from workbench import plugins
from workbench.gui import plugin_views
from workbench.gui.background import Background
from workbench.gui.main_window import MainWindow
from workbench.gui.places import Place
from workbench.gui.plugins.offered import views_of
from workbench.gui.plugins.view import PluginsView
from workbench.gui.plugins.view_place import ViewPlace
from workbench.gui.session import Session

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
def opened(qtbot, session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], MainWindow]]:
    """What opens the window, with the plugin in the user's folder."""
    only_files(monkeypatch)
    monkeypatch.setattr(plugins, "tried", plugins.plugins)  # no process for a trial
    monkeypatch.setattr(plugins, "facts_of", lambda one, part="engine": {})
    monkeypatch.setattr(plugin_views, "_loaded", {})
    folder: Path = plugins.plugin_folder()
    folder.mkdir(parents=True)
    (folder / "shows.py").write_text(CODE)
    places = [
        Place(id="data", title="Data", icon="data", order=1, build=lambda *_: QLabel("images")),
        Place(id="plugins", title="Plugins", icon="plugins", order=2, build=PluginsView, bottom=True),
    ]

    def made() -> MainWindow:
        window = MainWindow(session, places=places)
        qtbot.addWidget(window)
        window.show()
        return window

    yield made
    plugin_views.release_views()
    for child in session.findChildren(Background):
        child.close()


@pytest.fixture
def window(opened: Callable[[], MainWindow]) -> MainWindow:
    return opened()


def opener(page: PluginsView, view: str) -> QPushButton:
    name = f"Open the view {view}"
    buttons = page.details.findChildren(QPushButton)
    return next(one for one in buttons if one.accessibleName() == name and one.isVisibleTo(page))


def place_of(window: MainWindow, view: str) -> ViewPlace:
    made = window.widget_of(f"view:shows:{view}")
    assert isinstance(made, ViewPlace)
    return made


def test_views_are_offered_from_the_start_without_being_imported(qtbot, window: MainWindow) -> None:
    assert window.rail.views.isHidden()
    qtbot.waitUntil(lambda: not window.rail.views.isHidden())
    titles = [action.text() for action in window.rail.menu.actions()]
    assert titles == ["Fine", "Raises", "Leaves", "None"] and not plugin_views._loaded
    found = {command.id: command.title for command in window.commands.all()}
    assert found["go.view:shows:fine"] == "Go to Fine"
    assert window.commands["go.view:shows:fine"].help == "It shows. By the plugin shows."


def test_a_view_opens_as_a_place_and_is_built_once(qtbot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.rail.views.isHidden())
    window.rail.menu.actions()[0].trigger()
    assert window.place == "view:shows:fine" and window.rail.views.isChecked()
    place = place_of(window, "fine")
    assert place.state.title.text() == "Opening the view"
    qtbot.waitUntil(lambda: place.view is not None)
    assert place.view.isVisible() and place.view.text() == "here"
    window.commands.run("go.data")
    assert not window.rail.views.isChecked() and not place.view.isVisible()
    assert window.commands.run("go.view:shows:fine") == ""
    assert place_of(window, "fine") is place and place.view.isVisible()
    assert plugins.plugin("shows").state == "enabled"


def test_the_view_that_was_open_is_open_again(
    qtbot, opened: Callable[[], MainWindow], session: Session
) -> None:
    session.remember("place", "view:shows:fine")
    window = opened()
    assert window.place == "data"  # until it is known what there is
    qtbot.waitUntil(lambda: window.place == "view:shows:fine" and place_of(window, "fine").view is not None)
    assert window.rail.views.isChecked() and session.recall("place", "") == "view:shows:fine"


def test_who_goes_elsewhere_meanwhile_is_left_there(
    qtbot, opened: Callable[[], MainWindow], session: Session
) -> None:
    session.remember("place", "view:shows:fine")
    window = opened()
    window.commands.run("go.plugins")
    qtbot.waitUntil(lambda: views_of(session).known)
    assert window.place == "plugins" and session.recall("place", "") == "plugins"


@pytest.mark.parametrize("place", ["view:shows:fine", "view:gone:fine", "view:", "nowhere"])
def test_a_view_that_is_no_longer_there_is_not_waited_for(
    place: str, qtbot, opened: Callable[[], MainWindow], session: Session
) -> None:
    session.remember("place", place)
    plugins.switch("shows", False)
    window = opened()
    qtbot.waitUntil(lambda: views_of(session).known)
    assert window.place == "data" and window.notice.isHidden()
    plugins.switch("shows", True)
    views_of(session).look()
    qtbot.waitUntil(lambda: not window.rail.views.isHidden())
    assert window.place == "data"  # it doesn't jump where the plugin comes back later


def test_of_several_the_button_offers_a_choice_and_marks_none_before(qtbot, window: MainWindow) -> None:
    qtbot.waitUntil(lambda: not window.rail.views.isHidden())
    window.rail.views.click()
    assert window.rail.menu.isVisible() and window.place == "data" and not window.rail.views.isChecked()
    window.rail.menu.hide()
    window.rail.show_views([("view:shows:fine", "Fine", "It shows.")])
    window.rail.views.click()
    assert window.place == "view:shows:fine" and window.rail.views.isChecked()


def test_the_plugins_page_opens_one_too(qtbot, window: MainWindow) -> None:
    window.show_place("plugins")
    page = window.widget_of("plugins")
    qtbot.waitUntil(lambda: page.store.read and not page.store.trying)
    page.list.go_to("shows")
    opener(page, "fine").click()
    assert window.place == "view:shows:fine"
    qtbot.waitUntil(lambda: place_of(window, "fine").view is not None)


def test_a_view_that_fails_is_told_and_after_two_the_plugin_is_off(qtbot, window: MainWindow) -> None:
    window.show_place("plugins")
    page = window.widget_of("plugins")
    qtbot.waitUntil(lambda: page.store.read and not page.store.trying)
    page.list.go_to("shows")
    opener(page, "raises").click()
    place = place_of(window, "raises")
    qtbot.waitUntil(lambda: place.state.title.text() == "The view can't be shown")
    assert place.state.text.text().startswith(
        "The view raises of the plugin shows can't be shown: RuntimeError: no <b>data</b>\\x1b"
    )
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "broken")
    assert "in fail" in page.details.traceback.toPlainText()
    # Not into the window, before it was tried again; and it is no longer offered.
    place.state.buttons[0].click()
    qtbot.waitUntil(lambda: place.state.title.text() == "The view can't be shown")
    qtbot.waitUntil(lambda: window.rail.views.isHidden())
    views_of(window.session).ready.emit(page.details.listed.plugin, "raises")  # as if it had been tried well
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "off")
    assert place.view is None
    window.show_place("plugins")
    page.details.switch.click()  # try again
    qtbot.waitUntil(lambda: page.details.listed.plugin.state == "enabled")
    opener(page, "none").click()
    none = place_of(window, "none")
    qtbot.waitUntil(lambda: "build must return a widget, not NoneType" in none.state.text.text())
    none.state.buttons[1].click()
    assert window.place == "plugins"
