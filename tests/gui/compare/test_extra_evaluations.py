"""Evaluations of plugins in Compare: their columns, how they are sorted and explained, and how they are chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QPushButton

from tests.gui.compare.test_compare_table import click_header, names, shown
from workbench.gui.commands import Commands
from workbench.gui.compare.evaluations_dialog import EVALUATIONS, EvaluationsDialog
from workbench.gui.compare.run_command import why_not_run
from workbench.gui.compare.table_model import Column
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.records.brought import Brought
from workbench.records.evaluations import EvaluationFacts, ExtraScore
from workbench.records.params import describe, param
from workbench.records.project_jobs import evaluate_job
from workbench.records.scores import Score

FIRST, SECOND = len(Column), len(Column) + 1
MEANS = {"strong": (0.5, 0.3), "middle": (0.7, 0.2), "weak": (0.6, 0.1)}


@dataclass(frozen=True)
class Config:
    shots: int = param(5, help="Images of each class.", minimum=1, maximum=100)
    distance: str = param("euclidean", help="Between two vectors.", choices=("euclidean", "cosine"))


PROTOTYPES = EvaluationFacts(
    name="protos", title="Class mean", summary="Nearest.", source="Us", params=describe(Config), plugin="lab"
)


@pytest.fixture
def scored(view: CompareView, compared: Session) -> CompareView:
    """Two evaluations, one of which "weak" has no score by."""
    made = [
        ExtraScore(
            evaluation=text,
            title="Class mean",
            model=model,
            score=Score("macro_f1", (means[at] - 0.02, means[at] + 0.02), (means[at] - 0.1, means[at] + 0.1)),
            plugin="lab 2.1",
        )
        for at, text in enumerate(("protos", "protos:shots=1"))
        for model, means in MEANS.items()
        if (model, at) != ("weak", 1)
    ]
    compared.result = replace(compared.result, extra=tuple(made))
    compared.lookup.brought = Brought(evaluations=(PROTOTYPES,))
    compared.brought_changed.emit()
    compared.result_changed.emit()
    return view


def test_each_is_a_column_beside_k_nn_with_its_spread(scored: CompareView) -> None:
    assert shown(scored, FIRST) == ["0.500 ± 0.028", "0.700 ± 0.028", "0.600 ± 0.028"]  # sd: 0.02 * sqrt(2)
    assert shown(scored, SECOND) == ["0.300 ± 0.028", "0.200 ± 0.028", "—"]
    header = scored.table.horizontalHeader()
    assert [header.visualIndex(at) for at in (Column.KNN, FIRST, SECOND, Column.SEEDS)] == [4, 5, 6, 7]
    assert scored.model.head(SECOND) == "Class mean\nshots=1"
    told = scored.model.headerData(SECOND, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
    assert "by the plugin lab 2.1" in told and "macro-F1" in told and "protos:shots=1" in told
    row = names(scored).index("middle")
    cell = scored.table.filter.index(row, FIRST)
    assert "95 % interval 0.600 to 0.800" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert "0.680, 0.720" in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "Class mean: 0.700 ± 0.028"


def test_the_table_is_sorted_by_one_and_back_to_three_columns_fewer(
    qtbot, scored: CompareView, compared: Session
) -> None:
    click_header(qtbot, scored, FIRST)
    click_header(qtbot, scored, FIRST)
    assert names(scored) == ["middle", "weak", "strong"]
    assert scored.model.head(FIRST) == "↓ Class mean"
    click_header(qtbot, scored, SECOND)
    assert names(scored) in (["weak", "middle", "strong"], ["strong", "middle", "weak"])
    compared.result = replace(compared.result, extra=())
    compared.result_changed.emit()
    assert scored.model.columnCount() == len(Column) and len(names(scored)) == 3


def test_under_another_metric_they_are_left_out_and_say_why(scored: CompareView) -> None:
    scored.set_metric("accuracy")
    assert shown(scored, FIRST) == ["—"] * 3
    assert "computed for macro-F1 only" in scored.table.filter.index(0, FIRST).data(
        Qt.ItemDataRole.ToolTipRole
    )


def test_one_that_failed_says_so_and_why(scored: CompareView, compared: Session) -> None:
    found = compared.result
    assert found is not None
    told = "The plugin lab gave no answer within 600 s, and its process was ended."
    compared.result = replace(
        found,
        extra=tuple(
            replace(one, score=None, error=told)
            if one.evaluation == "protos" and one.model != "weak"
            else one
            for one in found.extra
        ),
    )
    compared.result_changed.emit()
    texts = dict(zip(names(scored), shown(scored, FIRST), strict=True))
    assert texts == {"strong": "failed", "middle": "failed", "weak": "0.600 ± 0.028"}
    cell = scored.table.filter.index(names(scored).index("middle"), FIRST)
    assert told in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert cell.data(Qt.ItemDataRole.AccessibleTextRole) == "Class mean: failed"
    scored.table.sortByColumn(FIRST, Qt.SortOrder.DescendingOrder)
    assert names(scored)[0] == "weak"


def test_where_there_is_no_room_the_table_moves_sideways(scored: CompareView) -> None:
    bar = scored.table.horizontalScrollBar()
    scored.resize(2000, 640)
    assert bar.maximum() == 0
    scored.resize(960, 640)
    assert bar.maximum() > 0
    tall = scored.table.wanted_height()
    assert tall > scored.table.head_height + 3 * 34


def test_names_stay_in_sight_while_the_table_is_moved(qtbot, scored: CompareView, compared: Session) -> None:
    table, fixed = scored.table, scored.table.fixed
    scored.resize(2000, 640)
    assert fixed.isHidden()
    scored.resize(960, 640)
    assert fixed.isVisible()
    bar = table.horizontalScrollBar()
    bar.setValue(bar.maximum())
    cell = table.filter.index(1, Column.MODEL)
    assert table.visualRect(cell).left() < 0  # where the table has it nobody sees it
    box = fixed.visualRect(cell)
    place = box.center()
    assert fixed.viewport().rect().contains(box) and fixed.indexAt(place) == cell
    assert (
        fixed.mapTo(table, fixed.viewport().mapTo(fixed, place)).y()
        == table.viewport().mapTo(table, table.visualRect(cell).center()).y()
    )
    qtbot.mouseClick(fixed.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert table.chosen() == names(scored)[1] and table.hasFocus()
    head = fixed.horizontalHeader()
    for order in (sorted(names(scored)), sorted(names(scored), reverse=True)):
        qtbot.mouseClick(head.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(20, head.height() // 2))
        assert names(scored) == order
    table.filter.set_text("weak")
    assert fixed.model().rowCount() == 1
    compared.result = replace(compared.result, extra=())
    compared.result_changed.emit()
    scored.resize(1150, 640)
    assert fixed.isHidden()


def test_one_is_chosen_by_its_form_and_computed_in_the_next_run(
    qtbot, scored: CompareView, compared: Session, commands: Commands
) -> None:
    assert scored.evaluations.isVisibleTo(scored) and commands.run(EVALUATIONS) == ""
    dialog = scored.findChild(EvaluationsDialog)
    qtbot.keyClick(dialog.form.fields["shots"], Qt.Key.Key_Return)  # Enter adds
    assert compared.settings.evaluations == ["protos"]
    dialog.add.click()
    assert "chosen already" in dialog.error.text()
    dialog.form.fields["shots"].setValue(7)
    dialog.form.fields["distance"].setCurrentText("cosine")
    dialog.add.click()
    assert compared.settings.evaluations == ["protos", "protos:shots=7,distance=cosine"]
    job = evaluate_job(compared.project, ["a.h5ad"])
    assert job.evaluation == ("protos", "protos:shots=7,distance=cosine")
    assert scored.notice.isVisibleTo(scored)
    assert scored.notice.text == (
        "Class mean, shots=7, distance=cosine: it is computed when the comparison runs again."
    )
    dialog.form.fields["shots"].setValue(0)
    dialog.add.click()
    assert len(compared.settings.evaluations) == 2  # the form says what is wrong
    remove = [one for one in dialog.findChildren(QPushButton) if one.accessibleName().endswith("cosine")]
    remove[0].click()
    assert compared.settings.evaluations == ["protos"] and not scored.notice.isVisibleTo(scored)
    dialog.close()


def test_a_comparison_says_which_evaluation_nobody_brings(scored: CompareView, compared: Session) -> None:
    compared.settings.evaluations = ["gone:x=1"]
    compared.choose("random_vit")
    assert "No plugin that can be used brings the evaluation gone:x=1" in why_not_run(compared)
    compared.set_lock(evaluations=["protos"])
    assert "brings the evaluation" not in why_not_run(compared)
