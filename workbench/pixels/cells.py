"""From what a model answers about a picture to finished pictures with a caption: for the window and for files alike.

How colours are scaled is always told. Attention: light is the strongest patch of each cell, for between layers and
heads it differs by orders of magnitude. Likeness and a plugin's numbers: one scale for all pictures of a model.
Errors of reconstructions: one scale for all pictures of all models.

Shapes: S pixels a side, h x w patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.pixels.overlays import KIND_NAMES, dimmed, heat, kinds, laid_over, mass_mask, outlined, spread
from workbench.records.inspection import PLUGGED, InspectSettings, Sight
from workbench.records.sight_words import head_shown, layer_shown, span
from workbench.records.text import percent

PANELS = {  # of a reconstruction, in their order: how they are called
    "original": "Original",
    "masked": "What it sees",
    "painted": "Painted",
    "pasted": "Painted where hidden",
    "error": "Error",
}
LEAST_TOP = 1.0  # levels: below that, errors can't be seen and their scale shouldn't show them
_GREY = 128  # a hidden patch
_VISIBLE = (96, 96, 96)  # a patch in the map of errors that was visible: no colour of the heat
_QUERY = (0, 230, 0)
_ARTEFACT = (0, 255, 255)
_LINE = 112  # px of a picture's side for each pixel of an outline's width, so that it shows in a small cell


@dataclass(frozen=True, slots=True)
class Cell:
    """A finished picture, (S, S, 3) uint8, or None and the reason why there is none."""

    pixels: np.ndarray | None
    caption: str = ""
    panel: str = ""  # one of PANELS, of a reconstruction
    reason: str = ""


def cells(sight: Sight, row: int, settings: InspectSettings, top: float = 0.0) -> tuple[Cell, ...]:
    """What a model's column shows of picture `row`, counted from 0: five panels of a reconstruction, else one cell.

    Args:
        settings: as the sight was asked for, but for what is drawn anew (see `records.inspection.same_answer`).
        top: levels of the lightest error, from `error_top` of all sights on the board; 0 takes this sight's.
    """
    if sight.error or sight.pictures is None:
        return (Cell(None, reason=sight.error or "There is no answer."),)
    if sight.reasons[row]:
        return (Cell(None, reason=sight.reasons[row]),)
    if settings.show == "reconstruction":
        return _reconstruction(sight, row, top or error_top([sight]))
    draw = {
        "attention": _attention,
        "patch-pca": _patch_colours,
        "likeness": _likeness,
        "segments": _groups,
        PLUGGED: _values,
    }
    return (draw[settings.show](sight, row, settings),)


def plain_cell(sights: Sequence[Sight], row: int) -> Cell:
    """The picture itself, as the first model that could read it sees it."""
    for sight in sights:
        if sight.pictures is not None and not sight.reasons[row]:
            return Cell(sight.pictures[row])
    reasons = [sight.reasons[row] for sight in sights if sight.reasons]
    return Cell(None, reason=reasons[0] if reasons else "No model could show it.")


def error_top(sights: Sequence[Sight]) -> float:
    """The largest error of a hidden patch in all pictures of all models, in levels: the light of all error panels."""
    tops = [
        float(sight.errors[sight.hidden].max())
        for sight in sights
        if sight.errors is not None and sight.hidden is not None and sight.hidden.any()
    ]
    return max([LEAST_TOP, *tops])


def attention_map(sight: Sight, row: int, settings: InspectSettings) -> np.ndarray:
    """(h, w) float32: the shares of the query's attention that go to each patch of picture `row`."""
    if settings.rollout and sight.rollout is not None:
        followed: np.ndarray = sight.rollout[row]
        return followed.reshape(sight.grid)
    assert sight.attention is not None
    layer, head = layer_shown(sight, settings), head_shown(sight, settings)
    heads = sight.attention[row, layer - 1].astype(np.float32)
    chosen: np.ndarray = heads[head - 1] if head else heads.mean(axis=0)
    return chosen.reshape(sight.grid)


def _attention(sight: Sight, row: int, settings: InspectSettings) -> Cell:
    assert sight.pictures is not None
    shares = attention_map(sight, row, settings)
    made = laid_over(sight.pictures[row], heat(shares, 0.0, float(shares.max())), settings.opacity)
    words = [f"strongest {_percent(float(shares.max()))}"]
    if settings.keep_mass < 1:
        kept = mass_mask(shares.ravel(), settings.keep_mass).reshape(shares.shape)
        made = dimmed(made, kept)
        words.append(f"{percent(settings.keep_mass)} in {int(kept.sum())} of {kept.size}")
    words.append(f"no patch {_percent(max(1 - float(shares.sum()), 0.0))}")
    if settings.artefacts and sight.artefacts is not None:
        made = outlined(made, sight.artefacts[row], _ARTEFACT, width=_line(made))
    return Cell(_with_query(made, sight, row, settings), " · ".join(words))


def _patch_colours(sight: Sight, row: int, settings: InspectSettings) -> Cell:
    assert sight.pictures is not None and sight.colours is not None and sight.foreground is not None
    picture, inside = sight.pictures[row], sight.foreground[row]
    colours = np.round(sight.colours[row] * 255).astype(np.uint8)
    made = laid_over(picture, colours, settings.opacity)
    outside = ~spread(inside, *picture.shape[:2])
    made[outside] = dimmed(picture, inside)[outside]
    return Cell(made, "" if inside.all() else f"{percent(inside.mean())} of its patches in colour")


def _values(sight: Sight, row: int, settings: InspectSettings) -> Cell:
    assert sight.pictures is not None and sight.values is not None
    values = sight.values[row]
    low, high = float(np.nanmin(sight.values)), float(np.nanmax(sight.values))
    made = laid_over(sight.pictures[row], heat(values, low, high), settings.opacity)
    return Cell(made, span(values.min(), values.max(), ".3g"))


def _likeness(sight: Sight, row: int, settings: InspectSettings) -> Cell:
    assert sight.pictures is not None and sight.values is not None
    values = sight.values[row]
    low, high = float(np.nanmin(sight.values)), float(np.nanmax(sight.values))
    made = laid_over(sight.pictures[row], heat(values, low, high), settings.opacity)
    if row == settings.query_image - 1:
        made = _with_query(made, sight, row, settings)
    return Cell(made, span(values.min(), values.max()))


def _groups(sight: Sight, row: int, settings: InspectSettings) -> Cell:
    assert sight.pictures is not None and sight.groups is not None
    groups = sight.groups[row]
    made = laid_over(sight.pictures[row], kinds(groups), settings.opacity)
    numbers, counts = np.unique(groups, return_counts=True)
    largest = sorted(zip((-counts).tolist(), numbers.tolist(), strict=True))[:3]
    told = (f"{KIND_NAMES[number]} {percent(-share / groups.size)}" for share, number in largest)
    return Cell(made, ", ".join(told))


def _reconstruction(sight: Sight, row: int, top: float) -> tuple[Cell, ...]:
    assert sight.pictures is not None and sight.painted is not None
    assert sight.hidden is not None and sight.errors is not None and sight.picture_errors is not None
    original, painted, hidden = sight.pictures[row], sight.painted[row], sight.hidden[row]
    under = spread(hidden, *original.shape[:2])[..., None]
    wrong = heat(sight.errors[row], 0.0, top)
    wrong[~hidden] = _VISIBLE
    error = float(sight.picture_errors[row])
    found = f"{error:.1f} levels" if np.isfinite(error) else "nothing hidden"
    made = {
        "original": (original, ""),
        "masked": (np.where(under, np.uint8(_GREY), original), f"{percent(hidden.mean())} hidden"),
        "painted": (painted, ""),
        "pasted": (np.where(under, painted, original), ""),
        "error": (spread(wrong, *original.shape[:2]), f"{found} · lightest {top:.0f}"),
    }
    return tuple(Cell(made[name][0], made[name][1], panel=name) for name in PANELS)


def _with_query(made: np.ndarray, sight: Sight, row: int, settings: InspectSettings) -> np.ndarray:
    """The patch that the query names, outlined."""
    place = settings.place()
    if place is None:
        return made
    marked = np.zeros(sight.grid, bool)
    marked[sight.patch_at(row, place)] = True
    return outlined(made, marked, _QUERY, width=_line(made))


def _line(picture: np.ndarray) -> int:
    return max(round(len(picture) / _LINE), 1)


def _percent(share: float) -> str:
    return percent(share, digits=int(share < 0.1))
