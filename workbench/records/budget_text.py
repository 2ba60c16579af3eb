"""The label budgets of an evaluation in words, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.records.results import EvaluationResult
from workbench.records.scores import METRIC_NAMES, LabelsToTarget
from workbench.records.text import printable


def budget_lines(result: EvaluationResult, metric: str, titles: Mapping[str, str]) -> list[str]:
    """One line a model, under a head; none where no budgets were asked for."""
    lines = []
    for model in result.models:
        points = [
            f"{100 * budget.fraction:g} % ({budget.labels:,}) {budget.scores[metric].mean:.3f}"
            for budget in model.budgets
            if metric in budget.scores
        ]
        if not points:
            continue
        needed = f"; {_needed(model.to_target)}" if model.to_target and metric == result.metric else ""
        name = printable(titles.get(model.name, model.name))
        lines.append(f"{name}: {', '.join(points)}{needed}")
    if not lines:
        return []
    return [f"Label budgets, {METRIC_NAMES[metric]} with a share of the labels (their number):", *lines]


def _needed(found: LabelsToTarget) -> str:
    low, high = (f"{end:,.0f}" if end is not None else "more than there are" for end in found.interval)
    if found.labels is None:
        reach = "" if found.interval[0] is None else f", at best with {low}"
        return f"{found.target:.3f} is not reached with these labels{reach}"
    return f"{found.target:.3f} takes {found.labels:,.0f} labels, 95 % {low} to {high}"
