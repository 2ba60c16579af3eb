"""Patches that a vision transformer uses as scratch paper: tokens far longer than all others.

"Vision Transformers Need Registers" (Darcet et al. 2024): in large models that were trained for long, some patches of
plain background hold facts of the whole picture instead of their own place. Their norm at the end of the last layer
is several times that of the others, and maps of attention and features have spots there. Registers take over that
work.

Shapes: B pictures, h x w patches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.engine.inspect.vision import Vision

_TIMES = 2.0  # the median: where all norms are nearly alike, small differences are no artefacts
_DEVIATIONS = 6.0  # above the median: where norms spread widely, the end of the spread is no artefact
_TO_DEVIATION = 1.4826  # of a normal distribution, from its median absolute deviation
_BINS = 60


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Which patches are far too long, and the histogram that shows where they were cut off."""

    flagged: np.ndarray  # (B, h, w) bool
    cut: float  # the norm above which a patch is flagged
    counts: np.ndarray  # (60,) patches by their norm
    edges: np.ndarray  # (61,) of the bins


def token_norms(vision: Vision, pictures: np.ndarray) -> np.ndarray:
    """(B, S, S, n) pictures -> the Euclidean norm of each patch behind the last layer, before the model's final norm.

    (B, h, w) float32. The final norm would make all of them alike.

    Raises:
        ValueError: the model is no vision transformer.
    """
    if not vision.attends:
        raise ValueError(
            f"{vision.title} is no vision transformer: its map has no patches that could be used as registers."
        )
    return np.linalg.norm(vision.raw_tokens(pictures), axis=-1)


def find_artefacts(norms: np.ndarray) -> Artefacts:
    """(B, h, w) norms of one model -> those that are far too long, judged over all pictures together.

    A patch is flagged where its norm is above twice the median and above the median by six robust standard deviations
    (1.4826 times the median absolute deviation). Both hold for the second hump that Darcet et al. cut off by eye, at
    150 for DINOv2 ViT-g. The scatter of a narrow hump stays below the one, that of a broad one below the other; of a
    skewed hump a few in ten thousand pass. More pictures make the cut steadier.
    """
    flat = np.asarray(norms, np.float64).ravel()
    median = float(np.median(flat))
    deviation = _TO_DEVIATION * float(np.median(np.abs(flat - median)))
    cut = max(_TIMES * median, median + _DEVIATIONS * deviation)
    counts, edges = np.histogram(flat, bins=_BINS, range=(0, max(float(flat.max()), cut)))
    return Artefacts(np.asarray(norms) > cut, cut, counts, edges)
