"""The view in the program's own window: on the rail from the start, opened as a place after a trial aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gui.maps.conftest import session
from tests.installed import install
from workbench.gui import plugin_views
from workbench.gui.api import Session
from workbench.gui.main_window import MainWindow
from workbench.gui.plugins.view_place import ViewPlace
from workbench.plugins import plugin
from workbench.records.embeddings import Embeddings

__all__ = ["session"]
SOURCE = Path(__file__).resolve().parents[1]
PLACE = "view:similarity:class_similarity"


def test_it_opens_from_the_rail(
    qtbot, session: Session, vectors: dict[str, Embeddings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path / "site", SOURCE)
    monkeypatch.setattr(plugin_views, "_loaded", {})
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: not window.rail.views.isHidden())
    assert PLACE in {command.id.removeprefix("go.") for command in window.commands.all()}
    assert not plugin_views._loaded
    window.rail.views.click()
    place = window.widget_of(PLACE)
    assert isinstance(place, ViewPlace) and window.place == PLACE
    qtbot.waitUntil(lambda: place.view is not None, timeout=60_000)  # a process of its own tries it first
    assert type(place.view).__name__ == "SimilarityView" and place.view.isVisible()
    qtbot.waitUntil(lambda: place.view.matrix.likeness is not None)
    assert place.view.heading.text().startswith("crack and dent look most alike")
    assert plugin("similarity").state == "enabled"
    plugin_views.release_views()
