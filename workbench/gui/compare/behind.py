"""Which images are behind a cell of the confusion matrix, and how often each landed there. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.records.results import EvaluationResult, Predictions


@dataclass(frozen=True, slots=True)
class Behind:
    """One image: `hits` of the `tested` splits whose test part held it put it into the cell."""

    id: str
    hits: int
    tested: int

    @property
    def told(self) -> str:
        if self.tested == 1:
            return "in its one test split"
        return f"{self.hits} of {self.tested} splits"


def behind_cell(predictions: Predictions, model: str, truth: int, predicted: int) -> list[Behind]:
    """The items of class `truth` that `model` called `predicted` in any split, the most often so first.

    An unknown model has none.
    """
    if model not in predictions.models:
        return []
    said = predictions.predicted[predictions.models.index(model)]  # (seeds, N)
    return _most_often(predictions, truth, said, said == predicted)


def behind_class(predictions: Predictions, model: str, truth: int) -> list[Behind]:
    """The items of class `truth` that `model` called something else in any split, the most often so first."""
    if model not in predictions.models:
        return []
    said = predictions.predicted[predictions.models.index(model)]
    return _most_often(predictions, truth, said, (said >= 0) & (said != truth))


def _most_often(predictions: Predictions, truth: int, said: np.ndarray, counted: np.ndarray) -> list[Behind]:
    """The items of class `truth` with an answer that is `counted`; both arrays are (seeds, N)."""
    members = np.flatnonzero(predictions.truth == truth)
    hits = counted[:, members].sum(axis=0)
    tested = (said[:, members] >= 0).sum(axis=0)
    found = np.flatnonzero(hits)
    order = found[np.lexsort((members[found], -hits[found], -hits[found] / tested[found]))]
    return [Behind(str(predictions.items[members[i]]), int(hits[i]), int(tested[i])) for i in order.tolist()]


def worst_cell(confusion: Sequence[Sequence[int]]) -> tuple[int, int] | None:
    """The most frequent mistake as (true, predicted); the first class's own cell where there is none."""
    if not confusion:
        return None
    mistakes = [
        (count, -row, -column)
        for row, line in enumerate(confusion)
        for column, count in enumerate(line)
        if row != column and count
    ]
    if not mistakes:
        return 0, 0
    _, row, column = max(mistakes)
    return -row, -column


def confusion_of(result: EvaluationResult, model: str) -> tuple[tuple[int, ...], ...]:
    """The stored matrix of `model`; empty where the result has no such model."""
    return next((row.confusion for row in result.models if row.name == model), ())
