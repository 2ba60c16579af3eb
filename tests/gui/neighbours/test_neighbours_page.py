"""The Neighbours page on a real session: the image is the selection's, every tile is the image that it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication, QImage
from PySide6.QtWidgets import QFileDialog, QWidget

from tests.gui.maps.conftest import commands, place_of, session, write_files
from workbench.gui import theme
from workbench.gui.commands import Commands
from workbench.gui.compare.walked_plot import Dot
from workbench.gui.maps.colouring import answers
from workbench.gui.neighbours.column import PURE
from workbench.gui.neighbours.page import NeighboursPage
from workbench.gui.session import Session
from workbench.gui.thumbnails import thumbnails_of, tile_key
from workbench.records.embeddings import read_h5ad
from workbench.records.index import ImageIndex
from workbench.records.nearest import overlap
from workbench.records.neighbours_job import (
    RESULT,
    AskedImage,
    FileAnswer,
    ListedItem,
    NeighboursJob,
    NeighboursResult,
)
from workbench.records.params import build
from workbench.records.runs import ASK, RunFolder, Status
from workbench.supervisor import JobState

__all__ = ["commands", "session"]  # fixtures


@pytest.fixture
def page(qtbot, session: Session, commands: Commands, small_index: ImageIndex) -> NeighboursPage:
    write_files(session, small_index)
    made = NeighboursPage(session, commands)
    qtbot.addWidget(made)
    made.resize(1150, 640)
    made.show()
    qtbot.waitUntil(lambda: len(made.question.found) == 3 and made._known is not None)
    return made


def ask(qtbot, page: NeighboursPage, name: str) -> int:
    page.session.select([name])
    item = page._atlas.where[name]
    qtbot.waitUntil(lambda: page.board.query.item == item and len(page.question.found) == 3)
    return item


def cosine(model: str, one: str, other: str) -> float:
    a, b = place_of(model, one).astype(float), place_of(model, other).astype(float)
    return 1 - float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))


def test_before_anything_is_selected_the_most_different_image_is_shown(page: NeighboursPage) -> None:
    assert page.question.item == page.column.differing[0]
    assert page.board.rows and page.pages.currentIndex() == 1


@pytest.mark.parametrize("number", [5, 10])
def test_every_tile_is_the_image_that_it_says(
    qtbot, page: NeighboursPage, session: Session, small_index: ImageIndex, number: int
) -> None:
    qtbot.mouseClick(page.numbers.buttons[str(number)], Qt.MouseButton.LeftButton)
    assert session.recall("neighbours.number") == str(number)
    atlas = page._atlas
    for name in (small_index.ids[0], small_index.ids[20]):
        item = ask(qtbot, page, name)
        said = answers(atlas, session.predictions)
        for row in page.board.rows:
            there = [atlas.ids[place] for place in atlas.rows[row.model] if place != item]
            if item not in atlas.rows[row.model]:
                assert row.why and not row.tiles
                continue
            wanted = sorted(there, key=lambda other, model=row.model: cosine(model, name, other))[:number]
            assert [atlas.ids[tile.item] for tile in row.tiles] == wanted
            for tile, other in zip(row.tiles, wanted, strict=True):
                at = small_index.ids.index(other)
                assert tile.distance == pytest.approx(cosine(row.model, name, other), abs=1e-5)
                assert tile.label == small_index.classes[small_index.label[at]]
                assert tile.right == (small_index.label[at] == small_index.label[small_index.ids.index(name)])
                assert page._file(tile.item) == (tile_key(small_index, at), session.file(at))
            code = int(said[row.model][0][item])
            assert row.said == (session.result.classes[code] if code >= 0 else "")
            same = sum(bool(tile.right) for tile in row.tiles)
            assert row.told().startswith(f"{same} of {number} of the same class")


def test_a_click_on_a_neighbour_asks_for_its_own_and_back_returns(
    qtbot, page: NeighboursPage, session: Session, small_index: ImageIndex
) -> None:
    first = ask(qtbot, page, small_index.ids[3])
    page.grab()  # paints, so that the tiles have their places
    board = page.board
    tile = board.rows[0].tiles[2]
    at = next(dot for dot in board._dots if (dot.row, dot.place) == (0, 2))
    qtbot.mouseClick(board, Qt.MouseButton.LeftButton, pos=_point(at))
    assert session.selected == {page._atlas.ids[tile.item]}
    qtbot.waitUntil(lambda: board.query.item == tile.item)
    qtbot.mouseClick(page.back, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: board.query.item == first)
    board.setFocus()
    qtbot.keyClick(board, Qt.Key.Key_Right)
    qtbot.keyClick(board, Qt.Key.Key_Return)
    assert session.selected == {page._atlas.ids[board.rows[0].tiles[1].item]}


def _point(dot: Dot) -> QPoint:
    return QPoint(round(dot.x), round(dot.y))


def test_the_first_of_a_selection_is_asked_about(qtbot, page: NeighboursPage, session: Session) -> None:
    ids = page._atlas.ids
    session.select([ids[9], ids[4], ids[30]])
    qtbot.waitUntil(lambda: page.board.query.item == 4)


def test_images_with_different_neighbours_come_first(qtbot, page: NeighboursPage, session: Session) -> None:
    column = page.column
    found = column._found
    column.one.setCurrentIndex(column.one.findData("middle"))
    column.other.setCurrentIndex(column.other.findData("weak"))
    same = overlap(found.neighbours["middle"], found.neighbours["weak"], 10)
    grid = column.images.grid
    listed = [grid.item_id(place) for place in range(grid.num_items)]
    by_id = {page._atlas.ids[item]: int(number) for item, number in zip(found.queries, same, strict=True)}
    assert [by_id[name] for name in listed] == sorted(by_id.values()) and len(listed) == len(by_id)
    assert grid.captions[0] == f"{min(by_id.values())} of 10 the same"
    assert f"{100 * same.mean() / 10:.0f} %" in column.mean.text()
    qtbot.mouseClick(grid.viewport(), Qt.MouseButton.LeftButton, pos=grid.cell_rect(1).center())
    assert session.selected == {listed[1]}
    qtbot.waitUntil(lambda: page._atlas.ids[page.board.query.item] == listed[1])
    column.other.setCurrentIndex(column.other.findData("middle"))
    assert "two different models" in column.mean.text() and column.images.isHidden()


def test_purity_is_told_class_by_class(qtbot, page: NeighboursPage) -> None:
    column = page.column
    qtbot.mouseClick(column.segments.buttons[PURE], Qt.MouseButton.LeftButton)
    plot, atlas, found = column.plot, page._atlas, column._found
    assert plot.classes == ("crack", "dent", "stain") and [name for name, _ in plot.models] == list(
        found.neighbours
    )
    labels = atlas.labels.code
    for row, code in enumerate(range(3)):
        for number, near in enumerate(found.neighbours.values()):
            shares = [
                np.mean(labels[line[:10]] == code)
                for query, line in zip(found.queries, near, strict=True)
                if labels[query] == code
            ]
            assert plot.shares[row][number] == pytest.approx(np.mean(shares))
    assert plot.tell((0, 0)).startswith("crack\nstrong: ")
    assert plot.step((0, 2), 1, 0) == (1, 0) and plot.step((2, 2), 1, 0) == (2, 2)


def test_a_damaged_file_is_told(qtbot, page: NeighboursPage, session: Session) -> None:
    session.maps.files["middle"].write_bytes(b"damaged")
    name = page._atlas.ids[7 if page.question.item != 7 else 8]
    session.select([name])
    qtbot.waitUntil(lambda: page.board.query.item == page._atlas.where[name])
    qtbot.waitUntil(lambda: len(page.question.found) == 3)
    strong, middle, _ = page.board.rows
    assert "middle.h5ad can't be read" in middle.why and not middle.tiles
    assert strong.tiles and not strong.why


def test_without_a_comparison_the_way_there_is_offered(qtbot, session: Session, commands: Commands) -> None:
    session.result = None
    page = NeighboursPage(session, commands)
    qtbot.addWidget(page)
    page.show()
    qtbot.mouseClick(page.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert commands.gone == ["compare"]


def test_the_board_is_saved_and_keeps_up_with_the_theme(
    qtbot, page: NeighboursPage, session: Session, tmp_path, monkeypatch
) -> None:
    target = tmp_path / "near.png"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_, **__: (str(target), ""))
    qtbot.mouseClick(page.save, Qt.MouseButton.LeftButton)
    saved = QImage(str(target))
    assert not saved.isNull()
    page.activateWindow()
    page.board.setFocus()
    qtbot.keyClick(page.board, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().image().size() == saved.size()
    light = page.board.grab().toImage()
    theme.themes().set_preference("dark")
    assert page.board.grab().toImage() != light


@pytest.mark.parametrize(("width", "number"), [(1150, "10"), (1150, "20"), (860, "10"), (860, "20")])
def test_tiles_take_the_width_that_there_is(qtbot, page: NeighboursPage, width: int, number: str) -> None:
    page.resize(width, 640)
    page.numbers.buttons[number].click()
    page.grab()
    board = page.board
    boxes = [box for (row, _), box in board._rects.items() if row == 0]
    assert len(boxes) == int(number) and min(box.width() for box in boxes) >= 68
    assert max(box.right() for box in boxes) > 0.75 * board.width()
    assert max(box.bottom() for box in board._rects.values()) < board.height()


# A picture from a file


def asked_outside(session: Session) -> tuple[RunFolder, int, NeighboursJob]:
    """The worker that stays, and what its file asks with which number."""
    ((run, _),) = session._jobs._aside.values()
    body = json.loads((run.path / ASK).read_text("utf-8"))
    return run, body["ask"], build(NeighboursJob, body["config"])


def answer_outside(
    qtbot, session: Session, page: NeighboursPage, same: str = "", error: str = ""
) -> NeighboursResult:
    """What the worker would write for the next request; items come in the order of their ids."""
    qtbot.waitUntil(lambda: session.outside.waiting and not session.outside._gather.isActive())
    run, number, job = asked_outside(session)
    assert run.job().watch
    assert job.files == tuple(str(session.maps.files[name]) for name in page._atlas.rows)
    answers = []
    for place, name in enumerate(job.files):
        file = read_h5ad(Path(name))
        order = sorted(range(len(file)), key=lambda row, file=file: file.ids[row])
        listed = [
            ListedItem(id=file.ids[row], path=file.paths[row], label=file.labels[row], distance=0.01 * near)
            for near, row in enumerate(order[: job.k])
        ]
        answers.append(FileAnswer(error=error) if place == 1 and error else FileAnswer(nearest=tuple(listed)))
    itself = [item for item in answers[0].nearest if item.id == same]
    image = AskedImage(image=job.images[0], same=tuple(itself), answers=tuple(answers))
    result = NeighboursResult(k=job.k, images=(image,), ask=number)
    result.save(run.path / RESULT)
    qtbot.waitUntil(lambda: not session.outside.waiting or asked_outside(session)[1] > number)
    return result


def drop(page: QWidget, *paths: Path) -> bool:
    """Drag files onto a page and let them go; whether they are taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    how = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    enter = QDragEnterEvent(QPoint(50, 50), *how)
    enter.ignore()
    page.dragEnterEvent(enter)
    if enter.isAccepted():
        page.dropEvent(QDropEvent(QPointF(50, 50), *how))
    return enter.isAccepted()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / "new.png"
    path.parent.mkdir()
    Image.fromarray(np.full((30, 40, 3), (200, 60, 20), np.uint8)).save(path)
    return path


def test_a_dropped_picture_is_asked_of_every_model(
    qtbot, page: NeighboursPage, session: Session, small_index: ImageIndex, picture: Path, tmp_path: Path
) -> None:
    first = ask(qtbot, page, small_index.ids[3])
    (tmp_path / "notes.txt").write_text("no picture")
    assert drop(page, tmp_path / "notes.txt")
    qtbot.waitUntil(lambda: session.pictures.told() == "notes.txt can't be shown. It is text, not an image.")
    assert page.board.query.item == first, "what is asked about stays"
    assert drop(page, picture)
    qtbot.waitUntil(lambda: page.board.query.name == "new.png")
    assert not session.selected and not session.pictures.told() and page.strip.isHidden()
    assert all(row.why.startswith("Embedding the picture") for row in page.board.rows)
    result = answer_outside(qtbot, session, page, error="Its weights are others.")
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))
    strong, middle, weak = page.board.rows
    assert middle.why == "Its weights are others." and not middle.tiles
    for row, answer in ((strong, result.images[0].answers[0]), (weak, result.images[0].answers[2])):
        assert [page._atlas.ids[tile.item] for tile in row.tiles] == [item.id for item in answer.nearest[:10]]
        assert [tile.distance for tile in row.tiles] == [item.distance for item in answer.nearest[:10]]
        assert {tile.right for tile in row.tiles} == {None}
        labels = [item.label for item in answer.nearest[:10]]
        assert row.told().startswith(f"{max(map(labels.count, labels))} ")
    assert page.board.query.label == "No label · from a file" and page.board.facts == "Not in the data set"
    thumbnails = thumbnails_of(session)
    qtbot.waitUntil(lambda: thumbnails.get(*page._file(-1)) is not None)
    assert thumbnails.get(*page._file(-1)).image.pixelColor(5, 5).red() == 200
    asked = asked_outside(session)
    # A neighbour's own neighbours, the picture again without being asked, and the image before it.
    page.ask(strong.tiles[2].item)
    qtbot.waitUntil(lambda: page.board.query.item == strong.tiles[2].item)
    page.go_back()
    assert page.board.rows[0].tiles == strong.tiles and not session.outside.waiting
    assert asked_outside(session) == asked
    page.go_back()
    qtbot.waitUntil(lambda: page.board.query.item == first)


def test_a_picture_that_is_an_item_is_told_and_does_not_count_itself(
    qtbot, page: NeighboursPage, session: Session, small_index: ImageIndex, picture: Path, monkeypatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: ([str(picture)], ""))
    qtbot.mouseClick(page.choose, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.question.outside == picture)
    same = sorted(page._atlas.ids)[0]
    label = small_index.classes[small_index.label[small_index.ids.index(same)]]
    result = answer_outside(qtbot, session, page, same=same)
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))
    assert page.board.facts.startswith("The same file as ") and page.board.query.label.startswith(label)
    itself, *others = page.board.rows[0].tiles
    assert (itself.itself, itself.right) == ("the same file", None)
    assert [tile.right for tile in others] == [
        item.label == label for item in result.images[0].answers[0].nearest[1:10]
    ]
    right = sum(bool(tile.right) for tile in others)
    assert page.board.rows[0].told() == f"{right} of 9 of the same class"
    assert "the same file" in page.board.tell((0, 0))
    # Selecting an image anywhere leaves the picture.
    session.select([small_index.ids[7]])
    qtbot.waitUntil(lambda: page.board.query.item == page._atlas.where[small_index.ids[7]])


def test_the_next_picture_is_asked_of_the_same_worker(
    qtbot, page: NeighboursPage, session: Session, picture: Path
) -> None:
    other = picture.with_name("other.png")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(other)
    page.ask_file(picture)
    answer_outside(qtbot, session, page)
    first, number, _ = asked_outside(session)
    page.ask_file(other)
    answer_outside(qtbot, session, page, error="Other.")
    second, later, job = asked_outside(session)
    assert (second.id, later) == (first.id, number + 1) and job.images == (str(other),)
    assert page.question.outside == other and page.board.rows[1].why == "Other."
    page.go_back()
    assert page.question.outside == picture and page.board.rows[1].tiles, "its own answer, without asking"
    page.hide()
    assert session.outside._leave.isActive(), "nobody looks: it is let go after a while"


def test_only_the_latest_picture_is_waited_for_and_a_failure_is_told(
    qtbot, page: NeighboursPage, session: Session, picture: Path
) -> None:
    other = picture.with_name("other.png")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(other)
    page.ask_file(picture)
    qtbot.waitUntil(lambda: bool(session._jobs._aside))
    run, number, _ = asked_outside(session)
    page.ask_file(other)
    late = AskedImage(image=str(picture), answers=(FileAnswer(error="Late."),) * 3)
    NeighboursResult(k=10, images=(late,), ask=number).save(run.path / RESULT)
    qtbot.waitUntil(lambda: len(session.outside._known) == 1)
    assert page.question.outside == other and session.outside.waiting
    assert page.board.rows[0].why.startswith("Embedding"), "that answer was the other picture's"
    qtbot.waitUntil(lambda: asked_outside(session)[1] == number + 1)
    NeighboursResult(k=0, error="No.", ask=number + 1).save(run.path / RESULT)
    qtbot.waitUntil(lambda: [row.why for row in page.board.rows] == ["No."] * 3)
    page.ask_file(picture.with_name("third.png"))
    qtbot.waitUntil(lambda: not session.outside._gather.isActive())
    ((_, ended),) = session._jobs._aside.values()
    ended(run, JobState(id=run.id, kind="neighbours", title="", status=Status(state="failed", error="Dead.")))
    assert [row.why for row in page.board.rows] == ["Dead."] * 3 and not run.path.exists()


def test_a_picture_whose_worker_had_to_make_way_is_asked_about_again(
    qtbot, page: NeighboursPage, session: Session, picture: Path
) -> None:
    page.ask_file(picture)
    qtbot.waitUntil(lambda: bool(session._jobs._aside))
    page.hide()
    first, ended = session._jobs._aside.popitem()[1]
    session._jobs.aside_started.emit("board")  # another job waits for the lane
    assert not session.outside.waiting
    ended(first, JobState(id=first.id, kind="neighbours", title="", status=Status(state="stopped")))
    page.show()
    answer_outside(qtbot, session, page)
    assert asked_outside(session)[0].id != first.id
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))


def test_a_picture_stays_asked_about_when_the_files_are_read_anew(
    qtbot, page: NeighboursPage, session: Session, small_index: ImageIndex, picture: Path
) -> None:
    page.ask_file(picture)
    answer_outside(qtbot, session, page)
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))
    before = page._atlas
    write_files(session, small_index, maps=False)
    session.maps.look()
    qtbot.waitUntil(lambda: page._atlas is not before and page._atlas is not None)
    assert page.question.outside == picture
    answer_outside(qtbot, session, page)
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))
    page._restore()  # as when another project is opened
    assert page.question.outside is None and not page.question.before
