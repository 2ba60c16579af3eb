"""What the colours of a map stand for: a name for each category, and which one each item is in. No Qt.

Seven colours can be told apart by colour-blind readers. Where there are more categories, the seven largest of those
that are shown have one, and all others are grey: hiding some gives their colours to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workbench.gui.compare.failures import misses
from workbench.gui.maps.atlas import NO_CODE, Atlas, Categories
from workbench.gui.theme import Theme
from workbench.records.plotting import PALETTE
from workbench.records.results import EvaluationResult, Predictions

CLASS, PART, GROUP, SAID, ERROR, COPIES = "class", "part", "group", "said", "error", "copies"
TITLES = {
    CLASS: "Class",
    PART: "Part of the split",
    GROUP: "Group",
    SAID: "Prediction",
    ERROR: "Right or wrong",
    COPIES: "Copies",
}
TIPS = {
    CLASS: "What each image is labelled",
    PART: "Training, validation or test part of the first split",
    GROUP: "Images of one group stay in one part of a split",
    SAID: "What the probe of each model says of an image most often, in the splits that tested it",
    ERROR: "Whether the probe of each model is wrong in most of the splits that tested the image",
    COPIES: "Images that have an exact or near copy",
}
GREY = PALETTE[6]
COLOURS = tuple(colour for colour in PALETTE if colour != GREY)
Answers = dict[str, tuple[np.ndarray, np.ndarray]]
CROWDED = f"The {len(COLOURS)} largest that are shown have a colour; hide some and others get theirs."
PART_NAMES = ("Training", "Validation", "Test")


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """`code[model][i]` is a place in `names` for item i of the atlas; `rest` names those of no category."""

    key: str
    names: tuple[str, ...]  # untrusted text
    code: Mapping[str, np.ndarray]  # each (items,) int32, NO_CODE for none
    rest: str
    counts: tuple[int, ...]  # items of each category, and then of none; over all models where they differ
    fixed: tuple[str, ...] = ()  # colours of the categories, where they have a meaning

    def rows(self, model: str, items: np.ndarray) -> np.ndarray:
        """(N,) int32, the place in the list of categories of each of `items`, those of none after the last."""
        code = self.code[model][items]
        return np.where(code == NO_CODE, len(self.names), code).astype(np.int32)

    def colours(self, shown: np.ndarray, theme: Theme) -> list[str]:
        """ "#rrggbb" of every category and then of none; `shown` (K + 1,) says which are to be seen."""
        if self.fixed:
            return [*self.fixed, _faint(theme)]
        found = [GREY] * len(self.names)
        if len(self.names) <= len(COLOURS):
            found = list(COLOURS[: len(self.names)])
        else:
            order = sorted(range(len(self.names)), key=lambda place: -self.counts[place])
            seen = [place for place in order if shown[place]]
            for place, colour in zip(seen, COLOURS, strict=False):
                found[place] = colour
        return [*found, _faint(theme)]

    @property
    def note(self) -> str:
        """What must be known of the counts or the colours."""
        if self.key in (SAID, ERROR):
            return "Counted over all models."
        return CROWDED if self.crowded else ""

    @property
    def crowded(self) -> bool:
        """Whether there are more categories than colours."""
        return not self.fixed and len(self.names) > len(COLOURS)


def available(atlas: Atlas, predictions: Predictions | None) -> list[str]:
    """What there is something to tell of, in the order in which it is offered."""
    known = {
        CLASS: bool(atlas.labels.names),
        PART: bool(atlas.parts.names),
        GROUP: bool(atlas.groups.names),
        SAID: predictions is not None,
        ERROR: predictions is not None,
        COPIES: bool(atlas.copies.names),
    }
    return [key for key in TITLES if known[key]]


def colouring(key: str, atlas: Atlas, result: EvaluationResult, said: Answers) -> Colouring:
    """The colours of every model by `key`; `said` is what `answers` found, and a model without is all "none"."""
    models = tuple(atlas.maps)
    if key in (SAID, ERROR):
        nothing = np.full(len(atlas.ids), NO_CODE, np.int32)
        code = {name: said[name][int(key == ERROR)] if name in said else nothing for name in models}
        names = tuple(result.classes) if key == SAID else ("Right", "Wrong")
        two = () if key == SAID else (COLOURS[0], COLOURS[5])
        return Colouring(key, names, code, "Never tested", _counts(names, code), two)
    fixed: tuple[str, ...]
    if key == COPIES:
        has = np.where(atlas.copies.code == NO_CODE, NO_CODE, 0).astype(np.int32)
        found, rest, fixed = Categories(("Has a copy",), has), "No copy", (COLOURS[5],)
    elif key == PART:
        found, rest, fixed = atlas.parts, "In no part", COLOURS[:3]
        found = Categories(PART_NAMES[: len(found.names)], found.code)
    elif key == GROUP:
        found, rest, fixed = atlas.groups, "No group", ()
    else:
        found, rest, fixed = atlas.labels, "No label", ()
    one = {name: found.code for name in models}
    return Colouring(key, found.names, one, rest, _counts(found.names, {"": found.code}), fixed)


def answers(atlas: Atlas, predictions: Predictions) -> Answers:
    """For each model (items,) int32 what it says of each item most often, and 1 where it misses the item, else 0.

    NO_CODE where no split tested the item. Of answers that are as frequent the lower code is taken.
    """
    place = np.asarray([atlas.where.get(str(name), -1) for name in predictions.items], dtype=np.int64)
    known = np.flatnonzero(place >= 0)
    missed, tested = misses(predictions)
    found = {}
    for model, name in enumerate(predictions.models):
        both = []
        for column in (_most_said(predictions.predicted[model]), np.where(tested, missed[model], NO_CODE)):
            spread = np.full(len(atlas.ids), NO_CODE, np.int32)
            spread[place[known]] = column[known]
            both.append(spread)
        found[name] = both[0], both[1]
    return found


def _most_said(said: np.ndarray) -> np.ndarray:
    """(N,) the most frequent code of each column of (seeds, N), NO_CODE where there is none."""
    most = np.full(said.shape[1], NO_CODE, np.int32)
    often = np.zeros(said.shape[1], np.int32)
    for answer in said:
        times = np.where(answer >= 0, (said == answer).sum(axis=0), 0)
        better = (times > often) | ((times == often) & (times > 0) & (answer < most))
        most, often = np.where(better, answer, most), np.where(better, times, often)
    return most


def _faint(theme: Theme) -> str:
    """Half of the way from the card to dim text: there, and behind every colour."""
    pairs = ((int(theme.dim[i : i + 2], 16), int(theme.panel[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{(a + b) // 2:02x}" for a, b in pairs)


def _counts(names: tuple[str, ...], code: Mapping[str, np.ndarray]) -> tuple[int, ...]:
    total = np.zeros(len(names) + 1, np.int64)
    for column in code.values():
        rows = np.where(column == NO_CODE, len(names), column)
        total += np.bincount(rows, minlength=len(names) + 1)[: len(names) + 1]
    return tuple(total.tolist())
