from __future__ import annotations

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as reference

from tests.engine.maps.clouds import clustered
from workbench.engine.maps import figures
from workbench.engine.maps.figures import overlap, trustworthiness
from workbench.engine.maps.neighbours import exact_neighbours


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize(("items", "k"), [(31, 15), (400, 5), (400, 15)])
def test_trustworthiness_is_scikit_learns(
    metric: str, items: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "BLOCK", 10_000)  # in several blocks
    X = clustered(items).astype(np.float64)
    for Y in (X[:, :2], np.random.default_rng(1).normal(size=(items, 2))):
        found = trustworthiness(X, Y, k, metric=metric)
        assert found.value == pytest.approx(reference(X, Y, n_neighbors=k, metric=metric), abs=1e-9)
        assert (found.neighbours, found.judged) == (k, items)


def test_a_sample_of_many_items_estimates_the_whole() -> None:
    X = clustered(1500)
    Y = X[:, :2] + np.random.default_rng(2).normal(size=(1500, 2)).astype(np.float32)
    whole, some = trustworthiness(X, Y), trustworthiness(X, Y, rows=400)
    assert (whole.judged, some.judged) == (1500, 400)
    assert whole.value is not None and some.value is not None
    assert some.value != whole.value and abs(some.value - whole.value) < 0.01
    assert trustworthiness(X, Y, rows=400).value == some.value
    assert trustworthiness(X, Y, rows=400, seed=1).value != some.value


@pytest.mark.parametrize(("items", "k"), [(1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_few_items_have_few_neighbours_to_judge_by(items: int, k: int) -> None:
    X = clustered(items)
    found = trustworthiness(X, X[:, :2])
    assert found.neighbours == k
    assert (found.value is None) == (k == 0)
    if found.value is not None:
        assert found.value == pytest.approx(reference(X, X[:, :2], n_neighbors=k), abs=1e-9)


def test_a_map_of_equal_vectors_is_trusted() -> None:
    X = np.ones((20, 3), np.float32)
    assert trustworthiness(X, X[:, :2], 5).value == 1


def test_overlap_is_the_share_of_common_neighbours() -> None:
    near = exact_neighbours(clustered(60), 6)
    assert overlap(near, near) == 1
    other = exact_neighbours(clustered(60, seed=3), 6)
    slow = np.mean([len(set(a[:4]) & set(b[:4])) / 4 for a, b in zip(near.index, other.index, strict=True)])
    assert overlap(near, other, 4) == pytest.approx(slow) and 0 < slow < 1
    assert overlap(near.first(0), other) is None
    with pytest.raises(ValueError, match="60 items can't be compared with those of 10"):
        overlap(near, exact_neighbours(clustered(10), 6))
