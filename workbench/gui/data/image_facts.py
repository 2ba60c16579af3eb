"""What the filters ask of the images beside the index: parts, leaks, saturation, predictions. Any thread, no Qt."""

from __future__ import annotations

import numpy as np

from workbench.gui.data.image_filter import ImageFacts
from workbench.gui.item_ids import positions
from workbench.records.index import ImageIndex
from workbench.records.leaks import leaking_sets
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.splits import Split


def gather(
    index: ImageIndex,
    split: Split | None,
    result: EvaluationResult | None = None,
    predictions: Predictions | None = None,
    baseline: str = "",
) -> ImageFacts:
    """Facts of the N images of `index`; what belongs to another index is left out."""
    from workbench.pixels.histogram import saturated  # slow to import

    part = split.part if split is not None and len(split.part) == len(index) else None
    model, said = _said(index, result, predictions, baseline)
    return ImageFacts(
        part=part,
        leaks=_mask(leaking_sets(index), len(index)),
        saturated=saturated(index),
        said=said,
        model=model,
    )


def _mask(sets: list[list[int]], length: int) -> np.ndarray:
    found = np.zeros(length, dtype=bool)
    found[np.asarray([position for members in sets for position in members], dtype=np.int64)] = True
    return found


def _said(
    index: ImageIndex, result: EvaluationResult | None, predictions: Predictions | None, baseline: str
) -> tuple[str, np.ndarray | None]:
    """The model whose mistakes are shown - the pinned one, else the first - and what it said of each image."""
    if result is None or predictions is None or not predictions.models:
        return "", None
    model = baseline if baseline in predictions.models else predictions.models[0]
    predicted = predictions.predicted[predictions.models.index(model)]  # (splits, items)
    items = [str(item) for item in predictions.items]
    where = positions(index, items)
    there = np.asarray([place for place, item in enumerate(items) if item in where], dtype=np.int64)
    if not len(there):
        return "", None
    code_of = {name: code for code, name in enumerate(index.classes)}
    # A class that has been renamed since is none of the index's: -2, wrong for every label.
    codes = np.asarray([*(code_of.get(name, -2) for name in result.classes), -1], dtype=np.int32)
    said = np.full((predicted.shape[0], len(index)), -1, dtype=np.int32)
    said[:, [where[items[place]] for place in there.tolist()]] = codes[predicted[:, there]]
    return model, said
