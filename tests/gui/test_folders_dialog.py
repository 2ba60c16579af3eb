"""The folders of the data set: more, fewer, found again; what was decided goes with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QPushButton, QToolButton

from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data.folder_change import carried
from workbench.gui.data.folders_dialog import FoldersDialog, images_of
from workbench.gui.session import Session
from workbench.gui.widgets.labels import Chip, ElidedLabel
from workbench.records.arrange import arrange
from workbench.records.curation import Curation
from workbench.records.index import Strings
from workbench.records.layout import Layout
from workbench.records.roots import name_roots


def opened(qtbot, session) -> FoldersDialog:
    made = FoldersDialog(session)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot closes it once more
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: len(made._there) >= len(made.folders))
    return made


@pytest.fixture
def dialog(qtbot, session, small_index) -> FoldersDialog:
    session.show_index(small_index)
    return opened(qtbot, session)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    folder = tmp_path / "site B"
    folder.mkdir()
    return folder


def texts(dialog: FoldersDialog, kind: type = ElidedLabel) -> list[str]:
    return [found.text() for found in dialog._area.widget().findChildren(kind)]


def push(dialog: FoldersDialog, text: str) -> QPushButton:
    return next(b for b in dialog.findChildren(QPushButton) if b.text() == text and b.isVisible())


# The dialog


def test_a_folder_is_shown_with_its_images(dialog, image_folder: Path) -> None:
    assert texts(dialog) == ["images", str(image_folder)]
    assert texts(dialog, Chip) == ["there"]
    assert dialog._images(str(image_folder)) == "37 images"
    assert not dialog.findChildren(QToolButton)[-1].isEnabled(), "the last folder stays"
    assert not dialog.told.isVisible()


def test_the_same_folders_do_nothing(dialog, session) -> None:
    dialog.apply.click()
    assert session.calls == []
    assert not dialog.isVisible()


def test_one_more_folder_is_indexed_when_accepted(
    qtbot, dialog, session, image_folder: Path, other: Path, monkeypatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(other))
    push(dialog, "Add folder…").click()
    assert texts(dialog) == ["images", str(image_folder), "site B", str(other)]
    assert "“folder 1”" in dialog.told.text()
    assert not dialog.again.isEnabled()
    assert session.calls == []
    dialog.apply.click()
    curation = Curation(layout=Layout(labels="folder:2"))
    assert session.calls == [("set_folders", [image_folder, other], curation)]


def test_a_folder_can_be_taken_out_again(dialog, session, other: Path) -> None:
    dialog.add(other)
    dialog.remove(str(other))
    assert not dialog.changed
    dialog.remove(dialog.folders[0])
    assert len(dialog.folders) == 1
    dialog.apply.click()
    assert session.calls == []


def test_a_folder_within_another_is_refused(dialog, image_folder: Path) -> None:
    dialog.add(image_folder / "crack")
    assert "lies within" in dialog.error.text()
    assert not dialog.apply.isEnabled()
    dialog.accept()
    assert dialog.isVisible()


def test_another_folder_altogether_begins_anew(dialog, session, image_folder: Path, other: Path) -> None:
    dialog.add(other)
    dialog.remove(str(image_folder))
    assert dialog.told.text().startswith("Another data set begins")
    dialog.apply.click()
    assert session.calls == [("set_folders", [other], Curation())]


def test_a_folder_that_moved_is_found_again(
    qtbot, session, small_index, image_folder: Path, tmp_path: Path, monkeypatch
) -> None:
    session.show_index(small_index)
    moved = tmp_path / "elsewhere"
    shutil.move(image_folder, moved)
    dialog = opened(qtbot, session)
    qtbot.waitUntil(lambda: texts(dialog, Chip) == ["missing"])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(moved))
    push(dialog, "Find it again…").click()
    assert session.calls == [("repoint", "", moved)]
    assert dialog.folders == [str(moved)]


def test_where_it_is_not_is_told(qtbot, dialog, session, other: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("site B holds none of the images that were indexed.")

    monkeypatch.setattr(session, "recorder", lambda name: refuse)
    before = list(dialog.folders)
    dialog.find_again(before[0], other)
    assert "holds none" in dialog.error.text()
    assert dialog.folders == before


def test_look_again_indexes_the_same_folders(dialog, session) -> None:
    dialog.again.click()
    assert session.calls == [("look_again",)]
    assert not dialog.isVisible()


def test_the_pool_is_chosen(qtbot, dialog, session, other: Path, monkeypatch) -> None:
    assert dialog.pool_path.text().startswith("None.")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a: str(other))
    dialog.pool_choose.click()
    assert dialog.pool_path.text() == str(other)
    dialog.apply.click()
    assert session.calls == [("set_pool", other)]


def test_folders_can_be_dropped(dialog, image_folder: Path, other: Path, tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("x")
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in (other, tmp_path / "a-file")])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    dialog.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys))
    assert dialog.folders == [str(image_folder), str(other)]


def test_without_a_data_set_it_asks_for_a_folder(qtbot, session, other: Path) -> None:
    dialog = opened(qtbot, session)
    assert "at least one folder" in dialog.told.text()
    assert not dialog.apply.isEnabled()
    dialog.add(other)
    dialog.apply.click()
    assert session.calls == [("set_folders", [other], Curation())]


def test_names_are_shown_as_they_are(qtbot, session, small_index) -> None:
    evil = f"/data/{EVIL}\n"
    session.show_index(small_index)
    session.settings.roots = {"a": evil, EVIL: f"/{EVIL}"}
    session.settings.pool = evil
    dialog = opened(qtbot, session)
    assert assert_harmless(dialog) > 2


def test_images_are_counted_by_folder(small_index) -> None:
    assert images_of(None, {}) == {}
    assert images_of(small_index, {"": "/x"}) == {"/x": 37}
    small_index.paths = Strings.of(f"{'a' if i % 3 else 'b'}/{i}.png" for i in range(37))
    assert images_of(small_index, {"a": "/x", "b": "/y", "c": "/z"}) == {"/x": 24, "/y": 13, "/z": 0}


# What is carried over


@pytest.mark.parametrize(
    ("labels", "group_by", "several"),
    [
        ("folder", "folder:2", ("folder:2", "folder:3")),
        ("folder:3", "", ("folder:4", "")),
        ("folder:last", "name:(lot[0-9]+)", ("folder:last", "name:(lot[0-9]+)")),
        ("none", "folder:1", ("none", "folder:2")),
        ("table", "table", ("table", "table")),
    ],
)
def test_rules_go_with_the_folders_and_back(labels: str, group_by: str, several: tuple[str, str]) -> None:
    one, two = {"": "/x/a"}, {"a": "/x/a", "b": "/x/b"}
    before = Curation(layout=Layout(labels=labels, group_by=group_by))
    there = carried(before, one, two)
    assert (there.layout.labels, there.layout.group_by) == several
    back = carried(there, two, one).layout
    for path in ("p/q/r/s.png", "p/lot7_1.png", "s.png"):
        assert (back.label(path), back.group(path)) == (before.layout.label(path), before.layout.group(path))


def test_decisions_name_the_same_images_in_their_new_names(small_index) -> None:
    one = dict(small_index.roots)
    folder = one[""]
    two = name_roots([Path(folder), Path("/x/other")])
    names = list(small_index.paths)
    before = Curation(
        left_out=frozenset(names[:2]),
        joined=((names[5], names[20]),),
        classes={"dent": "bump"},
        layout=Layout(group_by="name:(lot[0-9]+)"),
    )
    there = carried(before, one, two)
    small = arrange(small_index, before).index
    small_index.paths = Strings.of(f"images/{name}" for name in names)
    small_index.roots = two
    large = arrange(small_index, there).index
    assert [f"images/{path}" for path in small.paths] == list(large.paths)
    assert (small.classes, small.groups) == (large.classes, large.groups)
    assert (small.label.tolist(), small.group.tolist()) == (large.label.tolist(), large.group.tolist())
    assert carried(there, two, one) == before


def test_what_was_said_of_a_folder_that_is_gone_is_dropped() -> None:
    curation = Curation(left_out=frozenset({"a/1.png", "b/1.png"}), joined=(("a/2.png", "b/2.png"),))
    there = carried(curation, {"a": "/x/a", "b": "/x/b"}, {"": "/x/b"})
    assert (there.left_out, there.joined) == (frozenset({"1.png"}), ())
    assert carried(curation, {"a": "/x/a"}, {"": "/y"}) == Curation()


def test_two_folders_in_the_whole_program(qtbot, tmp_path: Path, image_folder: Path, monkeypatch) -> None:
    live = Session()
    monkeypatch.setattr(live, "describe", lambda: None)
    live.create_project(tmp_path / "project", "Line 4")
    live.set_folder(image_folder)
    qtbot.waitUntil(lambda: live.index is not None, timeout=30_000)
    live.dataset.leave_out(["dent/lot0_00.png"])
    qtbot.waitUntil(lambda: len(live.index) == 36)
    other = tmp_path / "site B"
    shutil.copytree(image_folder / "crack", other / "crack")
    dialog = opened(qtbot, live)
    dialog.add(other)
    dialog.apply.click()
    qtbot.waitUntil(lambda: live.index is not None and len(live.index) == 49, timeout=30_000)
    assert live.index.classes == ("crack", "dent", "stain")
    assert "images/dent/lot0_00.png" in live.dataset.arranged.left_out
    live.close()


def test_the_largest_image_is_the_user_s_to_say(dialog, session) -> None:
    assert dialog.limit.value() == 268
    dialog.limit.setValue(900)
    dialog.apply.click()
    assert session.calls == [("set_limit", 900.0)]
