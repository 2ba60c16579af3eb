"""Power and what more would decide, against the noncentral t distribution and by simulating the comparison itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from workbench.decide.power import (
    chance_better,
    chance_decided,
    labels_needed,
    minimum_detectable,
    outlook,
    seeds_needed,
)
from workbench.decide.verdict import compare

RATIO = 0.25


@pytest.mark.parametrize("seeds", [2, 3, 5, 20])
@pytest.mark.parametrize("difference", [0.0, 0.01, 0.05])
def test_without_a_margin_it_is_the_noncentral_t(seeds: int, difference: float) -> None:
    error = 0.02 * math.sqrt(1 / seeds + RATIO)
    expected = stats.nct.sf(stats.t.ppf(0.975, seeds - 1), seeds - 1, difference / error)
    assert chance_better(difference, 0.02, seeds, RATIO) == pytest.approx(expected, abs=2e-4)


def _verdicts(truth: float, sd: float, seeds: int, margin: float, draws: int) -> tuple[float, float]:
    """How often `compare` says that the first is better, and how often it is right and decided.

    Differences of spread `sd` within a data set, and the correlation between seeds that the correction supposes."""
    rng = np.random.default_rng(8)
    better = decided = 0
    for _ in range(draws):
        differences = truth + rng.normal(0, sd * math.sqrt(RATIO)) + rng.normal(0, sd, seeds)
        found = compare(
            "a",
            "b",
            (0.5 + differences).tolist(),
            [0.5] * seeds,
            n_train=8000,
            n_test=2000,
            margin=margin,
            metric="accuracy",
        )
        right = found.verdict == "better" and found.a == "a"
        better += right
        decided += right or found.verdict == "equivalent"
    return better / draws, decided / draws


@pytest.mark.parametrize(
    ("truth", "sd", "seeds", "margin"),
    [(0.03, 0.02, 8, 0.01), (0.0, 0.008, 8, 0.01), (0.012, 0.01, 4, 0.01), (0.02, 0.004, 5, 0.015)],
)
def test_compare_gives_its_verdicts_as_often_as_foretold(
    truth: float, sd: float, seeds: int, margin: float
) -> None:
    better, decided = _verdicts(truth, sd, seeds, margin, 1000)
    assert better == pytest.approx(chance_better(truth, sd, seeds, RATIO, margin), abs=0.045)
    assert decided == pytest.approx(chance_decided(truth, sd, seeds, RATIO, margin), abs=0.045)


def test_the_minimum_detectable_difference_is_found_four_times_in_five() -> None:
    detectable = minimum_detectable(0.02, 8, RATIO, 0.01)
    assert _verdicts(detectable, 0.02, 8, 0.01, 1000)[0] == pytest.approx(0.8, abs=0.04)
    assert minimum_detectable(0.02, 20, RATIO) < detectable < minimum_detectable(0.02, 4, RATIO)
    limit = 0.02 * math.sqrt(RATIO) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    assert minimum_detectable(0.02, 10_000, RATIO) == pytest.approx(limit, rel=1e-3)
    assert minimum_detectable(1e-6, 5, RATIO, 0.01) == pytest.approx(
        0.01, abs=1e-4
    )  # the margin, and no less
    assert minimum_detectable(2.0, 2, RATIO) == 1.0
    floored = 0.05 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    assert minimum_detectable(0.001, 10, RATIO, floor=0.05) == pytest.approx(floored, rel=1e-3)


def test_the_seeds_needed_are_enough_and_one_fewer_is_not() -> None:
    for difference, sd, margin in ((0.03, 0.02, 0.01), (0.05, 0.02, 0.0), (0.0, 0.004, 0.01)):
        seeds = seeds_needed(difference, sd, RATIO, margin)
        assert seeds is not None and seeds > 2
        assert chance_decided(difference, sd, seeds, RATIO, margin) >= 0.8
        assert chance_decided(difference, sd, seeds - 1, RATIO, margin) < 0.8
    assert seeds_needed(-0.03, 0.02, RATIO, 0.01) == seeds_needed(0.03, 0.02, RATIO, 0.01)


def test_below_the_floor_of_the_correction_no_number_of_seeds_decides() -> None:
    floor = 0.02 * math.sqrt(RATIO) * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8))
    assert seeds_needed(0.97 * floor, 0.02, RATIO) is None
    assert seeds_needed(1.1 * floor, 0.02, RATIO) is not None
    assert seeds_needed(0.05, 0.001, RATIO, floor=0.05) is None  # the test items decide it


def test_four_times_the_labels_detect_half_the_difference() -> None:
    detectable = minimum_detectable(0.02, 10, RATIO)
    assert labels_needed(detectable, 0.02, 10, 800, 200) == pytest.approx(1000, abs=1)
    assert labels_needed(detectable / 2, 0.02, 10, 800, 200) == pytest.approx(4000, rel=1e-3)
    labels = labels_needed(0.005, 0.02, 10, 800, 200, 0.01)
    assert labels is not None
    assert chance_decided(0.005, 0.02 * math.sqrt(1000 / labels), 10, RATIO, 0.01) == pytest.approx(
        0.8, abs=1e-3
    )
    assert labels_needed(0.0, 0.02, 10, 800, 200) is None  # models exactly alike, and no margin
    floored = labels_needed(0.01, 1e-6, 10, 800, 200, floor=0.01)
    assert floored == pytest.approx(1000 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2, rel=1e-3)


@pytest.mark.parametrize(
    ("differences", "says"),
    [
        ([0.02, 0.05, -0.01, 0.03, 0.01], "more seeds can't decide"),
        ([0.02, 0.03, 0.015, 0.03, 0.0], "more seeds ("),
        ([0.0] * 5, "these seeds would mostly have decided"),
    ],
)
def test_the_outlook_is_told_in_a_sentence(differences: list[float], says: str) -> None:
    found = outlook(differences, 800, 200, 0.01)
    assert found is not None
    assert found.told().startswith("With 5 seeds and 1,000 labelled images, a true difference of ")
    assert says in found.told() and found.told().endswith(".")
    settled = outlook(differences, 800, 200, 0.01, decided=True)
    assert settled is not None and says not in settled.told()


def test_an_official_test_part_counts_in_the_outlook() -> None:
    """Seeds that agree, because they are all tested on the same 200 images, decide nothing by being more."""
    values = [0.02, 0.021, 0.019, 0.02, 0.02]
    alone, minded = outlook(values, 800, 200), outlook(values, 800, 200, items=(-0.04, 0.08))
    assert alone is not None and minded is not None
    assert alone.detectable < 0.01 and minded.seeds_to_decide is None
    error = 0.06 / stats.norm.ppf(0.975)
    assert minded.detectable == pytest.approx(error * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)), rel=1e-3)
    assert minded.labels_to_decide is not None and "test and train on the same images" in minded.told()
    assert outlook([0.1], 800, 200) is None


def test_without_a_margin_models_alike_stay_undecided_and_are_told_so() -> None:
    found = outlook([0.01, -0.01], 800, 200, 0.0)
    assert found is not None and found.labels_to_decide is None and "choose a wider margin" in found.told()


def test_numbers_that_describe_no_comparison_are_refused() -> None:
    with pytest.raises(ValueError, match="two seeds"):
        minimum_detectable(0.02, 1, RATIO)
    with pytest.raises(ValueError, match="at least 0"):
        seeds_needed(0.1, -0.02, RATIO)
    with pytest.raises(ValueError, match="at least 0"):
        chance_better(0.1, float("nan"), 5, RATIO)
    with pytest.raises(ValueError, match="training and test items"):
        labels_needed(0.1, 0.02, 5, 800, 0)
