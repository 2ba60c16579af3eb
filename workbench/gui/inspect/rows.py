"""Which images are the rows of a board. Plain functions that are called in a thread; no Qt."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.gui.compare.failures import missed_by
from workbench.gui.item_ids import ItemIds, positions
from workbench.records.boards import MOST_ROWS, Rows
from workbench.records.index import ImageIndex
from workbench.records.results import Predictions

CANDIDATES = 4  # for each row of "odd": so many are painted to find the worst
MARGIN = 8  # times as many images are looked up as are shown: some may have left the folder
NEED_PREDICTIONS = ("misses", "hardest")


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """Item ids in the order of the board, and of misses the code of the class that the model said instead."""

    ids: tuple[str, ...] = ()
    said: dict[str, int] = field(default_factory=dict)


def choose_rows(rows: Rows, index: ImageIndex, predictions: Predictions | None) -> ChosenRows:
    """Those of `rows` that `index` holds; of "odd" the candidates."""
    if rows.kind in NEED_PREDICTIONS:
        if predictions is None or not predictions.models:
            return ChosenRows()
        said: dict[str, int] = {}
        if rows.kind == "misses":
            model = rows.model if rows.model in predictions.models else predictions.models[0]
            said = {one.id: one.said for one in missed_by(predictions, model)}
            ids = list(said)
        else:
            ids = [str(predictions.items[place]) for place in hardest(predictions).tolist()]
        ids = ids[: MARGIN * rows.number]
    elif rows.kind in ("picked", "kept"):
        ids, said = list(rows.ids), {}
    else:
        number = rows.number if rows.kind == "random" else min(CANDIDATES * rows.number, MOST_ROWS)
        drawn = np.random.default_rng(rows.draw).permutation(len(index))[:number]
        return ChosenRows(tuple(ItemIds(index).of_many(drawn.tolist())))
    found = positions(index, ids)
    kept = tuple(each for each in ids if each in found)[: rows.number]
    return ChosenRows(kept, {each: said[each] for each in kept if each in said})


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
