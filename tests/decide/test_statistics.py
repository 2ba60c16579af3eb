"""Intervals and verdicts, against slow closed forms and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from workbench.decide.statistics import bootstrap_interval, compare, mean_interval


def test_the_interval_is_nadeau_and_bengios() -> None:
    values = [0.81, 0.84, 0.79, 0.86, 0.80]
    low, high = mean_interval(np.asarray(values), 800, 200) or (0, 0)
    mean = sum(values) / 5
    variance = sum((v - mean) ** 2 for v in values) / 4
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 200 / 800) * variance)
    assert (low, high) == pytest.approx((mean - half, mean + half), rel=1e-12)
    assert mean_interval(np.asarray([0.8]), 800, 200) is None
    with pytest.raises(ValueError, match="items to learn from"):
        mean_interval(np.asarray(values), 0, 200)


def test_the_paired_bootstrap_agrees_with_one_written_slowly() -> None:
    rng = np.random.default_rng(5)
    first = rng.random(120) < 0.9
    second = np.where(rng.random(120) < 0.8, first, rng.random(120) < 0.5)
    means = []
    for _ in range(4000):
        drawn = rng.integers(0, 120, 120)
        means.append(np.mean(first[drawn].astype(float) - second[drawn].astype(float)))
    slow = np.quantile(means, [0.025, 0.975])
    assert bootstrap_interval(first, second, draws=4000) == pytest.approx(tuple(slow), abs=0.012)
    with pytest.raises(ValueError, match="same items"):
        bootstrap_interval(first, second[:5])


@pytest.mark.parametrize(
    ("second", "margin", "verdict"),
    [
        ([0.80, 0.82, 0.78, 0.81, 0.79], 0.01, "better"),
        ([0.899, 0.901, 0.900, 0.899, 0.901], 0.01, "equivalent"),
        ([0.80, 0.97, 0.70, 0.99, 0.85], 0.01, "undecided"),
    ],
)
def test_verdicts(second: list[float], margin: float, verdict: str) -> None:
    first = np.asarray([0.90, 0.90, 0.90, 0.90, 0.90])
    outcome = compare(first, np.asarray(second), 1000, 250, margin=margin, names=("A", "B"))
    assert outcome.verdict == verdict
    assert outcome.difference == pytest.approx(float(np.mean(first - second)))
    assert outcome.interval[0] <= outcome.difference <= outcome.interval[1]
    assert outcome.reason.startswith("A ")
    assert outcome.reason.endswith(".")


def test_one_seed_decides_nothing_however_wide_the_gap() -> None:
    right, wrong = np.ones(200), np.zeros(200)
    outcome = compare(np.asarray([1.0]), np.asarray([0.0]), 600, 200, margin=0.01, correct=(right, wrong))
    assert outcome.verdict == "undecided"
    assert outcome.interval == (1.0, 1.0)
    assert "one split" in outcome.reason
    assert compare(np.asarray([0.9]), np.asarray([0.8]), 6, 2, margin=0.01).interval == (-1.0, 1.0)


def _correlated(rng: np.random.Generator, truth: float, seeds: int, spread: float, rho: float) -> np.ndarray:
    """Differences over splits as resampling makes them: equal variance, correlation `rho` between any two."""
    shared = rng.normal(0, spread * math.sqrt(rho))
    return truth + shared + rng.normal(0, spread * math.sqrt(1 - rho), seeds)


def test_intervals_cover_and_equal_models_are_seldom_called_different() -> None:
    """With the correlation that the correction assumes, n_test / (n_test + n_train), coverage is nominal."""
    rng = np.random.default_rng(11)
    n_train, n_test = 800, 200
    rho = n_test / (n_test + n_train)
    draws = 1000
    covered = called = 0
    for _ in range(draws):
        differences = _correlated(rng, 0.03, 8, 0.02, rho)
        low, high = mean_interval(differences, n_train, n_test) or (0, 0)
        covered += low <= 0.03 <= high
        equal = _correlated(rng, 0.0, 8, 0.02, rho)
        first, second = (equal, np.zeros(8)) if equal.mean() >= 0 else (np.zeros(8), equal)
        called += compare(first, second, n_train, n_test, margin=0.001).verdict == "better"
    assert 0.93 <= covered / draws <= 0.97
    assert called / draws < 0.06


def test_the_uncorrected_interval_would_not_cover() -> None:
    """What the correction is for: the plain t interval misses far more often than one time in twenty."""
    rng = np.random.default_rng(12)
    covered = 0
    for _ in range(1000):
        values = _correlated(rng, 0.03, 8, 0.02, 0.2)
        half = stats.t.ppf(0.975, 7) * values.std(ddof=1) / math.sqrt(8)
        covered += abs(values.mean() - 0.03) <= half
    assert covered / 1000 < 0.85
