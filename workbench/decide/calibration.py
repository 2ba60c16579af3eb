"""Whether a model that says "90 % sure" is right nine times in ten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.decide.statistics import wilson_interval

BINS = 15  # Guo et al. 2017
DRAWS = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """The test items whose confidence lies near `confidence`, their mean; `accuracy` is the share of them that is
    right, with its 95 % Wilson interval (of independent items: too narrow where groups are large)."""

    confidence: float
    accuracy: float
    interval: tuple[float, float]
    count: int


@dataclass(frozen=True, slots=True)
class Reliability:
    """`ece` is the mean of |accuracy - confidence| over the bins, weighted by their counts, 0 to 1. `bins`: those
    that hold an item, by rising confidence: the reliability curve."""

    ece: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well confidence and accuracy agree, by two ways to bin.

    Attributes:
        width: bins of equal width, the usual one in papers. mass: bins of an equal number of items, which does not
            hang on a few items where nearly all confidences are high.
        by_chance: the ECE (equal mass) that a perfectly calibrated model with these confidences would show on so few
            items, in 19 of 20 cases no more. ECE is never negative and so never 0: a value below this one is
            no evidence of miscalibration.
    """

    width: Reliability
    mass: Reliability
    by_chance: float


def calibration(confidence: np.ndarray, right: np.ndarray, bins: int = BINS, *, seed: int = 0) -> Calibration:
    """Expected calibration error (Guo et al. 2017, ICML, section 2), with equal-mass bins beside it (Nixon et al.
    2019, CVPR workshops, section 3) and its level by chance (the consistency resampling of Broecker & Smith 2007,
    Weather and Forecasting 22, section 3).

    Args:
        confidence: (N,) probability that the model gave to what it said, 0 to 1. right: (N,) bool.

    Raises:
        ValueError: no item, no bin, or numbers that aren't probabilities.
    """
    confidence, right = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if confidence.ndim != 1 or len(confidence) == 0 or confidence.shape != right.shape:
        raise ValueError("calibration needs a confidence for every item, and one item at least.")
    if not np.all((confidence >= 0) & (confidence <= 1 + 1e-6)):
        raise ValueError("confidences must be probabilities, between 0 and 1.")
    confidence = np.minimum(confidence, 1.0)
    if bins < 1:
        raise ValueError("calibration needs at least one bin.")
    # The bin (i/B, (i+1)/B] of Guo et al.: its upper edge belongs to it.
    by_width = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    by_mass = _equal_mass(confidence, bins)
    rng = np.random.default_rng(seed)
    chance = [_gap(confidence, rng.random(len(confidence)) < confidence, by_mass) for _ in range(DRAWS)]
    return Calibration(
        width=_reliability(confidence, right, by_width),
        mass=_reliability(confidence, right, by_mass),
        by_chance=float(np.quantile(chance, 0.95)),
    )


def _equal_mass(confidence: np.ndarray, bins: int) -> np.ndarray:
    """(N,) bin codes by rank. Items of one confidence stay together, for nothing tells them apart."""
    order = np.sort(confidence)
    lowest_rank = np.searchsorted(order, confidence, side="left")
    return lowest_rank * bins // len(confidence)


def _gap(confidence: np.ndarray, right: np.ndarray, codes: np.ndarray) -> float:
    """Sum over the bins of count / N * |accuracy - confidence|, in which the counts cancel."""
    return float(np.abs(np.bincount(codes, right - confidence)).sum() / len(confidence))


def _reliability(confidence: np.ndarray, right: np.ndarray, codes: np.ndarray) -> Reliability:
    found = []
    for code in np.unique(codes):
        inside = codes == code
        count, hits = int(inside.sum()), int(right[inside].sum())
        found.append(Bin(float(confidence[inside].mean()), hits / count, wilson_interval(hits, count), count))
    return Reliability(_gap(confidence, right, codes), tuple(found))
