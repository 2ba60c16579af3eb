"""What goes into a comparison: the features of each model, and the checks before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.records.text import printable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelFeatures:
    """What one model says of the items; the first six fields go into the result's row as they are."""

    name: str  # unique within the comparison
    backbone: str
    feature: str
    fingerprint: str
    image_size: int | None
    source: str
    X: np.ndarray  # (N, D) float
    ids: Sequence[str] | None = None  # of the rows of X; None: known to be the comparison's
    provenance: Mapping[str, Any] = field(
        default_factory=dict
    )  # of the embedding file: how the feature was made
    pretrained: np.ndarray | None = (
        None  # (N,) bool: what the backbone learnt from, without labels; None: not said
    )


def check_inputs(
    models: Sequence[ModelFeatures],
    labels: np.ndarray,
    ids: Sequence[str],
    groups: np.ndarray | None,
    parts: Sequence[np.ndarray],
    seeds: Sequence[int],
    classes: Sequence[str],
    split_hashes: Sequence[str],
    grid: Sequence[float],
) -> None:
    """Raises ValueError, in a sentence, for whatever can't be compared. Arguments as `evaluate.evaluate`."""
    count = len(ids)
    if not models:
        raise ValueError("there is no model to evaluate.")
    if len({model.name for model in models}) != len(models):
        raise ValueError("two models have the same name; give each its own.")
    if len(labels) != count or (groups is not None and len(groups) != count):
        raise ValueError("ids, labels and groups must have one entry per image.")
    if count == 0 or labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError("every image to evaluate needs a label out of the list of classes.")
    if len(np.unique(labels)) < 2:
        raise ValueError("there is only one class; label images of at least two to compare models.")
    if not grid or min(grid) <= 0:
        raise ValueError("the probe's strengths must be positive.")
    if len(parts) == 0 or len(parts) != len(seeds) or len(split_hashes) != len(seeds):
        raise ValueError("every seed needs its split and the split's hash.")
    for seed, part in zip(seeds, parts, strict=True):
        if part.shape != (count,):
            raise ValueError(f"the split of seed {seed} has {len(part)} entries for {count} images.")
        for which, name in enumerate(("training", "validation", "test")):
            if not np.any(part == which):
                raise ValueError(
                    f"the {name} part of seed {seed} is empty: there are too few labelled images, or too few "
                    "groups. Three or more of every class are needed."
                )
    for model in models:
        shown = printable(model.name)
        if model.X.ndim != 2 or len(model.X) != count:
            raise ValueError(f"{shown} has features of {len(model.X)} images where {count} are compared.")
        if model.ids is not None and list(model.ids) != list(ids):
            raise ValueError(
                f"{shown} was made from other images, or in another order, than those compared. Embed the same "
                "folder with every model."
            )
        if not np.isfinite(model.X).all():
            broken = int((~np.isfinite(model.X).all(axis=1)).sum())
            raise ValueError(
                f"the features of {shown} hold NaN or infinite values for {broken} of {count} images. Embed "
                "again, in fp32 if bf16 was used."
            )
