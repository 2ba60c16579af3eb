"""Label budgets as lines of a terminal."""

from __future__ import annotations

from dataclasses import replace

from tests.records.test_tables import model, result
from workbench.records.budget_text import budget_lines
from workbench.records.scores import Budget, LabelsToTarget, Score

POINTS = ((0.05, 66, 0.9446), (1.0, 1338, 0.9958))


def with_budgets(name: str, to_target: LabelsToTarget | None = None):
    budgets = tuple(
        Budget(fraction=share, labels=labels, scores={"macro_f1": Score("macro_f1", (mean,))})
        for share, labels, mean in POINTS
    )
    return replace(model(name, (0.9, 0.8)), budgets=budgets, to_target=to_target)


def needed(labels: float | None, low: float | None, high: float | None) -> str:
    found = LabelsToTarget(target=0.95, labels=labels, interval=(low, high))
    return budget_lines(result(models=(with_budgets("m", found),)), "macro_f1", {})[1]


def test_every_model_has_a_line_and_names_stay_on_it() -> None:
    both = result(models=(with_budgets("evil\nname"), model("none", (0.5, 0.6))))
    head, line = budget_lines(both, "macro_f1", {})
    assert head.startswith("Label budgets, macro-F1")
    assert line.endswith("5 % (66) 0.945, 100 % (1,338) 0.996") and "\n" not in line
    assert budget_lines(both, "accuracy", {}) == [], "no budget was scored by it"
    assert budget_lines(result(models=(model("none", (0.5, 0.6)),)), "macro_f1", {}) == []


def test_the_labels_that_a_target_takes_are_told_with_their_interval() -> None:
    assert needed(81.4, 66.0, 128.2).endswith("0.950 takes 81 labels, 95 % 66 to 128")
    assert needed(1200.0, 900.0, None).endswith("takes 1,200 labels, 95 % 900 to more than there are")
    assert needed(None, 1300.0, None).endswith("is not reached with these labels, at best with 1,300")
    assert needed(None, None, None).endswith("0.950 is not reached with these labels")
