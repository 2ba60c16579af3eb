"""Labels and groups: rules by folder, file name and table, tried on the user's files before they are put in force."""

from __future__ import annotations

import csv
import io
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog

from tests.gui.test_window_text import EVIL, assert_harmless
from workbench.gui.data import layout_trial
from workbench.gui.data.layout_dialog import LayoutDialog
from workbench.gui.data.layout_preview import marked
from workbench.gui.data.layout_trial import EXAMPLES, QUICK, capture, summary, try_layout
from workbench.gui.data.pattern_starters import STARTERS
from workbench.gui.data.rows_dialog import RowsDialog
from workbench.gui.session import Session
from workbench.records.arrange import arrange
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex, Strings
from workbench.records.label_table import parse_table
from workbench.records.layout import Layout


def opened(qtbot, session) -> LayoutDialog:
    made = LayoutDialog(session)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)  # qtbot closes it once more
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def dialog(qtbot, session, small_index) -> LayoutDialog:
    session.show_index(small_index)
    made = opened(qtbot, session)
    qtbot.waitUntil(made.apply.isEnabled)
    return made


@pytest.fixture
def table(tmp_path: Path, small_index: ImageIndex) -> Path:
    """Labels in capitals, groups and an official split for all images but three; two rows that don't fit."""
    path = tmp_path / "labels of Anna.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("file", "class", "lot", "split"))
        for i, name in enumerate(list(small_index.paths)[3:]):
            writer.writerow((name, name.split("/")[0].upper(), f"L{i % 5}", ("train", "val", "test")[i % 3]))
        writer.writerow(("gone/1.png", "CRACK", "L1", "train"))
        writer.writerow((small_index.paths[5], "STAIN", "L1", "train"))
    return path


def texts(dialog: LayoutDialog, column: int) -> set[str]:
    model = dialog.preview.model()
    return {model.index(row, column).data() for row in range(model.rowCount())}


def of_paths(*paths: str) -> ImageIndex:
    n = len(paths)
    return ImageIndex(
        roots={"": "/data"},
        paths=Strings.of(paths),
        file_size=np.zeros(n, np.int64),
        mtime_ns=np.zeros(n, np.int64),
        width=np.zeros(n, np.int32),
        height=np.zeros(n, np.int32),
        mode=np.zeros(n, np.int16),
        digest=np.zeros((n, 16), np.uint8),
        label=np.full(n, -1, np.int32),
        group=np.full(n, -1, np.int32),
        modes=("RGB 8-bit",),
    )


# The rules


def test_a_pattern_is_previewed_counted_and_put_in_force(qtbot, dialog, session) -> None:
    assert dialog.shown.title.text() == "37 images · 3 classes · no groups"
    dialog.groups.choose("name")
    assert not dialog.apply.isEnabled()
    dialog.groups.pattern.setText("(lot[0-2])")
    assert not dialog.apply.isEnabled(), "not before the pattern was tried"
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.shown.title.text() == "37 images · 3 classes · 3 groups · 9 in no group"
    assert texts(dialog, 2) == {"lot0", "lot1", "lot2", "none"}
    dialog.lacking.setChecked(True)
    assert texts(dialog, 2) == {"none"}
    assert dialog.preview.model().rowCount() == 9
    dialog.apply.click()
    assert session.calls == [("set_layout", Layout(group_by="name:(lot[0-2])"), None)]
    assert not dialog.isVisible()


def test_what_makes_no_sense_is_told_while_the_files_stay_in_sight(qtbot, dialog) -> None:
    dialog.groups.choose("name")
    for pattern, told in (("", "Write a pattern"), ("lot[0-2]", "in brackets"), ("(lot", "no pattern yet")):
        dialog.groups.pattern.setText(pattern)
        assert told in dialog.error.text()
        assert dialog.error.isVisible()
        assert dialog.groups.pattern.property("invalid")
        qtbot.wait(300)
        assert not dialog.apply.isEnabled()
        assert dialog.preview.model().rowCount() == 37
        assert texts(dialog, 2) == {"none"}
    dialog.accept()
    assert dialog.isVisible()
    dialog.groups.choose("folder")
    dialog.groups.level.setValue(1)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert not dialog.error.isVisible()
    assert dialog.layout_rules() == Layout(group_by="folder:1")


def test_a_folder_that_is_not_there_is_worth_a_word(qtbot, dialog) -> None:
    dialog.labels.choose("deeper")
    dialog.labels.level.setValue(4)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.layout_rules().labels == "folder:4"
    assert dialog.worth.isVisible()
    told = {found.advice for found in dialog._trial.findings}
    assert "No image lies below a folder 4: choose one with a smaller number." in told
    dialog.labels.choose("folder:last")
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert texts(dialog, 1) == {"crack", "dent", "stain"}
    dialog.labels.choose("none")
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.shown.title.text() == "37 images · no labels · no groups"


def test_it_opens_with_what_is_in_force_and_the_same_again_does_nothing(qtbot, session, small_index) -> None:
    session.show_index(small_index)
    for layout in (
        Layout(labels="folder:2", group_by="name:(lot[0-9]+)"),
        Layout(labels="folder:last", group_by="folder:1"),
        Layout(labels="none"),
        Layout(),
    ):
        session.settings.curation = Curation(layout=layout)
        dialog = opened(qtbot, session)
        assert dialog.layout_rules() == layout
        qtbot.waitUntil(dialog.apply.isEnabled)
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
        assert not dialog.isVisible()
    assert session.calls == []


def test_a_refusal_is_told_in_the_dialog(qtbot, dialog, session, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("labels.csv can't be read: it is gone.")

    monkeypatch.setattr(session, "recorder", lambda name: refuse)
    dialog.labels.choose("none")
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.apply.click()
    assert dialog.isVisible()
    assert dialog.error.text() == "labels.csv can't be read: it is gone."


def test_starters_fill_in_the_pattern_and_say_what_they_find(qtbot, dialog) -> None:
    dialog.groups.choose("name")
    actions = dialog.groups.starters.menu().actions()
    assert [action.text().split("\t")[1] for action in actions][:2] == ["lot0", "lot0"]
    actions[0].trigger()
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.shown.title.text() == "37 images · 3 classes · 4 groups"


@pytest.mark.parametrize(
    ("words", "name", "found"),
    [
        ("before the first underscore", "lot3_cam1_007.png", "lot3"),
        ("before the last underscore", "lot3_cam1_007.png", "lot3_cam1"),
        ("before the first hyphen", "P12-3.tif", "P12"),
        ("before the last number", "S12_004_left.jp2", "S12"),
        ("before the last number", "slide 7 (3).png", "slide 7 ("),
        ("letters at the start", "Körnung12.png", "Körnung"),
        ("first number", "img0042.jp2", "0042"),
        ("A date", "cam1 2024-05-31 08h.png", "2024-05-31"),
        ("word with its number", "a_lot12_b.png", "lot12"),
        ("first hyphen", "plain.png", ""),
    ],
)
def test_each_starter_finds_what_its_words_say(words: str, name: str, found: str) -> None:
    pattern = next(pattern for told, pattern in STARTERS if words in told)
    assert capture(pattern, name) == found
    assert Layout(group_by=f"name:{pattern}").group(f"folder/{name}") == found


def test_a_pattern_that_never_ends_is_given_up_while_the_window_goes_on(qtbot, session, monkeypatch) -> None:
    monkeypatch.setattr(layout_trial, "PATIENCE", 1.2)
    session.show_index(of_paths(*(f"x/{'a' * 60}{i}.png" for i in range(50))))
    dialog = opened(qtbot, session)
    beats: list[float] = []
    timer = QTimer(interval=20)
    timer.timeout.connect(lambda: beats.append(time.perf_counter()))
    timer.start()
    dialog.groups.choose("name")
    dialog.groups.pattern.setText("((a|aa)+)$")
    qtbot.waitUntil(lambda: "takes too long" in dialog.error.text(), timeout=10_000)
    assert max(np.diff(beats)) < 1.0, "a window that waits for the pattern is away for all of its 1.2 s"
    assert not dialog.apply.isEnabled()
    dialog.groups.pattern.setText("(a+)")
    qtbot.waitUntil(dialog.apply.isEnabled)


# The trial


def test_a_trial_agrees_with_a_slow_count(small_index: ImageIndex) -> None:
    trial = try_layout(small_index, Curation(layout=Layout(group_by=r"name:_(\d)")))
    found = [re.search(r"_(\d)", str(path).split("/")[-1]) for path in small_index.paths]
    assert trial.arranged.index.groups == tuple(sorted({match.group(1) for match in found if match}))
    assert [example.path for example in trial.examples] == list(small_index.paths)
    for example in trial.examples:
        assert example.path[slice(*example.label_span)] == example.label == example.path.split("/")[0]
        assert example.path[slice(*example.group_span)] == example.group
    assert trial.num_lacking == 0
    assert trial.whole


@pytest.mark.parametrize(
    ("layout", "label", "group"),
    [
        (Layout(labels="folder:2", group_by="folder:1"), "b", "a"),
        (Layout(labels="folder:last", group_by="name:(c)"), "b", "c"),
        (Layout(labels="folder", group_by="folder:2"), "a", "b"),
        (Layout(labels="none", group_by="folder:3"), "", ""),
    ],
)
def test_what_tells_is_marked_in_the_path(layout: Layout, label: str, group: str) -> None:
    (example,) = try_layout(of_paths("a/b/c.png"), Curation(layout=layout)).examples
    told = {tone: text for text, tone in marked(example) if tone}
    assert "".join(text for text, _ in marked(example)) == "a/b/c.png"
    assert (told.get("undecided", ""), told.get("info", "")) == (label, group)


def test_many_images_are_tried_on_a_spread_sample_first() -> None:
    files = of_paths(*(f"c{i % 3}/lot{i // 1000}_{i}.png" for i in range(3 * QUICK)))
    curation = Curation(layout=Layout(group_by="name:(lot[0-9]+)"))
    quick = try_layout(files, curation, quick=True)
    assert not quick.whole
    assert len(quick.arranged.index) == QUICK
    assert len(quick.examples) == EXAMPLES
    assert len(quick.arranged.index.groups) == 6, "from all over the data set"
    whole = try_layout(files, curation)
    assert summary(whole) == "6,000 images · 3 classes · 6 groups"


def test_ignored_classes_and_left_out_images_stay_out_of_a_trial(small_index: ImageIndex) -> None:
    curation = Curation(classes={"dent": ""}, left_out=frozenset({"crack/lot0_00.png"}))
    assert summary(try_layout(small_index, curation)) == "24 images · 2 classes · no groups"


def test_the_patience_with_a_pattern_is_short(monkeypatch) -> None:
    monkeypatch.setattr(layout_trial, "PATIENCE", 0.2)
    started = time.thread_time()
    with pytest.raises(ValueError, match="takes too long"):
        try_layout(of_paths("a" * 60 + "1.png"), Curation(layout=Layout(group_by="name:((a|aa)+)$")))
    assert time.thread_time() - started < 2


# The table


def test_a_table_tells_labels_groups_and_parts(qtbot, dialog, session, table: Path, monkeypatch) -> None:
    assert not dialog.table.isVisible()
    dialog.labels.choose("table")
    assert dialog.table.isVisible()
    assert not dialog.apply.isEnabled()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(table), ""))
    dialog.table.choose.click()
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.table.name.text() == "labels of Anna.csv"
    columns = dialog.table.columns.text()
    assert "36 rows: path from “file”, label from “class”, group from “lot”, part from “split”." in columns
    assert dialog.table.fit.text() == "34 rows found their images · 3 images without a row · 2 rows don't fit"
    assert dialog.table.parts.text().startswith(
        "It also gives an official split: 12 train, 11 validation, 11"
    )
    assert texts(dialog, 1) == {"CRACK", "DENT", "STAIN", "none"}
    assert dialog.groups.rule() == "table", "a table that has groups is asked for them"
    assert texts(dialog, 2) == {"L0", "L1", "L2", "L3", "L4", "none"}
    assert texts(dialog, 3) == {"train", "validation", "test", "none"}
    assert not dialog.preview.isColumnHidden(3)
    dialog.apply.click()
    assert session.calls == [("set_layout", Layout(labels="table", group_by="table"), table)]


def test_rows_that_do_not_fit_are_listed_and_copied(qtbot, dialog, table: Path) -> None:
    dialog.take_table(table)
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.table.show_rows.click()
    rows = next(w for w in QApplication.topLevelWidgets() if isinstance(w, RowsDialog) and w.isVisible())
    assert rows.windowTitle() == "2 rows of the table don't fit"
    model = rows.table.model()
    assert [model.index(row, 0).data() for row in range(2)] == [36, 37]
    rows.filter.setText("GONE")
    assert model.rowCount() == 1
    rows.copy()
    copied = list(csv.reader(io.StringIO(QApplication.clipboard().text())))
    assert copied[0] == ["line", "path", "reason"]
    assert copied[1][:2] == ["36", "gone/1.png"]
    rows.close()


def test_a_copied_row_runs_nothing(qtbot) -> None:
    rows = RowsDialog("1 row", ("Line", "Path"), [(2, "=HYPERLINK(1)\n")])
    qtbot.addWidget(rows)
    assert rows.csv() == "line,path\n2,'=HYPERLINK(1)\\n\n"


def test_a_table_can_be_dropped_and_a_bad_one_changes_nothing(
    qtbot, dialog, table: Path, tmp_path: Path
) -> None:
    def drop(path: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        dialog.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys))

    drop(tmp_path)
    assert dialog.labels.rule() == "folder"
    drop(table)
    assert dialog.labels.rule() == "table"
    qtbot.waitUntil(dialog.apply.isEnabled)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    drop(bad)
    qtbot.waitUntil(lambda: "has no column" in dialog.table.error.text())
    assert dialog.table.name.text() == table.name
    qtbot.waitUntil(dialog.apply.isEnabled)


def test_a_table_without_groups_names_none(qtbot, dialog, tmp_path: Path) -> None:
    plain = tmp_path / "plain.csv"
    plain.write_text("path,label\ncrack/lot0_00.png,x\n")
    dialog.take_table(plain)
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.groups.choose("table")
    assert "no column for groups" in dialog.error.text()
    assert not dialog.apply.isEnabled()


def test_a_table_in_force_is_named_and_stays(qtbot, session, small_index, table: Path) -> None:
    session.show_index(small_index)
    session.settings.curation = Curation(
        layout=Layout(labels="table"), table=session.project.keep_table(table), table_name=table.name
    )
    dialog = opened(qtbot, session)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.table.name.text() == "labels of Anna.csv"
    assert dialog.groups.rule() == "", "what was decided before stays"
    dialog.groups.choose("table")
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.apply.click()
    assert session.calls == [("set_layout", Layout(labels="table", group_by="table"), None)]


def test_part_counts_of_a_table_agree_with_arranging(small_index: ImageIndex) -> None:
    lines = [f"{path},x,{('train', 'test')[i % 2]}" for i, path in enumerate(small_index.paths)]
    table = parse_table("\n".join(["path,label,split", *lines]))
    curation = Curation(layout=Layout(labels="table"))
    trial = try_layout(small_index, curation, table)
    assert trial.official == (19, 0, 18)
    np.testing.assert_array_equal(arrange(small_index, curation, table).index.part, trial.arranged.index.part)


# In the whole program


def test_rules_come_in_force_and_undo_takes_them_back(
    qtbot, tmp_path: Path, small_index, monkeypatch
) -> None:
    live = Session()
    monkeypatch.setattr(live, "describe", lambda: None)
    live.create_project(tmp_path / "project", "Line 4")
    small_index.save(live.project.folder / "index.npz")
    live.settings.index, live.settings.roots = "index.npz", dict(small_index.roots)
    live.dataset.read()
    qtbot.waitUntil(lambda: live.index is not None)
    dialog = opened(qtbot, live)
    dialog.groups.choose("name")
    dialog.groups.pattern.setText("^(lot[0-9])")
    qtbot.waitUntil(dialog.apply.isEnabled)
    dialog.apply.click()
    qtbot.waitUntil(lambda: live.index.groups == ("lot0", "lot1", "lot2", "lot3"))
    live.undo()
    qtbot.waitUntil(lambda: live.index.groups == ())
    live.close()


# Text and size


def test_names_are_shown_as_they_are(qtbot, session, tmp_path: Path) -> None:
    evil = EVIL.replace("/", "\\")
    session.show_index(of_paths(f"{evil}/{evil}\n_1.png", "x/1.png"))
    table = tmp_path / "a<b>\u202e.csv"
    table.write_text(f"file,class,lot\nx/1.png,{EVIL},{EVIL}\n{EVIL}.png,y,z\n", "utf-8")
    dialog = opened(qtbot, session)
    dialog.groups.choose("name")
    dialog.groups.pattern.setText("^([^_]+)_")
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert_harmless(dialog)
    assert not [a for a in dialog.groups.starters.menu().actions() if "\u202e" in a.text()]
    dialog.take_table(table)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert assert_harmless(dialog) > 0
    dialog.table.list_unmatched()
    rows = next(w for w in QApplication.topLevelWidgets() if isinstance(w, RowsDialog) and w.isVisible())
    assert assert_harmless(rows) > 0
    rows.close()


def test_it_fits_a_small_screen(qtbot, dialog, table: Path) -> None:
    dialog.take_table(table)
    qtbot.waitUntil(dialog.apply.isEnabled)
    assert dialog.minimumSizeHint().height() <= 740
    assert dialog.minimumSizeHint().width() <= 1240


def test_several_folders_say_which_is_the_first_level(qtbot, session, small_index) -> None:
    several = replace(small_index, roots={"a": "/x/a", "b": "/x/b"})
    session.show_index(several)
    dialog = opened(qtbot, session)
    labels = [found.text() for found in dialog.findChildren(type(dialog.error))]
    assert any("own name is folder 1" in text for text in labels)
