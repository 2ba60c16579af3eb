"""The disagreement doctor: a planted reason is named, and no other; and it never looks at the test part."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.evals.test_evaluate import features, run
from workbench.engine.evals.doctor import HUBNESS, diagnose, pooled_otherwise
from workbench.engine.evals.protocol import Protocol
from workbench.records.splits import make_split


def classes_of(count: int, seed: int = 0, classes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).permutation(np.arange(count) % classes)


def signal(y: np.ndarray, width: int = 16, strength: float = 3.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(len(y), width)) + strength * np.eye(y.max() + 1, width)[y]).astype(np.float32)


def diagnosed(X: np.ndarray, y: np.ndarray, **options) -> dict[str, tuple[float, bool]]:
    result, _ = run([features("m", X, **options)], y, seeds=5)
    assert {finding.name for finding in result.findings} >= {"probe and k-NN apart"}
    return {found.name: (found.value, found.likely) for found in result.diagnoses}


def test_models_that_agree_are_not_diagnosed():
    y = classes_of(400)
    result, _ = run([features("m", signal(y))], y, seeds=5)
    assert result.diagnoses == () and "probe and k-NN apart" not in {f.name for f in result.findings}


def test_loud_directions_are_found_by_z_scoring():
    y = classes_of(400)
    loud = np.concatenate([signal(y), 60 * np.random.default_rng(3).normal(size=(400, 4))], 1)
    found = diagnosed(loud.astype(np.float32), y)
    value, likely = found["z-score effect"]
    assert likely and value > 20, "points"
    assert not found["imbalance"][1] and not found["duplicates"][1]
    assert next(iter(found)) in [name for name, (_, yes) in found.items() if yes], "likely ones come first"


def test_a_length_that_carries_the_class_is_found():
    """Directions say nothing, lengths everything: cosine is blind to them."""
    rng = np.random.default_rng(0)
    y = classes_of(400)
    X = np.abs(rng.normal(size=(400, 8))) + 3
    X = X / np.linalg.norm(X, axis=1, keepdims=True) * (2.0**y)[:, None]
    found = diagnosed(X.astype(np.float32), y)
    assert found["norm spread"][1] and 6 < found["norm spread"][0] < 9


def test_copies_flatter_the_neighbours():
    """Labels at random, every image several times: the neighbours know it by heart, a straight boundary doesn't."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 4, 100)
    X = np.repeat(rng.normal(size=(100, 8)), 4, axis=0).astype(np.float32)
    found = diagnosed(X, np.repeat(y, 4))
    assert found["duplicates"] == (pytest.approx(91, abs=4), True)  # all but those whose copies lie together
    assert not found["norm spread"][1]


def test_hubness_is_the_skewness_of_the_neighbour_counts():
    rng = np.random.default_rng(0)
    y = classes_of(400)
    far = 40 * rng.normal(size=(1, 300)) + rng.normal(size=(400, 300))  # all in one direction: hubs
    X = np.concatenate([far, 0.8 * signal(y)], 1).astype(np.float32)
    result, _ = run([features("m", X)], y, seeds=5)
    found = {one.name: one for one in diagnose(result.models[0], X, protocol_of(y, _parts(y)))}
    used = np.flatnonzero(np.any([np.asarray(part) < 2 for part in _parts(y)], axis=0))
    unit = X[used] / np.linalg.norm(X[used], axis=1, keepdims=True)
    near = np.argsort(-(unit @ unit.T) + 9 * np.eye(len(used)), axis=1, kind="stable")[:, :10]
    often = np.bincount(near.ravel(), minlength=len(used)).astype(float)
    skew = np.mean((often - often.mean()) ** 3) / often.std() ** 3
    assert found["hubness"].value == pytest.approx(skew, abs=0.05)
    gap = result.models[0].probe["accuracy"].mean - result.models[0].knn["accuracy"].mean
    assert found["hubness"].likely == (skew > HUBNESS and gap > 0)


def protocol_of(labels: np.ndarray, parts: list[np.ndarray]) -> Protocol:
    return Protocol(
        labels=labels.astype(np.int64),
        groups=None,
        parts=tuple(parts),
        seeds=tuple(range(len(parts))),
        num_classes=4,
        grid=(1.0,),
        ks=(5,),
        metric="accuracy",
    )


def _parts(y: np.ndarray) -> list[np.ndarray]:
    return [make_split([f"{i:04d}" for i in range(len(y))], y, seed=seed).part for seed in range(5)]


def test_small_classes_are_outvoted():
    rng = np.random.default_rng(0)
    y = np.where(np.arange(1500) < 75, 1, 0)
    X = np.concatenate([signal(y, strength=4.0), 3 * rng.normal(size=(1500, 8))], 1).astype(np.float32)
    found = diagnosed(X, y)
    assert found["imbalance"][1] and found["imbalance"][0] > 10


def test_another_pooling_of_the_backbone_is_tried_where_it_is_at_hand():
    y = classes_of(400)
    good = signal(y)
    loud = np.concatenate([good, 60 * np.random.default_rng(3).normal(size=(400, 4))], 1).astype(np.float32)
    both = np.concatenate([loud, np.pad(good, ((0, 0), (0, 4)))], 1).astype(np.float32)
    name, mean = pooled_otherwise("m", [("m", "vit", "cls+mean", both)])
    assert name == "mean" and np.array_equal(mean, both[:, 20:])
    assert pooled_otherwise("m", [("m", "vit", "cls", loud)]) is None
    assert pooled_otherwise("m", [("m", "vit", "cls", loud), ("n", "vit", "mean", good)])[0] == "mean"
    assert pooled_otherwise("m", [("m", "vit", "cls", loud), ("n", "other", "mean", good)]) is None


def test_the_test_part_is_not_opened_for_a_diagnosis():
    y = classes_of(400)
    loud = np.concatenate([signal(y), 60 * np.random.default_rng(3).normal(size=(400, 4))], 1).astype(
        np.float32
    )
    part = _parts(y)[0]
    spoilt, other = loud.copy(), y.copy()
    spoilt[part == 2] = np.random.default_rng(9).normal(size=(int(np.sum(part == 2)), 20))
    other[part == 2] = np.roll(y[part == 2], 1)
    result, _ = run([features("m", loud)], y, seeds=1, parts=[part])
    row = result.models[0]
    assert diagnose(row, loud, protocol_of(y, [part])) == diagnose(row, spoilt, protocol_of(other, [part]))
