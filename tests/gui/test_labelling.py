"""Labelling: which images are shown, what is opened, and that a table that was saved to fill in is taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench.gui import project_commands
from workbench.gui.commands import Commands
from workbench.gui.data.folders_dialog import FoldersDialog
from workbench.gui.data.layout_dialog import LayoutDialog
from workbench.gui.data.page import DataPage
from workbench.records.index import NO_CODE, ImageIndex, Strings
from workbench.records.label_table import match, parse_table
from workbench.records.safe_csv import labels_csv


@pytest.fixture
def half(small_index: ImageIndex) -> ImageIndex:
    """The dents have lost their label."""
    label = small_index.label.copy()
    label[label == small_index.classes.index("dent")] = NO_CODE
    return replace(small_index, label=label)


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def page(qtbot, session, commands: Commands) -> DataPage:
    window = QWidget()
    qtbot.addWidget(window)
    project_commands.register(commands, session, window)
    made = DataPage(session, commands)
    qtbot.addWidget(made)
    made.show()
    return made


def shown(page: DataPage, kind: type) -> list:
    return [found for found in page.window().findChildren(kind) if found.isVisible()]


def test_the_images_without_a_label_are_shown_and_a_table_is_asked_for(
    qtbot, page: DataPage, session, commands: Commands, half: ImageIndex
) -> None:
    assert commands.run("data.label") == "Choose an image folder first."
    session.show_index(half)
    assert not commands.run("data.label")
    [dialog] = shown(page, LayoutDialog)
    assert dialog.labels.rule() == "table" and dialog.table.isVisible()
    lacking = int((half.label < 0).sum())
    assert page.images.grid.num_items == lacking == 12
    qtbot.waitUntil(lambda: dialog._trial is not None)
    dialog.reject()


def test_where_every_image_has_a_label_more_images_are_asked_for(
    page: DataPage, session, commands: Commands, small_index: ImageIndex, qtbot
) -> None:
    session.show_index(small_index)
    with qtbot.waitSignal(session.message) as told:
        commands.run("data.label")
    assert "Every image here has a label" in told.args[1]
    [dialog] = shown(page, FoldersDialog)
    dialog.reject()


def test_a_table_to_fill_in_is_taken_back(half: ImageIndex) -> None:
    text = labels_csv(half)
    lines = text.splitlines()
    assert lines[0] == "path,label,group" and len(lines) == len(half) + 1
    assert all(line.startswith("dent/") and ",," in line for line in lines[1:13]), "those to label come first"
    filled = text.replace(",,", ",dent,")
    found = match(parse_table(filled), list(half.paths), half.roots)
    assert not found.unmatched and found.rows == len(half)
    assert found.labels == [str(path).split("/")[0] for path in half.paths]
    assert found.groups == [half.groups[code] for code in half.group]


def test_pages_of_a_file_are_one_row_and_no_cell_runs() -> None:
    paths = Strings.of(["a.tif", "a.tif", "=cmd.png"])
    base = ImageIndex(
        roots={"": "/x"},
        paths=paths,
        **{name: np.zeros(3, np.int64) for name in ("file_size", "mtime_ns")},
        **{name: np.ones(3, np.int32) for name in ("width", "height")},
        mode=np.zeros(3, np.int16),
        digest=np.zeros((3, 16), np.uint8),
        label=np.full(3, NO_CODE, np.int32),
        group=np.full(3, NO_CODE, np.int32),
        copies=np.full(3, -1, np.int32),
        modes=("RGB 8-bit",),
        classes=(),
        groups=(),
        refused=(),
    )
    assert labels_csv(base).splitlines() == ["path,label", "a.tif,", "'=cmd.png,"]


def test_the_dialog_writes_the_table_and_says_what_to_do_with_it(
    qtbot, session, half: ImageIndex, tmp_path: Path, monkeypatch
) -> None:
    session.show_index(half)
    dialog = LayoutDialog(session)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.show()
    dialog.expect_table()
    out = tmp_path / "to label"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(out), ""))
    dialog.table.fill.click()
    qtbot.waitUntil(lambda: "Fill in its column" in dialog.table.columns.text())
    assert out.with_suffix(".csv").read_text("utf-8") == labels_csv(half)
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *_: (str(out.with_suffix(".csv") / "x.csv"), "")
    )
    dialog.table.fill.click()
    qtbot.waitUntil(dialog.table.error.isVisible)
    assert "x.csv can't be written" in dialog.table.error.text()
    dialog.reject()
