"""How sure a mean or a difference is when the seeds resample the split of one data set.

The test parts of two seeds share items and so do their training parts: their scores are not independent
draws, and the textbook t interval is far too narrow. Nadeau and Bengio's correction widens it. This file
owns the intervals and the words of a verdict; it knows nothing of models or of files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from workbench.records.results import METRIC_NAMES, Comparison, Verdict
from workbench.records.text import printable

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


def wilson_interval(successes: int, trials: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Interval of a proportion (Wilson 1927): right also near 0 and 1, where the usual one is empty.
    (0, 1) without a trial."""
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials} is not a proportion.")
    if trials == 0:
        return 0.0, 1.0
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share = successes / trials
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


def compare(
    a: str,
    b: str,
    a_values: Sequence[float],
    b_values: Sequence[float],
    *,
    n_train: int,
    n_test: int,
    margin: float,
    metric: str,
    correct: tuple[np.ndarray, np.ndarray] | None = None,
    groups: np.ndarray | None = None,
) -> Comparison:
    """The paired comparison of two models, put so that the one with the higher mean comes first.

    The verdict is "equivalent" if the 95 % interval of the difference lies within +-margin, else "better" if
    it excludes 0, else "undecided". Where the seeds hardly differ the interval is kept at least one test
    item wide: nothing finer can have been seen. With one seed the interval is a bootstrap over
    the test items where `correct` is given (else -1 to 1), and the verdict is always "undecided": what
    another split would have said is unknown.

    Args:
        a_values, b_values: (J,) scores between 0 and 1, one a seed, of the same splits.
        n_train, n_test: items that a seed fits on and is tested on.
        margin: differences up to this are of no consequence.
        metric: one of records.results.METRICS.
        correct: (n,) bool each, whether a and b were right on each test item of the one seed.
        groups: (n,) integer codes of the test items that belong together, for the bootstrap.
    """
    if len(a_values) != len(b_values) or len(a_values) == 0:
        raise ValueError(f"{printable(a)} and {printable(b)} have not been run with the same seeds.")
    if np.mean(a_values) < np.mean(b_values):
        a, b, a_values, b_values = b, a, b_values, a_values
        correct = None if correct is None else (correct[1], correct[0])
    differences = np.asarray(a_values, dtype=np.float64) - np.asarray(b_values, dtype=np.float64)
    difference = float(differences.mean())
    interval = (-1.0, 1.0)
    verdict: Verdict = "undecided"
    if len(differences) > 1:
        low, high = corrected_interval(differences, n_train, n_test)
        least = 0.5 / n_test
        interval = (max(min(low, difference - least), -1.0), min(max(high, difference + least), 1.0))
        if -margin <= interval[0] and interval[1] <= margin:
            verdict = "equivalent"
        elif interval[0] > 0:
            verdict = "better"
    elif correct is not None:
        interval = paired_bootstrap(*correct, groups)
    return Comparison(
        a=a,
        b=b,
        metric=metric,
        difference=difference,
        interval=interval,
        verdict=verdict,
        reason=_reason(a, b, metric, difference, interval, verdict, margin, len(differences)),
    )


def _reason(
    a: str,
    b: str,
    metric: str,
    difference: float,
    interval: tuple[float, float],
    verdict: Verdict,
    margin: float,
    seeds: int,
) -> str:
    first, second, name = printable(a), printable(b), METRIC_NAMES[metric]
    ahead = f"{_points(difference)} ahead of {second} in {name}"
    spread = f"95 % interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
    if seeds < 2:
        return f"{first} is {ahead} on one split, which can't decide: run at least two seeds, better five."
    if verdict == "better":
        return f"{first} is {ahead}, {spread}."
    if verdict == "equivalent":
        return (
            f"{first} and {second} are {_points(difference)} apart in {name}, {spread}: within the margin of "
            f"{_points(margin)}."
        )
    return f"{first} is {ahead}, but the {spread} includes 0: more seeds or labels would be needed to decide."


def _points(share: float) -> str:
    number = f"{100 * share:.1f}"
    return f"{number} {'point' if number == '1.0' else 'points'}"
