"""All comparisons of a table looked at together."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.decide.many import among_all
from workbench.decide.significance import holm
from workbench.decide.verdict import compare, with_outlook


def pair(gap: float, seed: int = 0, seeds: int = 5):
    rng = np.random.default_rng(seed)
    a = 0.8 + 0.01 * rng.standard_normal(seeds)
    b = a - gap - 0.01 * rng.standard_normal(seeds)
    facts = {"n_train": 800, "n_test": 200, "margin": 0.01}
    return with_outlook(compare(f"a{seed}", f"b{seed}", a, b, metric="accuracy", **facts), a, b, **facts)


def test_each_comparison_says_what_it_can_find_and_what_more_would_bring() -> None:
    unsure = pair(0.005, seed=3)
    assert unsure.verdict == "undecided"
    assert 0 < unsure.minimum_detectable_difference < 0.2
    assert unsure.outlook in unsure.reason
    assert "more seed" in unsure.reason or "labelled images" in unsure.reason
    alone = pair(0.1, seeds=1)
    assert (alone.p, alone.p_adjusted, alone.minimum_detectable_difference, alone.outlook) == (
        None,
        None,
        None,
        "",
    )


def test_p_and_interval_agree_and_holm_is_told_over_the_table() -> None:
    gaps = ((0, 0.02), (1, 0.0), (2, 0.01), (4, 0.025), (3, 0.0), (6, 0.08))
    pairs = [pair(gap, seed) for seed, gap in gaps]
    for found in pairs:
        assert (found.p < 0.05) == (found.interval[0] > 0)
    after = among_all(pairs)
    assert [found.p_adjusted for found in after] == pytest.approx(holm([found.p for found in pairs]))
    taken_back = [
        (before, now) for before, now in zip(pairs, after, strict=True) if before.verdict != now.verdict
    ]
    assert taken_back, "some difference is sure alone and not among six"
    for before, now in taken_back:
        assert (before.verdict, now.verdict) == ("better", "undecided")
        assert before.p < 0.05 <= now.p_adjusted
        assert "6 comparisons" in now.reason
    assert among_all([]) == ()
    single = among_all([pair(0.1, seeds=1), pairs[-1]])
    assert single[0].p_adjusted is None
    assert single[1].p_adjusted == pytest.approx(pairs[-1].p)
