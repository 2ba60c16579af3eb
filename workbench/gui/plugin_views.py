"""Views that plugins bring to the window. A plugin is imported when a view of it is first shown, after a trial in a
process of its own (`workbench.plugins.facts_of(plugin, "views")`), and under a mark that is found if the window
doesn't survive it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from workbench.plugin_loading import as_promised, function, guarded
from workbench.plugins import Plugin, load_seconds, plugin_home
from workbench.records import plugin_state

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginView:
    """One view. `build` is called in the window's thread when it is first shown; what is slow goes to a `Background`
    or a job, as everywhere."""

    name: str  # as the manifest has it
    title: str
    build: Callable[[Session, Commands], QWidget]


class Views:
    """What a plugin's `register_views` is given."""

    def __init__(self) -> None:
        self._views: dict[str, PluginView] = {}

    def add_view(self, view: PluginView) -> None:
        """Raises TypeError for what is no view, ValueError for a name that is there already."""
        if not isinstance(view, PluginView):
            raise TypeError(f"a view must be a PluginView, not {view!r}.")
        if view.name in self._views:
            raise ValueError(f"there are two views called {view.name!r}.")
        self._views[view.name] = view


_loaded: dict[tuple[str, str], dict[str, PluginView]] = {}  # by the plugin's name and stamp


def load_views(plugin: Plugin, *, trial: bool = False) -> dict[str, PluginView]:
    """Import a plugin and let it register its views. A second time nothing is imported.

    Args:
        trial: whether this process is there to try it; it is then ended when loading takes too long.

    Raises:
        PluginError: it can't be loaded, or is switched off; a sentence.
    """
    key = plugin.name, plugin.found.stamp
    if key not in _loaded:
        limit = load_seconds() if trial else 0.0
        _loaded[key] = guarded(
            plugin, lambda: _registered(plugin), limit=limit, then=None if trial else "show"
        )
    return _loaded[key]


def shown_stamp(name: str) -> str:
    """The stamp of the plugin's files that this window has loaded views from; "" where it has loaded none."""
    return next((stamp for known, stamp in _loaded if known == name), "")


def release_views() -> None:
    """The window closes as it should."""
    if _loaded:
        plugin_state.remove_marks(plugin_home(), os.getpid())


def _registered(plugin: Plugin) -> dict[str, PluginView]:
    views = Views()
    function(plugin, plugin.found.views)(views)
    as_promised(plugin, "views", views._views)
    return views._views
