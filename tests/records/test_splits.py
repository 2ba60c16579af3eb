"""The three ways to divide: what folds, official parts and shares promise."""

from __future__ import annotations

import time

import numpy as np
import pytest

from workbench.records.splits import SplitPlan, make_split

FOLDS = SplitPlan(kind="folds", folds=4)
OFFICIAL = SplitPlan(kind="official")


def items(num: int = 240, groups: int = 0) -> tuple[list[str], np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(1)
    labels = rng.choice(3, num, p=[0.5, 0.3, 0.2])
    return [f"{i:04d}" for i in range(num)], labels, rng.integers(0, groups, num) if groups else None


@pytest.mark.parametrize("groups", [0, 12])
def test_every_item_is_tested_once_in_a_round_of_folds(groups: int) -> None:
    ids, labels, codes = items(groups=groups)
    parts = np.stack([make_split(ids, labels, codes, seed=seed, plan=FOLDS).part for seed in range(4)])
    assert ((parts == 2).sum(axis=0) == 1).all()
    assert ((parts == 1).sum(axis=0) == 1).all()
    for part in parts:
        assert set(labels[part == 2]) == {0, 1, 2}
        if codes is not None:
            assert all(len(set(part[codes == group])) == 1 for group in range(groups))
    again = make_split(ids, labels, codes, seed=4, plan=FOLDS).part
    assert (again != parts[0]).any(), "the next round draws other folds"


def test_official_parts_are_held_and_what_is_open_is_drawn_from_training() -> None:
    ids, labels, _ = items()
    official = np.where(np.arange(240) % 5 == 0, 2, 0).astype(np.int8)
    official[3] = -1
    splits = [make_split(ids, labels, seed=seed, plan=OFFICIAL, official=official).part for seed in range(3)]
    for part in splits:
        assert (np.flatnonzero(part == 2) == np.flatnonzero(official == 2)).all()
        assert part[3] == -1
        assert abs((part == 1).sum() / (official == 0).sum() - 0.25) < 0.02
    assert (splits[0] != splits[1]).any()
    complete = official.copy()
    complete[1::5] = 1
    for seed in range(2):
        part = make_split(ids, labels, seed=seed, plan=OFFICIAL, official=complete).part
        assert (part == complete).all(), "nothing is left to chance"


def test_a_missing_test_part_is_drawn_whole_groups_at_a_time() -> None:
    ids, labels, codes = items(groups=12)
    assert codes is not None
    part = make_split(ids, labels, codes, plan=OFFICIAL, official=np.zeros(240, np.int8)).part
    assert set(part.tolist()) == {0, 1, 2}
    assert all(len(set(part[codes == group])) == 1 for group in range(12))


def test_official_without_training_is_refused() -> None:
    ids, labels, _ = items()
    for official in (None, np.full(240, 2, np.int8)):
        with pytest.raises(ValueError, match="no official training part"):
            make_split(ids, labels, plan=OFFICIAL, official=official)


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("60/20/20", SplitPlan()),
        ("70/10/20", SplitPlan(fractions=(0.7, 0.1, 0.2))),
        ("2/1/1", SplitPlan(fractions=(0.5, 0.25, 0.25))),
        ("folds:4", FOLDS),
        ("folds", SplitPlan(kind="folds")),
        ("official", OFFICIAL),
    ],
)
def test_a_plan_is_written_in_a_word(text: str, plan: SplitPlan) -> None:
    parsed = SplitPlan.parse(text)
    assert parsed.kind == plan.kind
    assert parsed.folds == plan.folds
    assert parsed.fractions == pytest.approx(plan.fractions)
    assert SplitPlan.from_json(parsed.to_json()) == parsed


@pytest.mark.parametrize("text", ["", "60/40", "0/0/0", "60/-20/60", "folds:x", "folds:2", "thirds"])
def test_a_plan_that_divides_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a split is written|must be positive|3 to 100 folds"):
        SplitPlan.parse(text)


def test_items_without_a_group_fill_what_the_groups_leave_open() -> None:
    ids, labels, codes = items(600, groups=8)
    assert codes is not None
    codes[np.random.default_rng(4).random(600) < 0.7] = -1
    for seed in range(4):
        part = make_split(ids, labels, codes, seed=seed).part
        assert all(len(set(part[codes == group])) == 1 for group in range(8))
        for label in range(3):
            of_class = part[labels == label]
            for number, share in enumerate((0.6, 0.2, 0.2)):
                assert abs(np.mean(of_class == number) - share) < 0.02


def test_many_groups_and_classes_cost_seconds_not_minutes() -> None:
    num = 100_000
    rng = np.random.default_rng(0)
    ids = [f"{i:06d}" for i in range(num)]
    groups = np.where(rng.random(num) < 0.3, rng.integers(0, 20_000, num), -1)
    began = time.perf_counter()
    part = make_split(ids, rng.integers(0, 5_000, num), groups).part
    assert time.perf_counter() - began < 10
    assert set(part.tolist()) == {0, 1, 2}


@pytest.mark.parametrize("num", [3, 4, 5])
def test_of_as_few_groups_as_parts_none_is_left_empty(num: int) -> None:
    """Three patients: a comparison needs one to learn from, one to choose by and one to test."""
    labels, groups = np.arange(60 * num) % 3, np.arange(60 * num) // 60
    ids = [f"{i:03}" for i in range(len(labels))]
    for seed in range(10):
        part = make_split(ids, labels, groups, seed=seed).part
        assert set(part.tolist()) == {0, 1, 2}
        assert all(len(set(part[groups == group].tolist())) == 1 for group in range(num)), "groups stay whole"
    assert set(make_split(ids[:120], labels[:120], groups[:120]).part.tolist()) != {0, 1, 2}, (
        "of two it can't be"
    )
