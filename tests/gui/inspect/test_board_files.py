"""Rows of a board that are in no data set: asked, shown, kept and pinned like all others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog

from tests.gui.inspect.sights import settle
from tests.gui.neighbours.test_neighbours_page import drop
from workbench.gui.commands import Command
from workbench.gui.inspect.menus import cell_menu
from workbench.gui.inspect.page import BoardPage
from workbench.gui.inspect.zoom import letterbox
from workbench.records.boards import BoardPlan, load_boards, outside_file, outside_id


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """Five, of five colours and heights; the last two are the same picture."""
    made = []
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for number in range(5):
        path = folder / f"new {number}.png"
        shade = min(number, 3)
        Image.fromarray(np.full((20 + shade, 40, 3), 40 * shade + 20, np.uint8)).save(path)
        made.append(path)
    return made


def show(qtbot, page: BoardPage, models, files: list[Path]):
    assert drop(page, *files)
    qtbot.waitUntil(lambda: page.board.plan.rows.kind == "files" and not page.board.choosing)
    return models.answer()


def test_five_dropped_photographs_are_five_rows_in_their_order(
    qtbot, ready: BoardPage, models, photographs: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "notes.txt"
    bad.write_text("no picture")
    order = [photographs[place] for place in (3, 0, 4, 1, 2)]
    job = show(qtbot, ready, models, [*order[:2], bad, *order[2:]])
    assert job.images == tuple(map(str, order)) and job.pages == (0,) * 5
    assert ready.board.rows == tuple(map(outside_id, order))
    assert ready.session.pictures.told().startswith("1 of 6 can't be shown. notes.txt:")
    settle(qtbot, ready)
    look = ready.look
    qtbot.waitUntil(lambda: all(look.tile(name) is not None for name in ready.board.rows))
    for name, file in zip(ready.board.rows, order, strict=True):
        with Image.open(file) as picture:
            assert look.tile(name).image.pixelColor(5, 5).red() == picture.getpixel((0, 0))[0]
            assert look.seen(name, -1) == pytest.approx(letterbox(*picture.size))
        assert look.image_words(name) == (file.name, "from a file")
    assert str(order[0]) in look.told(0, -1) and look.cell(0, 0)[0].image is not None
    assert ready.rows.kinds.buttons["files"].text() == "Files 5" and ready.rows.number.isHidden()


def test_what_a_data_set_holds_is_told_by_its_class(
    qtbot, ready: BoardPage, models, small_index, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.png"
    shutil.copy(small_index.file(7), copy)
    show(qtbot, ready, models, [copy])
    label = small_index.classes[small_index.label[7]]
    assert ready.look.image_words(ready.board.rows[0]) == ("copy.png", f"in the data set as {label}")
    assert f"the same file as {small_index.paths[7]}" in ready.look.told(0, -1)


def test_a_click_selects_nothing_and_the_menu_leads_to_the_neighbours(
    qtbot, ready: BoardPage, models, photographs: list[Path], compared
) -> None:
    show(qtbot, ready, models, photographs[:2])
    settle(qtbot, ready)
    asked: list[Path] = []
    compared.pictures.asked.connect(asked.append)
    ready.commands.add(Command(id="inspect.show_neighbours", title="n", run=lambda: asked.append(Path())))
    view, cell = ready.canvas.viewport(), ready.canvas.geometry_.cell_rect(1, 0)
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=cell.center())
    assert not compared.selected and ready.canvas.current == (1, 0)
    menu = cell_menu(ready, ready.board, 1, 0, QPoint(), ready._look, ready._ask_neighbours)
    words = {action.text(): action for action in menu.actions()}
    assert "Select this image" not in words
    words["Show its neighbours"].trigger()
    assert asked == [Path(), photographs[1]]
    menu.close()


def test_a_kept_board_and_a_pin_bring_files_back_and_say_which_are_gone(
    qtbot, ready: BoardPage, models, photographs: list[Path]
) -> None:
    show(qtbot, ready, models, photographs[:3])
    board = ready.board
    board.pin(board.rows[1])
    qtbot.waitUntil(lambda: board.rows[0] == outside_id(photographs[1]))
    ready.boards_menu.keep("New lot")
    (kept,) = load_boards(ready.boards_menu.path)
    assert BoardPlan.from_json(kept.to_json()) == kept
    assert {outside_file(name) for name in (*kept.rows.ids, *kept.pinned)} == set(photographs[:3])
    board.set_rows(kind="random", number=2)
    qtbot.waitUntil(lambda: not board.choosing and len(board.rows) == 3)
    assert board.rows[0] == outside_id(photographs[1]) and outside_file(board.rows[1]) is None
    photographs[2].unlink()
    board.show_plan(kept)
    qtbot.waitUntil(lambda: not board.choosing and len(board.gone) == 1)
    assert [outside_file(name) for name in board.rows] == [photographs[1], photographs[0]]
    assert ready.rows.why.text().startswith("new 2.png: The file is not there any more")
    Image.new("RGB", (10, 30)).save(photographs[0])  # another picture under the old name
    board.choose()
    qtbot.waitUntil(lambda: not board.choosing)
    assert board.image(outside_id(photographs[0])).height == 30


def test_an_empty_board_of_files_asks_for_some(
    qtbot, ready: BoardPage, models, photographs: list[Path], monkeypatch
) -> None:
    qtbot.mouseClick(ready.rows.kinds.buttons["files"], Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ready.stack.currentIndex() == 1)
    assert ready.empty.state.title.text() == "No picture from a file"
    chosen = [str(path) for path in photographs]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: (chosen, ""))
    ready.commands.add(Command(id="inspect.show_board", title="b", run=lambda: None))
    qtbot.mouseClick(ready.empty.state.buttons[0], Qt.MouseButton.LeftButton)
    assert models.answer().images == tuple(chosen)
    assert ready.stack.currentIndex() == 0


def test_files_can_be_looked_at_without_a_data_set(
    qtbot, ready: BoardPage, models, photographs: list[Path], compared
) -> None:
    ready.board.set_models(["lab/strong"])
    compared.dataset.arranged = None
    compared.dataset_changed.emit()
    qtbot.waitUntil(lambda: not ready.board.rows)
    job = show(qtbot, ready, models, photographs)
    assert job.images == tuple(map(str, photographs)) and job.models == ("lab/strong",)
    settle(qtbot, ready)
    assert ready.stack.currentIndex() == 0
