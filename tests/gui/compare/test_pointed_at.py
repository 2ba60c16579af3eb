"""What another place points at: Compare marks its row when it opens, and only once."""

from __future__ import annotations

from tests.gui.comparison import MEANS
from tests.gui.finetune.results import keep, result
from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import POINT
from workbench.gui.compare.view import CompareView
from workbench.gui.finetune.card import FinetunedCard
from workbench.gui.session import Session


def test_the_row_of_a_backbone_is_chosen_when_the_place_opens(view: CompareView, compared: Session) -> None:
    assert compared.result is not None
    last = compared.result.models[-1]
    view.choose_model(compared.result.models[0].name)
    view.hide()
    compared.remember(POINT, last.backbone)
    view.show()
    assert view.chosen == view.table.chosen() == last.name
    view.choose_model(compared.result.models[0].name)
    view.hide()
    view.show()
    assert view.chosen == compared.result.models[0].name, "it is pointed at once"


def test_a_backbone_of_a_result_that_is_still_read_is_chosen_once_it_is_there(
    view: CompareView, compared: Session
) -> None:
    whole = compared.result
    assert whole is not None and len(whole.models) == len(MEANS)
    view.choose_model(whole.models[0].name)
    compared.result = None
    compared.result_changed.emit()
    compared.remember(POINT, whole.models[1].backbone)
    view.hide()
    view.show()
    compared.result = whole
    compared.result_changed.emit()
    assert view.chosen == whole.models[1].name


def test_the_row_of_a_fine_tune_is_chosen_and_brought_into_sight(
    qtbot, compared: Session, commands: Commands
) -> None:
    splits = tuple(f"{seed:016x}" for seed in range(2))
    for number in range(6):
        keep(compared.project, result("lab/strong", 0.9, splits), f"2026010{number + 1}-000000-finetune-a")
    view = CompareView(compared, commands)
    qtbot.addWidget(view)
    view.resize(1152, 500)
    card = view.findChild(FinetunedCard)
    qtbot.waitUntil(lambda: card.model.rowCount() == 6)
    wanted = "20260102-000000-finetune-a"  # the fifth of them, for the newest is the first
    compared.remember(POINT, wanted)
    view.show()
    qtbot.waitUntil(lambda: card.chosen() is not None and card.chosen().folder.name == wanted)

    def in_sight() -> bool:
        seen = not card.visibleRegion().isEmpty() and card.visibleRegion().boundingRect().height() >= 60
        row = card.table.visualRect(card.table.currentIndex())
        return seen and card.table.viewport().rect().contains(row.center())

    qtbot.waitUntil(in_sight)
    assert compared.recall(POINT) == ""
