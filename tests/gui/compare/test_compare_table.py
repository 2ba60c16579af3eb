"""The table of a comparison: what is said, sorted, filtered, pinned, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt

from tests.gui.comparison import facts
from workbench.gui.commands import Commands
from workbench.gui.compare.table_model import Column
from workbench.gui.compare.view import CompareView
from workbench.gui.compare.words import VERDICT_SEVERITY, titles_of
from workbench.gui.plain_text import plain
from workbench.gui.session import Session


def shown(view: CompareView, column: Column) -> list[str]:
    proxy = view.table.filter
    return [proxy.index(i, column).data() for i in range(proxy.rowCount())]


def names(view: CompareView) -> list[str]:
    return [row.name for row in view.table.filter.shown()]


def click_header(qtbot, view: CompareView, column: Column) -> None:
    header = view.table.horizontalHeader()
    at = QPoint(header.sectionViewportPosition(column) + 10, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


# What is said


def test_the_heading_is_the_answer_and_the_line_below_says_how(view: CompareView) -> None:
    assert view.heading.text() == "Undecided between strong and middle"
    assert view.caption.text().startswith(
        "Frozen linear probe, macro-F1 on the sealed test part, 4 resampled"
    )
    assert "groups kept whole" in view.caption.text()


def test_cells_in_words_and_missing_things_as_dashes(view: CompareView, compared: Session) -> None:
    assert names(view) == ["strong", "middle", "weak"]
    assert shown(view, Column.PROBE)[0] == "0.900 ± 0.026"  # sd of ±.03, ±.01: sqrt(.002 / 3)
    assert shown(view, Column.INTERVAL)[2] == "0.460 to 0.540"
    assert shown(view, Column.KNN)[1] == "0.700, k 5–10"
    assert shown(view, Column.INPUT) == ["—", "224", "224"]
    bare = replace(compared.result.models[0], knn={}, neighbours=())
    compared.result = replace(compared.result, models=(bare, *compared.result.models[1:]), comparisons=())
    compared.result_changed.emit()
    assert shown(view, Column.KNN)[0] == "—"
    assert shown(view, Column.VERDICT) == ["baseline", "—", "—"]
    assert shown(view, Column.DIFFERENCE)[1] == "—"


def test_every_cell_and_head_explains_itself(view: CompareView) -> None:
    for column in Column:
        head = view.model.headerData(column, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        assert len(head) > 40
        spoken = view.model.index(0, column).data(Qt.ItemDataRole.AccessibleTextRole)
        assert ": " in spoken
    for part in (
        view.table,
        view.lower.strips,
        view.lower.one.matrix,
        view.filter,
        view.margin,
        view.lower.one.behind.grid,
    ):
        assert part.accessibleName()


def test_a_name_is_never_read_as_html(compared: Session) -> None:
    assert plain("<b>x</b>\n&amp; \x1b[0m").count("<b>") == 0
    evil = replace(compared.result.models[0], name="<img src=x>\n", backbone="")
    titles = titles_of(replace(compared.result, models=(evil,)), compared.catalogue)
    assert titles == {"<img src=x>\n": "<img src=x>\\n"}


def test_two_features_of_one_backbone_keep_their_own_names(compared: Session) -> None:
    compared.lookup.catalogue = (facts("strong"), facts("weak"))
    twin = replace(compared.result.models[0], name="strong mean", feature="mean")
    result = replace(compared.result, models=(*compared.result.models, twin))
    titles = titles_of(result, compared.catalogue)
    assert titles == {
        "strong": "strong",
        "strong mean": "strong mean",
        "middle": "middle",
        "weak": "Weak",
    }


# Sorting and filtering


def test_a_click_on_a_head_sorts_by_the_number(qtbot, view: CompareView) -> None:
    click_header(qtbot, view, Column.KNN)
    order = names(view)
    assert order in (["middle", "strong", "weak"], ["weak", "strong", "middle"])
    click_header(qtbot, view, Column.KNN)
    assert names(view) == order[::-1]
    assert [strip.name for strip in view.lower.strips.plot.strips] == order[::-1]
    marks = [view.model.head(column) for column in Column]
    assert sum("↓" in mark or "↑" in mark for mark in marks) == 1
    assert "k-NN" in next(mark for mark in marks if "↓" in mark or "↑" in mark)


def test_the_filter_takes_every_word_and_the_strips_follow(qtbot, view: CompareView) -> None:
    qtbot.keyClicks(view.filter, "CLS worse")
    assert names(view) == ["weak"]  # seen from the best model, which is the baseline without a pin
    assert [strip.name for strip in view.lower.strips.plot.strips] == ["weak"]
    view.filter.setText("nothing like it")
    assert names(view) == [] and view.lower.strips.plot.strips == ()
    view.filter.clear()
    assert len(names(view)) == 3


# Baseline, metric, margin


def test_pinning_turns_signs_and_words_round(qtbot, view: CompareView, compared: Session) -> None:
    assert shown(view, Column.VERDICT) == ["baseline", "undecided", "worse"]
    assert shown(view, Column.DIFFERENCE)[2] == "−40.0 [−45.0, −35.0]"
    view.table.choose("weak")
    qtbot.keyClick(view.table, Qt.Key.Key_B)
    assert compared.settings.baseline == "weak"
    assert shown(view, Column.VERDICT) == ["better", "better", "baseline"]
    assert shown(view, Column.DIFFERENCE) == ["+40.0 [35.0, 45.0]", "+30.0 [25.0, 35.0]", "pinned"]
    assert not view.pin_button.isEnabled()
    view.table.choose("middle")
    qtbot.mouseClick(view.pin_button, Qt.MouseButton.LeftButton)
    assert compared.settings.baseline == "middle"


def test_pinning_by_menu_and_by_command(view: CompareView, compared: Session, commands: Commands) -> None:
    view.table.choose("middle")
    menu = view.table.menu()
    menu.actions()[0].trigger()
    assert compared.settings.baseline == "middle"
    view.table.choose("weak")
    assert commands.run("compare.pin_baseline") == ""
    assert compared.settings.baseline == "weak"


def test_another_metric_borrows_no_verdict_and_says_so(view: CompareView, compared: Session) -> None:
    view.set_metric("accuracy")
    assert shown(view, Column.VERDICT) == ["baseline", "—", "—"]
    assert view.heading.text() == "strong has the highest accuracy, 0.900"
    assert view.notice.isVisible() and "about macro-F1" in view.notice.text
    assert compared.settings.metric == "auto"  # looking at it decides nothing
    view.set_metric("macro_f1")
    assert not view.notice.isVisible()


def test_another_margin_waits_for_the_next_run(qtbot, view: CompareView, compared: Session) -> None:
    view.margin.setValue(3.0)
    qtbot.waitUntil(lambda: compared.settings.margin == 3.0)
    assert "± 1 points" in view.notice.text and "± 3 applies" in view.notice.text
    assert shown(view, Column.VERDICT) == ["baseline", "undecided", "worse"]


def test_the_place_is_found_as_it_was_left(qtbot, view: CompareView, compared: Session, commands) -> None:
    view.table.choose("middle")
    view.table.sortByColumn(Column.MODEL, Qt.SortOrder.AscendingOrder)
    view.filter.setText("cls")
    view.set_metric("accuracy")
    view.deleteLater()
    again = CompareView(compared, Commands())
    qtbot.addWidget(again)
    assert (again.chosen, again.filter.text(), again.shown_metric) == ("middle", "cls", "accuracy")
    assert names(again) == ["middle", "strong", "weak"]


def test_what_is_not_ranked_has_a_neutral_word_and_its_reason(view: CompareView, compared: Session) -> None:
    first, second, third = compared.result.comparisons
    reason = "One feature is CLS, the other a mean."
    apart = replace(second, verdict="not ranked", reason=reason)  # strong against weak
    compared.result = replace(compared.result, comparisons=(first, apart, third))
    compared.pin_baseline("strong")
    compared.result_changed.emit()
    assert shown(view, Column.VERDICT) == ["baseline", "undecided", "not ranked"]
    assert shown(view, Column.DIFFERENCE)[2] == "—"
    for column in (Column.VERDICT, Column.DIFFERENCE):
        cell = view.table.filter.index(2, column)
        assert reason in cell.data(Qt.ItemDataRole.ToolTipRole)
    assert VERDICT_SEVERITY["not ranked"] == "neutral"
    assert view.heading.text() == "Undecided between strong and middle; weak is not ranked"
