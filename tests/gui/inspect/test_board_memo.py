"""Boards that are added to the memo: a light picture in the project, and the memo shows it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtGui import QImage

from workbench.decide.memo import boards_section
from workbench.gui import theme
from workbench.gui.decide.memo_dialog import boards_of
from workbench.gui.inspect.page import TO_MEMO
from workbench.records.case import Case

LONG = 20_000  # ms: a large PNG, and the first to need fonts


def test_a_board_is_added_to_the_memo_with_one_click(qtbot, ready, compared) -> None:
    theme.themes().set_preference("dark")
    folder = compared.project.folder
    for name in ("Attention", "Attention 2"):
        with qtbot.waitSignal(compared.message, timeout=LONG) as told:
            ready.memo_button.click()
        assert told.args[0] == "info" and f"as {name}." in told.args[1]
    both = ("boards/Attention.png", "boards/Attention 2.png")
    assert compared.decisions.case.boards == Case.load(folder).boards == both
    assert boards_of(folder, Case.load(folder).boards) == list(both)
    picture = QImage(str(folder / both[0]))
    assert picture.pixelColor(2, 2).name() == theme.LIGHT.panel, "a memo is a light page"


def test_a_kept_board_keeps_its_name_whatever_is_in_it(qtbot, ready, compared) -> None:
    ready.board.plan = replace(ready.board.plan, name="../Mine & yours")
    with qtbot.waitSignal(compared.message, timeout=LONG):
        ready.memo_button.click()
    assert compared.decisions.case.boards == ("boards/---Mine - yours.png",)


def test_a_board_that_a_memo_would_not_take_is_not_added(qtbot, ready, compared, monkeypatch) -> None:
    monkeypatch.setattr(boards_section, "MOST_BYTES", 1000)
    with qtbot.waitSignal(compared.message, timeout=LONG) as told:
        ready.memo_button.click()
    assert told.args[0] == "bad" and "Show fewer images or models" in told.args[1]
    assert not compared.decisions.case.boards and not list((compared.project.folder / "boards").iterdir())


def test_a_board_that_is_not_all_there_waits(ready) -> None:
    ready.board.set(query="mean")
    assert "still looking" in ready.commands[TO_MEMO].why_not() and not ready.memo_button.isEnabled()
