"""What plugins may use of the window. Everything else may change from one version to the next without a word.

`records.plugins.API` is its version; `tests/gui/test_views_api.py` holds what stands here to what was published.
"""

from __future__ import annotations

from workbench.gui.background import Background
from workbench.gui.commands import Commands
from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.compare.walked_plot import Dot, WalkedPlot
from workbench.gui.plugin_views import PluginView, Views
from workbench.gui.session import Session
from workbench.gui.theme import Theme, contrast, current_theme, font_of, themes
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments
from workbench.records.embeddings import read_h5ad
from workbench.records.plugins import API
from workbench.records.text import printable
from workbench.records.vector_rows import vector_blocks

__all__ = (
    "API",
    "Background",
    "Card",
    "Commands",
    "Dot",
    "EmptyState",
    "ImagesPanel",
    "Page",
    "PluginView",
    "Segments",
    "Session",
    "Theme",
    "Views",
    "WalkedPlot",
    "contrast",
    "current_theme",
    "font_of",
    "label",
    "printable",
    "read_h5ad",
    "themes",
    "vector_blocks",
)
