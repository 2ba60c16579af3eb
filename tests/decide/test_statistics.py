"""Intervals and verdicts, against slow closed forms and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from workbench.decide.statistics import (
    corrected_interval,
    mean_interval,
    paired_bootstrap,
    wilson_interval,
)
from workbench.decide.verdict import compare

A, B = "EfficientNet-Lite0", "random ViT"


def put(a_values, b_values, n_train=1000, n_test=250, margin=0.01, **options):
    return compare(
        A, B, a_values, b_values, n_train=n_train, n_test=n_test, margin=margin, metric="accuracy", **options
    )


def test_the_interval_is_nadeau_and_bengios() -> None:
    values = [0.81, 0.84, 0.79, 0.86, 0.80]
    mean = sum(values) / 5
    variance = sum((v - mean) ** 2 for v in values) / 4
    half = stats.t.ppf(0.975, 4) * math.sqrt((1 / 5 + 200 / 800) * variance)
    assert corrected_interval(values, 800, 200) == pytest.approx((mean - half, mean + half), rel=1e-12)
    narrow = corrected_interval(values, 800, 200, confidence=0.5)
    assert mean - half < narrow[0] < mean < narrow[1] < mean + half


def test_a_score_stays_between_0_and_1_and_one_seed_has_no_interval() -> None:
    assert mean_interval([0.99, 1.0, 0.95, 1.0], 80, 20)[1] == 1.0
    assert mean_interval([0.8], 800, 200) is None
    with pytest.raises(ValueError, match="two seeds"):
        corrected_interval([0.8], 800, 200)
    with pytest.raises(ValueError, match="training and test items"):
        mean_interval([0.8, 0.9], 0, 200)


@pytest.mark.parametrize(("successes", "trials"), [(0, 12), (1, 1), (7, 9), (95, 100), (50, 1000)])
def test_the_wilson_interval_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_proportion_of_nothing_may_be_anything() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="not a proportion"):
        wilson_interval(3, 2)


def test_the_paired_bootstrap_agrees_with_the_normal_approximation() -> None:
    rng = np.random.default_rng(5)
    first = rng.random(400) < 0.9
    second = np.where(rng.random(400) < 0.8, first, rng.random(400) < 0.5)
    difference = first.astype(float) - second
    half = 1.96 * difference.std() / math.sqrt(400)
    expected = (difference.mean() - half, difference.mean() + half)
    assert paired_bootstrap(first, second) == pytest.approx(expected, abs=0.006)
    assert paired_bootstrap(first, second) == paired_bootstrap(first, second)


def test_items_of_a_group_are_drawn_together() -> None:
    rng = np.random.default_rng(6)
    groups = np.repeat(np.arange(20), 20)
    first = np.repeat(rng.random(20) < 0.7, 20)  # right or wrong on a whole group
    second = np.repeat(rng.random(20) < 0.5, 20)
    alone = paired_bootstrap(first, second)
    together = paired_bootstrap(first, second, groups)
    assert np.ptp(together) > 3 * np.ptp(alone)  # 20 draws that count, not 400: sqrt(20) times as wide
    assert paired_bootstrap(first, second, np.full(400, -1)) == pytest.approx(alone, abs=0.005)


@pytest.mark.parametrize(
    ("second", "verdict", "says"),
    [
        (
            [0.80, 0.82, 0.78, 0.81, 0.79],
            "better",
            "is 10.0 points ahead of random ViT in accuracy, 95 % interval ",
        ),
        ([0.899, 0.901, 0.900, 0.899, 0.901], "equivalent", "within the margin of 1.0 point."),
        ([0.80, 0.97, 0.70, 0.99, 0.85], "undecided", "includes 0"),
    ],
)
def test_verdicts_and_their_words(second: list[float], verdict: str, says: str) -> None:
    found = put([0.9] * 5, second)
    assert found.verdict == verdict and found.metric == "accuracy"
    assert found.difference == pytest.approx(0.9 - np.mean(second))
    assert found.interval[0] <= found.difference <= found.interval[1]
    assert says in found.reason and found.reason.startswith(A) and found.reason.endswith(".")


def test_the_better_one_comes_first() -> None:
    found = put([0.80, 0.82, 0.78, 0.81, 0.79], [0.9] * 5)
    assert (found.a, found.b, found.verdict) == (B, A, "better")
    assert found.difference == pytest.approx(0.1) and found.interval[0] > 0


def test_a_small_but_sure_difference_is_equivalent_within_the_margin_and_better_beyond_it() -> None:
    values = np.asarray([0.9, 0.91, 0.89, 0.9, 0.9])
    sure = values - np.asarray([0.005, 0.0051, 0.0049, 0.005, 0.005])
    assert put(values, sure, n_test=2000, n_train=8000, margin=0.01).verdict == "equivalent"
    assert put(values, sure, n_test=2000, n_train=8000, margin=0.004).verdict == "better"


def test_seeds_that_agree_exactly_claim_no_more_than_one_test_item() -> None:
    """All right on ten test images, five times over, isn't knowing that two models are alike to the point."""
    found = put([1.0] * 5, [1.0] * 5, n_train=40, n_test=10)
    assert found.verdict == "undecided"
    assert found.interval == pytest.approx((-0.05, 0.05))
    assert put([1.0] * 5, [1.0] * 5, n_train=4000, n_test=1000).verdict == "equivalent"


def test_one_seed_decides_nothing_however_wide_the_gap() -> None:
    right, wrong = np.ones(200, bool), np.zeros(200, bool)
    found = put([0.0], [1.0], n_train=600, n_test=200, correct=(wrong, right))
    assert (found.a, found.verdict, found.interval) == (B, "undecided", (1.0, 1.0))
    assert "one split" in found.reason
    assert put([0.9], [0.8], n_train=6, n_test=2).interval == (-1.0, 1.0)
    with pytest.raises(ValueError, match="same seeds"):
        put([0.9, 0.8], [0.8])


def test_a_name_cannot_break_the_sentence() -> None:
    found = compare(
        "a\x1b[31m\n", "b", [0.9, 0.8], [0.1, 0.2], n_train=9, n_test=9, margin=0, metric="macro_f1"
    )
    assert found.reason.isprintable() and "\n" in found.a


def _correlated(rng: np.random.Generator, truth: float, seeds: int, spread: float, rho: float) -> np.ndarray:
    """Differences over splits as resampling makes them: equal variance, correlation `rho` between any two."""
    shared = rng.normal(0, spread * math.sqrt(rho))
    return truth + shared + rng.normal(0, spread * math.sqrt(1 - rho), seeds)


def test_intervals_cover_and_equal_models_are_seldom_called_different() -> None:
    """With the correlation that the correction assumes, n_test / (n_test + n_train), coverage is nominal; the
    plain t interval misses far more often than one time in twenty."""
    rng = np.random.default_rng(11)
    n_train, n_test, draws = 800, 200, 1000
    covered = plain = called = 0
    for _ in range(draws):
        values = _correlated(rng, 0.03, 8, 0.02, n_test / (n_test + n_train))
        low, high = corrected_interval(values, n_train, n_test)
        covered += low <= 0.03 <= high
        half = stats.t.ppf(0.975, 7) * values.std(ddof=1) / math.sqrt(8)
        plain += abs(values.mean() - 0.03) <= half
        equal = 0.5 + _correlated(rng, 0.0, 8, 0.02, n_test / (n_test + n_train))
        called += put(equal, [0.5] * 8, n_train, n_test, margin=0.01).verdict == "better"
    assert 0.93 <= covered / draws <= 0.97
    assert plain / draws < 0.85
    assert called / draws < 0.05


def test_equal_learners_on_resampled_splits_are_seldom_called_different() -> None:
    """Not a model of the scores but scores: two nearest-mean classifiers, each on its own half of exchangeable
    features, over five random splits of one drawn data set. Neither is better in expectation."""
    rng = np.random.default_rng(13)
    called, draws, items, seeds = 0, 400, 200, 5
    for _ in range(draws):
        y = np.arange(items) % 2
        X = rng.normal(size=(items, 12)) + 0.25 * (2 * y - 1)[:, None]
        scores = np.empty((2, seeds))
        for seed in range(seeds):
            order = rng.permutation(items)
            train, test = order[:160], order[160:]
            for half in range(2):
                view = X[:, 6 * half : 6 * half + 6]
                means = np.stack([view[train][y[train] == code].mean(0) for code in range(2)])
                distance = ((view[test][:, None] - means) ** 2).sum(2)
                scores[half, seed] = np.mean(distance.argmin(1) == y[test])
        called += put(scores[0], scores[1], 160, 40, margin=0.001).verdict == "better"
    assert called / draws < 0.05


def test_where_all_seeds_test_the_same_items_the_wider_interval_counts() -> None:
    a, b = [0.90, 0.91, 0.90, 0.91], [0.85, 0.86, 0.85, 0.86]
    shown = {"n_train": 80, "n_test": 20, "margin": 0.01, "metric": "accuracy"}
    by_seeds = compare("a", "b", a, b, **shown)
    assert by_seeds.verdict == "better"
    with_items = compare("a", "b", a, b, items=(-0.02, 0.12), **shown)
    assert with_items.verdict == "undecided"
    assert with_items.interval == pytest.approx((-0.02, 0.12))
    turned = compare("b", "a", b, a, items=(-0.12, 0.02), **shown)
    assert turned == with_items
