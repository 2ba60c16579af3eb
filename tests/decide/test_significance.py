"""p-values against scipy, all swaps counted one by one, and by simulation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from workbench.decide.significance import corrected_p, holm, mcnemar
from workbench.decide.statistics import corrected_interval


def test_holm_by_its_definition() -> None:
    """Reject in turn, the smallest first, until one fails: at the adjusted p, and not below it."""
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 12):
        p = np.round(rng.random(size) ** 3, 2)  # rounded, for ties
        adjusted = holm(p)
        for level in (*rng.random(20), 0.05):
            rejected, left = set(), size
            for position in sorted(range(size), key=lambda i: p[i]):
                if p[position] * left > level:
                    break
                rejected.add(position)
                left -= 1
            assert {i for i in range(size) if adjusted[i] <= level} == rejected


def test_holms_example_and_what_is_no_p_value() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0] and len(holm([])) == 0
    for wrong in ([0.1, float("nan")], [1.2], [-0.1]):
        with pytest.raises(ValueError, match="between 0 and 1"):
            holm(wrong)


def test_holm_seldom_calls_any_of_ten_equal_pairs_different() -> None:
    rng = np.random.default_rng(1)
    p = rng.random((1000, 10))
    assert np.mean([holm(row).min() < 0.05 for row in p]) < 0.07
    assert np.mean(p.min(1) < 0.05) > 0.35  # and without it, two tables in five


def test_the_corrected_p_is_the_confidence_at_which_the_interval_touches_0() -> None:
    values = [0.02, 0.05, -0.01, 0.03, 0.04]
    p = corrected_p(values, 800, 200)
    assert corrected_interval(values, 800, 200, confidence=1 - p)[0] == pytest.approx(0, abs=1e-12)
    assert corrected_p([-v for v in values], 800, 200) == pytest.approx(p)
    with pytest.raises(ValueError, match="two seeds"):
        corrected_p([0.1], 800, 200)
    with pytest.raises(ValueError, match="test items"):
        corrected_p([0.1, 0.2], 800, 0)


@pytest.mark.parametrize("gap", [0.0, 0.0024, 0.0026])
def test_seeds_that_agree_are_different_only_beyond_half_a_test_item(gap: float) -> None:
    assert (corrected_p([gap] * 5, 800, 200) < 0.05) == (gap > 0.0025)


@pytest.mark.parametrize(("b", "c"), [(3, 9), (0, 5), (6, 6), (140, 121), (1, 0), (300, 10)])
def test_without_groups_it_is_the_binomial_test(b: int, c: int) -> None:
    first = np.r_[np.ones(b), np.zeros(c), np.ones(20)].astype(bool)
    second = np.r_[np.zeros(b), np.ones(c), np.ones(20)].astype(bool)
    expected = stats.binomtest(b, b + c).pvalue
    found = mcnemar(first, second)
    assert (found.b, found.c) == (b, c)
    assert found.p == pytest.approx(expected, rel=1e-9)
    mid = mcnemar(first, second, mid=True).p
    half = stats.binom.pmf(b, b + c, 0.5)
    assert mid == pytest.approx(expected - (half / 2 if b == c else half), rel=1e-9)
    assert mcnemar(first, second, np.full(len(first), -1)).p == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_with_groups_every_swap_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(-1, 7, 60)
    groups[rng.random(60) < 0.8] = 3 if seed == 0 else 2  # one that is large
    first, second = rng.random(60) < 0.8, rng.random(60) < 0.7
    difference = first.astype(int) - second
    sums = [int(difference[groups == g].sum()) for g in range(7)] + difference[groups == -1].tolist()
    sums = [s for s in sums if s]
    swapped = [
        abs(sum(s * sign for s, sign in zip(sums, signs, strict=True)))
        for signs in product((1, -1), repeat=len(sums))
    ]
    observed = abs(sum(sums))
    beyond = sum(s > observed for s in swapped) / len(swapped)
    equal = sum(s == observed for s in swapped) / len(swapped)
    assert mcnemar(first, second, groups).p == pytest.approx(beyond + equal, rel=1e-9)
    assert mcnemar(first, second, groups, mid=True).p == pytest.approx(beyond + equal / 2, rel=1e-9)


def test_models_that_agree_on_every_item_are_not_different() -> None:
    right = np.arange(30) % 3 > 0
    assert mcnemar(right, right) == (1.0, 0, 0)
    assert mcnemar(right[:0], right[:0]) == (1.0, 0, 0)
    with pytest.raises(ValueError, match="one entry per test item"):
        mcnemar(right, right[:5])


def test_one_group_decides_nothing_however_many_images_it_has() -> None:
    first, second = np.ones(500, bool), np.zeros(500, bool)
    assert mcnemar(first, second).p < 1e-100
    assert mcnemar(first, second, np.zeros(500)).p == 1.0
    assert mcnemar(first, second, np.r_[np.zeros(400), np.ones(100)]).p == pytest.approx(0.5)


def test_equal_models_are_seldom_different_though_their_groups_are() -> None:
    """Groups of unequal size whose images are right or wrong together: the binomial test is fooled, this isn't."""
    rng = np.random.default_rng(3)
    draws, fooled, called, mid = 1000, 0, 0, 0
    for _ in range(draws):
        groups = np.repeat(np.arange(20), rng.geometric(0.1, 20))

        def right(groups: np.ndarray = groups) -> np.ndarray:
            return math.sqrt(0.5) * (rng.normal(size=20)[groups] + rng.normal(size=len(groups))) < 1

        first, second = right(), right()
        fooled += mcnemar(first, second).p < 0.05
        called += mcnemar(first, second, groups).p < 0.05
        mid += mcnemar(first, second, groups, mid=True).p < 0.05
    assert fooled / draws > 0.2
    assert called / draws < 0.065 and mid / draws < 0.065
