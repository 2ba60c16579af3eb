"""k-NN against scikit-learn's neighbours and a vote written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from workbench.engine.evals import knn
from workbench.engine.evals.knn import knn_predict, knn_votes, nearest, usable_ks


def same_neighbours(found: tuple[torch.Tensor, torch.Tensor], queries: np.ndarray, bank: np.ndarray) -> None:
    """Every row as scikit-learn has it in float64, but for neighbours that float32 can't tell apart."""
    similarity, index = (part.numpy() for part in found)
    oracle = NearestNeighbors(n_neighbors=index.shape[1], metric="cosine", algorithm="brute")
    distance, expected = oracle.fit(bank.astype(np.float64)).kneighbors(queries.astype(np.float64))
    assert np.allclose(similarity, 1 - distance, atol=2e-6)
    differs = index != expected
    assert differs.mean() < 0.005
    unit = bank / np.linalg.norm(bank, axis=1, keepdims=True)
    own = queries / np.linalg.norm(queries, axis=1, keepdims=True)
    for row, column in np.argwhere(differs):
        found_value = unit[index[row, column]] @ own[row]
        assert found_value == pytest.approx(1 - distance[row, column], abs=2e-6)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("block", [None, 700])
@pytest.mark.parametrize("shift", [0.0, 3.0], ids=["centred", "all alike"])
def test_neighbours_are_scikit_learns(coarse, block, shift):
    rng = np.random.default_rng(0)
    bank = (rng.normal(size=(5000, 32)) + shift).astype(np.float32)
    queries = (rng.normal(size=(300, 32)) + shift).astype(np.float32)
    found = nearest(torch.from_numpy(queries), torch.from_numpy(bank), 20, block=block, coarse=coarse)
    same_neighbours(found, queries, bank)


def test_a_coarse_search_repairs_what_bfloat16_cannot_tell_apart():
    """A thousand rows closer to the query than bfloat16 resolves: no list of candidates is long enough."""
    rng = np.random.default_rng(1)
    centre = rng.normal(size=64)
    bank = np.concatenate([centre + 2e-2 * rng.normal(size=(1000, 64)), rng.normal(size=(4000, 64))])
    bank = bank.astype(np.float32)
    query = (centre + 2e-2 * rng.normal(size=(3, 64))).astype(np.float32)
    exact = nearest(torch.from_numpy(query), torch.from_numpy(bank), 10, coarse=False)
    repaired = nearest(torch.from_numpy(query), torch.from_numpy(bank), 10, coarse=True)
    assert torch.allclose(exact[0], repaired[0], atol=1e-6)
    assert torch.equal(exact[1], repaired[1])
    rough = torch.from_numpy(query).bfloat16() @ torch.from_numpy(bank).bfloat16().T
    assert set(rough[0].topk(10).indices.tolist()) != set(exact[1][0].tolist())


def test_no_row_is_its_own_neighbour_when_left_out():
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(400, 16)).astype(np.float32)
    for coarse in (False, True):
        similarity, index = nearest(
            torch.from_numpy(rows), torch.from_numpy(rows), 5, exclude_self=True, coarse=coarse, block=150
        )
        full = nearest(torch.from_numpy(rows), torch.from_numpy(rows), 6)
        assert torch.equal(full[1][:, 0], torch.arange(400))
        assert torch.equal(index, full[1][:, 1:])
        assert torch.allclose(similarity, full[0][:, 1:], atol=1e-6)


def test_few_items_equals_and_zeros():
    bank = torch.tensor([[1.0, 0], [0, 1], [1, 0], [1, 0], [0, 0]])
    similarity, index = nearest(torch.tensor([[2.0, 0]]), bank, 200)
    assert index.tolist() == [[0, 2, 3, 1, 4]]  # equals in the order of the bank
    assert similarity.tolist() == [[1, 1, 1, 0, 0]]
    assert nearest(bank, bank, 200, exclude_self=True)[1].shape == (5, 4)
    assert nearest(bank, bank, 200, exclude_self=True, coarse=True)[1].sort(1).values.tolist() == [
        [j for j in range(5) if j != i] for i in range(5)
    ]


def test_what_cannot_be_searched_is_refused():
    rows = torch.ones(3, 2)
    for call, message in [
        (lambda: nearest(rows, torch.ones(3, 4), 1), "fit each other"),
        (lambda: nearest(rows, rows, 0), "k >= 1"),
        (lambda: nearest(rows, torch.ones(0, 2), 3), "not empty"),
        (lambda: nearest(rows, torch.ones(4, 2), 1, exclude_self=True), "exclude_self"),
        (lambda: usable_ks([0, 5], 10), "1 or more"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_progress_is_told_and_can_cancel(monkeypatch):
    monkeypatch.setattr(knn, "QUERIES", 10)
    told = []
    rows = torch.randn(25, 4)
    nearest(rows, rows, 3, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(10, 25), (20, 25), (25, 25)]


def test_the_vote_is_dinos():
    rng = np.random.default_rng(3)
    similarity = np.sort(rng.uniform(-1, 1, size=(40, 30)))[:, ::-1].astype(np.float32)
    labels = rng.integers(0, 5, size=(40, 30))
    ks = usable_ks([1, 5, 10, 20, 50, 100, 200], 30)
    assert ks == (1, 5, 10, 20, 30)
    predicted = knn_predict(torch.from_numpy(similarity.copy()), torch.from_numpy(labels), 5, ks)
    votes = knn_votes(torch.from_numpy(similarity.copy()), torch.from_numpy(labels), 5)
    for query in range(40):
        for position, k in enumerate(ks):
            tally = [0.0] * 5
            for j in range(k):
                tally[labels[query, j]] += math.exp(float(similarity[query, j]) / 0.07)
            assert predicted[position, query] == int(np.argmax(tally))
        assert np.allclose(votes[query] / votes[query].sum(), np.asarray(tally) / sum(tally), rtol=1e-6)


def test_a_tied_vote_goes_to_the_lower_code():
    predicted = knn_predict(torch.tensor([[0.5, 0.5]]), torch.tensor([[3, 1]]), 4, (2,))
    assert predicted.tolist() == [[1]]
