"""The dialog of copies and leaks: order, words, what the buttons do, the pool, keys, and thousands of sets."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, Qt
from PySide6.QtWidgets import QWidget

from tests.gui.conftest import build_index
from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data.copies_dialog import CopiesDialog
from workbench.gui.data.copies_sets import find_sets, left_out_by
from workbench.gui.dataset_facts import watcher_of
from workbench.records.alike import Alike
from workbench.records.index import ImageIndex, Strings
from workbench.records.jobs import EmbedJob
from workbench.records.leaks import superfluous
from workbench.records.splits import SplitPlan

LEAK = ("crack/lot0_99.png", "crack/lot1_01.png")  # the same bytes in two groups
LABELS = ("crack/lot2_02.png", "stain/lot2_02.png")  # one group, two labels
SAFE = ("dent/lot0_00.png", "dent/lot0_04.png", "dent/lot0_08.png")  # one group, one label


@pytest.fixture
def index(small_index: ImageIndex) -> ImageIndex:
    """Three sets of copies: a leak, a picture with two labels, a harmless one."""
    copies = np.full(len(small_index), -1, np.int32)
    paths = list(small_index.paths)
    for code, names in enumerate((SAFE, LABELS, LEAK)):
        for name in names:
            copies[paths.index(name)] = code
    small_index.signature[:] = 1
    return replace(small_index, copies=copies)


@pytest.fixture
def dialog(qtbot, session, index):
    session.show_index(index)
    return opened(qtbot, session)


def opened(qtbot, session) -> CopiesDialog:
    made = CopiesDialog(session)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: not made.heading.text().startswith("Looking"))
    return made


def positions(index: ImageIndex, names: tuple[str, ...]) -> list[int]:
    return sorted(list(index.paths).index(name) for name in names)


def rows(dialog: CopiesDialog) -> list[str]:
    model = dialog.rows.model()
    return [
        model.data(model.index(row), Qt.ItemDataRole.AccessibleTextRole) for row in range(model.rowCount())
    ]


def test_leaks_come_first_and_every_set_says_what_it_is(dialog) -> None:
    assert dialog.heading.text() == "1 of 3 sets of copies is a leak"
    first, second, third = rows(dialog)
    assert first.startswith("leak, identical files · 2 images · 2 groups · now in ")
    assert all(name in first for name in LEAK)
    assert second.startswith("two labels, look the same · 2 images · 1 group")
    assert third.startswith("look the same · 3 images · 1 group")
    shown = [dialog.filters.button(i).text() for i in range(5)]
    assert shown == ["All 3", "Leaks 1", "Two labels 1", "Identical files 1", "Look the same 2"]
    for number, expected in ((1, 1), (2, 1), (3, 1), (4, 2), (0, 3)):
        dialog.filters.button(number).click()
        assert len(rows(dialog)) == expected


def test_without_a_selection_the_buttons_are_about_all_leaks(dialog, session, index) -> None:
    assert dialog.consequence.text() == "The one leak: 1 image would be left out."
    dialog.leave_out.click()
    dialog.join.click()
    sets = [positions(index, LEAK)]
    assert session.calls == [("leave_out_copies", sets), ("join_copies", sets)]


def test_selected_sets_are_what_the_buttons_are_about(dialog, session, index) -> None:
    choose = QItemSelectionModel.SelectionFlag.Select
    for row in (1, 2):
        dialog.rows.selectionModel().select(dialog.rows.model().index(row), choose)
    told = dialog.consequence.text()
    assert told.startswith("2 selected sets: 4 images would be left out. 1 has two labels and goes whole")
    dialog.rows.setFocus()
    dialog.leave_out.click()
    assert session.calls == [("leave_out_copies", [positions(index, LABELS), positions(index, SAFE)])]


def test_the_number_that_is_told_is_what_leaves(small_index: ImageIndex) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        made = replace(
            small_index,
            copies=rng.integers(-1, 6, len(small_index)).astype(np.int32),
            label=rng.integers(-1, 3, len(small_index)).astype(np.int32),
        )
        sets = find_sets(made)
        assert left_out_by(sets) == len(superfluous(made, [found.positions for found in sets]))
        assert [found.leaks for found in sets] == sorted((found.leaks for found in sets), reverse=True)


def test_official_parts_can_not_be_mended_by_groups(qtbot, session, index) -> None:
    part = np.zeros(len(index), np.int8)
    part[positions(index, LEAK)[0]] = 2
    session.show_index(replace(index, part=part, plan=SplitPlan(kind="official")))
    dialog = opened(qtbot, session)
    assert not dialog.join.isEnabled()
    assert dialog.leave_out.isEnabled()
    assert "official" in dialog.explained.text()


def test_after_an_edit_the_new_state_is_shown(qtbot, dialog, session, index) -> None:
    session.show_index(replace(index, copies=np.where(index.copies == 2, -1, index.copies)))
    qtbot.waitUntil(lambda: dialog.heading.text() == "2 sets of copies, none of them a leak")
    assert not dialog.leave_out.isEnabled()
    assert "Select sets" in dialog.consequence.text()
    session.show_index(replace(index, copies=np.full(len(index), -1, np.int32)))
    qtbot.waitUntil(lambda: dialog.heading.text() == "No copies")
    assert dialog.empty.isVisible()
    assert "no two pictures look the same" in dialog.empty.text.text()
    assert dialog.consequence.text() == ""


def test_where_no_image_was_decoded_it_says_what_was_not_looked_for(qtbot, session, index) -> None:
    session.show_index(replace(index, signature=np.zeros_like(index.signature)))
    dialog = opened(qtbot, session)
    assert "Only identical files were looked for" in dialog.explained.text()


def test_copies_in_the_pool_can_be_taken_out(
    qtbot, session, index, image_folder: Path, tmp_path: Path
) -> None:
    pool = tmp_path / "pool"
    pool.mkdir()
    shutil.copy(image_folder / "dent" / "lot0_00.png", pool / "again.png")
    shutil.copy(image_folder / "stain" / "lot0_00.png", pool / "too.png")
    data = bytearray((image_folder / "stain" / "lot1_01.png").read_bytes())
    (pool / "other.png").write_bytes(data + b"\0")
    plain = replace(index, signature=np.zeros_like(index.signature))
    session.show_index(plain, build_index(pool))
    dialog = opened(qtbot, session)
    qtbot.waitUntil(lambda: len(watcher_of(session).facts.pool_copies) == 2)
    assert dialog.pool_text.text().startswith("2 images of the pool are copies of labelled images")
    dialog.pool_button.click()
    assert session.calls == [("leave_out_of_pool", ("again.png", "too.png"))]
    session.show_index(plain, None)
    assert not dialog.pool_bar.isVisible()


def test_the_buttons_are_about_what_is_listed(dialog, session) -> None:
    """Under "Two labels" the leak is out of sight: a click there must not touch it."""
    dialog.filters.button(2).click()
    assert len(rows(dialog)) == 1
    assert dialog.target() == []
    assert not dialog.leave_out.isEnabled()
    assert dialog.consequence.text().startswith("Select sets")
    dialog.filters.button(0).click()
    assert len(dialog.target()) == 1
    assert session.calls == []


def test_what_the_model_finds_alike_is_shown_apart(qtbot, session, index) -> None:
    run = session.project.new_run(EmbedJob(index="i", backbone="b"), title="Embed with Strong")
    ids = index.ids
    first, second, copy = 3, 20, positions(index, SAFE)
    pairs = np.asarray([copy[:2], [first, second]])
    Alike.of(ids, pairs, np.asarray([0.999, 0.99]), fingerprint="f", threshold=0.98, neighbours=5).save(
        run.path / "alike.npz"
    )
    session.show_index(index)
    dialog = opened(qtbot, session)
    heading = dialog.heading.text()
    assert "alike" not in " ".join(rows(dialog))
    last = dialog.filters.buttons()[-1]
    assert last.text() == "Alike to the model 1", "pairs that are copies anyhow are not shown twice"
    last.click()
    assert dialog.rows.model().rowCount() == 1
    assert "alike to Strong, cosine 0.990" in rows(dialog)[0]
    assert "Look before" in dialog.explained.text()
    assert dialog.heading.text() == heading, "they are not counted among the copies"


def test_keys_move_look_and_leave_out(qtbot, dialog, session, index) -> None:
    dialog.rows.setFocus()
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Down)
    for expected in (1, 2, 2):
        qtbot.keyClick(dialog.rows, Qt.Key.Key_Right)
        assert dialog.rows.place == expected
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Space)
    assert dialog._looking.place == 2
    dialog._looking.step(-1)
    assert dialog.rows.place == 1
    dialog._looking.close()
    qtbot.waitUntil(lambda: dialog._looking is None)
    qtbot.keyClick(dialog.rows, Qt.Key.Key_Delete)
    assert session.calls == [("leave_out_copies", [positions(index, SAFE)])]


def test_the_picture_under_the_pointer_is_found(dialog, index) -> None:
    box = dialog.rows.visualRect(dialog.rows.model().index(2))
    cells = dialog.rows.cells(box, 3)
    expected = positions(index, SAFE)
    for place, cell in enumerate(cells):
        assert dialog.rows.position_at(cell.center()) == (place, expected[place])
    assert dialog.rows.position_at(QPoint(2, 2)) == (-1, -1)


def test_thousands_of_sets_cost_no_widgets(qtbot, session, index) -> None:
    num = 20_000
    which = np.arange(num) % len(index)
    large = replace(
        index.take(which), paths=Strings.of(f"c/{i:06d}.png" for i in range(num)), copies=np.arange(num) // 2
    )
    session.show_index(large)
    dialog = opened(qtbot, session)
    assert dialog.rows.model().rowCount() == num // 2
    assert len(dialog.findChildren(QWidget)) < 100
    dialog.rows.scrollToBottom()
    begun = time.thread_time()  # of this thread: other work on the machine doesn't count
    dialog.rows.grab()
    assert time.thread_time() - begun < 0.5


def test_names_are_shown_as_they_are(qtbot, session, index) -> None:
    evil = replace(
        index,
        classes=(EVIL, *index.classes[1:]),
        groups=(EVIL, *index.groups[1:]),
        paths=Strings.of(f"{EVIL}/{path}\n" for path in index.paths),
    )
    session.show_index(evil, evil)
    dialog = opened(qtbot, session)
    qtbot.waitUntil(lambda: watcher_of(session).facts.images == len(session.index))
    assert assert_harmless(dialog)
    assert not [text for text in rows(dialog) if "\u202e" in text or "\n" in text]
