"""The command palette: finding, running, and saying why not."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow

from workbench.gui.commands import Command, Commands
from workbench.gui.palette import Palette, rank


@pytest.fixture
def setting(qtbot):
    commands, done, refused = Commands(), [], []
    commands.add(
        Command(id="a.export", title="Export embeddings…", run=lambda: done.append("export"), keys="Ctrl+E")
    )
    commands.add(
        Command(id="a.run", title="Run the comparison", run=lambda: done.append("run"), help="Embed all")
    )
    commands.add(
        Command(
            id="a.undo",
            title="Undo discard",
            run=lambda: done.append("undo"),
            why_not=lambda: "Nothing to undo.",
        )
    )
    commands.add(Command(id="b.only", title="Only elsewhere", run=lambda: done.append("only"), place="other"))
    window = QMainWindow()
    window.resize(900, 600)
    palette = Palette(commands, window, lambda: "here", refused.append)
    qtbot.addWidget(window)
    window.show()
    palette.open()
    yield palette, done, refused  # the window lives as long as the test


def titles(palette: Palette) -> list[str]:
    return [command.title for command, _ in palette.model.found]


def test_all_commands_of_the_place_are_listed_and_the_impossible_last(setting) -> None:
    palette, _, _ = setting
    assert titles(palette) == ["Export embeddings…", "Run the comparison", "Undo discard"]
    assert palette.model.found[-1][1] == "Nothing to undo."


def test_typing_filters_and_enter_runs(qtbot, setting) -> None:
    palette, done, _ = setting
    qtbot.keyClicks(palette.field, "emb exp")
    assert titles(palette) == ["Export embeddings…"]
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == ["export"]
    assert palette.isHidden()


def test_the_help_is_searched_too(qtbot, setting) -> None:
    palette, _, _ = setting
    qtbot.keyClicks(palette.field, "embed all")
    assert titles(palette) == ["Run the comparison"]


def test_arrows_choose(qtbot, setting) -> None:
    palette, done, _ = setting
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert done == ["run"]


def test_what_cannot_be_done_says_why_and_stays(qtbot, setting) -> None:
    palette, done, refused = setting
    qtbot.keyClicks(palette.field, "undo")
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert refused == ["Nothing to undo."]
    assert not done
    assert palette.isVisible()
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.isHidden()


def test_a_title_that_begins_so_ranks_first() -> None:
    begins = Command(id="x", title="Run it", run=lambda: None)
    holds = Command(id="y", title="Not run", run=lambda: None)
    helps = Command(id="z", title="Begin", run=lambda: None, help="run")
    assert rank(begins, ["run"]) < rank(holds, ["run"]) < rank(helps, ["run"])
    assert rank(begins, ["nope"]) is None
