"""What is said beside the pictures of a board: what was asked, how a model's column came about, how colours read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.records.inspection import PLUGGED, InspectSettings, Sight
from workbench.records.text import count, percent, printable

_FRAMED = "Patches used as scratch paper, where there are any, are framed in cyan."


def layer_shown(sight: Sight, settings: InspectSettings) -> int:
    """Counted from 1: the one that is asked for, or the model's last. 0 where only the last map can be had."""
    return settings.layer if 0 < settings.layer <= sight.depth else sight.depth


def head_shown(sight: Sight, settings: InspectSettings) -> int:
    """Counted from 1: the one that is asked for; 0 is the mean of all."""
    return settings.head if settings.head <= sight.heads else 0


def span(low: float, high: float, form: str = ".2f") -> str:
    """ "−0.15 to 0.34": likeness, with a minus that is one."""
    return f"{low:{form}} to {high:{form}}".replace("-", "−")


def notes_of(sight: Sight, settings: InspectSettings) -> tuple[str, ...]:
    """The sight's own, and those on what is drawn of it."""
    notes = list(sight.notes)
    if settings.show == "attention" and not settings.rollout and not sight.error:
        if settings.layer > sight.depth:
            notes.append(f"It has {count(sight.depth, 'layer')}: its last is shown.")
        if settings.head > sight.heads:
            notes.append(f"It has {count(sight.heads, 'head')}: their mean is shown.")
    return tuple(notes)


def column_words(sight: Sight, settings: InspectSettings) -> str:
    """How a model's column came about: "layer 12 of 12, mean of 6 heads"; "" for one that can't answer."""
    if sight.error:
        return ""
    words = _column_words(sight, settings)
    if not settings.image_size or sight.pictures is None:
        return words
    return f"{words}, {sight.pictures.shape[1]} px"


def _column_words(sight: Sight, settings: InspectSettings) -> str:
    rows, columns = sight.grid
    layer = f"layer {layer_shown(sight, settings)} of {sight.depth}" if sight.heads else "last map"
    if settings.show == "attention":
        if settings.rollout:
            return f"rollout to {layer}, {settings.rollout} of {sight.heads} heads"
        head = head_shown(sight, settings)
        return f"{layer}, " + (f"head {head} of {sight.heads}" if head else f"mean of {sight.heads} heads")
    if settings.show == "reconstruction":
        return f"{rows} × {columns} patches"
    if settings.show == "patch-pca" and sight.shares is not None:
        red, green, blue = (percent(share) for share in sight.shares)
        return f"{layer}, red {red}, green {green}, blue {blue}"
    if settings.show == "likeness" and sight.values is not None:
        known = sight.values[np.isfinite(sight.values)]
        return f"{layer}, {span(known.min(), known.max())}"
    if settings.show == PLUGGED and sight.values is not None:
        known = sight.values[np.isfinite(sight.values)]
        numbers = span(known.min(), known.max(), ".3g")
        return f"{layer}, {numbers}"
    return f"{layer}, {rows} × {columns} patches"


def asked_words(settings: InspectSettings, top: float = 0.0) -> str:
    """What was asked and how to read the colours, in one or two sentences.

    `top`: levels of the lightest error, of a reconstruction.
    """
    sized = (
        f" Every model gets {settings.image_size} px, or what its patches tile."
        if settings.image_size
        else ""
    )
    return _asked_words(settings, top) + sized


def _asked_words(settings: InspectSettings, top: float) -> str:
    layer = f"layer {settings.layer}" if settings.layer else "the last layer"
    if settings.show == "attention":
        head = f"head {settings.head}" if settings.head else "the mean of all heads"
        what = (
            f"followed by rollout to {layer}, the {settings.rollout} of all heads"
            if settings.rollout
            else f"{layer}, {head}"
        )
        kept = (
            f" In light: the patches that hold {percent(settings.keep_mass)} of it."
            if settings.keep_mass < 1
            else ""
        )
        framed = f" {_FRAMED}" if settings.artefacts else ""
        return (
            f"Attention of {_asker(settings)}: {what}. The lightest colour is the strongest patch of each cell, so "
            "colours of two cells can't be compared; under each stands its share, and what goes to no patch."
            f"{kept}{framed}"
        )
    if settings.show == "reconstruction":
        what = (
            f"What lies in {count(len(settings.boxes), 'box', 'boxes')} is hidden"
            if settings.boxes
            else f"{percent(settings.mask_ratio)} of the patches are hidden at random, seed {settings.seed}, the "
            "same in all pictures and for all models with as many patches"
        )
        return (
            f"{what}. Errors are root mean squares over hidden patches, in levels of 0 to 255, on one scale for all: "
            f"the lightest is {top:.0f}. Grey was visible: no model learns to paint that."
        )
    if settings.show == "patch-pca":
        side = {
            "all": "all patches",
            "inner": "what looks like the subject",
            "outer": "what looks like background",
        }
        return (
            f"The first three principal components of {side[settings.side]} at {layer} as red, green and blue, over "
            "all pictures of a model: a colour means the same in a column, not across columns. Under each name: the "
            "share of the variance that each colour holds."
        )
    if settings.show == "likeness":
        return (
            f"Cosine of every patch to {_asker(settings)} of picture {settings.query_image}, at {layer}. One scale a "
            "model, from dark to light: it stands under its name."
        )
    if settings.show == PLUGGED:
        return (
            f"What the plugin's inspection {printable(settings.inspection)} says of each patch, at {layer}. One "
            "scale a model: dark and light stand under its name."
        )
    return (
        f"Patches of all pictures of a model in {settings.groups} groups (k-means, seed {settings.seed}) at {layer}: "
        "a colour means the same in a column, not across columns."
    )


def reconstruction_errors(sights: Sequence[Sight], row: int) -> list[float]:
    """Of picture `row`, in levels: by each model that painted something of it."""
    errors = [float(sight.picture_errors[row]) for sight in sights if sight.picture_errors is not None]
    return [error for error in errors if np.isfinite(error)]


def _asker(settings: InspectSettings) -> str:
    place = settings.place()
    if place is None:
        return "the class token" if settings.query == "cls" else "the mean of the patches"
    return f"the green patch at {percent(place[0])} of the width and {percent(place[1])} of the height"
