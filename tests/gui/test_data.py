"""The place Data: empty, reading, ready; filters, selection, quick look, layout, refused files; a million images."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from workbench.gui import project_commands
from workbench.gui.commands import Commands
from workbench.gui.data.class_list import EVERYTHING
from workbench.gui.data.page import QUESTION, DataPage
from workbench.gui.data.rows_dialog import refused_dialog
from workbench.gui.dataset_facts import count_facts
from workbench.gui.places import find_places
from workbench.records.index import Refused
from workbench.records.runs import Status
from workbench.records.safe_csv import refused_csv
from workbench.records.splits import make_split
from workbench.supervisor import JobState


@pytest.fixture
def page(qtbot, session):
    commands, window = Commands(), QWidget()
    qtbot.addWidget(window)
    project_commands.register(commands, session, window)
    made = DataPage(session, commands)
    qtbot.addWidget(made)
    made.resize(1190, 700)
    made.show()
    return made


@pytest.fixture
def ready(qtbot, page, session, small_index):
    session.show_index(small_index)
    qtbot.waitUntil(lambda: page._watcher.facts.images == 37)
    return page


def test_the_place_is_found() -> None:
    place = next(place for place in find_places() if place.id == "data")
    assert (place.title, place.order) == ("Data", 10)


def test_an_empty_project_asks_and_offers_the_next_step(
    qtbot, page, session, tmp_path: Path, monkeypatch
) -> None:
    assert page.heading.text() == QUESTION
    assert page.empty.isVisible()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(tmp_path))
    page.empty.buttons[0].click()
    page.empty.buttons[1].click()
    assert session.calls == [
        ("set_folder", tmp_path),
        ("draw_sample", session.project.folder / "sample"),
    ]


def test_a_folder_can_be_dropped(page, session, tmp_path: Path) -> None:
    def drop(*paths: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        page.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys))

    (tmp_path / "a-file").write_text("x")
    drop(tmp_path / "a-file")
    drop(tmp_path, tmp_path)
    assert session.calls == []
    drop(tmp_path)
    assert session.calls == [("set_folder", tmp_path)]
    (tmp_path / "project.json").write_text("{}")
    drop(tmp_path)
    assert session.calls[-1] == ("open_project", tmp_path)


def test_while_the_first_folder_is_read_its_progress_is_shown(page, session) -> None:
    status = Status(state="running", done=10, total=40, rate=20.0, eta=1.5)
    session.show_jobs(JobState(id="i", kind="index", title="Index steel", status=status))
    assert page.waiting.isVisible()
    assert page.heading.text() == "Index steel"
    assert page.waiting.bar.value() == 250
    session.jobs = [
        JobState(id="i", kind="index", title="Index steel", status=Status(state="failed", error="No."))
    ]
    session.jobs_changed.emit()
    assert page.empty.isVisible()


def test_an_index_is_told_in_the_heading_the_bars_and_the_facts(ready, small_index, session) -> None:
    assert ready.heading.text() == "37 images in 3 classes are ready"
    assert "2 files refused" in ready.caption.text()
    rows = {name: (images, parts) for _, name, images, parts in ready.classes._model.rows}
    assert list(rows) == ["All images", "crack", "dent", "stain"]
    assert (rows["crack"][0], rows["All images"][0]) == (13, 37)
    for code, name in enumerate(small_index.classes):
        slow = [0, 0, 0]
        for label, part in zip(small_index.label, session.split.part, strict=True):
            if label == code:
                slow[part] += 1
        assert rows[name][1] == tuple(slow)
    assert [row[1] for row in ready.groups._model.rows] == ["lot0", "lot1", "lot2", "lot3"]


def test_findings_name_what_is_wrong(ready) -> None:
    words = {line.layout().itemAt(0).widget().text() for line in ready.findings._lines}
    assert "refused" in words
    assert words & {"leak", "copies"}


def test_facts_agree_with_a_slow_count(small_index) -> None:
    split = make_split(small_index.ids, small_index.label, None, seed=3)
    facts = count_facts(small_index, split, small_index)
    contents: dict[bytes, list[int]] = {}
    for position in range(len(small_index)):
        contents.setdefault(small_index.file(position).read_bytes(), []).append(position)
    copies = [positions for positions in contents.values() if len(positions) > 1]
    assert facts.duplicate_sets == len(copies) == 1
    torn = [c for c in copies if len({int(small_index.group[p]) for p in c}) > 1]
    assert facts.leaks == len(torn) == 1
    assert not facts.moved
    assert facts.parts.sum() == 37
    assert tuple(facts.parts.sum(axis=0)) == split.counts()
    assert (facts.images, facts.labelled, facts.pool, facts.refused) == (37, 37, 37, 2)


def test_choosing_a_class_filters_the_images(qtbot, ready, small_index) -> None:
    assert ready.images.grid.num_items == 37
    ready.classes.choose(1)
    grid = ready.images.grid
    assert {str(small_index.paths[grid.position(p)]).split("/")[0] for p in range(grid.num_items)} == {"dent"}
    ready.groups.choose(2)
    assert {str(small_index.paths[grid.position(p)]).split("/")[1][:4] for p in range(grid.num_items)} == {
        "lot2"
    }
    assert ready.classes.choice() == EVERYTHING
    assert not ready.classes.selectionModel().hasSelection()
    ready.images.show_only("copies")
    assert grid.num_items == 2


def test_selection_goes_both_ways(qtbot, ready, session, small_index) -> None:
    grid = ready.images.grid
    where = grid.cell_rect(2).center()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert session.selected == {small_index.ids[2]}
    qtbot.mouseClick(
        grid.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.ShiftModifier,
        grid.cell_rect(4).center(),
    )
    assert session.selected == {small_index.ids[i] for i in (2, 3, 4)}
    qtbot.mouseClick(
        grid.viewport(),
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.ControlModifier,
        grid.cell_rect(3).center(),
    )
    assert session.selected == {small_index.ids[i] for i in (2, 4)}
    session.select([small_index.ids[7]])
    assert [p for p in range(grid.num_items) if grid.is_selected(p)] == [7]
    assert "1 selected" in ready.images.aside.text()
    ready.classes.choose(2)
    ready.classes.choose(EVERYTHING)
    assert session.selected == {small_index.ids[7]}, "a filter must not lose the selection"
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert session.selected == frozenset()


def test_keys_move_and_select(qtbot, ready, session, small_index) -> None:
    grid = ready.images.grid
    columns = grid.columns
    grid.go_to(columns - 1)
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert grid.current_place() == columns, "right at the end of a row goes on in the next"
    qtbot.keyClick(grid, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert session.selected == {small_index.ids[i] for i in range(columns, 2 * columns + 1)}
    qtbot.keyClick(grid, Qt.Key.Key_End)
    assert grid.current_place() == 36
    qtbot.keyClick(grid, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(session.selected) == 37


def test_space_is_a_quick_look_through_which_arrows_step(qtbot, ready, small_index) -> None:
    grid = ready.images.grid
    grid.go_to(5)
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    look = ready.images._looking
    assert look is not None
    qtbot.waitUntil(lambda: look.canvas.image is not None and look.canvas.image.width() == 60)
    assert small_index.paths[5] in look._caption.text()
    qtbot.keyClick(look, Qt.Key.Key_Right)
    assert (look.place, grid.current_place()) == (6, 6)
    assert small_index.paths[6] in look._caption.text()
    qtbot.keyClick(look, Qt.Key.Key_Space)
    assert ready.images._looking is None


def test_quick_look_of_a_file_that_is_gone_says_so(qtbot, ready, small_index) -> None:
    small_index.file(0).unlink()
    ready.images.look(0)
    look = ready.images._looking
    qtbot.waitUntil(lambda: "Reading" not in look.canvas._text and bool(look.canvas._text))
    assert small_index.paths[0].split("/")[-1] in look.canvas._text
    look.close()


@pytest.mark.parametrize("height", [200, 2000])
def test_whole_columns_fit_beside_the_scroll_bar(qtbot, ready, small_index, height: int) -> None:
    grid = ready.images.grid
    ready.resize(1190, height)
    for positions in (np.arange(37), np.arange(3), np.arange(37)):
        grid.set_items(small_index, positions)
        QApplication.processEvents()
        columns, side = grid.columns, grid.cell_rect(0).width()
        assert columns * side <= grid.viewport().width() < (columns + 1) * side


def test_the_grid_shows_the_pictures(qtbot, ready, small_index) -> None:
    grid = ready.images.grid
    qtbot.waitUntil(lambda: all(grid.tile_of(p) is not None for p in grid.visible_places()), timeout=10_000)
    assert all(grid.tile_of(p).image is not None for p in grid.visible_places())


def test_refused_files_are_listed_safely_copied_and_saved(
    qtbot, small_index, tmp_path: Path, monkeypatch
) -> None:
    dialog = refused_dialog(small_index.refused)
    qtbot.addWidget(dialog)
    dialog.show()
    model = dialog.table.model()
    shown = {model.index(row, 0).data() for row in range(model.rowCount())}
    assert shown == {"dent/broken.jpg", "=cmd\\n.png"}
    dialog.filter.setText("BROKEN")
    assert model.rowCount() == 1
    dialog.copy()
    rows = list(csv.reader(io.StringIO(QApplication.clipboard().text())))
    assert rows[0] == ["path", "reason"]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "refused.csv"), ""))
    dialog.save()
    assert (tmp_path / "refused.csv").read_text() == QApplication.clipboard().text()
    assert "Saved" in dialog.aside.text()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a: (str(tmp_path / "refused.csv" / "x"), ""))
    dialog.save()
    assert "can't be written" in dialog.aside.text()
    assert rows[1:] == [["dent/broken.jpg", "The file ends too early."], ["'=cmd\\n.png", "It is empty."]]
    assert refused_csv([Refused("@SUM(A1)", "x")]).splitlines()[1] == "'@SUM(A1),x"


def test_images_without_labels_are_welcome(qtbot, page, session, small_index) -> None:
    small_index.label[:] = -1
    small_index.classes = ()
    session.show_index(small_index)
    qtbot.waitUntil(lambda: page._watcher.facts.images == 37)
    assert page.heading.text() == "37 images without labels"
    assert [row[1] for row in page.classes._model.rows] == ["All images"]
