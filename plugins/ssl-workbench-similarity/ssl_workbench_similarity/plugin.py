"""What the window calls."""

from __future__ import annotations

from ssl_workbench_similarity.view import SimilarityView
from workbench.gui.api import PluginView, Views


def register_views(views: Views) -> None:
    views.add_view(PluginView(name="class_similarity", title="Class similarity", build=SimilarityView))
