"""Two models on the same splits: better, equivalent or undecided, in numbers and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from workbench.decide.power import outlook
from workbench.decide.significance import corrected_p
from workbench.decide.statistics import corrected_interval, paired_bootstrap
from workbench.records.results import Comparison, Verdict
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import points, printable


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
    items: tuple[float, float] | None = None,
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
        items: interval of a minus b over the test items (`decide.items`), where every seed tests the same ones: the
            interval over the seeds is then blind to the luck of these items, and the wider of the two counts.
    """
    if len(a_values) != len(b_values) or len(a_values) == 0:
        raise ValueError(f"{printable(a)} and {printable(b)} have not been run with the same seeds.")
    if np.mean(a_values) < np.mean(b_values):
        a, b, a_values, b_values = b, a, b_values, a_values
        correct = None if correct is None else (correct[1], correct[0])
        items = None if items is None else (-items[1], -items[0])
    differences = np.asarray(a_values, dtype=np.float64) - np.asarray(b_values, dtype=np.float64)
    difference = float(differences.mean())
    interval = (-1.0, 1.0)
    verdict: Verdict = "undecided"
    if len(differences) > 1:
        low, high = corrected_interval(differences, n_train, n_test)
        if items is not None:
            low, high = min(low, items[0]), max(high, items[1])
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
        p=_p(differences, n_train, n_test, items),
    )


def with_outlook(
    pair: Comparison,
    first: Sequence[float],
    second: Sequence[float],
    *,
    n_train: int,
    n_test: int,
    margin: float,
    items: tuple[float, float] | None = None,
) -> Comparison:
    """`pair` with what its seeds and labels can find, and, where it is undecided, what more of them would bring.

    Args:
        first, second: (J,) scores of its two models, in any order.
        n_train, n_test, margin, items: as for `compare`; the order of `items` doesn't matter.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    ahead = outlook(differences, n_train, n_test, margin, decided=pair.verdict != "undecided", items=items)
    if ahead is None:
        return pair
    told = ahead.told()
    reason = f"{pair.reason} {told}" if pair.verdict == "undecided" else pair.reason
    return replace(pair, minimum_detectable_difference=ahead.detectable, outlook=told, reason=reason)


def _p(differences: np.ndarray, n_train: int, n_test: int, items: tuple[float, float] | None) -> float | None:
    """Two-sided p-value of no difference; the larger of that over the seeds and that over the test items."""
    if len(differences) < 2:
        return None
    p = corrected_p(differences, n_train, n_test)
    if items is not None:
        error = (items[1] - items[0]) / (2 * stats.norm.ppf(0.975))
        p = max(p, float(2 * stats.norm.sf(abs(differences.mean()) / error)) if error > 0 else p)
    return p


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
    leads = f"{points(difference)} ahead of {second} in {name}"
    spread = f"95 % interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
    if seeds < 2:
        return f"{first} is {leads} on one split, which can't decide: run at least two seeds, better five."
    if verdict == "better":
        return f"{first} is {leads}, {spread}."
    if verdict == "equivalent":
        return (
            f"{first} and {second} are {points(difference)} apart in {name}, {spread}: within the margin of "
            f"{points(margin)}."
        )
    return f"{first} is {leads}, but the {spread} includes 0."
