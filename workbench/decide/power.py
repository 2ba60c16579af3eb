"""What a comparison of this size can find out, and what more seeds or more labels would add.

All of it supposes what the corrected interval supposes (`statistics.corrected_interval`): the J paired differences
are normal, of equal variance, and any two of them share n_test / (n_train + n_test) of it, because their parts
overlap. Then their mean and their spread are independent and the chance of each verdict of `verdict.compare` is
one integral over the spread. The standard error sd * sqrt(1/J + n_test/n_train) has a floor that no number of seeds
goes below, and so has one that minds the interval over the test items (`items.items_interval`); only more labelled
images lower both.

A plan made from the difference that was just observed is a rough one: where the true difference is smaller, more is
needed. The sentences say "if the difference is really".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, stats

from workbench.records.text import count, points

POWER = 0.8
ALPHA = 0.05
MOST_SEEDS = 200  # nobody runs more; where these don't decide, labels are what is missing
MOST_TIMES = 1000  # as many labels as there are
_QUANTILES = (np.arange(4000) + 0.5) / 4000


def chance_better(
    difference: float,
    sd: float,
    seeds: int,
    test_train_ratio: float,
    margin: float = 0.0,
    *,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> float:
    """Probability that `compare` says "better" of the model that is truly `difference` ahead.

    Args:
        difference, margin: 0 to 1, as the scores. margin: up to this an interval is called equivalent.
        sd: standard deviation of the paired differences over the seeds.
        seeds: 2 or more. test_train_ratio: n_test / n_train, as in `corrected_interval`.
        floor: standard error over the test items, below which the interval doesn't go.

    Raises:
        ValueError: numbers that describe no comparison.
    """
    _check(sd, test_train_ratio, margin, seeds, alpha=alpha)
    error, half = _spread(sd, seeds, test_train_ratio, alpha, floor)
    return _chance_better(difference, error, half, margin)


def chance_decided(
    difference: float,
    sd: float,
    seeds: int,
    test_train_ratio: float,
    margin: float = 0.0,
    *,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> float:
    """Probability that `compare` says "equivalent", or "better" of the right one. Arguments as `chance_better`."""
    _check(sd, test_train_ratio, margin, seeds, alpha=alpha)
    error, half = _spread(sd, seeds, test_train_ratio, alpha, floor)
    return _chance_decided(difference, error, half, margin)


def minimum_detectable(
    sd: float,
    seeds: int,
    test_train_ratio: float,
    margin: float = 0.0,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> float:
    """The smallest true difference (0 to 1) that is called "better" with the chance `power`; 1 at most.

    Arguments as `chance_better`. Differences within the margin aren't looked for: seeds that agree exactly detect the
    margin and no less.
    """
    _check(sd, test_train_ratio, margin, seeds, power, alpha)
    error, half = _spread(sd, seeds, test_train_ratio, alpha, floor)
    if _chance_better(1.0, error, half, margin) < power:
        return 1.0
    if _chance_better(0.0, error, half, margin) >= power:
        return 0.0
    found = optimize.brentq(lambda it: _chance_better(it, error, half, margin) - power, 0.0, 1.0, xtol=1e-9)
    return float(found)


def seeds_needed(
    difference: float,
    sd: float,
    test_train_ratio: float,
    margin: float = 0.0,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> int | None:
    """How many seeds in all give a right verdict with the chance `power`, if the true difference is `difference`.

    None: not even 200 seeds would, because the overlap of the parts keeps the standard error above
    sd * sqrt(test_train_ratio); more labels are needed (`labels_needed`).
    """
    _check(sd, test_train_ratio, margin, 2, power, alpha)

    def enough(seeds: int) -> bool:
        error, half = _spread(sd, seeds, test_train_ratio, alpha, floor)
        return _chance_decided(abs(difference), error, half, margin) >= power

    return _least(enough, 2, MOST_SEEDS)


def labels_needed(
    difference: float,
    sd: float,
    seeds: int,
    n_train: int,
    n_test: int,
    margin: float = 0.0,
    *,
    power: float = POWER,
    alpha: float = ALPHA,
    floor: float = 0.0,
) -> int | None:
    """How many labelled images in all, divided as now, give a right verdict with the chance `power`.

    The spread over the seeds is taken to fall with 1 / sqrt(n_test), as the paired bootstrap's does, and the
    difference to stay: the curve over label budgets tells whether it does.

    Args:
        n_train, n_test: items that a seed fits on and is tested on now; their sum is what is labelled.

    Returns:
        None if even a thousand times as many would not decide: models exactly alike need a margin above 0.
    """
    if n_train < 1 or n_test < 1:
        raise ValueError("a comparison needs training and test items.")
    ratio, labelled = n_test / n_train, n_train + n_test
    _check(sd, ratio, margin, seeds, power, alpha)

    def enough(labels: int) -> bool:
        shrunk = np.sqrt(labelled / labels)
        error, half = _spread(sd * shrunk, seeds, ratio, alpha, floor * shrunk)
        return _chance_decided(abs(difference), error, half, margin) >= power

    return _least(enough, labelled, MOST_TIMES * labelled)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a comparison could find out as it is, and what it would take to decide it.

    Attributes:
        detectable: the smallest true difference that these seeds find four times in five, 0 to 1.
        seeds, labels: as many as there are now. difference: as observed.
        seeds_to_decide, labels_to_decide: in all, if the true difference is the observed one; None: no number would.
        decided: whether the verdict has been given already.
    """

    detectable: float
    difference: float
    seeds: int
    labels: int
    seeds_to_decide: int | None
    labels_to_decide: int | None
    decided: bool

    def told(self) -> str:
        """In one to three sentences."""
        said = (
            f"With {self.seeds} seeds and {self.labels:,} labelled images, a true difference of "
            f"{points(self.detectable)} or more is found four times in five."
        )
        if self.decided:
            return said
        supposed = f"If the difference is really {points(self.difference)}, "
        if self.seeds_to_decide is not None:
            if self.seeds_to_decide <= self.seeds:
                return f"{said} {supposed}these seeds would mostly have decided, so that a few more may."
            more = count(self.seeds_to_decide - self.seeds, "more seed")
            return f"{said} {supposed}{more} ({self.seeds_to_decide} in all) would mostly decide."
        stuck = "more seeds can't decide, because they test and train on the same images over and over"
        if self.labels_to_decide is None:
            return f"{said} {supposed}{stuck}, nor can more labels within reason: choose a wider margin."
        times = self.labels_to_decide / self.labels
        return (
            f"{said} {supposed}{stuck}: it takes about {_rounded(self.labels_to_decide):,} labelled images "
            f"({times:.1f} times as many)."
        )


def outlook(
    differences: Sequence[float] | np.ndarray,
    n_train: int,
    n_test: int,
    margin: float = 0.0,
    *,
    decided: bool = False,
    items: tuple[float, float] | None = None,
) -> Outlook | None:
    """The outlook of a comparison that was run; None with fewer than two seeds, whose spread nobody knows.

    Args:
        differences: (J,) paired differences, one a seed. n_train, n_test: items that a seed fits on and is tested on.
        margin: as the comparison's. decided: whether its verdict is "better" or "equivalent".
        items: the 95 % interval over the test items (`items.items_interval`), where the comparison minds it.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        return None
    # Seeds that agree exactly have been tested on whole images all the same: nothing finer was seen.
    sd = max(float(values.std(ddof=1)), 0.5 / n_test)
    difference = abs(float(values.mean()))
    ratio = n_test / n_train
    floor = 0.0 if items is None else (items[1] - items[0]) / (2 * stats.norm.ppf(0.975))
    return Outlook(
        detectable=minimum_detectable(sd, len(values), ratio, margin, floor=floor),
        difference=difference,
        seeds=len(values),
        labels=n_train + n_test,
        seeds_to_decide=seeds_needed(difference, sd, ratio, margin, floor=floor),
        labels_to_decide=labels_needed(difference, sd, len(values), n_train, n_test, margin, floor=floor),
        decided=decided,
    )


def _check(
    sd: float, ratio: float, margin: float, seeds: int, power: float = POWER, alpha: float = ALPHA
) -> None:
    if not (sd >= 0 and ratio > 0 and margin >= 0 and 0 < power < 1 and 0 < alpha < 1):
        raise ValueError(
            "a spread and a margin of at least 0, a ratio above 0, and a power and an alpha between 0 and 1 "
            "are needed."
        )
    if seeds < 2:
        raise ValueError("the power of a comparison over seeds needs at least two seeds.")


def _spread(sd: float, seeds: int, ratio: float, alpha: float, floor: float) -> tuple[float, np.ndarray]:
    """The true standard error of the mean, and the interval's half-width at even quantiles of the seeds' spread."""
    error = max(sd, 1e-12) * np.sqrt(1 / seeds + ratio)
    freedom = seeds - 1
    half = stats.t.ppf(1 - alpha / 2, freedom) * error * _observed(freedom)
    return max(float(error), floor), np.maximum(half, stats.norm.ppf(1 - alpha / 2) * floor)


@cache
def _observed(freedom: int) -> np.ndarray:
    """The seeds' spread over the true one, at even quantiles. Kept: a search asks for the same hundreds of times."""
    found: np.ndarray = np.sqrt(stats.chi2.ppf(_QUANTILES, freedom) / freedom)
    found.setflags(write=False)
    return found


def _chance_better(difference: float, error: float, half: np.ndarray, margin: float) -> float:
    """The interval mean +- half must lie above 0 and reach beyond the margin."""
    above = np.maximum(half, margin - half)
    return float(np.mean(stats.norm.sf((above - difference) / error)))


def _chance_decided(difference: float, error: float, half: np.ndarray, margin: float) -> float:
    """Above 0 (better, or equivalent), or within the margin on both sides."""
    low, high = half - margin, np.minimum(half, margin - half)
    within = stats.norm.cdf((high - difference) / error) - stats.norm.cdf((low - difference) / error)
    return float(np.mean(stats.norm.sf((half - difference) / error) + np.where(high > low, within, 0.0)))


def _least(enough: Callable[[int], bool], low: int, high: int) -> int | None:
    """The smallest number from `low` to `high` that is enough, supposing that more never is less; None: none is."""
    if not enough(high):
        return None
    while low < high:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _rounded(number: int) -> int:
    """To two figures: more would claim too much."""
    step = 10 ** max(len(str(number)) - 2, 0)
    return -(-number // step) * step
