"""Which images are the rows of a board. Plain functions that are called in a thread; no Qt."""

from __future__ import annotations

import numpy as np

from workbench.gui.compare.failures import misses
from workbench.gui.item_ids import ItemIds, positions
from workbench.records.boards import MOST_ROWS, Rows
from workbench.records.index import ImageIndex
from workbench.records.results import Predictions

CANDIDATES = 4  # for each row of "odd": so many are painted to find the worst
NEED_PREDICTIONS = ("misses", "hardest")


def choose_rows(rows: Rows, index: ImageIndex, predictions: Predictions | None) -> tuple[str, ...]:
    """Item ids of `index`, in the order of the board; of "odd" the candidates."""
    if rows.kind in ("picked", "kept"):
        found = positions(index, list(rows.ids))
        return tuple(each for each in rows.ids if each in found)[: rows.number]
    if rows.kind in NEED_PREDICTIONS:
        if predictions is None or not predictions.models:
            return ()
        ranked = missed_by(predictions, rows.model) if rows.kind == "misses" else hardest(predictions)
        ids = [str(predictions.items[place]) for place in ranked[: 8 * rows.number].tolist()]
        found = positions(index, ids)
        return tuple(each for each in ids if each in found)[: rows.number]
    number = rows.number if rows.kind == "random" else min(CANDIDATES * rows.number, MOST_ROWS)
    drawn = np.random.default_rng(rows.draw).permutation(len(index))[:number]
    return tuple(ItemIds(index).of_many(drawn.tolist()))


def missed_by(predictions: Predictions, model: str) -> np.ndarray:
    """(M,) places of the items that a model gets wrong in most splits that tested them, the surest mistakes first."""
    me = predictions.models.index(model) if model in predictions.models else 0
    one = Predictions(
        items=predictions.items,
        truth=predictions.truth,
        predicted=predictions.predicted[me : me + 1],
        models=predictions.models[me : me + 1],
    )
    missed = np.flatnonzero(misses(one)[0][0])
    if predictions.confidence is None:
        return missed
    wrong = (one.predicted[0] >= 0) & (one.predicted[0] != predictions.truth)
    sure = np.where(wrong, np.nan_to_num(predictions.confidence[me].astype(np.float32)), 0).sum(axis=0)
    sure = sure / np.maximum(wrong.sum(axis=0), 1)
    return missed[np.argsort(-sure[missed], kind="stable")]


def hardest(predictions: Predictions) -> np.ndarray:
    """(T,) places of all tested items: those first that most answers of all models get wrong, then the least sure."""
    answers = np.zeros(len(predictions.items))
    wrong, sure = answers.copy(), answers.copy()
    for place in range(len(predictions.models)):  # a model at a time: the whole could be large
        said = predictions.predicted[place]
        answered = said >= 0
        missed = answered & (said != predictions.truth)
        answers += answered.sum(axis=0)
        wrong += missed.sum(axis=0)
        if predictions.confidence is not None:  # of the right class, or how little is left for it
            given = np.nan_to_num(predictions.confidence[place].astype(np.float32))
            sure += np.where(answered, np.where(missed, 1 - given, given), 0).sum(axis=0)
    tested = np.flatnonzero(answers)
    share = wrong[tested] / answers[tested]
    return tested[np.lexsort((tested, sure[tested] / answers[tested], -share))]
