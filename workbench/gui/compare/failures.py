"""Which images all models miss, which only one does, which only one gets right, and where one is surest. No Qt.

An image counts as missed by a model when the model was wrong in the majority of the splits that tested the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.records.results import Predictions

ALL_MISS, ONLY_MISS, ONLY_RIGHT, SUREST = "all miss", "only this misses", "only this is right", "surest"
KINDS = (ALL_MISS, ONLY_MISS, ONLY_RIGHT, SUREST)


@dataclass(frozen=True, slots=True)
class Failure:
    """One image: what was said instead of the truth most often, by how many of how many answers."""

    id: str
    truth: int  # class codes
    said: int
    hits: int
    answers: int  # of all splits that tested it, of the models that are looked at
    confidence: float | None  # mean over those answers; None where nothing is known


def misses(predictions: Predictions) -> tuple[np.ndarray, np.ndarray]:
    """(models, N) whether each model misses each item, and (N,) whether any split tested the item."""
    shape = (len(predictions.models), len(predictions.items))
    missed, tested = np.zeros(shape, bool), np.zeros(shape[1], bool)
    for place in range(shape[0]):  # a model at a time: the whole could be large
        said = predictions.predicted[place]
        answered = said >= 0
        wrong = answered & (said != predictions.truth)
        answers = answered.sum(axis=0)
        missed[place] = 2 * wrong.sum(axis=0) > answers
        tested |= answers > 0
    return missed, tested


def find_failures(predictions: Predictions, model: str) -> dict[str, list[Failure]]:
    """The images of each of KINDS, seen from `model`; the most often missed first, under SUREST the surest.

    SUREST is missing where no confidence is known, ONLY_MISS and ONLY_RIGHT where there is no other model.
    """
    if model not in predictions.models:
        return {}
    me = predictions.models.index(model)
    missed, tested = misses(predictions)
    others = np.delete(missed, me, axis=0)
    everyone = range(len(predictions.models))
    found = {ALL_MISS: _failures(predictions, everyone, np.flatnonzero(missed.all(axis=0) & tested))}
    if len(others):
        only_miss = missed[me] & ~others.any(axis=0)
        only_right = ~missed[me] & others.all(axis=0) & tested
        rest = [place for place in everyone if place != me]
        found[ONLY_MISS] = _failures(predictions, [me], np.flatnonzero(only_miss))
        found[ONLY_RIGHT] = _failures(predictions, rest, np.flatnonzero(only_right))
    if predictions.confidence is not None:
        found[SUREST] = _surest_first(_failures(predictions, [me], np.flatnonzero(missed[me])))
    return found


def missed_by(predictions: Predictions, model: str) -> list[Failure]:
    """The images that `model` misses, its surest mistakes first where that is known; else the most often missed."""
    if model not in predictions.models:
        return []
    me = predictions.models.index(model)
    return _surest_first(_failures(predictions, [me], np.flatnonzero(misses(predictions)[0][me])))


def _surest_first(mine: list[Failure]) -> list[Failure]:
    return sorted(mine, key=lambda one: -(one.confidence or 0.0))


def _failures(predictions: Predictions, places: Sequence[int], items: np.ndarray) -> list[Failure]:
    """What the models at `places` said of `items`, (M,) positions; the most often missed first."""
    if not len(items):
        return []
    said = predictions.predicted[list(places)][:, :, items].reshape(-1, len(items))  # (answers, M)
    truth = predictions.truth[items]
    answered, wrong = said >= 0, (said >= 0) & (said != truth)
    sure = None
    if predictions.confidence is not None:
        sure = predictions.confidence[list(places)][:, :, items].reshape(-1, len(items)).astype(np.float64)
    rows = []
    for column in range(len(items)):
        mistakes = said[wrong[:, column], column]
        codes, often = np.unique(mistakes, return_counts=True)
        chosen = int(np.argmax(often))  # the lowest code among the most frequent ones
        instead = said[:, column] == codes[chosen]
        rows.append(
            Failure(
                id=str(predictions.items[items[column]]),
                truth=int(truth[column]),
                said=int(codes[chosen]),
                hits=int(often[chosen]),
                answers=int(answered[:, column].sum()),
                confidence=float(sure[instead, column].mean()) if sure is not None else None,
            )
        )
    share = wrong.sum(axis=0) / answered.sum(axis=0)
    order = np.lexsort((items, -share))
    return [rows[place] for place in order.tolist()]
