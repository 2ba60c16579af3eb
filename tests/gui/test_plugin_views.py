"""Views of plugins: listed without being imported, tried in a process of their own, then loaded into the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from tests.installed import only_files
from workbench import plugins
from workbench.gui import plugin_views
from workbench.gui.plugin_views import PluginView, Views, load_views, release_views
from workbench.plugin_checks import check
from workbench.records.plugins import PluginError

CODE = """
PLUGIN = {"name": "looks", "version": "1.0", "api": "1.0", "views": {"looks_view": "A word."}}

from PySide6.QtWidgets import QLabel
from workbench.gui.api import PluginView, Views


def register_views(views: Views) -> None:
    views.add_view(PluginView(name="looks_view", title="Looks", build=lambda session, commands: QLabel("Seen")))
"""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Path:
    only_files(monkeypatch)
    monkeypatch.setattr(plugin_views, "_loaded", {})
    monkeypatch.delitem(sys.modules, "workbench_plugin_looks", raising=False)
    path = plugins.plugin_folder() / "looks.py"
    path.parent.mkdir(parents=True)
    path.write_text(CODE)
    return path


def test_a_view_is_built_in_the_window(qtbot, looks: Path) -> None:
    [one] = plugins.plugins()
    assert one.to_json()["provides"]["views"] == ["looks_view"]
    assert "workbench_plugin_looks" not in sys.modules
    views = load_views(one)
    widget = views["looks_view"].build(None, None)  # type: ignore[arg-type]
    qtbot.addWidget(widget)
    assert isinstance(widget, QLabel) and widget.text() == "Seen"
    assert load_views(one) is views
    # As long as the window may show it, a mark says so; it is gone when the window closes as it should.
    marks = list(plugins.plugin_home().glob("*.mark"))
    assert [path.name for path in marks] == [f"looks.{os.getpid()}.mark"] and '"show"' in marks[0].read_text()
    release_views()
    assert not list(plugins.plugin_home().glob("*.mark"))


def test_a_view_that_raises_is_listed_and_not_shown(looks: Path) -> None:
    looks.write_text(
        CODE.replace("    views.add_view", "    raise OSError('no display')\n    views.add_view")
    )
    [one] = plugins.plugins()
    with pytest.raises(PluginError, match="The plugin looks can't be loaded: OSError: no display"):
        load_views(one)
    [one] = plugins.plugins()
    assert (one.state, "register_views" in one.traceback) == ("broken", True)


def test_only_views_with_names_of_their_own_are_taken() -> None:
    views = Views()
    view = PluginView(name="a", title="A", build=lambda session, commands: QLabel())
    views.add_view(view)
    with pytest.raises(ValueError, match="two views called 'a'"):
        views.add_view(view)
    with pytest.raises(TypeError, match="must be a PluginView"):
        views.add_view(QLabel)  # type: ignore[arg-type]


@pytest.mark.slow  # two processes with a window each
def test_a_trial_and_a_check_of_views_run_without_a_screen(looks: Path) -> None:
    [one] = plugins.plugins()
    facts = plugins.facts_of(one, "views")
    assert facts is not None and facts["views"] == [{"name": "looks_view", "title": "Looks"}]
    assert plugins.facts_of(one) is None  # it brings nothing to the engine
    assert [(step.name, step.outcome) for step in check(one)] == [
        ("is imported and registers the views that its manifest promises", "ok"),
        ("looks_view: is built and drawn without a project", "ok"),
    ]
    looks.write_text(CODE.replace('QLabel("Seen")', "1 / 0"))
    [one] = plugins.plugins()
    assert [(step.outcome, step.why) for step in check(one)][1] == (
        "failed",
        "ZeroDivisionError: division by zero",
    )
