"""Label purity of the nearest neighbours, against scikit-learn, and without the neighbours that don't count."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from workbench.engine.evals import purity as module
from workbench.engine.evals.purity import purity


def made(num: int = 120, apart: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, num)
    return rng.normal(size=(num, 8)) + apart * np.eye(3, 8)[labels] * 3, labels


def test_it_is_what_a_search_by_scikit_learn_gives() -> None:
    X, labels = made()
    found = purity(X, labels)
    assert found is not None
    where = (
        NearestNeighbors(n_neighbors=11, metric="cosine").fit(X).kneighbors(X, return_distance=False)[:, 1:]
    )
    assert found[0] == pytest.approx((labels[where] == labels[:, None]).mean(), abs=1e-6)
    sizes = np.bincount(labels)
    assert found[1] == pytest.approx(((sizes - 1) * sizes).sum() / len(X) / (len(X) - 1), abs=1e-9)


def test_a_feature_that_knows_nothing_is_at_chance() -> None:
    X, labels = made(600, apart=0.0)
    found = purity(X, labels)
    assert found is not None and abs(found[0] - found[1]) < 0.03


def test_copies_and_the_own_group_are_no_neighbours() -> None:
    """Every image has nine more of its group that look like it; the classes themselves can't be told apart."""
    rng = np.random.default_rng(5)
    centres = rng.normal(size=(60, 16))
    X = np.repeat(centres, 10, axis=0) + 0.01 * rng.normal(size=(600, 16))
    groups = np.repeat(np.arange(60), 10)
    labels = np.repeat(rng.integers(0, 2, 60), 10)
    blind, grouped = purity(X, labels), purity(X, labels, groups)
    copied = purity(X, labels, None, [f"set {code}" for code in groups])
    assert blind is not None and grouped is not None and blind[0] > 0.9
    assert abs(grouped[0] - grouped[1]) < 0.15
    assert copied == grouped


def test_many_images_are_asked_in_blocks_and_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    X, labels = made(500)
    whole = purity(X, labels)
    monkeypatch.setattr(module, "BLOCK", 700)
    assert whole is not None and purity(X, labels) == pytest.approx(whole, abs=1e-6)
    monkeypatch.setattr(module, "QUERIES", 200)
    some = purity(X, labels)
    assert some is not None and some != whole and some[0] == pytest.approx(whole[0], abs=0.1)


def test_without_a_neighbour_there_is_no_answer() -> None:
    assert purity(np.ones((3, 2)), np.zeros(3), np.zeros(3)) is None
    found = purity(np.ones((3, 2)), np.asarray([0, 0, 1]), np.asarray([-1, -1, -1]))
    assert found is not None and found == pytest.approx((1 / 3, 1 / 3))
