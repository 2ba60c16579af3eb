"""Images that were left out: listed with their pictures, filtered, brought back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data.left_out_dialog import LeftOutDialog
from workbench.gui.session import Session
from workbench.gui.thumbnails import thumbnails_of
from workbench.records.arrange import arrange
from workbench.records.index import Strings

OUT = ("crack/lot0_00.png", "crack/lot1_05.png", "dent/lot2_06.png", "stain/lot3_11.png")


def leave_out(session, files, names) -> None:
    session.settings.curation = replace(session.settings.curation, left_out=frozenset(names))
    session.index = files  # what FakeDataset takes for the files, too
    session.dataset.arranged = arrange(files, session.settings.curation)
    session.dataset_changed.emit()


def opened(qtbot, session, rows: int) -> LeftOutDialog:
    made = LeftOutDialog(session)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot closes it once more
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.rows.num_rows == rows)
    return made


@pytest.fixture
def dialog(qtbot, session, small_index) -> Iterator[LeftOutDialog]:
    session.show_index(small_index)
    leave_out(session, small_index, OUT)
    yield opened(qtbot, session, 4)
    thumbnails_of(session).close()


def paths(dialog: LeftOutDialog) -> list[str]:
    model = dialog.rows.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_they_are_listed_with_their_pictures(qtbot, dialog) -> None:
    assert paths(dialog) == list(OUT)
    assert dialog.title.text() == "4 images left out"
    qtbot.waitUntil(lambda: all(dialog.rows.tile_of(row) is not None for row in range(4)), timeout=10_000)
    assert all(dialog.rows.tile_of(row).image is not None for row in range(4))


def test_all_or_the_selected_are_brought_back(qtbot, dialog, session, small_index) -> None:
    assert dialog.back.text() == "Bring back all"
    dialog.rows.go_to(1)
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert dialog.back.text() == "Bring back 2"
    dialog.back.click()
    assert session.calls == [("bring_back", list(OUT[1:3]))]
    leave_out(session, small_index, (OUT[0], OUT[3]))
    qtbot.waitUntil(lambda: paths(dialog) == [OUT[0], OUT[3]])
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert session.calls[1:] == [("bring_back", [OUT[0], OUT[3]])]
    leave_out(session, small_index, ())
    qtbot.waitUntil(dialog.empty.isVisible)
    assert dialog.empty.title.text() == "Every image takes part"
    assert not dialog.back.isVisible()


def test_a_filter_narrows_what_is_brought_back(qtbot, dialog, session) -> None:
    dialog.filter.setText("CRACK/")
    assert paths(dialog) == list(OUT[:2])
    assert dialog.back.text() == "Bring back these 2"
    dialog.bring_back()
    assert session.calls == [("bring_back", list(OUT[:2]))]
    dialog.filter.setText("nothing")
    assert dialog.empty.isVisible()
    dialog.bring_back()
    assert len(session.calls) == 1


def test_pages_of_a_file_have_names_of_their_own(qtbot, session, small_index) -> None:
    small_index.page[3] = 2
    name = f"{small_index.paths[3]}#page=3"
    session.show_index(small_index)
    leave_out(session, small_index, (name,))
    dialog = opened(qtbot, session, 1)
    assert paths(dialog) == [name]
    dialog.bring_back()
    assert session.calls == [("bring_back", [name])]
    thumbnails_of(session).close()


def test_space_looks_at_one(qtbot, dialog) -> None:
    dialog.rows.go_to(2)
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Space)
    look = dialog._looking
    qtbot.waitUntil(lambda: look.canvas.image is not None and look.canvas.image.width() == 60)
    qtbot.keyClick(look, Qt.Key.Key_Right)
    assert dialog.rows.currentIndex().row() == 3
    qtbot.keyClick(look, Qt.Key.Key_Escape)
    assert dialog._looking is None
    assert dialog.isVisible()


def test_what_was_taken_out_of_the_pool_comes_back_too(qtbot, dialog, session) -> None:
    assert not dialog.pool_back.isVisible()
    session.settings.curation = replace(session.settings.curation, pool_left_out=frozenset({"a", "b"}))
    session.dataset_changed.emit()
    assert dialog.pool_line.text() == "2 images were taken out of the unlabelled pool."
    dialog.pool_back.click()
    (call,) = session.calls
    assert call[:2] == ("decide", "2 images brought back into the pool")
    assert (call[2].pool_left_out, len(call[2].left_out)) == (frozenset(), 4)


def test_names_are_shown_as_they_are(qtbot, session, small_index) -> None:
    names = [EVIL.replace("/", "\\") + "\n.png", *list(small_index.paths)[1:]]
    files = replace(small_index, paths=Strings.of(names))
    session.show_index(files)
    leave_out(session, files, names[:1])
    dialog = opened(qtbot, session, 1)
    qtbot.waitUntil(lambda: dialog.rows.tile_of(0) is not None)  # there is no such file
    assert dialog.rows.tile_of(0).image is None
    assert_harmless(dialog)
    assert "\u202e" not in paths(dialog)[0] and "\n" not in paths(dialog)[0]
    assert not dialog.grab().isNull()
    thumbnails_of(session).close()


def test_the_way_out_and_back_in_the_whole_program(qtbot, tmp_path: Path, small_index, monkeypatch) -> None:
    live = Session()
    monkeypatch.setattr(live, "describe", lambda: None)
    live.create_project(tmp_path / "project", "Line 4")
    small_index.save(live.project.folder / "index.npz")
    live.settings.index, live.settings.roots = "index.npz", dict(small_index.roots)
    live.dataset.read()
    qtbot.waitUntil(lambda: live.index is not None)
    live.dataset.leave_out(OUT)
    qtbot.waitUntil(lambda: len(live.index) == 33)
    dialog = opened(qtbot, live, 4)
    dialog.rows.go_to(0)
    dialog.back.click()
    qtbot.waitUntil(lambda: len(live.index) == 34 and dialog.rows.num_rows == 3)
    np.testing.assert_array_equal(live.index.names().count(OUT[0]), 1)
    live.undo()
    qtbot.waitUntil(lambda: len(live.index) == 33 and dialog.rows.num_rows == 4)
    dialog.close()
    thumbnails_of(live).close()
    live.close()
