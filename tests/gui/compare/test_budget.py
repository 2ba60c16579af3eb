"""The label budget: the curves, the user's target, how many labels it takes, and how to have budgets at all."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage, QPainter

from tests.gui.comparison import LABELS, MEANS
from workbench.decide.label_budget import labels_to_target
from workbench.gui.commands import Commands
from workbench.gui.compare.budget_card import TARGET
from workbench.gui.compare.budget_plot import Curve, Curves, Point, draw
from workbench.gui.compare.targets import Need, curve_of, labels_needed
from workbench.gui.compare.view import CompareView
from workbench.gui.plain_text import plain
from workbench.gui.session import Session
from workbench.gui.theme import current_theme
from workbench.records.asked import BUDGETS


def type_target(qtbot, view: CompareView, text: str) -> None:
    field = view.lower.budget.target
    field.setFocus()
    field.selectAll()
    qtbot.keyClicks(field, text)
    qtbot.keyClick(field, Qt.Key.Key_Return)


# How many labels


def test_labels_needed_are_those_of_the_statistics(compared: Session) -> None:
    result = compared.result
    needs = {need.name: need for need in labels_needed(result, "macro_f1", 0.75)}
    assert set(needs) == set(MEANS)
    budgets = result.model("strong").budgets
    kept = [0, 2, 3, 4, 5]  # the two smallest shares are the same three images
    assert [budget.labels for budget in curve_of(result.model("strong"), "macro_f1")] == [
        LABELS[place] for place in kept
    ]
    scores = np.asarray([budgets[place].scores["macro_f1"].values for place in kept]).T
    train, validation, test = result.split_counts
    told = labels_to_target(
        [LABELS[place] for place in kept], scores, 0.75, test_train_ratio=test / (train + validation)
    )
    assert (needs["strong"].estimate, needs["strong"].interval) == (told.estimate, told.interval)
    assert needs["strong"].met and not needs["weak"].met
    assert labels_needed(replace(result, models=()), "macro_f1", 0.75) == []


@pytest.mark.parametrize(
    ("estimate", "interval", "told"),
    [
        (119.4, (80.0, 209.2), "target met with 120 labels [80, 210]"),
        (119.4, (12.0, math.inf), "target met with 120 labels [12 or fewer, more than 1,200]"),
        (12.0, (12.0, 12.0), "target met with 12 labels or fewer [12 or fewer, 12]"),
        (
            math.inf,
            (900.5, math.inf),
            "target not met with all 1,200 labels, but it may be with more than 901",
        ),
        (math.inf, (math.inf, math.inf), "target surely needs more than 1,200 labels"),
    ],
)
def test_an_interval_of_labels_in_words(estimate: float, interval: tuple[float, float], told: str) -> None:
    need = Need(name="x", estimate=estimate, interval=interval, least=12, most=1200)
    assert need.told == told


# The card


def test_a_typed_target_is_drawn_answered_and_remembered(qtbot, view: CompareView, compared: Session) -> None:
    card = view.lower.budget
    assert card.plot.plot.target is None and "Type the target" in card.answer.text()
    type_target(qtbot, view, "0.75")
    qtbot.waitUntil(lambda: bool(card.needs))
    assert card.plot.plot.target == 0.75 and compared.recall(TARGET) == 0.75
    view.choose_model("strong")
    need = {one.name: one for one in labels_needed(compared.result, "macro_f1", 0.75)}
    assert card.answer.text() == f"T{need['strong'].told[1:]}" and "met with" in card.answer.text()
    view.choose_model("weak")
    assert card.answer.text() == f"T{need['weak'].told[1:]}" != f"T{need['strong'].told[1:]}"
    for name in MEANS:
        assert plain(f"{name}: {need[name].told}")[40:-4] in card.answer.toolTip()
    again = CompareView(compared, Commands())
    qtbot.addWidget(again)
    assert again.lower.budget.threshold == 0.75
    type_target(qtbot, view, "0")
    qtbot.waitUntil(lambda: card.plot.plot.target is None)
    assert not card.needs and compared.recall(TARGET) == 0.0


def test_without_a_target_of_its_own_a_project_takes_the_results(qtbot, compared: Session) -> None:
    made = CompareView(compared, Commands())
    qtbot.addWidget(made)
    assert made.lower.budget.threshold is None
    compared.result = replace(
        compared.result, target=0.85
    )  # as when a project is opened: the result comes later
    compared.result_changed.emit()
    assert made.lower.budget.threshold == made.lower.budget.plot.plot.target == 0.85
    compared.remember(TARGET, 0.0)  # the user wants none
    compared.result_changed.emit()
    again = CompareView(compared, Commands())
    qtbot.addWidget(again)
    assert again.lower.budget.threshold is None


def test_a_point_tells_its_budget_and_leads_to_its_model(qtbot, view: CompareView) -> None:
    plot = view.lower.budget.plot
    plot.grab()
    dot = next(dot for dot in plot._dots if plot.plot.curves[dot.row].name == "weak" and dot.place == 2)
    assert plot.tell((dot.row, dot.place)) == (
        "weak, 6 labels (25 % of the training part): macro-F1 0.340 [0.304, 0.376]"
    )
    qtbot.mouseClick(plot, Qt.MouseButton.LeftButton, pos=QPoint(round(dot.x), round(dot.y)))
    assert view.chosen == "weak" == plot.chosen
    assert view.table.chosen() == "weak"


def test_budgets_are_walked_by_keys(qtbot, view: CompareView) -> None:
    view.choose_model("strong")
    plot = view.lower.budget.plot
    plot.setFocus()
    plot.current = plot.home()
    row = next(row for row, curve in enumerate(plot.plot.curves) if curve.name == "strong")
    assert plot.current == (row, 4)
    qtbot.keyClick(plot, Qt.Key.Key_Left)
    assert plot.current == (row, 3) and "11 labels" in plot.accessibleDescription()
    for _ in range(9):
        qtbot.keyClick(plot, Qt.Key.Key_Down)
    assert plot.plot.curves[plot.current[0]].name == "weak" and plot.current[1] == 3
    qtbot.keyClick(plot, Qt.Key.Key_Return)
    assert view.chosen == "weak"


def test_the_curves_follow_the_filter_and_the_metric(qtbot, view: CompareView) -> None:
    plot = view.lower.budget.plot
    view.filter.setText("weak")
    assert [curve.name for curve in plot.plot.curves] == ["weak"]
    view.filter.clear()
    view.set_metric("accuracy")
    assert plot.plot.metric == "accuracy" and len(plot.plot.curves) == 3


def test_without_budgets_a_button_asks_for_them_and_runs(
    qtbot, view: CompareView, compared: Session, commands: Commands, monkeypatch
) -> None:
    ran = []
    monkeypatch.setattr(compared, "run_comparison", lambda: ran.append(compared.settings.budgets))
    models = tuple(replace(model, budgets=()) for model in compared.result.models)
    compared.result = replace(compared.result, models=models)
    compared.result_changed.emit()
    card = view.lower.budget
    assert card.empty.isVisible() and not card.plot.isVisible() and not card.target.isVisible()
    qtbot.mouseClick(card.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert view.notice.isVisible() and view.notice.text == "Choose at least one backbone."
    assert ran == [] and compared.settings.budgets == BUDGETS
    compared.choose("random_vit")
    qtbot.mouseClick(card.empty.buttons[0], Qt.MouseButton.LeftButton)
    assert ran == [BUDGETS]


def test_a_comparison_is_asked_for_the_budgets_of_the_project(compared: Session, monkeypatch) -> None:
    jobs = []
    monkeypatch.setattr(compared._jobs, "start", lambda job, *_, **__: jobs.append(job) or f"run-{len(jobs)}")
    compared.choose("random_vit")
    compared.run_comparison()
    compared.set_budgets(BUDGETS)
    compared.run_comparison()
    assert [job.budgets for job in jobs if job.kind == "evaluate"] == ["", BUDGETS]


# The drawing


def test_the_target_is_a_line_at_its_height_and_a_picture_names_the_models(qapp) -> None:
    points = tuple(
        Point(fraction, labels, mean, (mean - 0.05, mean + 0.05))
        for fraction, labels, mean in ((0.01, 5, 0.4), (0.1, 50, 0.6), (1.0, 500, 0.8))
    )
    plot = Curves(curves=(Curve(name="a", title="A", points=points),), metric="accuracy", target=0.7)

    def drawn(**options) -> tuple[QImage, list]:
        image = QImage(500, 400, QImage.Format.Format_RGB32)
        image.fill(current_theme().colour("panel"))
        painter = QPainter(image)
        dots = draw(painter, QRectF(0, 0, 500, 400), plot, current_theme(), **options)
        painter.end()
        return image, dots

    image, dots = drawn()
    xs, ys = [dot.x for dot in dots], [dot.y for dot in dots]
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])  # a tenfold is as wide wherever it is
    assert ys[0] - ys[1] == pytest.approx(ys[1] - ys[2])
    height = round((ys[1] + ys[2]) / 2)  # 0.7 lies half way between 0.6 and 0.8
    line = (image.pixelColor(x, y) for x in range(60, 480) for y in (height - 1, height))
    dashes = sum(ink.red() - ink.green() > 60 for ink in line)
    assert dashes > 100
    other, _ = drawn(legend=True)
    assert other != image
