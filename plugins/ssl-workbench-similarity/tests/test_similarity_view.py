"""What the view shows, what a click does, and what it says where there is nothing to show."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import ssl_workbench_similarity
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from ssl_workbench_similarity.matrix import Scale, _ink
from ssl_workbench_similarity.plugin import register_views
from ssl_workbench_similarity.view import SimilarityView

from workbench.gui.api import Session, Views, contrast, themes
from workbench.gui.theme import DARK, LIGHT
from workbench.records.embeddings import Embeddings, write_h5ad

Show = Callable[[], SimilarityView]


def test_the_pair_that_looks_most_alike_is_told_and_its_images_shown(
    qtbot, vectors: dict[str, Embeddings], shown: Show
) -> None:
    view = shown()
    qtbot.waitUntil(lambda: view.matrix.likeness is not None and view.images.grid.num_items > 0)
    assert view.heading.text().startswith("crack and dent look most alike, at a cosine of ")
    assert view.caption.text().startswith("The images of every class are more like each other")
    assert view.matrix.chosen == (0, 1)
    assert view.images.title.text() == "crack and dent"


def test_a_click_shows_the_images_of_the_cell_and_one_of_them_is_selected_everywhere(
    qtbot, vectors: dict[str, Embeddings], shown: Show, session: Session
) -> None:
    view = shown()
    qtbot.waitUntil(lambda: view.images.grid.num_items > 0)
    view.repaint()
    box = view.matrix._grid.box((2, 2))
    place = QPoint(round(box.center().x()), round(box.center().y()))
    qtbot.mouseClick(view.matrix, Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: view.images.title.text() == "stain: least like the others")
    assert view.images.grid.num_items == vectors["strong"].labels.count("stain")
    view.images.grid.selected.emit([session.index.ids[0]])
    assert session.selected == {session.index.ids[0]}


def test_keys_walk_the_matrix_and_open_a_cell(qtbot, vectors: dict[str, Embeddings], shown: Show) -> None:
    view = shown()
    qtbot.waitUntil(lambda: view.matrix.likeness is not None)
    view.matrix.setFocus()
    qtbot.waitUntil(lambda: view.matrix.current == (0, 1))
    qtbot.keyClick(view.matrix, Qt.Key.Key_Down)
    qtbot.keyClick(view.matrix, Qt.Key.Key_Right)
    assert view.matrix.current == (1, 2)
    assert view.matrix.accessibleDescription().startswith("dent and stain: mean cosine ")
    qtbot.keyClick(view.matrix, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: view.images.title.text() == "dent and stain")


def test_another_model_and_other_cosines_are_read_once(
    qtbot, vectors: dict[str, Embeddings], shown: Show
) -> None:
    view = shown()
    qtbot.waitUntil(lambda: view.matrix.likeness is not None)
    first = view.matrix.likeness
    view.scale.buttons["plain"].click()
    qtbot.waitUntil(lambda: view.matrix.likeness is not first)
    plain = view.matrix.likeness
    assert plain.cosines.min() > 0 > first.cosines.min()
    view.model.setCurrentIndex(2)
    qtbot.waitUntil(lambda: view.matrix.likeness not in (first, plain))
    assert (
        view.caption.text().startswith("No more like each other") or view.matrix.likeness.overlapping() == []
    )
    view.model.setCurrentIndex(0)
    assert view.matrix.likeness is plain
    view.scale.buttons["centred"].click()
    assert view.matrix.likeness is first


def test_without_a_comparison_it_says_what_to_do(qtbot, shown: Show, session: Session) -> None:
    session.result = None
    view = shown()
    assert view.empty.isVisible() and not view.model.isVisible()


@pytest.mark.parametrize("labels", [True, False])
def test_files_that_are_gone_or_have_no_labels_are_told(
    labels: bool, qtbot, shown: Show, session: Session, vectors: dict[str, Embeddings]
) -> None:
    path = session.result.files(session.project.run(session.settings.result).path)["strong"]
    if labels:
        path.unlink()
    else:
        write_h5ad(path, replace(vectors["strong"], labels=[""] * len(vectors["strong"])))
    view = shown()
    qtbot.waitUntil(view.problem.isVisible)
    assert path.name in view.problem.text.text()


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_value_can_be_read_on_its_colour(theme, qtbot) -> None:
    for cosines in ([-0.4, 0.0, 0.7], [0.2, 0.6, 0.9], [0.5, 0.5]):
        scale = Scale.of(np.asarray(cosines))
        for value in np.linspace(scale.low, scale.high, 21):
            ground: QColor = scale.colour(float(value), theme)
            assert contrast(_ink(ground, theme).name(), ground.name()) >= 4.5, (value, cosines)


def test_it_is_drawn_light_and_dark(qtbot, vectors: dict[str, Embeddings], shown: Show) -> None:
    view = shown()
    qtbot.waitUntil(lambda: view.images.grid.num_items > 0)
    grounds = []
    for name in ("light", "dark"):
        themes().set_preference(name)
        box = view.matrix._grid.box((0, 0))
        picture = view.matrix.grab().toImage()
        grounds.append(picture.pixelColor(round(box.left()) + 6, round(box.top()) + 6).name())
    assert grounds[0] != grounds[1]


def test_the_manifest_tells_what_is_registered() -> None:
    views = Views()
    register_views(views)
    manifest = Path(ssl_workbench_similarity.__file__).with_name("workbench_plugin.toml").read_text()
    assert set(tomllib.loads(manifest)["views"]) == set(views._views) == {"class_similarity"}
