"""The Maps page on a real session: one selection for every map, grid and table; legend, drawing, theme, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog

from tests.gui.maps.conftest import settle, write_files
from workbench.gui import theme
from workbench.gui.commands import Command, Commands
from workbench.gui.compare.view import CompareView
from workbench.gui.maps.column import DRAW, LOOK
from workbench.gui.maps.page import MapsPage
from workbench.gui.maps.panel_grid import best_columns
from workbench.gui.session import Session
from workbench.gui.thumbnails import tile_key
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex
from workbench.records.runs import Status


def chosen_on(page: MapsPage, model: str) -> set[str]:
    """The ids that a canvas paints as selected."""
    scene = page.panels[model].canvas.scene
    assert scene is not None
    if scene.chosen is None:
        return set()
    return {page.session.maps.atlas.ids[item] for item in scene.items[scene.chosen]}


def drag_over_all(qtbot, page: MapsPage, model: str, shares: list[tuple[float, float]]) -> None:
    """A lasso through corners given as shares of the canvas."""
    canvas = page.panels[model].canvas
    corners = [QPoint(round(x * (canvas.width() - 1)), round(y * (canvas.height() - 1))) for x, y in shares]
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=corners[0])
    for corner in corners[1:]:
        qtbot.mouseMove(canvas, corner)
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=corners[-1])


def test_a_panel_for_every_model_with_its_probe(page: MapsPage, session: Session) -> None:
    assert list(page.panels) == ["strong", "middle", "weak"]
    for name, panel in page.panels.items():
        mean = session.result.model(name).probe["macro_f1"].mean
        assert panel.score.text() == f"probe {mean:.3f}"
        assert panel.told.text() == "Keeps 61 % of neighbours · trust 0.93"
        assert "UMAP, 15 neighbours" in panel.told.toolTip()


def test_a_lasso_on_one_map_selects_on_every_map_and_in_the_grid(
    qtbot, page: MapsPage, session: Session
) -> None:
    drag_over_all(qtbot, page, "strong", [(0.005, 0.005), (0.55, 0), (0.55, 1), (0, 1)])
    atlas, strong = session.maps.atlas, page.panels["strong"].canvas
    inside = set()
    for name, place in atlas.where.items():
        point = strong.point_of(place)
        if point is not None and point.x() < 0.55 * (strong.width() - 1) - 1:
            inside.add(name)
    assert inside <= session.selected and 3 < len(session.selected) < len(atlas.ids)
    assert len(session.selected - inside) <= 2  # those on the edge
    for model in page.panels:
        here = {atlas.ids[item] for item in atlas.maps[model]["umap"].items}
        assert chosen_on(page, model) == session.selected & here
    grid = page.column.chosen.grid
    assert {grid.item_id(place) for place in range(grid.num_items)} == session.selected
    assert f"{len(session.selected)} of {len(atlas.ids)} images selected" in page.status.text()
    session.select([])
    assert not any(chosen_on(page, model) for model in page.panels)


def test_what_is_selected_in_the_table_is_selected_on_the_maps(
    qtbot, page: MapsPage, session: Session, commands: Commands
) -> None:
    commands.add(_go("models"))
    commands.add(_go("data"))
    compare = CompareView(session, commands)
    qtbot.addWidget(compare)
    compare.resize(1150, 640)
    compare.show()
    ids = session.index.ids[3:8]
    behind = compare.lower.one.failures.grid
    behind.selected.emit(ids)
    assert session.selected == set(ids)
    assert chosen_on(page, "strong") == set(ids)
    page._on_picked(np.asarray([session.maps.atlas.where[ids[0]]]), False)
    assert session.selected == {ids[0]}
    assert behind._chosen == {ids[0]}, "and the other way round"


def _go(place: str) -> Command:
    return Command(id=f"go.{place}", title=place, run=lambda: None)


def test_an_image_of_the_grid_is_looked_at_without_losing_the_others(
    page: MapsPage, session: Session
) -> None:
    ids = session.index.ids[:5]
    session.select(ids)
    grid = page.column.chosen.grid
    grid.selected.emit([ids[2]])
    assert session.selected == {ids[2]} and grid.num_items == 5
    assert chosen_on(page, "middle") <= {ids[2]}
    session.select(ids[:2])
    assert grid.num_items == 2


@pytest.mark.parametrize("seed", range(4))
def test_the_image_shown_for_a_point_is_the_points(
    qtbot, page: MapsPage, session: Session, small_index: ImageIndex, seed: int
) -> None:
    """Whatever the legend hides, the index leaves out or reorders, and in whatever order the files list items."""
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.permutation(len(small_index))[:30])
    index = small_index.take(kept if seed % 2 else rng.permutation(kept))
    session.dataset.arranged = Arranged(index)
    session.dataset_changed.emit()
    qtbot.waitUntil(lambda: page.colours.known is not None and page.colours.known.index is index)
    for row in np.flatnonzero(rng.random(3) < 0.4).tolist():
        page.column.legend.toggle(row)
    settle(qtbot, page)
    atlas, shown = session.maps.atlas, page.column.legend.shown
    for model, panel in page.panels.items():
        canvas = panel.canvas
        for item in canvas.scene.items.tolist():
            point = canvas.point_of(item)
            visible = shown[atlas.labels.code[item]]
            assert (point is not None) == visible
            if not visible:
                continue
            found = canvas.item_at(point)
            x, y = (canvas.point_of(found).x(), canvas.point_of(found).y())
            assert (round(x, 3), round(y, 3)) == (round(point.x(), 3), round(point.y(), 3))
            canvas.pointed.emit(found)
            card, name = page.pointing.card, atlas.ids[found]
            assert card.isVisible() and all(other.canvas.marked == found for other in page.panels.values())
            if name not in index.ids:
                assert card.key == b"" and card.picture.isHidden()
                continue
            position = index.ids.index(name)
            assert card.key == tile_key(index, position)
            assert card._path == session.file(position)
            assert card.title._whole == str(index.paths[position]).rsplit("/", 1)[-1]
            assert card.lines[0]._whole == index.classes[index.label[position]]
            said = session.predictions.predicted[
                session.predictions.models.index(model), :, kept_row(small_index, name)
            ]
            assert card.lines[1]._whole.startswith("Said: ") == bool((said >= 0).any())


def kept_row(index: ImageIndex, name: str) -> int:
    return index.ids.index(name)


def test_the_legend_hides_categories_on_every_map(qtbot, page: MapsPage, session: Session) -> None:
    legend, atlas = page.column.legend, session.maps.atlas
    assert [legend.model.names[place] for place in legend.model.places] == ["crack", "dent", "stain"]
    at = legend.list.visualRect(legend.model.index(0, 0)).center()
    qtbot.mouseClick(legend.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    settle(qtbot, page)
    for panel in page.panels.values():
        codes = {int(atlas.labels.code[item]) for item in panel.canvas.scene.items[panel.canvas.frame.rows]}
        assert codes == {1, 2}
    qtbot.mouseClick(legend.list.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert legend.shown.all()
    legend.alone(1)
    assert legend.shown.tolist() == [False, True, False, False]
    legend.show_all()
    legend.wanted.emit(2)
    assert session.selected == {name for name, place in atlas.where.items() if atlas.labels.code[place] == 2}


def test_points_show_their_own_images(
    qtbot, page: MapsPage, session: Session, small_index: ImageIndex
) -> None:
    canvas, atlas = page.panels["strong"].canvas, session.maps.atlas
    asked: dict[int, tuple] = {}
    file = canvas._file
    canvas._file = lambda item: asked.setdefault(item, file(item))
    plain = canvas.grab().toImage()
    qtbot.mouseClick(page.pictures, Qt.MouseButton.LeftButton)
    assert session.recall("maps.pictures") is True
    settle(qtbot, page)
    qtbot.waitUntil(lambda: canvas._thumbnails.waiting == 0)
    qtbot.waitUntil(lambda: canvas.grab().toImage() != plain)
    assert asked and set(asked) == set(canvas.scene.items[canvas.frame.pictured].tolist())
    for item, found in asked.items():
        position = small_index.ids.index(atlas.ids[item])
        assert found == (tile_key(small_index, position), session.file(position))


def test_what_was_chosen_is_remembered(qtbot, page: MapsPage, session: Session, shown) -> None:
    page.column.colour.setCurrentIndex(page.column.colour.findData("error"))
    assert page.colours.colouring.key == "error"
    qtbot.mouseClick(page.tools.buttons["box"], Qt.MouseButton.LeftButton)
    assert all(panel.canvas.tool == "box" for panel in page.panels.values())
    again = shown(Commands())
    assert again.colours.colouring.key == "error" and again.tools.current == "box"
    assert again.panels["weak"].canvas.tool == "box"


def test_a_file_without_a_map_offers_to_draw_them_all(
    qtbot, session: Session, small_index: ImageIndex, shown
) -> None:
    files = write_files(session, small_index, maps=False)
    page = shown()
    assert page.column.part == DRAW and page.pages.currentWidget() is page.empty
    assert "3 models, 37 images" in page.empty.text.text()
    page.column.form.form.fields["neighbours"].setValue(8)
    qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    (job,) = session.jobs
    asked = session.project.run(job.id).document()["config"]
    assert job.kind == "project" and job.title == "Draw UMAP of 3 models"
    assert [*asked["files"]] == [str(path) for path in files.values()]
    assert asked["neighbours"] == 8 and asked["map"] == "umap" and asked["out"] == ""
    assert not page.column.form.button.isEnabled() and page.empty.title.text() == "The maps are being drawn"
    page.draw(page.column.form.values())
    assert len(session.jobs) == 1, "not twice"
    write_files(session, small_index)
    session._jobs._on_changed(replace(job, status=Status(state="done")))
    qtbot.waitUntil(lambda: session.maps.atlas is not None and session.maps.atlas.kinds() == ["umap"])
    settle(qtbot, page)
    assert page.pages.currentWidget() is page.grid and page.column.part == LOOK
    assert session.recall("maps.settings")["neighbours"] == 8


def test_settings_that_a_kind_does_not_use_are_off(page: MapsPage) -> None:
    fields = page.column.form.form.fields
    kinds = fields["map"]
    assert [kinds.itemText(n) for n in range(kinds.count())] == ["UMAP", "PCA", "t-SNE"]
    kinds.setCurrentIndex(kinds.findData("pca"))
    assert not fields["neighbours"].isEnabled() and not fields["seed"].isEnabled()
    kinds.setCurrentIndex(kinds.findData("tsne"))
    assert fields["perplexity"].isEnabled() and not fields["min_dist"].isEnabled()


def test_without_a_comparison_the_way_there_is_offered(
    qtbot, session: Session, commands: Commands, small_index: ImageIndex
) -> None:
    session.result = None
    page = MapsPage(session, commands)
    qtbot.addWidget(page)
    page.show()
    qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert commands.gone == ["compare"]
    assert "no comparison" in commands["maps.draw"].why_not()


def test_another_comparison_has_other_maps(qtbot, page: MapsPage, session: Session) -> None:
    session.result = None
    session.result_changed.emit()
    assert not page.panels and session.maps.atlas is None
    assert page.empty.title.text() == "No comparison yet"


def test_a_damaged_file_is_told_in_its_panel(session: Session, small_index: ImageIndex, shown) -> None:
    write_files(session, small_index)["middle"].write_bytes(b"damaged")
    page = shown()
    assert "not an HDF5 file" in page.panels["middle"].why.text()
    assert page.panels["strong"].canvas.scene is not None


def test_another_theme_draws_anew(qtbot, page: MapsPage) -> None:
    canvas = page.panels["strong"].canvas
    light = canvas.frame
    theme.themes().set_preference("dark")
    settle(qtbot, page)
    assert canvas.frame is not light and canvas.scene.ground == theme.DARK.panel
    assert canvas.grab().toImage() != _onto(light.image)


def _onto(image: QImage) -> QImage:
    return image.convertToFormat(QImage.Format.Format_RGB32)


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_map_is_saved_with_its_legend(
    qtbot, page: MapsPage, session: Session, tmp_path, monkeypatch, ending
) -> None:
    target = tmp_path / f"map.{ending}"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    told: list[str] = []
    session.message.connect(lambda _, sentence: told.append(sentence))
    qtbot.mouseClick(page.panels["strong"].save, Qt.MouseButton.LeftButton)
    assert told == [f"Saved map.{ending}."] and session.recall("maps.folder") == str(tmp_path)
    if ending == "svg":
        text = target.read_text()
        assert all(word in text for word in ("Map of strong", "UMAP", "probe 0.900", "crack"))
    else:
        image = QImage(str(target))
        assert image.width() > page.panels["strong"].canvas.width()


def test_a_long_name_takes_the_room_of_a_word(qtbot, page: MapsPage) -> None:
    panel = page.panels["strong"]
    assert panel.score.text() == "probe 0.900"
    panel.name = "EfficientNet-Lite0 and a name that is long"
    panel.show_score(0.9, "")
    assert panel.score.text() == "0.900" and panel.scored == "probe 0.900"


def test_a_map_is_copied_by_keys_as_it_would_be_saved(
    qtbot, page: MapsPage, session: Session, tmp_path, monkeypatch
) -> None:
    target = tmp_path / "map.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    told: list[str] = []
    session.message.connect(lambda _, sentence: told.append(sentence))
    QGuiApplication.clipboard().clear()
    page.activateWindow()
    canvas = page.panels["middle"].canvas
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert told == ["The map was copied as a picture."]
    copied = QGuiApplication.clipboard().image()
    qtbot.mouseClick(page.panels["middle"].save, Qt.MouseButton.LeftButton)
    assert _onto(copied) == _onto(QImage(str(target)))
    page.show_kind("pca")  # of which there is no map
    qtbot.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert len(told) == 2


def test_how_maps_are_drawn_is_remembered_project_by_project(
    qtbot, page: MapsPage, session: Session, tmp_path
) -> None:
    page.column.form.form.fields["neighbours"].setValue(9)
    qtbot.waitUntil(lambda: session.recall("maps.settings", {}).get("neighbours") == 9)
    first = session.project.folder
    page.column.form.form.fields["neighbours"].setValue(11)  # not settled yet
    session.create_project(tmp_path / "second", "Line 5")
    fields = page.column.form.form.fields
    assert fields["neighbours"].value() == 15
    kinds = fields["map"]
    kinds.setCurrentIndex(kinds.findData("tsne"))
    assert not fields["min_dist"].isEnabled() and kinds.currentText() == "t-SNE"
    qtbot.waitUntil(lambda: session.recall("maps.settings", {}).get("map") == "tsne")
    session.open_project(first)
    assert page.column.form.values()["neighbours"] == 9 and page.column.form.values()["map"] == "umap"
    assert session.recall("maps.settings")["neighbours"] == 9


def test_maps_are_reached_by_tab(qtbot, page: MapsPage) -> None:
    canvas = page.panels["strong"].canvas
    assert canvas.focusPolicy() & Qt.FocusPolicy.TabFocus
    canvas.setFocus()
    before = canvas.point_of(int(canvas.scene.items[0]))
    qtbot.keyClick(canvas, Qt.Key.Key_Down)
    assert canvas.point_of(int(canvas.scene.items[0])) != before
    assert isinstance(before, QPointF)


def test_columns_leave_the_maps_large() -> None:
    assert best_columns(1, 900, 500) == 1
    assert best_columns(2, 900, 500) == 2
    assert best_columns(2, 400, 1200) == 1
    assert best_columns(4, 900, 900) == 2
    assert best_columns(6, 1400, 900) == 3
    assert best_columns(0, 900, 500) == 1
