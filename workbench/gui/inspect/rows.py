"""Which images are the rows of a board. Plain functions that are called in a thread; no Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from workbench.gui.compare.failures import missed_by
from workbench.gui.item_ids import ItemIds, positions
from workbench.pixels.decode import ImageError
from workbench.pixels.gathered import Picture, changed, look_at_picture
from workbench.records.boards import MOST_ROWS, Rows, outside_file
from workbench.records.index import ImageIndex, Refused
from workbench.records.results import Predictions
from workbench.records.spec import Reading

CANDIDATES = 4  # for each row of "odd": so many are painted to find the worst
MARGIN = 8  # times as many images are looked up as are shown: some may have left the folder
NEED_PREDICTIONS = ("misses", "hardest")
NAMED = ("picked", "files", "kept")  # rows that the plan names one by one


@dataclass(frozen=True, slots=True)
class ChosenRows:
    """Ids in the order of the board, and of misses the code of the class that the model said instead."""

    ids: tuple[str, ...] = ()
    said: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundRows:
    """Rows that are there, and where.

    Attributes:
        ids: pinned ones first.
        said: as in `ChosenRows`.
        places: of the items, in the index.
        pictures: of those that are not in the data set.
        twins: of such pictures that hold the very bytes of an image of the data set: its place in the index.
        gone: pictures that can't be shown any more.
    """

    ids: tuple[str, ...] = ()
    said: dict[str, int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, Picture] = field(default_factory=dict)
    twins: dict[str, int] = field(default_factory=dict)
    gone: tuple[Refused, ...] = ()


def find_rows(
    rows: Rows,
    pinned: Sequence[str],
    index: ImageIndex | None,
    predictions: Predictions | None,
    known: Mapping[str, Picture],
    reading: Reading,
) -> FoundRows:
    """The rows of a board. `known` are pictures that were read before, by id; those that are others by now are read
    again."""
    chosen = choose_rows(rows, index, predictions)
    ids = list(dict.fromkeys((*pinned, *chosen.ids)))
    places = positions(index, ids) if index is not None else {}
    pictures, gone = _pictures(ids, known, reading)
    return FoundRows(
        ids=tuple(each for each in ids if each in places or each in pictures),
        said=chosen.said,
        places=places,
        pictures=pictures,
        twins=_twins(pictures, index),
        gone=tuple(gone),
    )


def _pictures(
    ids: Iterable[str], known: Mapping[str, Picture], reading: Reading
) -> tuple[dict[str, Picture], list[Refused]]:
    found: dict[str, Picture] = {}
    gone: list[Refused] = []
    for each in ids:
        file = outside_file(each)
        if file is None:
            continue
        picture = known.get(each)
        try:
            if picture is None or changed(picture):
                picture = look_at_picture(file, reading, whole=False)
            found[each] = picture
        except ImageError as error:
            gone.append(Refused(str(file), error.reason))
    return found, gone


def _twins(pictures: Mapping[str, Picture], index: ImageIndex | None) -> dict[str, int]:
    if index is None or not len(index) or not pictures:
        return {}
    names = {name: picture.digest[:8].hex() for name, picture in pictures.items()}
    found = positions(index, list(dict.fromkeys(names.values())))
    return {
        name: found[short]
        for name, short in names.items()
        if short in found and index.digest[found[short]].tobytes() == pictures[name].digest
    }


def choose_rows(rows: Rows, index: ImageIndex | None, predictions: Predictions | None) -> ChosenRows:
    """Those of `rows` that `index` holds; of "odd" the candidates. Pictures from files aren't looked for."""
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
    elif rows.kind in NAMED:
        ids, said = list(rows.ids), {}
    elif index is None:
        return ChosenRows()
    else:
        number = rows.number if rows.kind == "random" else min(CANDIDATES * rows.number, MOST_ROWS)
        drawn = np.random.default_rng(rows.draw).permutation(len(index))[:number]
        return ChosenRows(tuple(ItemIds(index).of_many(drawn.tolist())))
    found = positions(index, ids) if index is not None else {}
    most = MOST_ROWS if rows.kind == "files" else rows.number
    kept = tuple(each for each in ids if each in found or outside_file(each) is not None)[:most]
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
