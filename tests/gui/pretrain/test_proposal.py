"""What Decide proposes is filled in here, says where it came from, and can be changed and taken back."""

from __future__ import annotations

import pytest

from tests.gui.pretrain import made
from workbench.gui.pretrain.plan import Plan
from workbench.gui.pretrain.view import PretrainView

START = "timm/vit_small_patch16_224.augreg_in21k"
VALUES = {"method": "mae", "preset": "industrial", "epochs": 60, "start": START}
WHY = "MAE from ViT small, the best public backbone measured; 60 epochs."


def chosen(view: PretrainView) -> tuple[object, ...]:
    """What the cards show, not what the plan holds."""
    setup = view.setup
    [method] = [name for name, made_ in setup.method.buttons.items() if made_.isChecked()]
    form = setup.recipe.form.values()
    return method, setup.start_card.start.currentData(), setup.augment.preset.currentData(), form["epochs"]


@pytest.fixture
def mine(view: PretrainView) -> PretrainView:
    """With choices of the user's own."""
    view.plan.choose_method("simclr")
    view.plan.choose_start("timm/resnet50.a1_in1k")
    view.plan.choose_preset("satellite")
    view.setup.recipe.form.fields["epochs"].setValue(7)
    view.plan.set_recipe({**view.setup.recipe.form.values(), "learning_rate": 0.5})
    return view


def test_it_is_filled_in_with_a_sentence_and_taken_back(mine, ready) -> None:
    before = mine.plan.values()
    assert mine.setup.origin.isHidden()
    ready.pretraining.propose(VALUES, WHY)
    assert chosen(mine) == ("mae", START, "industrial", 60)
    assert mine.plan.recipe == {"epochs": 60}, "what else was asked is not a part of the proposal"
    assert mine.setup.origin.isVisible() and WHY in mine.setup.origin.text
    mine.setup.origin._action.click()
    assert mine.plan.values() == before and mine.setup.origin.isHidden()
    assert chosen(mine) == ("simclr", "timm/resnet50.a1_in1k", "satellite", 7)


def test_it_can_be_changed_and_is_kept_with_where_it_came_from(mine, ready) -> None:
    ready.pretraining.propose(VALUES, WHY)
    mine.plan.choose_method("dino")
    mine.plan.write()
    again = Plan(ready)
    assert again.origin == WHY and again.method is not None and again.method.name == "dino"
    ready.pretraining.propose(VALUES, "Again.")
    assert mine.plan.origin == "Again." and mine.plan.method.name == "mae"
    mine.setup.origin._action.click()
    assert mine.plan.method.name == "dino" and mine.plan.origin == WHY, (
        "first what was changed, then what was there"
    )
    mine.setup.origin._action.click()
    assert mine.plan.method.name == "simclr" and not mine.plan.origin
    ready.pretraining.propose(VALUES, WHY)
    mine.setup.origin.dismiss()
    mine.plan.write()
    assert Plan(ready).origin == "" and mine.plan.method.name == "mae"


def test_the_same_again_is_still_taken_back_to_what_was_there_before(mine, ready) -> None:
    before = mine.plan.values()
    for _ in range(3):
        ready.pretraining.propose(VALUES, WHY)
    mine.setup.origin._action.click()
    assert mine.plan.values() == before


def test_it_waits_for_the_place_and_for_the_methods(qtbot, ready, commands) -> None:
    ready.pretraining.methods = ()
    ready.pretraining.propose(
        {"method": "moco", "preset": "published", "epochs": 100, "start": "", "backbone": "resnet50"}, WHY
    )
    view = PretrainView(ready, commands)
    qtbot.addWidget(view)
    assert not view.plan.origin
    ready.pretraining._show_methods(made.methods())
    assert (view.plan.method.name, view.plan.start, view.plan.backbone) == ("moco", "", "resnet50")
    assert view.plan.origin == WHY
    assert not view.plan.recipe, "what is asked anyway is no choice"


def test_another_project_is_offered_nothing_of_it(ready, tmp_path) -> None:
    ready.pretraining.propose(VALUES, WHY)
    ready.create_project(tmp_path / "other", "Other")
    assert ready.pretraining.take_proposal() is None
