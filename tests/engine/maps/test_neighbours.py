from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from tests.engine.maps.clouds import clustered
from workbench.engine.maps.neighbours import checked, exact_neighbours, map_neighbours


def brute(X: np.ndarray, k: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """Distances and rows of the k nearest others, as scikit-learn finds them in float64."""
    apart, index = (
        NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(X.astype(float)).kneighbors()
    )
    return apart, index


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_the_neighbours_are_those_that_a_search_of_everything_finds(metric: str) -> None:
    X = clustered(700)
    found = exact_neighbours(X, 12, metric=metric)
    apart, index = brute(X, 12, metric)
    np.testing.assert_array_equal(found.index, index)
    np.testing.assert_allclose(found.distance, apart, atol=2e-6)
    assert found.first(3).index.shape == (700, 3)


def test_far_from_the_origin_euclidean_neighbours_stay_exact() -> None:
    X = clustered(300) + np.float32(3000)
    np.testing.assert_array_equal(
        exact_neighbours(X, 8, metric="euclidean").index, brute(X, 8, "euclidean")[1]
    )


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_equal_vectors_are_at_distance_zero_and_come_in_the_order_of_their_rows(metric: str) -> None:
    X = clustered(40)
    X[[5, 17, 30]] = X[11]
    found = exact_neighbours(X, 3, metric=metric)
    assert found.index[30].tolist() == [5, 11, 17] and found.index[5].tolist() == [11, 17, 30]
    assert not found.distance[[5, 11, 17, 30]].any()


def test_a_row_of_zeros_has_cosine_0_to_everything() -> None:
    X = clustered(20)
    X[[3, 8]] = 0
    found = exact_neighbours(X, 4)
    assert found.distance[3].tolist() == [1, 1, 1, 1]
    near = found.distance[0] < 1
    assert near.any() and not {3, 8} & set(found.index[0][near].tolist())


@pytest.mark.parametrize("items", [1, 2, 3])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_there_are_no_more_neighbours_than_others(items: int, metric: str) -> None:
    X = clustered(items)
    for found in (exact_neighbours(X, 15, metric=metric), map_neighbours(X[:, :2], 15)):
        assert found.index.shape == found.distance.shape == (items, items - 1)
        assert all(set(row.tolist()) == set(range(items)) - {at} for at, row in enumerate(found.index))


def test_neighbours_on_a_map_are_exact_and_never_the_item_itself() -> None:
    Y = clustered(500, width=2)
    np.testing.assert_array_equal(map_neighbours(Y, 10).index, brute(Y, 10, "euclidean")[1])
    Y[:60] = Y[0]
    index = map_neighbours(Y, 10).index
    assert not (index == np.arange(500)[:, None]).any()
    assert index[:60].max() < 60


def test_progress_is_told_and_may_cancel() -> None:
    told: list[tuple[int, int]] = []
    exact_neighbours(clustered(600), 5, on_progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (600, 600) and len(told) > 1

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exact_neighbours(clustered(600), 5, metric="euclidean", on_progress=cancel)


def test_numbers_that_are_not_finite_are_refused_with_the_items_name() -> None:
    X = clustered(5)
    X[2, 1], X[4, 0] = np.nan, np.inf
    with pytest.raises(ValueError, match=r"item bolt\\n7, and 1 other has numbers that are not finite"):
        checked(X, ["a", "b", "bolt\n7", "c", "d"])
    with pytest.raises(ValueError, match="shape"):
        checked(X[:, :0])
    with pytest.raises(ValueError, match="no metric 'hamming'"):
        exact_neighbours(clustered(5), 2, metric="hamming")
