"""Copies across the parts of a split, counted by a slow loop."""

from __future__ import annotations

import numpy as np

from workbench.engine.evals.leaks import find_leaks
from workbench.records.splits import Split, make_split


def slow(copies: list[str], splits: list[Split]) -> tuple[int, int]:
    worst_sets = worst_images = 0
    for split in splits:
        sets, images = set(), 0
        for i, name in enumerate(copies):
            others = [j for j, other in enumerate(copies) if other == name and split.part[j] in (0, 1)]
            if name and split.part[i] == 2 and others:
                sets.add(name)
                images += 1
        worst_sets, worst_images = max(worst_sets, len(sets)), max(worst_images, images)
    return worst_sets, worst_images


def test_leaks_are_counted_in_the_worst_split() -> None:
    rng = np.random.default_rng(0)
    ids = [f"{i:03d}" for i in range(90)]
    copies = [f"set {rng.integers(40)}" if rng.random() < 0.5 else "" for _ in ids]
    splits = [make_split(ids, rng.integers(0, 3, 90), seed=seed) for seed in range(4)]
    leaks, findings = find_leaks(copies, splits, near=True)
    assert (leaks.sets, leaks.test_images) == slow(copies, splits)
    assert leaks.sets > 0
    assert findings[0].severity == "bad"
    assert str(leaks.test_images) in findings[0].advice
    assert leaks.told() == f"leaks left in: {leaks.test_images} test images"


def test_without_sets_the_ids_tell_exact_copies() -> None:
    ids = ["a", "a~2", "b", "c", "d", "e"]
    split = Split(
        seed=0, fractions=(0.6, 0.2, 0.2), ids=tuple(ids), part=np.asarray([0, 2, 1, 2, 0, -1]), grouped=False
    )
    leaks, _ = find_leaks([""] * 6, [split], near=False)
    assert (leaks.sets, leaks.test_images) == (1, 1)
    clean = Split(
        seed=0, fractions=(0.6, 0.2, 0.2), ids=tuple(ids), part=np.asarray([2, 2, 1, 2, 0, -1]), grouped=False
    )
    leaks, findings = find_leaks([""] * 6, [clean], near=False)
    assert (leaks.sets, findings) == (0, ())
    assert leaks.told().startswith("no leaks")
