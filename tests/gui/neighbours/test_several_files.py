"""Several pictures from files: the first is asked about, the others are reached, and the next is looked up ahead."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from tests.gui.maps.conftest import commands, session
from tests.gui.neighbours.test_neighbours_page import answer_outside, asked_outside, drop, page
from workbench.gui.commands import Command
from workbench.gui.neighbours.page import NeighboursPage
from workbench.gui.session import Session

__all__ = ["commands", "page", "session"]  # fixtures


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(5):
        path = tmp_path / f"new {number}.png"
        Image.fromarray(np.full((20, 30 + number, 3), 50 * number, np.uint8)).save(path)
        made.append(path)
    return made


def test_each_of_five_can_be_asked_about(
    qtbot, page: NeighboursPage, session: Session, photographs: list[Path], commands
) -> None:
    bad = photographs[0].with_name("bad.png")
    bad.write_bytes(b"")
    assert drop(page, bad, *photographs)
    qtbot.waitUntil(lambda: page.question.outside == photographs[0] and not session.pictures.busy)
    strip = page.strip
    assert not strip.isHidden() and strip.place.text() == "1 of 5"
    assert session.pictures.told() == "1 of 6 can't be shown. bad.png: The file is empty (0 bytes)."
    answer_outside(qtbot, session, page)
    qtbot.waitUntil(lambda: bool(page.board.rows[0].tiles))
    qtbot.keyClick(page.board, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert page.question.outside == photographs[1] and strip.place.text() == "2 of 5"
    page.grab()  # paints
    place, box = strip.tiles.boxes()[4]
    qtbot.mouseClick(strip.tiles, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    assert place == 4 and page.question.outside == photographs[4] and page.board.query.name == "new 4.png"
    strip.step(1)
    assert page.question.outside == photographs[0] and page.board.rows[0].tiles, "round, and known already"
    strip.step(-1)
    assert page.question.outside == photographs[4]
    ran: list[str] = []
    for name in ("inspect.show_board", "inspect.rows_files"):
        commands.add(Command(id=name, title=name, run=lambda name=name: ran.append(name)))
    strip.board_asked.emit()
    assert ran == ["inspect.show_board", "inspect.rows_files"]
    session.pictures.close()
    assert strip.isHidden() and page.question.outside == photographs[4]


def test_the_next_is_looked_up_while_this_one_is_read(
    qtbot, page: NeighboursPage, session: Session, photographs: list[Path]
) -> None:
    drop(page, *photographs[:2])
    qtbot.waitUntil(lambda: page.question.outside == photographs[0] and not session.pictures.busy)
    qtbot.waitUntil(lambda: bool(session._jobs._aside) and not session.outside._gather.isActive())
    _, number, job = asked_outside(session)
    assert job.images == (str(photographs[0]),)
    answer_outside(qtbot, session, page)
    qtbot.waitUntil(lambda: asked_outside(session)[1] == number + 1)
    assert asked_outside(session)[2].images == (str(photographs[1]),)
    assert page.question.outside == photographs[0] and page.board.rows[0].tiles
    answer_outside(qtbot, session, page)
    page.strip.step(1)
    assert page.question.outside == photographs[1] and page.board.rows[0].tiles, "without waiting"
    assert asked_outside(session)[1] == number + 1
    page.hide()
    assert session.outside._ahead is None


def test_no_more_is_shown_than_there_is_room_for(
    qtbot, page: NeighboursPage, session: Session, tmp_path: Path
) -> None:
    files = []
    for number in range(30):
        files.append(tmp_path / f"{number:02}.png")
        Image.new("L", (9, 9), number).save(files[-1])
    page.resize(900, 600)
    drop(page, *files)
    qtbot.waitUntil(lambda: len(session.pictures.files) == 30 and not session.pictures.busy)
    for file in (files[0], files[15], files[29]):
        page.ask_file(file)
        page.grab()
        tiles = page.strip.tiles
        boxes = dict(tiles.boxes())
        assert files.index(file) in boxes and len(boxes) < 30
        assert all(box.left() >= 0 and box.right() <= tiles.width() for box in boxes.values())
