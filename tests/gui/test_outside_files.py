"""Pictures from files: all that can be read in order, the others by name, and none read in the window's thread."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import Qt

from tests.gui.inspect.conftest import session
from workbench.gui import outside_files
from workbench.gui.data.rows_dialog import RowsDialog
from workbench.gui.outside_files import REMEMBERED
from workbench.gui.outside_notice import OutsideNotice
from workbench.gui.session import Session

__all__ = ["session"]  # a fixture


def photographs(folder: Path, number: int, start: int = 0) -> list[Path]:
    folder.mkdir(exist_ok=True)
    made = []
    for name in range(start, start + number):
        path = folder / f"photo {name:02}.png"
        rng = np.random.default_rng(name)
        Image.fromarray(rng.integers(0, 256, (6 + name, 9, 3), dtype=np.uint8)).save(path)
        made.append(path)
    return made


def opened(qtbot, session: Session, named: list[Path]) -> None:
    session.pictures.open(named)
    qtbot.waitUntil(lambda: not session.pictures.busy)


def test_what_can_be_read_goes_on_and_the_rest_is_told_by_name(
    qtbot, session: Session, tmp_path: Path
) -> None:
    first, second, third = photographs(tmp_path / "new", 3)
    cut = tmp_path / "cut.jpg"
    Image.effect_noise((64, 64), 60).save(cut)
    cut.write_bytes(cut.read_bytes()[:900])
    opened(qtbot, session, [third, cut, first, tmp_path / "gone\n.png", second, first])
    pictures = session.pictures
    assert pictures.files == (third, first, second) and pictures.done == 4
    told = pictures.told()
    assert told.startswith("2 of 5 can't be shown.") and "cut.jpg: The JPEG ends too early" in told
    assert "gone\\n.png: The file is not there" in told and "And" not in told
    pictures.quiet()
    assert not pictures.told()
    opened(qtbot, session, [cut])
    assert pictures.files == (third, first, second) and not pictures.newly_read, "those before stay"
    assert pictures.told().startswith("cut.jpg can't be shown. The JPEG")


def test_a_board_full_is_taken_and_folders_give_their_images(
    qtbot, session: Session, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(outside_files, "MOST_ROWS", 4)
    files = photographs(tmp_path / "lot", 6)
    files[1].write_text("no picture")
    opened(qtbot, session, [tmp_path / "lot"])
    assert session.pictures.files == (files[0], *files[2:5])
    told = session.pictures.told()
    assert "the first 4 are shown, and 1 file is left out" in told and "photo 01.png: It is text" in told


def test_reading_can_be_stopped_and_keeps_what_there_is(
    qtbot, session: Session, tmp_path: Path, monkeypatch
) -> None:
    files = photographs(tmp_path, 5)
    real, gate = outside_files.look_at_picture, threading.Event()
    threads: set[int] = set()

    def slow(file: Path, *more, **how):
        threads.add(threading.get_ident())
        if file == files[2]:
            gate.wait(10)
        return real(file, *more, **how)

    monkeypatch.setattr(outside_files, "look_at_picture", slow)
    notice = OutsideNotice(session.pictures)
    qtbot.addWidget(notice)
    session.pictures.open(files)
    qtbot.waitUntil(lambda: "2 of 5 read" in notice.text)
    assert session.pictures.busy and threading.get_ident() not in threads
    qtbot.mouseClick(notice._action, Qt.MouseButton.LeftButton)
    assert not session.pictures.busy and session.pictures.files == tuple(files[:2])
    assert notice.text == "Stopped: 2 of 5 files were read." and not notice.isHidden()
    gate.set()
    qtbot.wait(50)
    assert session.pictures.files == tuple(files[:2]), "the one that was being read comes too late"
    notice.dismiss()
    assert not session.pictures.told()


def test_another_set_while_one_is_read_is_the_one_that_counts(
    qtbot, session: Session, tmp_path: Path
) -> None:
    one, two = photographs(tmp_path / "one", 4), photographs(tmp_path / "two", 2, start=7)
    session.pictures.open(one)
    opened(qtbot, session, two)
    assert session.pictures.files == tuple(two) and not session.pictures.told()


def test_many_reasons_are_listed(qtbot, session: Session, tmp_path: Path) -> None:
    bad = [tmp_path / f"{name}.png" for name in "abcd"]
    for path in bad:
        path.write_bytes(b"")
    notice = OutsideNotice(session.pictures)
    qtbot.addWidget(notice)
    opened(qtbot, session, [*photographs(tmp_path / "new", 1), *bad])
    assert notice.text.endswith("And 2 more.") and notice._action.text() == "All reasons…"
    qtbot.mouseClick(notice._action, Qt.MouseButton.LeftButton)
    (dialog,) = notice.window().findChildren(RowsDialog)
    assert dialog.table.model().rowCount() == 4
    dialog.close()


@pytest.mark.parametrize("gone", [False, True])
def test_the_project_remembers_them(qtbot, session: Session, tmp_path: Path, gone: bool) -> None:
    files = photographs(tmp_path / "new", 3)
    opened(qtbot, session, files)
    assert session.recall(REMEMBERED) == [str(file) for file in files]
    folder = session.project.folder
    session.create_project(tmp_path / "other")
    assert session.pictures.pictures == ()
    if gone:
        files.pop(1).unlink()
    session.open_project(folder)
    qtbot.waitUntil(lambda: not session.pictures.busy)
    assert session.pictures.files == tuple(files) and not session.pictures.told()
    session.pictures.close()
    assert session.recall(REMEMBERED) == [] and not session.pictures.pictures
