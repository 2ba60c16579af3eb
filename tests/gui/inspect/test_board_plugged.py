"""Inspections of plugins on the board: offered beside the program's own views, with their settings as a form."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from PySide6.QtWidgets import QLabel

from tests.gui.inspect.conftest import Models
from tests.gui.inspect.sights import settle
from workbench.gui.inspect.chooser import GONE
from workbench.gui.inspect.page import BoardPage
from workbench.gui.session import Session
from workbench.records.boards import BoardPlan
from workbench.records.brought import Brought, InspectionFacts
from workbench.records.inspection import SHOWN
from workbench.records.params import describe, param


@dataclass(frozen=True)
class Config:
    power: float = param(1.0, help="Of the length.", minimum=0.5, maximum=2)
    norm: bool = param(False, help="By the largest.")


LENGTHS = InspectionFacts(
    name="lengths",
    title="Token <b>length</b>, and much more than fits",
    summary="Light where a token is long.",
    params=describe(Config),
    plugin="lab",
)
PLAIN = InspectionFacts(name="plain", title="Plain", summary="Light everywhere.", plugin="lab")


@pytest.fixture
def plugged(page: BoardPage, compared: Session) -> BoardPage:
    compared.lookup.brought = Brought(inspections=(LENGTHS, PLAIN))
    compared.brought_changed.emit()
    return page


def test_they_stand_behind_the_programs_own_views(plugged: BoardPage, compared: Session) -> None:
    segments = plugged.controls.views.segments
    assert list(segments.buttons) == [*SHOWN, "plugin:lengths", "plugin:plain"]
    button = segments.buttons["plugin:lengths"]
    assert button.text().endswith("…") and button.sizeHint().width() < 130
    assert "much more than fits" in button.toolTip() and "By the plugin lab" in button.toolTip()
    compared.lookup.brought = Brought()
    compared.brought_changed.emit()
    assert list(plugged.controls.views.segments.buttons) == list(SHOWN)


def test_one_is_asked_of_the_models_like_any_view(qtbot, plugged: BoardPage, models: Models) -> None:
    models.answer()
    plugged.controls.views.segments.buttons["plugin:plain"].click()
    job = models.answer()
    assert (job.show, job.inspection, job.layer) == ("plugin", "plain", 0)
    settle(qtbot, plugged)
    assert plugged.board.is_current("lab/strong")
    made, waits = plugged.look.cell(0, 0)
    assert made is not None and made.image is not None and " to " in made.caption and not waits
    assert "What the plugin's inspection plain says of each patch" in plugged.asked.text()
    shown = {name for name, field in plugged.controls.fields.items() if field.isVisibleTo(plugged.controls)}
    assert shown == {"layer", "opacity"} and plugged.controls.views.form is None
    assert "Light everywhere. By the plugin lab." in plugged.controls.views.summary.text()


def test_its_settings_are_a_form_and_another_one_is_another_question(
    qtbot, plugged: BoardPage, models: Models
) -> None:
    heads: list[str] = []
    plugged.head_told.connect(lambda head, _: heads.append(head))
    models.answer()
    plugged.controls.views.segments.buttons["plugin:lengths"].click()
    assert models.answer().inspection == "lengths"
    assert heads[-1] == LENGTHS.title
    form = plugged.controls.views.form
    assert list(form.fields) == ["power", "norm"]
    form.fields["power"].setValue(1.5)
    assert not plugged.board.is_current("lab/strong")
    # What is drawn until then is called what was asked then.
    assert plugged.board.drawn(plugged.board.answer("lab/strong")).inspection == "lengths"
    assert models.answer().inspection == "lengths:power=1.5"
    assert plugged.controls.views.form is form  # whoever types goes on
    form.fields["norm"].setChecked(True)
    assert models.answer().inspection == "lengths:power=1.5,norm=yes"
    form.fields["power"].setValue(9)
    assert plugged.board.settings.inspection == "lengths:power=1.5,norm=yes"
    wrong = [label.text() for label in form.findChildren(QLabel) if "must be between" in label.text()]
    assert wrong == ["power must be between 0.5 and 2, not 9.0."]


def test_a_kept_board_whose_plugin_is_gone_says_so(plugged: BoardPage) -> None:
    body = BoardPlan().to_json()
    body["settings"] |= {"show": "plugin", "inspection": "lost:x=1"}
    plugged.board.show_plan(BoardPlan.from_json(body))
    views = plugged.controls.views
    assert views.segments.current == "plugin:lost" and views.summary.text() == GONE and views.form is None
    views.segments.buttons["attention"].click()
    assert "plugin:lost" not in views.segments.buttons and not views.summary.isVisibleTo(views)
