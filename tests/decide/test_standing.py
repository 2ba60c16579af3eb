"""Above, below or open: by intervals that are worked out here a second time."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from scipy import stats

from tests.decide.made_evidence import adapted, evidence, public, score
from workbench.decide.items import evenness
from workbench.decide.standing import at_odds, judged_interval, last_blocks, place, place_together
from workbench.decide.statistics import mean_interval
from workbench.records.scores import Score


def by_hand(rung) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The wider, on each side, of Nadeau and Bengio's and of Wilson's over the images tested."""
    values = np.array(rung.score.values)
    J, N = len(values), rung.n_train + rung.n_test
    half = stats.t.ppf(0.975, J - 1) * values.std(ddof=1) * sqrt(1 / J + rung.n_test / rung.n_train)
    n, z, p = min(J * rung.n_test, N), stats.norm.ppf(0.975), values.mean()
    ends = [
        (-b + s * sqrt(b * b - 4 * a * c)) / (2 * a)
        for a, b, c in [(1 + z * z / n, -2 * p - z * z / n, p * p)]
        for s in (-1, 1)
    ]
    return min(p - half, ends[0]), max(p + half, ends[1])


@pytest.mark.parametrize(("mean", "sd", "seeds"), [(0.9, 0.02, 5), (0.9, 0.001, 5), (0.7, 0.03, 10)])
def test_the_interval_is_the_widest_of_seeds_and_images(mean: float, sd: float, seeds: int) -> None:
    rung = public(mean, sd=sd, seeds=seeds)
    assert judged_interval(rung) == pytest.approx(by_hand(rung))


def test_seeds_that_agree_at_1_make_nothing_sure() -> None:
    """Five seeds without an error on 12 images each, of 60: the rule of three says 3 / 60 at worst."""
    rung = public(1.0, sd=0.0, n_train=48, n_test=12)
    interval = judged_interval(rung)
    assert rung.score.interval == (1.0, 1.0)
    assert interval is not None and interval[0] == pytest.approx(1 - 3 / 60, abs=0.02)
    assert place(evidence(60, 0, 0.99, rungs=(rung,)), rung) == "open"


def test_a_class_of_five_makes_no_macro_score_sure() -> None:
    """A rare class of true recall 0.7: of five images all are right in one data set of six, and the truth is 0.85."""
    rng, wrong, draws = np.random.default_rng(0), {0.0: 0, 1.0: 0}, 2_000
    truth = np.repeat([0, 1], (200, 5))
    for _ in range(draws):
        right = np.concatenate([np.ones(200, bool), rng.random(5) < 0.7])
        parts = np.zeros((5, 205), bool)
        for part in parts:
            part[rng.permutation(200)[:40]] = part[200 + rng.integers(5)] = True
        values = [(right[part][:-1].mean() + right[part][-1]) / 2 for part in parts]
        made = public(0.5, n_train=164, n_test=41)
        made = replace(made, score=Score("macro_f1", tuple(values), mean_interval(values, 164, 41)))
        for counted in wrong:
            share = evenness(truth[parts.any(axis=0)], "macro_f1") if counted else 1.0
            seen = evidence(204, 0, 0.9, rungs=(replace(made, evenness=share),))
            wrong[counted] += place(seen, seen.rungs[0]) == "above"
    assert wrong[0.0] > 0.15 * draws, "what happens where the sizes of the classes don't count"
    assert wrong[1.0] < 0.05 * draws


def test_where_every_seed_tests_the_same_images_these_count() -> None:
    rung = public(0.9, sd=0.001, same_test=True)
    low, high = judged_interval(rung) or (0, 0)
    assert high - low == pytest.approx(2 * 1.96 * sqrt(0.9 * 0.1 / 200), rel=0.02)
    wide = replace(rung, items=(0.7, 0.99))
    assert judged_interval(wide) == (0.7, 0.99)


def test_two_seeds_tell_nothing_and_three_may() -> None:
    for seeds, expected in ((1, "open"), (2, "open"), (3, "above")):
        rung = public(0.95, sd=0.002, seeds=seeds)
        assert place(evidence(600, 0, 0.85, rungs=(rung,)), rung) == expected


def test_the_threshold_itself_is_above_and_everything_under_it_below() -> None:
    rung = public(0.9)
    low, high = judged_interval(rung) or (0, 0)
    places = {
        t: place(evidence(600, 0, t, rungs=(rung,)), rung) for t in (low, low + 1e-6, high, high + 1e-6)
    }
    assert list(places.values()) == ["above", "open", "open", "below"]
    assert place(evidence(600, 0, None, rungs=(rung,)), rung) is None


def test_leaks_lower_the_lower_end_only() -> None:
    rung = public(0.9)
    low, high = judged_interval(rung) or (0, 0)
    clean, leaky = (evidence(600, 0, low, rungs=(rung,), leaked=n) for n in (0, 1))
    assert (place(clean, rung), place(leaky, rung)) == ("above", "open")
    assert place(evidence(600, 0, high + 1e-6, rungs=(rung,), leaked=200), rung) == "below"


def test_one_that_is_above_is_enough_and_all_must_be_below() -> None:
    low, middle, high = (public(mean, name=str(mean)) for mean in (0.6, 0.85, 0.95))
    known = evidence(600, 0, 0.85, rungs=(low, middle, high))
    assert place_together(known, (low, high)) == "above"
    assert place_together(known, (low, middle)) == "open"
    assert place_together(known, (low,)) == "below"
    assert place_together(known, ()) is None


def test_a_fine_tune_of_everything_is_no_selective_one() -> None:
    some, all_ = adapted(0.9), adapted(0.9, name="whole", blocks="all")
    assert last_blocks(evidence(600, 0, rungs=(some, all_))) == (some,)


def test_probe_and_knn_are_at_odds_beyond_both_intervals_and_five_points() -> None:
    assert at_odds(score(0.9), score(0.8)) and at_odds(score(0.8), score(0.9))
    assert not at_odds(score(0.9), score(0.87)), "the intervals meet"
    assert not at_odds(score(0.9, sd=0.001), score(0.86, sd=0.001)), "four points"
    assert not at_odds(score(0.9), Score("macro_f1", (0.5,)))
