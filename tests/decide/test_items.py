"""Intervals over test items, against scikit-learn's scores, closed forms and by simulation."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from workbench.decide.items import evenness, items_interval, same_test
from workbench.decide.statistics import corrected_interval, paired_bootstrap


def test_single_items_give_the_t_interval_of_the_paired_differences() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 80)
    first, second = (np.where(rng.random(80) < share, truth, (truth + 1) % 3) for share in (0.9, 0.7))
    difference = (first == truth).astype(float) - (second == truth)
    expected = stats.t.interval(0.95, 79, difference.mean(), difference.std(ddof=1) / math.sqrt(80))
    assert items_interval(truth, first, second) == pytest.approx(expected)


SCORES = {
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
    "macro_f1": lambda t, p: f1_score(t, p, labels=np.unique(t), average="macro", zero_division=0),
}


@pytest.mark.parametrize("metric", SCORES)
def test_it_is_the_jackknife_over_groups_of_scikit_learns_scores(metric: str) -> None:
    """Two seeds that test different items, groups and single items, a class that one group alone has."""
    rng = np.random.default_rng(1)
    groups = rng.integers(-1, 8, 90)
    truth = rng.integers(0, 4, 90)
    groups[truth == 3] = 5
    predicted = np.where(rng.random((2, 2, 90)) < 0.7, truth, rng.integers(0, 4, (2, 2, 90)))
    for seed in range(2):
        predicted[:, seed, rng.random(90) < 0.4] = -1
    units = [np.flatnonzero(groups == g) for g in range(8)] + [
        np.asarray([i]) for i in np.flatnonzero(groups < 0)
    ]
    units = [unit for unit in units if np.any(predicted[0][:, unit] >= 0)]

    def difference(left_out: np.ndarray) -> float:
        total = 0.0
        for seed in range(2):
            kept = np.setdiff1d(np.flatnonzero(predicted[0, seed] >= 0), left_out)
            one, two = (SCORES[metric](truth[kept], predicted[model, seed, kept]) for model in range(2))
            total += (one - two) / 2
        return total

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scikit-learn: a class that is predicted and has left the truth
        left = np.asarray([difference(unit) for unit in units])
        estimate, count = difference(np.zeros(0, int)), len(units)
    error = math.sqrt((count - 1) / count * ((left - left.mean()) ** 2).sum())
    half = stats.t.ppf(0.975, count - 1) * error
    low, high = items_interval(truth, predicted[0], predicted[1], groups, metric=metric)
    assert (low, high) == pytest.approx((estimate - half, estimate + half))


def test_models_that_agree_everywhere_may_differ_by_bonett_and_prices_width() -> None:
    truth = np.zeros(98, int)
    low, high = items_interval(truth, truth, truth)
    assert high == -low == pytest.approx(stats.t.ppf(0.975, 97) * math.sqrt(2) / 100)
    assert items_interval(truth, truth, truth, np.zeros(98)) == (-1.0, 1.0)


@pytest.mark.parametrize("size", [40, 150])
def test_few_errors_are_covered_too(size: int) -> None:
    """99 % against 96 % right: in one data set of 40 in five no item tells them apart, and yet they differ."""
    rng = np.random.default_rng(7)
    truth, covered = np.zeros(size, int), 0
    for _ in range(1000):
        low, high = items_interval(truth, rng.random(size) > 0.99, rng.random(size) > 0.96)
        covered += low <= 0.03 <= high
    assert 0.93 <= covered / 1000 <= 1


def test_many_items_in_lots_give_the_same_width() -> None:
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 50, 20_000)
    first, second = (np.where(rng.random(20_000) < share, truth, 0) for share in (0.9, 0.85))
    difference = (first == truth).astype(float) - (second == truth)
    half = stats.t.ppf(0.975, 19_999) * difference.std(ddof=1) / math.sqrt(20_000)
    low, high = items_interval(truth, first, second)
    assert (low + high) / 2 == pytest.approx(difference.mean(), abs=1e-9)
    assert (high - low) / 2 == pytest.approx(half, rel=0.08)


def test_what_cannot_be_compared_is_refused() -> None:
    truth = np.zeros(4, int)
    with pytest.raises(ValueError, match="same items"):
        items_interval(truth, truth, np.asarray([0, 0, 0, -1]))
    with pytest.raises(ValueError, match="same items"):
        items_interval(truth, truth[:3], truth[:3])
    with pytest.raises(ValueError, match="needs a test item"):
        items_interval(truth, truth - 1, truth - 1)
    with pytest.raises(ValueError, match="must be one of"):
        items_interval(truth, truth, truth, metric="auc")


def _grouped(rng: np.random.Generator, groups: np.ndarray, share: float) -> np.ndarray:
    latent = math.sqrt(0.5) * (rng.normal(size=groups.max() + 1)[groups] + rng.normal(size=len(groups)))
    return latent < stats.norm.ppf(share)


@pytest.mark.parametrize("count", [5, 12])
def test_few_groups_are_covered_where_a_percentile_bootstrap_fails(count: int) -> None:
    rng = np.random.default_rng(2)
    draws, covered, called, bootstrap = 1000, 0, 0, 0
    for draw in range(draws):
        groups = np.repeat(np.arange(count), rng.integers(5, 26, count))
        truth = np.zeros(len(groups), int)
        first, second = (_grouped(rng, groups, 0.8) for _ in range(2))
        low, high = items_interval(truth, 1 - first, 1 - second, groups)
        covered += low <= 0 <= high
        called += low > 0 or high < 0
        if draw < 200:
            interval = paired_bootstrap(first, second, groups, resamples=200, seed=draw)
            bootstrap += interval[0] <= 0 <= interval[1]
    assert 0.93 <= covered / draws <= 0.975 and called / draws < 0.065
    assert bootstrap / 200 < (0.88 if count == 5 else 0.93)  # too narrow


def _learn(X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    means = np.stack([X[train][y[train] == code].mean(0) for code in range(2)])
    return ((X[test][:, None] - means) ** 2).sum(2).argmin(1)


def _equal_learners(
    rng: np.random.Generator, way: str, items: int, seeds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Classes and predictions (2, seeds, items) of nearest means on exchangeable halves of the features."""
    y = np.arange(items) % 2
    X = rng.normal(size=(items, 12)) + 0.25 * (2 * y - 1)[:, None]
    predicted = np.full((2, seeds, items), -1)
    held = items // 5
    folds = rng.permutation(items)
    for seed in range(seeds):
        order = rng.permutation(items) if way == "shares" else np.roll(folds, seed * held)
        if way == "official":
            order = np.r_[
                held + rng.permutation(items - held), :held
            ]  # the first fifth is the test part, always
        train, test = order[: items - held], order[items - held :]
        if way == "official":
            train = train[: 9 * len(train) // 10]
        for half in range(2):
            predicted[half, seed, test] = _learn(X[:, 6 * half : 6 * half + 6], y, train, test)
    return y, predicted


@pytest.mark.parametrize("way", ["shares", "official", "folds"])
def test_the_interval_that_fits_the_way_to_split_covers(way: str) -> None:
    """Two learners of which neither is better. With an official test part the interval over the seeds alone calls
    them different in most data sets; folds, whose test parts don't overlap, are more sure than they claim."""
    rng = np.random.default_rng(4)
    draws, covered, alone = 500, 0, 0
    for _ in range(draws):
        y, predicted = _equal_learners(rng, way, 200, 5)
        tested = predicted[0] >= 0
        scores = [
            [np.mean(row[on] == y[on]) for row, on in zip(model, tested, strict=True)] for model in predicted
        ]
        low, high = corrected_interval(np.subtract(*scores), 160, 40)
        alone += low <= 0 <= high
        assert same_test(predicted[0]) == (way == "official")
        if same_test(predicted[0]):
            items = items_interval(y, predicted[0], predicted[1])
            low, high = min(low, items[0]), max(high, items[1])
        covered += low <= 0 <= high
    assert 0.925 <= covered / draws <= (0.97 if way != "folds" else 1)
    assert (alone / draws < 0.6) == (way == "official")


def test_one_seed_does_not_repeat_itself() -> None:
    assert not same_test(np.zeros((1, 5))) and same_test(np.zeros((2, 5)))
    assert not same_test(np.asarray([[0, -1], [-1, 0]]))


def test_small_classes_leave_few_images_of_a_mean_over_classes() -> None:
    """The variance of a mean of recalls is that of a proportion of so many images; by simulation."""
    rng, sizes, right = np.random.default_rng(3), (200, 60, 5), 0.8
    truth = np.repeat(np.arange(3), sizes)
    worth = evenness(truth, "balanced_accuracy") * len(truth)
    recalls = np.stack([rng.binomial(size, right, 100_000) / size for size in sizes])
    assert worth == pytest.approx(right * (1 - right) / recalls.mean(axis=0).var(), rel=0.03)
    assert evenness(truth, "macro_f1") == evenness(truth, "balanced_accuracy") < 0.2
    assert evenness(truth, "accuracy") == 1.0
    assert evenness(np.arange(60) % 3, "macro_f1") == pytest.approx(1.0)
    assert evenness(truth + 4, "macro_f1") == evenness(truth, "macro_f1"), "a class without an image is none"
