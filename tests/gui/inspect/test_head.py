"""The line above the board: neither its question nor the words of its buttons are cut, however narrow it is."""

from __future__ import annotations

import pytest

from workbench.gui import theme
from workbench.gui.commands import Commands
from workbench.gui.inspect.page import HEADINGS
from workbench.gui.inspect.view import InspectView
from workbench.gui.session import Session
from workbench.gui.widgets.combo import ElidedCombo

NARROW = 960 - 88  # px of the place in a window of 960


@pytest.fixture
def view(qtbot, qapp, compared: Session, commands: Commands):
    theme.install(qapp, "light")
    made = InspectView(compared, commands)
    qtbot.addWidget(made)
    made.show()
    yield made
    qapp.setStyleSheet("")


def test_no_word_is_cut_and_the_tools_come_back_into_one_row(qtbot, view: InspectView) -> None:
    board = view.page.board
    for show in HEADINGS:
        board.set(show=show)
        for width in (1832, 1192, NARROW, 1192, 1832):
            view.resize(width, 700)
            qtbot.wait(10)  # the layout asks once more after a change of rows
            heading, tools = view.heading, [*view.page.head_tools, *view.segments.buttons.values()]
            assert heading.width() >= heading.sizeHint().width(), (show, width)
            for tool in tools:
                assert tool.width() >= tool.sizeHint().width(), (show, width, tool.text())
            tops = {tool.mapTo(view, tool.rect().center()).y() for tool in tools}
            assert (len(tops) == 1) == (width > NARROW), (show, width)


def test_a_long_choice_ends_in_an_ellipsis_and_its_tip_says_it_whole(qtbot, qapp) -> None:
    theme.install(qapp, "light")
    box = ElidedCombo("One model", "Which model")
    qtbot.addWidget(box)
    box.addItem("W" * 80)
    box.resize(200, 30)
    box.grab()  # paints
    assert "W" * 80 in box.toolTip() and "Which model" in box.toolTip()
    shown = box.shown_text(150)
    assert shown.endswith("W…") and box.fontMetrics().horizontalAdvance(shown) <= 150
    assert box.shown_text(5_000) == "W" * 80
    qapp.setStyleSheet("")
