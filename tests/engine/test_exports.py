from __future__ import annotations

import csv
import io
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workbench.engine.exports import EXPORTERS, export, import_embeddings
from workbench.records.embeddings import Embeddings
from workbench.records.files import DocumentError

LABELS = [
    "tab\there",
    "two\nlines\r",
    "=HYPERLINK(1)",
    "'=quoted",
    "-1",
    "back\\slash\\t",
    "raw\udcff",
    "nul\x00",
    "",
]


@pytest.fixture
def wrote() -> Embeddings:
    rng = np.random.default_rng(0)
    n = len(LABELS)
    x = rng.normal(size=(n, 4)).astype(np.float32)
    x[0] = [np.float32(1e-30), np.float32(1 / 3), np.float32(3e38), 0]
    return Embeddings(
        X=x,
        ids=[f"id{i}" for i in range(n)],
        paths=[f"+dir/{text}.jpg" for text in LABELS],
        labels=LABELS,
        splits=["train", "val", "test"] * 3,
        groups=["lot01", "", "@lot"] * 3,
        provenance={"title": "ü", "spec": {"preprocess": {"size": 8}}, "root": "C:\\x"},
    )


def same_items(a: Embeddings, b: Embeddings) -> None:
    np.testing.assert_array_equal(a.X, b.X)
    for name in ("ids", "paths", "labels", "splits", "groups"):
        assert getattr(a, name) == getattr(b, name), name


@pytest.mark.parametrize("kind", [kind for kind in EXPORTERS if kind != "csv"])
def test_round_trip(tmp_path: Path, wrote: Embeddings, kind: str) -> None:
    written = export(wrote, tmp_path / f"out{EXPORTERS[kind].suffix}", kind)
    assert sorted(tmp_path.iterdir()) == sorted(written)
    read = import_embeddings(written[0])
    same_items(read, wrote)
    if kind != "projector":  # which has no room for it
        assert read.provenance == wrote.provenance


@pytest.mark.parametrize("kind", ["h5ad", "parquet", "npz"])
def test_further_models_go_along(tmp_path: Path, wrote: Embeddings, kind: str) -> None:
    wrote.obsm = {"X_umap": wrote.X[:, :2].copy(), "X_ü": wrote.X + 1}
    path = export(wrote, tmp_path / f"out{EXPORTERS[kind].suffix}", kind)[0]
    read = import_embeddings(path)
    assert read.obsm.keys() == wrote.obsm.keys()
    for key in wrote.obsm:
        np.testing.assert_array_equal(read.obsm[key], wrote.obsm[key])


@pytest.mark.parametrize("kind", EXPORTERS)
def test_no_items(tmp_path: Path, kind: str) -> None:
    empty = Embeddings(X=np.zeros((0, 4)), ids=[])
    path = export(empty, tmp_path / f"out{EXPORTERS[kind].suffix}", kind)[0]
    if kind != "csv":
        assert len(import_embeddings(path)) == 0


def test_projector_files_keep_one_row_per_item(tmp_path: Path, wrote: Embeddings) -> None:
    vectors, metadata = export(wrote, tmp_path / "out.tsv", "projector")
    assert metadata.name == "out.metadata.tsv"
    numbers = np.loadtxt(vectors, delimiter="\t", dtype=np.float32)
    np.testing.assert_array_equal(numbers, wrote.X)
    lines = metadata.read_text("utf-8").splitlines()  # splits at every kind of line end
    assert len(lines) == len(wrote) + 1
    assert {line.count("\t") for line in lines} == {4}
    same_items(import_embeddings(metadata), wrote)


def test_a_cell_is_never_a_formula(tmp_path: Path, wrote: Embeddings) -> None:
    (table,) = export(wrote, tmp_path / "out.csv", "csv")
    metadata = export(wrote, tmp_path / "out.tsv", "projector")[1]
    rows = list(csv.reader(io.StringIO(table.read_text("utf-8"))))
    rows += [line.split("\t") for line in metadata.read_text("utf-8").splitlines()]
    assert len(rows) == 2 * (len(wrote) + 1)
    for cell in (cell for row in rows for cell in row):
        assert cell[:1] not in ("=", "@", "+", "\t", "\r") and (cell[:1] != "-" or cell == "-1"), cell
    assert "'=HYPERLINK(1)" in rows[3]


def test_parquet_has_the_columns_that_others_look_for(tmp_path: Path, wrote: Embeddings) -> None:
    table = pq.read_table(export(wrote, tmp_path / "out.parquet", "parquet")[0])
    assert table.column_names == ["id", "path", "label", "split", "group", "embedding"]
    assert table.schema.field("embedding").type == pa.list_(pa.float32(), 4)
    np.testing.assert_array_equal(np.stack(table["embedding"].to_numpy(zero_copy_only=False)), wrote.X)


def test_foreign_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {"vector": [[1.0, 2.0], [3.0, 4.0]], "path": ["a\\u0041", "a\\u0041"], "label": [7, None]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    read = import_embeddings(tmp_path / "a.parquet")
    assert read.X.tolist() == [[1, 2], [3, 4]]
    assert (read.ids, read.labels) == (["a\\u0041", "a\\u0041#2"], ["7", ""])
    pq.write_table(pa.table({"vector": [[1.0, 2.0], [3.0]]}), tmp_path / "b.parquet")
    with pytest.raises(DocumentError, match="different lengths, 1 to 2"):
        import_embeddings(tmp_path / "b.parquet")
    pq.write_table(pa.table({"label": ["x"]}), tmp_path / "c.parquet")
    with pytest.raises(DocumentError, match="no column of vectors"):
        import_embeddings(tmp_path / "c.parquet")


def test_clam_and_trident_bags(tmp_path: Path, wrote: Embeddings) -> None:
    (path,) = export(wrote, tmp_path / "out.h5", "clam")
    with h5py.File(path) as file:  # as CLAM's Generic_MIL_Dataset reads a bag
        assert file["features"][:].shape == (9, 4)
        assert file["coords"][:].shape == (9, 2)
    with h5py.File(tmp_path / "trident.h5", "w") as file:
        file["features"] = np.arange(6, dtype=np.float16).reshape(1, 3, 2)
        file["coords"] = np.zeros((3, 2), dtype=int)
    read = import_embeddings(tmp_path / "trident.h5")
    assert read.X.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert read.ids == ["row 1", "row 2", "row 3"]


def test_foreign_npz_and_no_pickles(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.ones((2, 3)), labels=["x", "y"])
    assert import_embeddings(tmp_path / "a.npz").labels == ["x", "y"]
    np.savez(tmp_path / "b.npz", features=np.ones((2, 3)), labels=np.array([{}, None], dtype=object))
    with pytest.raises(DocumentError, match="can't be read"):
        import_embeddings(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", other=np.ones(3))
    with pytest.raises(DocumentError, match="no two-dimensional array"):
        import_embeddings(tmp_path / "c.npz")


def test_foreign_projector_pairs(tmp_path: Path) -> None:
    (tmp_path / "v.tsv").write_text("1\t2\n3.5\t-4e-3\n")
    assert import_embeddings(tmp_path / "v.tsv").X.tolist() == [[1, 2], [3.5, pytest.approx(-0.004)]]
    (tmp_path / "metadata.tsv").write_text("cat\n=dog\n")
    assert import_embeddings(tmp_path / "v.tsv").labels == ["cat", "=dog"]
    (tmp_path / "metadata.tsv").write_text("Label\tn\ncat\t1\ndog\t2\n")
    assert import_embeddings(tmp_path / "v.tsv").labels == ["cat", "dog"]
    (tmp_path / "metadata.tsv").write_text("Label\tn\ncat\t1\n")
    with pytest.raises(DocumentError, match="2 vectors, but 1 entry"):
        import_embeddings(tmp_path / "v.tsv")
    (tmp_path / "w.tsv").write_text("a\tb\nc\td\n")
    with pytest.raises(DocumentError, match="can't be read"):
        import_embeddings(tmp_path / "w.tsv")


@pytest.mark.parametrize("suffix", [".h5ad", ".h5", ".parquet", ".npz"])
def test_damaged_files_are_named(tmp_path: Path, wrote: Embeddings, suffix: str) -> None:
    bad = tmp_path / f"bad{suffix}"
    with pytest.raises(DocumentError, match="does not exist"):
        import_embeddings(bad)
    bad.write_bytes(b"nonsense")
    with pytest.raises(DocumentError, match="bad"):
        import_embeddings(bad)
    kind = next(kind for kind, exporter in EXPORTERS.items() if exporter.suffix == suffix)
    whole = export(wrote, bad, kind)[0].read_bytes()
    bad.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DocumentError, match="bad"):
        import_embeddings(bad)


def test_unknown_kinds(tmp_path: Path, wrote: Embeddings) -> None:
    with pytest.raises(ValueError, match="no export named 'xml'"):
        export(wrote, tmp_path / "out.xml", "xml")
    with pytest.raises(DocumentError, match="Known are"):
        import_embeddings(tmp_path / "out.xml")
    with pytest.raises(DocumentError, match="without vectors"):
        import_embeddings(tmp_path / "out.csv")
