from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.manifold._utils import _binary_search_perplexity

from tests.engine.maps.clouds import clustered
from workbench.engine.maps.draw import draw
from workbench.engine.maps.figures import trustworthiness
from workbench.engine.maps.graph import fuzzy_graph
from workbench.engine.maps.linear import pca
from workbench.engine.maps.neighbours import Neighbours, exact_neighbours
from workbench.engine.maps.tsne import affinities, check_size, tsne, usual_perplexity
from workbench.engine.maps.umap import curve, umap
from workbench.records.projection import MapSettings


class Cancelled(Exception):
    pass


LEARNT = 0.98977  # the trustworthiness of umap-learn 0.5.12's map of the 600 items
ENDS = (1.576943, 0.895061)  # its a and b for the usual least distance, 0.1


def widths(distance: np.ndarray) -> np.ndarray:
    """(N, k) memberships by their definition: in each row they sum to log2(k + 1), and the first is 1."""
    rows = []
    for row in distance.astype(float):
        beyond = row - row[0]
        missing = lambda width, beyond=beyond: np.exp(-beyond / width).sum() - np.log2(len(beyond) + 1)  # noqa: E731
        rows.append(np.exp(-beyond / brentq(missing, 1e-6, 1e3)))
    return np.asarray(rows)


def test_the_map_is_as_trustworthy_as_umap_learns() -> None:
    """Against what umap-learn gave once: with it beside, which takes half a minute, see the next test."""
    X = clustered(600, 24, 10)
    near = exact_neighbours(X, 14, metric="euclidean")
    directed = np.zeros((600, 600))
    np.put_along_axis(directed, near.index, widths(near.distance), 1)
    united = directed + directed.T - directed * directed.T
    assert abs(fuzzy_graph(near).toarray() - united).max() < 1e-3
    assert curve(0.1) == pytest.approx(ENDS, rel=1e-4)
    mine = trustworthiness(X, umap(X, near)).value
    assert mine is not None and mine >= LEARNT - 0.005


@pytest.mark.long
def test_the_map_is_as_trustworthy_as_umap_learns_on_the_same_graph() -> None:
    """The one fit of umap-learn here: it has to be compiled."""
    import umap as learn  # slow to import, too

    X = clustered(600, 24, 10)
    near = exact_neighbours(X, 14, metric="euclidean")
    itself, zero = np.arange(600)[:, None], np.zeros((600, 1), np.float32)
    given = (np.concatenate([itself, near.index], 1), np.concatenate([zero, near.distance], 1), None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = learn.UMAP(random_state=0, precomputed_knn=given).fit(X)
    graph = fuzzy_graph(near)
    assert abs(graph - theirs.graph_).max() < 1e-3
    assert (theirs._a, theirs._b) == pytest.approx(ENDS, rel=1e-5)
    ours = umap(X, near)
    mine, others = trustworthiness(X, ours), trustworthiness(X, theirs.embedding_)
    assert mine.value is not None and others.value is not None
    assert others.value == pytest.approx(LEARNT, abs=0.002), (
        "another release: the number above is out of date"
    )
    assert mine.value >= others.value - 0.005


def test_umap_is_the_same_twice_and_another_with_another_seed() -> None:
    X = clustered(200)
    near = exact_neighbours(X, 9)
    one, two, other = (umap(X, near, seed=seed, epochs=60) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (200, 2) and one.dtype == np.float32
    assert np.abs(one - other).max() > 0.1
    assert umap(X, near, dimensions=3, epochs=5).shape == (200, 3)


def test_least_distance_spreads_the_clusters() -> None:
    X = clustered(200)
    near = exact_neighbours(X, 9)
    tight, wide = (umap(X, near, min_dist=least, epochs=100) for least in (0.0, 0.9))

    def apart(Y: np.ndarray) -> float:
        return float(np.median(exact_neighbours(Y, 1, metric="euclidean").distance))

    assert apart(wide) > 3 * apart(tight)


def test_principal_components_are_scikit_learns_with_a_sign_that_stays() -> None:
    for X in (clustered(60, 12), clustered(9, 30)):
        theirs = PCA(3, svd_solver="full").fit(X.astype(float))
        expected = theirs.transform(X.astype(float))
        ours = pca(X, 3)
        sign = np.sign((ours * expected).sum(0))
        np.testing.assert_allclose(ours * sign, expected, atol=1e-4)
        turned = pca(-X, 3)
        np.testing.assert_allclose(
            turned, -ours, atol=1e-4
        )  # the directions stay, and the items are mirrored
    assert not pca(np.ones((5, 4), np.float32), 2).any()
    assert not pca(clustered(7, 1), 3)[:, 1:].any()


def test_t_sne_keeps_neighbours_as_scikit_learns_does() -> None:
    X = clustered(150)
    near = exact_neighbours(X, 60, metric="euclidean")
    ours = tsne(X, near, perplexity=20)
    theirs = TSNE(perplexity=20, init="pca", random_state=0, max_iter=750).fit_transform(X)
    mine, others = trustworthiness(X, ours, 8), trustworthiness(X, theirs, 8)
    assert mine.value is not None and others.value is not None
    assert mine.value >= others.value - 0.005
    np.testing.assert_array_equal(ours, tsne(X, near, perplexity=20))


def test_affinities_have_the_perplexity_that_was_asked_for() -> None:
    near = exact_neighbours(clustered(80), 30, metric="euclidean")
    graph = affinities(near, 10)
    assert graph.sum() == pytest.approx(1) and abs(graph - graph.T).max() < 1e-12
    far = Neighbours(near.index, near.distance * 1000)
    np.testing.assert_allclose(affinities(far, 10).data, graph.data, rtol=1e-4)
    rows = _binary_search_perplexity((near.distance**2).astype(np.float32), 10.0, 0)
    dense = np.zeros((80, 80))
    np.put_along_axis(dense, near.index, rows, 1)
    np.testing.assert_allclose(graph.toarray(), (dense + dense.T) / 160, atol=1e-7)


def test_t_sne_takes_what_perplexity_the_items_allow_and_not_too_many_items() -> None:
    assert (usual_perplexity(1000), usual_perplexity(31), usual_perplexity(4)) == (30, 10, 1)
    assert (usual_perplexity(1000, 50), usual_perplexity(91, 50)) == (50, 30)
    check_size(10_000, "cpu")
    with pytest.raises(ValueError, match=r"12,000 items would take too long.* 10,000 at the most"):
        check_size(12_000, "cpu")


@pytest.mark.parametrize("kind", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("items", [1, 2, 3, 5])
def test_every_map_takes_few_items_equal_ones_and_constant_columns(kind: str, items: int) -> None:
    X = clustered(items)
    X[:, 3] = 7
    X[1::2] = X[0]
    drawn = draw(X, MapSettings(map=kind, dimensions=3))
    assert drawn.positions.shape == (items, 3) and np.isfinite(drawn.positions).all()
    assert (drawn.overlap is None) == (items == 1)


@pytest.mark.parametrize("kind", ["umap", "tsne", "pca"])
def test_equal_vectors_still_find_a_place(kind: str) -> None:
    drawn = draw(np.ones((30, 4), np.float32), MapSettings(map=kind, metric="euclidean"))
    assert np.isfinite(drawn.positions).all()
    assert drawn.trust.value == 1


def test_what_cannot_be_drawn_is_refused_before_anything_is_searched() -> None:
    with pytest.raises(ValueError, match="no items"):
        draw(np.zeros((0, 4), np.float32), MapSettings())
    with pytest.raises(ValueError, match="item b has numbers that are not finite"):
        draw(np.asarray([[0.0, 1], [np.nan, 1]], np.float32), MapSettings(), ids=["a", "b"])


@pytest.mark.parametrize(
    ("kind", "what"), [("umap", "Laying out"), ("tsne", "Laying out"), ("pca", "Judging")]
)
def test_every_stage_is_told_and_can_be_cancelled(kind: str, what: str) -> None:
    told: list[str] = []

    def report(done: int, total: int, unit: str, detail: str) -> None:
        assert 0 < done <= total and unit in ("items", "steps")
        told.append(detail)
        if detail.startswith(what):
            raise Cancelled

    with pytest.raises(Cancelled):
        draw(clustered(100), MapSettings(map=kind), report=report)
    assert told[0] == "Finding the nearest neighbours" and told[-1].startswith(what)
    assert sum(name.startswith(what) for name in told) == 1
