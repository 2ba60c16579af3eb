"""The mean cosine against every pair, one by one, and which images lie between classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity
from ssl_workbench_similarity.likeness import between, likeness_of

from workbench.records.embeddings import Embeddings, write_h5ad

LABELS = ["b"] * 5 + ["a"] * 4 + ["c", "", ""]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    X = np.random.default_rng(1).normal(size=(12, 6)) + 0.7
    write_h5ad(
        tmp_path / "vectors.h5ad", Embeddings(X=X.astype(np.float32), ids=list("ABCDEFGHIJKL"), labels=LABELS)
    )
    return tmp_path / "vectors.h5ad"


def every_pair(path: Path, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    """(12, 12) cosines by sklearn and the labels."""
    from workbench.records.embeddings import read_h5ad

    X, labels = read_h5ad(path).X.astype(np.float64), np.asarray(LABELS)
    if centred:
        X = X - X[labels != ""].mean(0)
    return cosine_similarity(X), labels


@pytest.mark.parametrize("centred", [True, False])
def test_it_is_the_mean_over_all_pairs_of_different_images(file: Path, centred: bool) -> None:
    pairs, labels = every_pair(file, centred)
    found = likeness_of(file, ["b", "gone"], centred=centred)
    assert found.classes == ("b", "a", "c") and found.counts.tolist() == [5, 4, 1]
    for row, first in enumerate(found.classes):
        for column, second in enumerate(found.classes):
            values = [
                pairs[i, j]
                for i in np.flatnonzero(labels == first)
                for j in np.flatnonzero(labels == second)
                if i != j
            ]
            expected = np.mean(values) if values else np.nan
            assert found.cosines[row, column] == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_between_two_classes_come_those_first_that_lie_farthest_towards_the_other(file: Path) -> None:
    pairs, labels = every_pair(file, True)
    found = between(likeness_of(file, ["a", "b"], centred=True), 0, 1, most=6)
    expected = {}
    for i in np.flatnonzero((labels == "a") | (labels == "b")):
        own = [pairs[i, j] for j in np.flatnonzero(labels == labels[i]) if j != i]
        other = [pairs[i, j] for j in np.flatnonzero(labels == ("b" if labels[i] == "a" else "a"))]
        expected["ABCDEFGHIJKL"[i]] = (np.mean(own), np.mean(other))
    order = sorted(expected, key=lambda name: expected[name][0] - expected[name][1])[:6]
    assert [one.id for one in found] == order
    for one in found:
        assert (one.own, one.other) == pytest.approx(expected[one.id], abs=1e-6)


def test_of_a_class_with_itself_come_those_first_that_are_least_like_it(file: Path) -> None:
    pairs, labels = every_pair(file, False)
    found = between(likeness_of(file, ["a", "b"], centred=False), 1, 1)
    rows = np.flatnonzero(labels == "b")
    own = {"ABCDEFGHIJKL"[i]: np.mean([pairs[i, j] for j in rows if j != i]) for i in rows}
    assert [one.id for one in found] == sorted(own, key=own.get)


def test_what_cannot_be_answered_is_told(file: Path, tmp_path: Path) -> None:
    known = likeness_of(file, [], centred=True)
    assert known.nearest() is not None
    write_h5ad(file, Embeddings(X=np.ones((2, 6), np.float32), ids=["A", "B"], labels=["a", "b"]))
    with pytest.raises(ValueError, match="has changed"):
        between(known, 0, 1)
    write_h5ad(file, Embeddings(X=np.ones((2, 6), np.float32), ids=["A", "B"]))
    with pytest.raises(ValueError, match="has no labels"):
        likeness_of(file, [], centred=True)
    with pytest.raises(ValueError, match="gone"):
        likeness_of(tmp_path / "gone.h5ad", [], centred=True)
    write_h5ad(file, Embeddings(X=np.ones((2, 6), np.float32), ids=["A", "B"], labels=["a", "a"]))
    assert likeness_of(file, [], centred=False).nearest() is None
