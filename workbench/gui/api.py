"""What plugins may use of the window. Everything else may change from one version to the next without a word.

`records.plugins.API` is its version; `tests/gui/test_views_api.py` holds what stands here to what was published.
"""

from __future__ import annotations

from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.plugin_views import PluginView, Views
from workbench.gui.session import Session
from workbench.gui.theme import current_theme, themes
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.gui.widgets.labels import label
from workbench.records.plugins import API

__all__ = (
    "API",
    "Background",
    "Card",
    "Commands",
    "EmptyState",
    "Page",
    "PluginView",
    "Session",
    "Views",
    "current_theme",
    "label",
    "themes",
)
