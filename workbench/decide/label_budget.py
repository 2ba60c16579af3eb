"""How many labels a model needs: nested subsets to fit on, and the budget at which its curve meets a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from workbench.decide.significance import unit_codes
from workbench.decide.statistics import CONFIDENCE

FRACTIONS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)
GRID = 200  # points between two budgets, for the ends of the interval


def nested_subsets(
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
) -> list[np.ndarray]:
    """Positions of the items that are labelled at each budget; a smaller budget's lie within every larger one's.

    Every class has its share, rounded, and at least one item (so the smallest budgets hold more than their
    fraction where classes are many). With groups, whole groups come one after the other, the same ones
    first in every class: who labels a twentieth of the images labels a twentieth of the patients, not
    a little of each. Only the last group that a class begins is cut.

    Args:
        labels: (N,) class codes; items with a negative one are left out.
        groups: (N,) integer codes; negative: an item by itself.
        fractions: above 0, up to 1, in any order.

    Returns:
        One ascending int64 array of positions a fraction, in the order of `fractions`.

    Raises:
        ValueError: a fraction out of range, or lengths that don't match.
    """
    codes = np.asarray(labels)
    if any(not 0 < fraction <= 1 for fraction in fractions):
        raise ValueError("the label budgets must be above 0 and at most 1 (100 %).")
    if groups is not None and len(groups) != len(codes):
        raise ValueError("labels and groups must have one entry per image.")
    rng = np.random.default_rng([seed, 0x1ABE1])
    units = unit_codes(groups, len(codes))
    turn = rng.permutation(int(units.max(initial=-1)) + 1)[units]  # when its group is labelled
    order = np.lexsort((rng.permutation(len(codes)), turn))
    queues = [order[codes[order] == label] for label in np.unique(codes[codes >= 0])]
    found = []
    for fraction in fractions:
        taken = [queue[: max(int(fraction * len(queue) + 0.5), 1)] for queue in queues]
        found.append(np.sort(np.concatenate(taken)) if taken else np.zeros(0, dtype=np.int64))
    return found


class Target(NamedTuple):
    """`estimate`: labels at which the mean curve meets the threshold, inf where it doesn't (`reached` False).

    `interval`: 95 %. Its lower end is the smallest budget where the target may lie lower still, its upper end inf
    where the largest budget tried may not be enough; (inf, inf) where not even the best case reaches it.
    """

    estimate: float
    interval: tuple[float, float]
    reached: bool


def labels_to_target(
    budgets: Sequence[float] | np.ndarray,
    scores: np.ndarray,
    threshold: float,
    *,
    test_train_ratio: float = 0.0,
    confidence: float = CONFIDENCE,
) -> Target:
    """The number of labels that brings the mean score to `threshold`, with an interval over the seeds.

    The mean curve is made monotone (isotonic regression) and read off between two budgets on a logarithmic scale. The
    interval holds every budget at which a t test over the seeds would not reject that the mean score there
    is the threshold (the test inverted, Casella & Berger 2002, Statistical Inference, section 9.2.1). A
    percentile bootstrap of five seeds would claim 95 % and cover about 85.

    Args:
        budgets: (B,) labels, ascending. scores: (J, B), one row a seed.
        test_train_ratio: where the seeds resample the split of one data set, its items tested over its items not
            tested (whatever the budget), which widens the interval as `statistics.corrected_interval` does; 0 where
            the seeds are independent.

    Raises:
        ValueError: budgets that don't rise, or shapes that don't match.
    """
    sizes, table = np.asarray(budgets, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if sizes.ndim != 1 or len(sizes) == 0 or sizes[0] <= 0 or np.any(np.diff(sizes) <= 0):
        raise ValueError("the label budgets must be positive and rise from one to the next.")
    if table.ndim != 2 or table.shape[1] != len(sizes) or len(table) == 0 or not np.isfinite(table).all():
        raise ValueError("a score is needed for every seed at every label budget.")
    estimate = _crossing(np.log(sizes), _isotonic(table.mean(axis=0)), threshold)
    reached = bool(np.isfinite(estimate))
    if len(table) < 2:  # one seed: nothing is known of the spread
        return Target(estimate, (float(sizes[0]), np.inf), reached)
    fine, curves = _finely(np.log(sizes), table)
    freedom = len(table) - 1
    scale = np.sqrt((1 / len(table) + test_train_ratio) * curves.var(axis=0, ddof=1))
    half = stats.t.ppf(0.5 + confidence / 2, freedom) * scale
    mean = curves.mean(axis=0)
    # Made monotone from outside: the first budget that may be enough, the first from which on all surely are.
    best, worst = np.maximum.accumulate(mean + half), np.minimum.accumulate((mean - half)[::-1])[::-1]
    low, high = _crossing(fine, best, threshold), _crossing(fine, worst, threshold)
    return Target(estimate, (min(low, estimate), max(high, estimate)), reached)


def _isotonic(values: np.ndarray) -> np.ndarray:
    """Nearest rising curve: neighbours that fall are pooled to their mean (Ayer et al. 1955)."""
    pools: list[list[float]] = []  # [mean, weight]
    for value in values.tolist():
        pools.append([value, 1.0])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight = pools.pop()
            before, others = pools[-1]
            pools[-1] = [(before * others + mean * weight) / (others + weight), others + weight]
    return np.concatenate([np.full(int(weight), mean) for mean, weight in pools])


def _finely(places: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every row's curve at `GRID` places from one budget to the next: (F,) and (J, F)."""
    if len(places) == 1:
        return places, table
    steps = np.arange(GRID * (len(places) - 1) + 1) / GRID
    fine = np.interp(steps, np.arange(len(places)), places)
    return fine, np.stack([np.interp(fine, places, row) for row in table])


def _crossing(places: np.ndarray, rising: np.ndarray, threshold: float) -> float:
    """exp of the first place where the rising curve is at the threshold; inf if it never is."""
    reached = np.flatnonzero(rising >= threshold)
    if len(reached) == 0:
        return float(np.inf)
    after = int(reached[0])
    if after == 0:
        return float(np.exp(places[0]))
    before = after - 1
    share = (threshold - rising[before]) / (rising[after] - rising[before])
    return float(np.exp(places[before] + share * (places[after] - places[before])))
