"""Nested subsets by their properties; labels to a target by closed forms and by simulation."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import t as student
from sklearn.isotonic import IsotonicRegression

from workbench.decide.label_budget import FRACTIONS, labels_to_target, nested_subsets


def test_subsets_are_nested_stratified_and_seeded() -> None:
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat([0, 1, 2, -1], [400, 90, 3, 20]))
    found = nested_subsets(labels, None, FRACTIONS, seed=1)
    for smaller, larger in pairwise(found):
        assert set(smaller.tolist()) < set(larger.tolist())
    for fraction, subset in zip(FRACTIONS, found, strict=True):
        assert len(np.unique(subset)) == len(subset) and np.all(np.diff(subset) > 0)
        sizes = [math.floor(fraction * size + 0.5) or 1 for size in (400, 90, 3)]
        assert np.bincount(labels[subset]).tolist() == sizes
    assert np.array_equal(found[-1], np.flatnonzero(labels >= 0))
    again = nested_subsets(labels, None, FRACTIONS[::-1], seed=1)[::-1]
    assert all(np.array_equal(one, two) for one, two in zip(found, again, strict=True))
    other = nested_subsets(labels, None, FRACTIONS, seed=2)
    assert not np.array_equal(found[2], other[2])


def test_every_item_is_as_likely_as_every_other_of_its_class() -> None:
    labels = np.repeat([0, 1], [40, 10])
    drawn = np.zeros(50)
    for seed in range(1500):
        drawn[nested_subsets(labels, None, [0.1], seed)[0]] += 1
    assert np.all(np.abs(drawn[:40] / 1500 - 0.1) < 0.035) and np.all(np.abs(drawn[40:] / 1500 - 0.1) < 0.035)


def test_whole_groups_come_one_after_the_other() -> None:
    """40 patients with 10 images of each of two classes: a tenth of the labels is four patients, not all of them."""
    groups = np.repeat(np.arange(40), 20)
    labels = np.tile(np.repeat([0, 1], 10), 40)
    tenth, third = nested_subsets(labels, groups, [0.1, 1 / 3], seed=3)
    assert len(np.unique(groups[tenth])) == 4 and np.bincount(groups[tenth]).max() == 20
    assert np.unique(np.bincount(groups[third])).tolist() in ([0, 6, 20], [0, 8, 20])  # at most one is cut
    alone = nested_subsets(labels, None, [0.1], seed=3)[0]
    assert len(np.unique(groups[alone])) > 25


def test_no_labels_give_empty_subsets_and_a_wrong_budget_is_refused() -> None:
    assert [len(subset) for subset in nested_subsets(np.full(4, -1), None, [0.5, 1])] == [0, 0]
    assert [len(subset) for subset in nested_subsets(np.zeros(0, int), np.zeros(0, int), [1])] == [0]
    for wrong in (0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="at most 1"):
            nested_subsets(np.zeros(4, int), None, [wrong])
    with pytest.raises(ValueError, match="one entry per image"):
        nested_subsets(np.zeros(4, int), np.zeros(3, int))


def test_a_logarithmic_curve_is_inverted_exactly() -> None:
    """score = 0.5 + 0.05 log10(labels) + a seed's own offset: estimate and both ends have a closed form."""
    budgets = np.asarray([10, 50, 100, 500, 1000])
    offsets = np.asarray([-0.01, 0.0, 0.02, 0.01, -0.02])
    scores = 0.5 + 0.05 * np.log10(budgets) + offsets[:, None]
    found = labels_to_target(budgets, scores, 0.6, test_train_ratio=0.25)
    half = student.ppf(0.975, 4) * math.sqrt((1 / 5 + 0.25) * offsets.var(ddof=1))
    assert found.estimate == pytest.approx(10**2) and found.reached
    assert found.interval == pytest.approx((10 ** (2 - half / 0.05), 10 ** (2 + half / 0.05)), rel=1e-3)
    narrow = labels_to_target(budgets, 0.5 + 0.05 * np.log10(budgets) + offsets[:, None] / 4, 0.6)
    half = student.ppf(0.975, 4) * math.sqrt(offsets.var(ddof=1) / 5) / 4
    assert narrow.interval == pytest.approx((10 ** (2 - half / 0.05), 10 ** (2 + half / 0.05)), rel=1e-3)


def test_the_estimate_is_where_scikit_learns_isotonic_curve_crosses() -> None:
    rng = np.random.default_rng(2)
    budgets = np.asarray([10, 20, 40, 80, 160, 320])
    for _ in range(20):
        scores = np.linspace(0.6, 0.8, 6) + rng.normal(0, 0.05, (4, 6))
        curve = IsotonicRegression().fit_transform(np.log(budgets), scores.mean(0))
        target = 0.5 * (curve[0] + curve[-1]) + 1e-9
        found = labels_to_target(budgets, scores, target)
        assert np.interp(np.log(found.estimate), np.log(budgets), curve) == pytest.approx(target)
        assert found.interval[0] <= found.estimate <= found.interval[1]


def test_a_target_that_is_met_at_once_or_never() -> None:
    scores = np.asarray([[0.7, 0.8, 0.9], [0.72, 0.82, 0.88], [0.71, 0.8, 0.89]])
    assert labels_to_target([10, 20, 40], scores, 0.1) == (pytest.approx(10), pytest.approx((10, 10)), True)
    assert labels_to_target([10, 20, 40], scores, 0.99) == (np.inf, (np.inf, np.inf), False)
    hopeful = labels_to_target([10, 20, 40], scores, 0.9)  # above the mean, within what the seeds allow
    assert not hopeful.reached and 20 < hopeful.interval[0] <= 40 and hopeful.interval[1] == np.inf
    assert labels_to_target([10, 20, 40], scores[:1], 0.8).interval == (10, np.inf)
    single = labels_to_target([10], scores[:, :1], 0.5)
    assert single.estimate == pytest.approx(10) and single.reached


def test_what_is_no_curve_is_refused() -> None:
    for budgets in ([20, 10], [0, 10], []):
        with pytest.raises(ValueError, match="rise"):
            labels_to_target(budgets, np.zeros((2, len(budgets))), 0.5)
    for scores in (np.zeros((2, 3)), np.full((2, 2), np.nan), np.zeros((0, 2))):
        with pytest.raises(ValueError, match="every seed at every label budget"):
            labels_to_target([10, 20], scores, 0.5)


def test_the_interval_covers_where_a_bootstrap_of_five_seeds_does_not() -> None:
    rng = np.random.default_rng(4)
    budgets = np.asarray([10, 50, 100, 250, 500, 1000])
    curve = 0.5 + 0.1 * np.log10(budgets)
    target, truth, draws, covered, bootstrap = 0.7, 100.0, 1000, 0, 0
    for draw in range(draws):
        scores = curve + rng.normal(0, 0.03, (5, 1)) + rng.normal(0, 0.02, (5, 6))
        low, high = labels_to_target(budgets, scores, target).interval
        covered += low <= truth <= high
        if draw < 200:
            redrawn = scores[rng.integers(0, 5, (100, 5))]
            found = [labels_to_target(budgets, each[None].mean(1), target).estimate for each in redrawn]
            bootstrap += np.quantile(found, 0.025) <= truth <= np.quantile(found, 0.975)
    assert 0.93 <= covered / draws <= 0.975
    assert bootstrap / 200 < 0.92
