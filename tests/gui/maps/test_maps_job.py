"""From the button to the maps with a real worker: the job draws, the page reads what it has written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.comparison import small_comparison
from tests.gui.maps.conftest import settle, write_files
from workbench.gui.commands import Commands
from workbench.gui.maps.page import MapsPage
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex


@pytest.fixture
def live(qtbot, tmp_path: Path, small_index: ImageIndex, monkeypatch) -> Iterator[Session]:
    made = Session()
    monkeypatch.setattr(made, "describe", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.create_project(tmp_path / "project", "Line 4")
    made.dataset.arranged = Arranged(small_index)
    made.settings.roots = dict(small_index.roots)
    made.result, made.predictions = small_comparison(small_index)
    made.settings.result = "run-7"
    yield made
    made.close()
    for child in made.children():
        if type(child).__name__ == "Thumbnails":
            child.close()


@pytest.mark.usefixtures("warm_workers")
def test_the_button_draws_the_maps_and_says_how_alike_the_models_are(
    qtbot, live: Session, small_index: ImageIndex
) -> None:
    write_files(live, small_index, maps=False)
    page = MapsPage(live, Commands())
    qtbot.addWidget(page)
    page.resize(1100, 640)
    page.show()
    qtbot.waitUntil(lambda: live.maps.atlas is not None)
    kinds = page.column.form.form.fields["map"]
    kinds.setCurrentIndex(kinds.findData("pca"))
    page.column.form.button.click()
    assert live.maps.drawing
    qtbot.waitUntil(lambda: bool(live.maps.atlas and live.maps.atlas.kinds()), timeout=90_000)
    settle(qtbot, page)
    assert live.maps.atlas.kinds() == [page.kind] == ["pca"] and not live.maps.drawing
    assert page.pages.currentWidget() is page.grid
    assert page.panels["strong"].told.text().startswith("Keeps ")
    assert len(live.maps.atlas.pairs["pca"]) == 3
    assert page.pairs.text().startswith("Of the 15 nearest of an image, the same in both models:")
