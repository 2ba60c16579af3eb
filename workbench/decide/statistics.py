"""How sure a mean or a difference is when the seeds resample the split of one data set.

The test parts of two seeds share items and so do their training parts: their scores are not independent
draws, and the textbook t interval is far too narrow. Nadeau and Bengio's correction widens it. This file
owns the intervals; `verdict.py` makes a verdict of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000


def corrected_interval(
    differences: Sequence[float] | np.ndarray, n_train: int, n_test: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Corrected resampled t interval of the mean (Nadeau & Bengio 2003, Machine Learning 52, section 3).

    The variance of the mean of J seeds is taken as (1 / J + n_test / n_train) * s^2 instead of s^2 / J, with
    J - 1 degrees of freedom.

    Args:
        differences: (J,) paired differences, or scores, one a seed.
        n_train, n_test: items that a seed fits on and is tested on.

    Raises:
        ValueError: fewer than two seeds, or an empty part.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        raise ValueError("an interval over seeds needs at least two seeds.")
    if n_train < 1 or n_test < 1:
        raise ValueError("an interval over seeds needs training and test items.")
    scale = np.sqrt((1 / len(values) + n_test / n_train) * values.var(ddof=1))
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1) * scale)
    mean = float(values.mean())
    return mean - half, mean + half


def mean_interval(
    values: Sequence[float] | np.ndarray, n_train: int, n_test: int, confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """`corrected_interval` of a score between 0 and 1, cut to that range; None with fewer than two seeds."""
    if len(values) < 2:
        return None
    low, high = corrected_interval(values, n_train, n_test, confidence)
    return max(low, 0.0), min(high, 1.0)


def wilson_interval(successes: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a proportion (Wilson 1927): right also near 0 and 1, where the usual one is empty.
    (0, 1) without a trial. Successes need not be whole: of an item that is tested several times, its share counts."""
    if not 0 <= successes <= trials * (1 + 1e-9):
        raise ValueError(f"{successes} of {trials} is not a proportion.")
    if trials == 0:
        return 0.0, 1.0
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = min(successes / trials, 1.0)
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * np.sqrt(share * (1 - share) / trials + (z / (2 * trials)) ** 2)
    return max(float(centre - half), 0.0), min(float(centre + half), 1.0)


def paired_bootstrap(
    a_correct: np.ndarray,
    b_correct: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile interval of the difference in accuracy on the same test items (Efron & Tibshirani 1993).

    Args:
        a_correct, b_correct: (n,) bool.
        groups: (n,) integer codes of what is drawn as a whole (patient, lot); negative: an item by itself.
    """
    difference = np.asarray(a_correct, dtype=np.float64) - np.asarray(b_correct, dtype=np.float64)
    if len(difference) == 0:
        raise ValueError("a bootstrap needs test items.")
    codes = np.arange(len(difference))
    if groups is not None:
        given = np.asarray(groups)
        codes = np.where(given >= 0, given, given.max(initial=0) + 1 + codes)
    _, codes = np.unique(codes, return_inverse=True)
    sums, sizes = np.bincount(codes, difference), np.bincount(codes)
    rng = np.random.default_rng(seed)
    means = np.empty(resamples)
    for i in range(resamples):
        drawn = rng.integers(0, len(sums), len(sums))
        means[i] = sums[drawn].sum() / sizes[drawn].sum()
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)
