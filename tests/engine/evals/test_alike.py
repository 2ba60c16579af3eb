"""Look-alikes against all cosines in float64, and the file that keeps them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workbench.engine.evals.alike import alike
from workbench.records.alike import Alike
from workbench.records.files import DocumentError


def with_copies(cloud, seed: int = 0) -> np.ndarray:
    """400 rows, of which 40 are others' with up to 30 % of noise, at another length."""
    rng = np.random.default_rng(seed)
    X, _ = cloud(400, 24, seed=seed)
    X -= X.mean(0)
    noise = rng.uniform(0, 0.3, (40, 1)) * rng.standard_normal((40, 24)) * X[:40].std(1, keepdims=True)
    X[360:] = (X[:40] + noise) * rng.uniform(0.1, 10, (40, 1))
    return X.astype(np.float32)


@pytest.mark.parametrize("threshold", [0.9, 0.98, 0.999])
def test_every_pair_above_the_threshold_is_found(cloud, threshold):
    X = with_copies(cloud)
    unit = X / np.linalg.norm(X.astype(float), axis=1, keepdims=True)
    cosines = unit @ unit.T
    expected = {
        (i, j): cosines[i, j] for i in range(400) for j in range(i + 1, 400) if cosines[i, j] >= threshold
    }
    pairs, cosine = alike(X, threshold=threshold, k=60)
    assert {(i, j) for i, j in pairs.tolist()} == set(expected)
    assert cosine == pytest.approx([expected[i, j] for i, j in pairs.tolist()], abs=2e-6)
    assert (np.diff(cosine) <= 0).all()
    assert len(expected) > 5


def test_of_a_crowd_every_row_is_named_and_no_row_of_zeros():
    X = np.tile(np.linspace(1, 2, 16, dtype=np.float32), (30, 1))
    X[7] = X[19] = 0
    pairs, cosine = alike(X, k=3)
    assert set(np.unique(pairs)) == set(range(30)) - {7, 19}
    assert cosine == pytest.approx(1, abs=1e-6)
    assert len(pairs) < 30 * 3
    assert len(np.unique(pairs, axis=0)) == len(pairs)
    assert (pairs[:, 0] < pairs[:, 1]).all()


def test_too_few_rows_have_no_pairs_and_nonsense_is_refused():
    for rows in (0, 1):
        pairs, cosine = alike(np.ones((rows, 4), np.float32))
        assert pairs.shape == (0, 2)
        assert cosine.shape == (0,)
    X = np.ones((3, 4), np.float32)
    for call, message in [
        (lambda: alike(X[0]), "table of vectors"),
        (lambda: alike(X, k=0), "k >= 1"),
        (lambda: alike(X, threshold=1.1), "at most 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_the_list_comes_back_and_finds_its_images_in_another_order(tmp_path: Path):
    ids = ["a", "b", "c", "d", "ü~2"]
    kept = Alike.of(
        ids,
        np.asarray([[1, 4], [0, 3], [0, 4]]),
        np.asarray([0.999, 0.99, 0.985]),
        fingerprint="0123456789abcdef",
        threshold=0.98,
        neighbours=5,
    )
    assert kept.ids == ("a", "b", "d", "ü~2")  # "c" is like none
    kept.save(tmp_path / "alike.npz")
    again = Alike.load(tmp_path / "alike.npz")
    assert (again.ids, again.fingerprint, again.threshold, again.neighbours) == (
        kept.ids,
        "0123456789abcdef",
        0.98,
        5,
    )
    pairs, cosine = again.among(["ü~2", "x", "b", "a"])  # "d" was left out since
    assert pairs.tolist() == [[2, 0], [3, 0]]
    assert cosine == pytest.approx([0.999, 0.985])
    nothing = Alike.of(ids, np.zeros((0, 2), int), np.zeros(0), fingerprint="", threshold=0.98, neighbours=5)
    assert nothing.among(ids)[0].shape == (0, 2)


def test_a_list_that_cannot_be_read_says_how_to_mend_it(tmp_path: Path):
    damaged, other = tmp_path / "alike.npz", tmp_path / "other.npz"
    damaged.write_bytes(b"PK\x03\x04 nothing")
    np.savez(other, head=np.frombuffer(b'{"format": "workbench.index", "version": 1}', np.uint8))
    for path in (damaged, other, tmp_path / "none.npz"):
        with pytest.raises(DocumentError, match="Embed the images again"):
            Alike.load(path)
    with pytest.raises(ValueError, match="not in the list"):
        Alike(("a",), np.asarray([[0, 1]]), np.ones(1, np.float32), "", 0.98, 5)
