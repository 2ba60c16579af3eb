"""Hundreds of data sets, divided by the program's own splits: what the intervals of equal models cover.

Images of one group are alike, classes differ in size, and two learners see exchangeable halves of the features, so
that neither is better. What is simulated are images and not scores: nothing here supposes what the intervals do.
"""

from __future__ import annotations

import numpy as np
import pytest

from workbench.decide.items import items_interval
from workbench.decide.statistics import corrected_interval
from workbench.records.splits import SplitPlan, make_split

DRAWS, ITEMS, GROUPS, SEEDS, CLASSES = 600, 200, 25, 5, 3
SHARES = (0.5, 0.3, 0.2)
IDS = [f"{number:03d}" for number in range(ITEMS)]


def _score(metric: str, truth: np.ndarray, predicted: np.ndarray) -> float:
    if metric == "accuracy":
        return float(np.mean(truth == predicted))
    table = np.zeros((CLASSES, CLASSES))
    np.add.at(table, (truth, predicted), 1)
    here = table.sum(1) > 0
    return float(np.mean((2 * np.diag(table) / np.maximum(table.sum(0) + table.sum(1), 1))[here]))


def _predict(X: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Nearest class mean; a class without training items is never said."""
    means = [
        X[train][y[train] == k].mean(0) if np.any(y[train] == k) else np.full(X.shape[1], 1e3)
        for k in range(CLASSES)
    ]
    return ((X[test][:, None] - np.stack(means)) ** 2).sum(2).argmin(1)


def _intervals(
    rng: np.random.Generator, kind: str, metrics: tuple[str, ...]
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """Over the seeds, and over the items, of one data set; by each metric."""
    y, groups = rng.choice(CLASSES, ITEMS, p=SHARES), rng.integers(0, GROUPS, ITEMS)
    X = np.sqrt(0.5) * (rng.normal(size=(ITEMS, 12)) + rng.normal(size=(GROUPS, 12))[groups])
    X += 1.3 * np.tile(np.eye(CLASSES, 6)[y], 2)
    official = make_split(IDS, y, groups, seed=int(rng.integers(1 << 30))).part
    official = np.where(official == 2, 2, 0)
    predicted = np.full((2, SEEDS, ITEMS), -1)
    sizes = []
    for seed in range(SEEDS):
        part = make_split(IDS, y, groups, seed=seed, plan=SplitPlan(kind=kind), official=official).part
        # Refits on validation too would be the same in every seed of an official split; what differs there is what
        # validation chose, and leaving it out stands for that.
        train = np.flatnonzero(part == 0 if kind == "official" else part != 2)
        test = np.flatnonzero(part == 2)
        sizes.append((len(train), len(test)))
        for half in range(2):
            predicted[half, seed, test] = _predict(X[:, 6 * half : 6 * half + 6], y, train, test)
    n_train, n_test = (round(size) for size in np.mean(sizes, axis=0))
    found = []
    for metric in metrics:
        over_items = items_interval(y, predicted[0], predicted[1], groups, metric=metric)
        one, other = (
            np.asarray([_score(metric, y[own >= 0], own[own >= 0]) for own in half]) for half in predicted
        )
        found.append((corrected_interval(one - other, n_train, n_test), over_items))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "metrics"), [("shares", ("macro_f1", "accuracy")), ("official", ("accuracy",))]
)
def test_intervals_cover_and_equal_models_are_seldom_called_different(
    kind: str, metrics: tuple[str, ...]
) -> None:
    """The interval over the seeds where they resample the test part, the wider one where they don't."""
    rng = np.random.default_rng(21)
    found = np.asarray([_intervals(rng, kind, metrics) for _ in range(DRAWS)])  # (draws, metric, way, end)
    for metric, own in zip(metrics, found.swapaxes(0, 1), strict=True):
        seeds, items = np.mean((own[..., 0] <= 0) & (own[..., 1] >= 0), axis=0)
        wider = np.mean((own[..., 0].min(axis=1) <= 0) & (own[..., 1].max(axis=1) >= 0))
        print(f"{kind}, {metric}: seeds {seeds:.3f}, items {items:.3f}, the wider {wider:.3f}")
        assert 0.93 <= items <= 0.97
        if kind == "official":
            assert seeds < 0.6 and 0.93 <= wider <= 0.97
        else:
            assert 0.93 <= seeds <= 0.97 < wider
