"""Boards that are kept and saved, the models on them, and the place that holds the board among other pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel

from tests.gui.inspect.sights import sight
from workbench.gui.inspect.saving import of_rows
from workbench.gui.inspect.view import ROOMS, InspectView, Room
from workbench.pixels.boards import make_board
from workbench.records.inspection import InspectJob, InspectSettings

# Keeping and saving


def test_a_board_is_kept_opened_again_and_deleted(qtbot, ready, compared) -> None:
    ready.board.pin(ready.board.rows[3])
    qtbot.waitUntil(lambda: bool(ready.board.plan.pinned) and not ready.board.choosing)
    rows, models = ready.board.rows, ready.board.models
    ready.boards_menu.keep("Mine & yours")
    ready.board.set(show="segments")
    ready.board.pin(rows[0])
    ready.board.set_models(["lab/weak"])
    ready.board.set_rows(kind="hardest", number=2)
    ready.boards_menu.fill()
    entry = next(action for action in ready.boards_menu.menu.actions() if "Mine" in action.text())
    assert entry.text() == "Mine && yours · 8 images"
    entry.trigger()
    qtbot.waitUntil(lambda: ready.board.rows == rows)
    assert ready.board.models == models and ready.board.settings.show == "attention"
    assert ready.rows.kinds.current == "kept"
    ready.boards_menu.delete("Mine & yours")
    assert ready.boards_menu.boards() == ()


def test_a_damaged_file_of_boards_is_told_and_left_alone(qtbot, ready, compared) -> None:
    ready.boards_menu.path.write_text("{", "utf-8")
    with qtbot.waitSignal(compared.message) as told:
        ready.boards_menu.keep("New")
    assert told.args[0] == "bad" and "boards.json" in told.args[1]
    assert ready.boards_menu.path.read_text("utf-8") == "{"


@pytest.mark.parametrize("ending", [".png", ".pdf", ".svg"])
def test_a_board_is_saved_as_it_is_shown(qtbot, ready, compared, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"board{ending}"
    with qtbot.waitSignal(
        compared.message, timeout=20_000
    ) as told:  # a large PNG, and the first to need fonts
        ready.write(path)
    assert told.args == ["info", f"Saved board{ending}."] and path.stat().st_size > 1000
    ready.board.set(query="mean")
    with qtbot.waitSignal(compared.message) as told:
        ready.write(path)
    assert told.args[0] == "warn" and "still looking" in told.args[1]


def test_what_is_saved_has_the_rows_of_the_board() -> None:
    job = InspectJob(show="reconstruction", images=tuple("abcd"), models=("m",))
    made = of_rows(sight(job, "m", 1), [2, 0])
    whole = sight(job, "m", 1)
    assert (made.pictures == whole.pictures[[2, 0]]).all() and made.reasons == ("", "")
    assert made.picture_errors.tolist() == [15, 5]
    board = make_board([made], ["third", "first"], InspectSettings(show="reconstruction"))
    assert (board.rows[0].picture.pixels == whole.pictures[2]).all()
    pca = sight(InspectJob(show="patch-pca", images=tuple("abcd"), models=("m",)), "m", 1)
    assert of_rows(pca, [1]).shares.tolist() == pca.shares.tolist()


# The place


class OtherPage(QLabel):
    def __init__(self, session, commands) -> None:
        super().__init__("other")


def test_pages_are_built_when_they_are_shown_and_remembered(qtbot, compared, commands) -> None:
    other = Room("other", "Other", "Something else", "Why not", "Because.", OtherPage.__module__, "OtherPage")
    view = InspectView(compared, commands, (*ROOMS, other))
    qtbot.addWidget(view)
    assert list(view.pages) == ["board"] and view.segments.isVisibleTo(view)
    tools = view.pages["board"].head_tools
    assert all(tool.isVisibleTo(view) for tool in tools) and view.heading.text() == "What the models look at"
    view.segments.buttons["other"].click()
    assert not any(tool.isVisibleTo(view) for tool in tools)
    assert (view.heading.text(), view.caption.text()) == ("Why not", "Because.")
    view.pages["board"].board.set(show="segments")  # what a page in the back says waits
    assert view.heading.text() == "Why not"
    assert view.page.text() == "other" and compared.recall("inspect.page") == "other"
    commands.run("inspect.show_board")
    assert view.segments.current == "board" and view.heading.text() == "How the models divide images"


def test_one_page_needs_no_choice(qtbot, compared, commands) -> None:
    view = InspectView(compared, commands, ROOMS[:1])
    qtbot.addWidget(view)
    assert not view.segments.isVisibleTo(view)


def test_models_are_put_on_and_taken_off_by_the_menu(qtbot, ready, compared) -> None:
    ready.models_menu.fill()
    titles = [action.text() for action in ready.models_menu.menu.actions() if action.isCheckable()]
    assert titles == ["Strong", "Middle", "Weak"]
    ready.models_menu.toggle("lab/middle")
    assert ready.board.models == ("lab/strong", "lab/weak") and not ready.board.waiting
    ready.models_menu.toggle("lab/middle")
    assert ready.board.models == ("lab/strong", "lab/weak", "lab/middle")
    ready.board.set_models(None)
    assert ready.board.models == ("lab/strong", "lab/middle", "lab/weak")
