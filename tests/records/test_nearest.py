"""Exact neighbours against a slow loop, in files whose rows stand in another order than the list of items."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.files import DocumentError
from workbench.records.nearest import Stopped, nearest, nearest_to_item, overlap, purity, surroundings
from workbench.records.vector_rows import vector_blocks

ITEMS, WIDTH = 60, 7


def write(folder: Path, name: str, seed: int, kept: int = ITEMS) -> tuple[Path, np.ndarray, np.ndarray]:
    """A file, the item of each of its rows, and the vector of each item (NaN where it isn't in the file)."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(ITEMS, WIDTH)).astype(np.float32)
    vectors[5] = 3 * vectors[4]  # the same direction
    vectors[9] = 0
    rows = rng.permutation(ITEMS)[:kept].astype(np.int32)
    path = folder / f"{name}.h5ad"
    write_h5ad(path, Embeddings(X=vectors[rows], ids=[f"i{item}" for item in rows]))
    missing = np.setdiff1d(np.arange(ITEMS), rows)
    vectors[missing] = np.nan
    return path, rows, vectors


def slowly(vectors: np.ndarray, item: int, among: list[int]) -> list[tuple[float, int]]:
    """(distance, item) of all others, by 1 - cosine in double precision."""
    found = []
    for other in among:
        if other == item:
            continue
        one, two = vectors[item].astype(float), vectors[other].astype(float)
        length = np.linalg.norm(one) * np.linalg.norm(two)
        found.append((1 - float(one @ two) / length if length else 1.0, other))
    return sorted(found)


@pytest.mark.parametrize("item", [0, 4, 9, 33])
def test_the_nearest_are_those_of_a_slow_loop(tmp_path: Path, item: int) -> None:
    path, rows, vectors = write(tmp_path, "one", 1)
    found = nearest_to_item(path, rows, item, 12)
    wanted = slowly(vectors, item, list(range(ITEMS)))[:12]
    assert item not in found.items
    np.testing.assert_allclose(found.distance, [apart for apart, _ in wanted], atol=1e-5)
    if item != 9:  # a vector of zeros is at 1 from everything
        twins = {5: 4}  # at the same distance, so that their order says nothing
        listed = [
            [twins.get(other, other) for other in items] for items in (found.items, (o for _, o in wanted))
        ]
        assert listed[0] == listed[1]
    assert (found.distance >= 0).all()


@pytest.mark.parametrize("without", [-1, 7])
def test_a_vector_from_elsewhere_is_compared_with_every_item(tmp_path: Path, without: int) -> None:
    path, rows, vectors = write(tmp_path, "one", 8)
    asked = np.random.default_rng(9).normal(size=WIDTH).astype(np.float32)
    asked[:] = vectors[7] + 0.3 * asked
    found = nearest(path, rows, asked, ITEMS, without=without)
    everything = np.concatenate([vectors, asked[None]])
    wanted = slowly(everything, ITEMS, [item for item in range(ITEMS) if item != without])
    assert len(found.items) == len(wanted) == ITEMS - (without >= 0)
    np.testing.assert_allclose(found.distance, [apart for apart, _ in wanted], atol=1e-5)
    assert found.items[:3].tolist() == [item for _, item in wanted[:3]]
    itself = nearest(path, rows, 5 * vectors[7], 1)
    assert itself.items[0] == 7 and itself.distance[0] < 1e-6
    with pytest.raises(DocumentError, match=r"one\.h5ad holds other items"):
        nearest(path, rows, asked[:-1])


def test_an_item_that_a_file_lacks_has_no_answer_in_it(tmp_path: Path) -> None:
    path, rows, _ = write(tmp_path, "one", 2, kept=30)
    lacking = next(item for item in range(ITEMS) if item not in rows)
    assert nearest_to_item(path, rows, lacking) is None
    assert len(nearest_to_item(path, rows, int(rows[0]), 100).items) == 29


def test_a_file_that_has_changed_is_told(tmp_path: Path) -> None:
    path, rows, _ = write(tmp_path, "one", 3)
    for known in (rows[:-1], np.append(rows, ITEMS).astype(np.int32)):
        with pytest.raises(DocumentError, match=r"one\.h5ad holds other items"):
            nearest_to_item(path, known, int(known[-1]))
        with pytest.raises(DocumentError, match=r"one\.h5ad holds other items"):
            surroundings({"one": path}, {"one": known})
    path.write_bytes(b"damaged")
    with pytest.raises(DocumentError, match=r"one\.h5ad can't be read"):
        nearest_to_item(path, rows, int(rows[0]))


def test_the_surroundings_of_all_are_among_what_every_file_holds(tmp_path: Path) -> None:
    files, rows, vectors = {}, {}, {}
    for seed, (name, kept) in enumerate((("one", 60), ("two", 50), ("three", 55))):
        files[name], rows[name], vectors[name] = write(tmp_path, name, seed, kept)
    found = surroundings(files, rows, 6)
    common = sorted(set(rows["one"]) & set(rows["two"]) & set(rows["three"]))
    assert found.queries.tolist() == common and found.total == len(common)
    for name in files:
        for query, near in zip(found.queries.tolist(), found.neighbours[name].tolist(), strict=True):
            if query != 9:
                wanted = slowly(vectors[name], query, common)
                apart = {other: distance for distance, other in wanted}
                assert query not in near and len(set(near)) == 6
                np.testing.assert_allclose(
                    [apart[other] for other in near], [distance for distance, _ in wanted[:6]], atol=1e-5
                )


def test_of_many_a_seeded_sample_is_asked(tmp_path: Path) -> None:
    path, rows, _ = write(tmp_path, "one", 5)
    whole = surroundings({"one": path}, {"one": rows}, 5)
    some = surroundings({"one": path}, {"one": rows}, 5, most=40, sample=10)
    again = surroundings({"one": path}, {"one": rows}, 5, most=40, sample=10)
    assert len(some.queries) == 10 and some.total == ITEMS
    assert some.queries.tolist() == again.queries.tolist() == sorted(set(some.queries.tolist()))
    at = np.searchsorted(whole.queries, some.queries)
    assert some.neighbours["one"].tolist() == whole.neighbours["one"][at].tolist()


def test_it_stops_when_nobody_waits(tmp_path: Path) -> None:
    path, rows, _ = write(tmp_path, "one", 6)
    with pytest.raises(Stopped):
        surroundings({"one": path}, {"one": rows}, wanted=lambda: False)


@pytest.mark.parametrize("seed", range(3))
def test_purity_and_overlap_are_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, 3, ITEMS).astype(np.int32)
    labels[labels == 2] = 3  # a class without items
    queries = np.sort(rng.permutation(ITEMS)[:40])
    near = [np.stack([rng.permutation(ITEMS)[:8] for _ in queries]) for _ in range(2)]
    found = purity(near[0], queries, labels, 4)
    for code in range(4):
        shares = [
            np.mean([labels[other] == code for other in line])
            for query, line in zip(queries, near[0], strict=True)
            if labels[query] == code
        ]
        assert found[code] == pytest.approx(np.mean(shares)) if shares else np.isnan(found[code])
    for k in (1, 5, 8):
        same = [len(set(a[:k]) & set(b[:k])) for a, b in zip(*near, strict=True)]
        assert overlap(near[0], near[1], k).tolist() == same


def test_vectors_come_block_by_block_from_wherever_they_stand(tmp_path: Path) -> None:
    path, _, _ = write(tmp_path, "one", 7)
    with h5py.File(path, "r") as file:
        whole = file["X"][...]
    blocks = list(vector_blocks(path, 16))
    assert [start for start, _ in blocks] == [0, 16, 32, 48]
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), whole)
    with h5py.File(path, "r+") as file:
        del file["X"]
        file["obsm"]["X_model"] = whole.astype(np.float64)
        file["obsm"]["X_umap"] = whole[:, :2]
    np.testing.assert_array_equal(next(vector_blocks(path))[1], whole)
    with h5py.File(path, "r+") as file:
        del file["obsm"]["X_model"]
    with pytest.raises(DocumentError, match="no dense X"):
        next(vector_blocks(path))
    with pytest.raises(DocumentError, match=r"gone\.h5ad"):
        next(vector_blocks(tmp_path / "gone.h5ad"))
