"""How many labels each model needs to meet the user's threshold, in words. No Qt.

The statistics are `decide/label_budget.py`'s, which is imported when it is first asked: scipy takes most of a
second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.records.results import EvaluationResult
from workbench.records.scores import Budget, ModelResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Labels at which one model meets the threshold: see `decide.label_budget.Target`."""

    name: str
    estimate: float
    interval: tuple[float, float]
    least: int  # labels of the smallest budget that was tried
    most: int  # of the largest

    @property
    def met(self) -> bool:
        return math.isfinite(self.estimate)

    @property
    def told(self) -> str:
        """A sentence without its full stop."""
        low, high = self.interval
        if self.met:
            labels = f"{_labels(self.estimate)} label" + ("" if round(self.estimate) == 1 else "s")
            if self.estimate <= self.least:
                labels += " or fewer"
            least = f"{_labels(low)}" if low > self.least else f"{self.least:,} or fewer"
            most = _labels(high) if math.isfinite(high) else f"more than {self.most:,}"
            return f"target met with {labels} [{least}, {most}]"
        if math.isfinite(low):
            return (
                f"target not met with all {self.most:,} labels, but it may be with more than {_labels(low)}"
            )
        return f"target surely needs more than {self.most:,} labels"


def labels_needed(result: EvaluationResult, metric: str, threshold: float) -> list[Need]:
    """Of every model that has budgets with `metric`, in the result's order."""
    from workbench.decide.label_budget import labels_to_target

    train, validation, test = result.split_counts
    ratio = test / (train + validation) if train + validation else 0.0
    found = []
    for model in result.models:
        budgets = curve_of(model, metric)
        if not budgets:
            continue
        sizes = [budget.labels for budget in budgets]
        scores = np.asarray([budget.scores[metric].values for budget in budgets], dtype=np.float64).T
        target = labels_to_target(sizes, scores, threshold, test_train_ratio=ratio)
        found.append(
            Need(
                name=model.name,
                estimate=target.estimate,
                interval=target.interval,
                least=sizes[0],
                most=sizes[-1],
            )
        )
    return found


def curve_of(model: ModelResult, metric: str) -> list[Budget]:
    """The budgets that have `metric`, each number of labels once.

    Small shares of few images are the same images: every class has at least one.
    """
    found: list[Budget] = []
    for budget in model.budgets:
        if metric in budget.scores and (not found or budget.labels > found[-1].labels):
            found.append(budget)
    return found


def has_budgets(models: Sequence[ModelResult], metric: str) -> bool:
    return any(curve_of(model, metric) for model in models)


def _labels(number: float) -> str:
    """Whole labels: more would be read into an interval than it says."""
    return f"{math.ceil(number - 1e-9):,}"
