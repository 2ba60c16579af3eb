from __future__ import annotations

import json
import time
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from workbench.records.anndata_elements import escape, unescape
from workbench.records.embeddings import Embeddings, distinct, merge, read_h5ad, split_name, write_h5ad
from workbench.records.files import DocumentError
from workbench.records.vector_rows import vector_blocks

ODD = [
    "päth/ü.jpg",
    "new\nline.jpg",
    "raw\udcff\udc80.jpg",
    "back\\slash\\u0041\\.jpg",
    "日本/🔩.png",
    "nul\x00.jpg",
]


def embeddings(paths: list[str] = ODD, width: int = 5, seed: int = 0, **more: object) -> Embeddings:
    rng = np.random.default_rng(seed)
    n = len(paths)
    values = {
        "labels": (["pit", "crack", "", "a\\b\udcfe", "crack", "pit"] * (n // 6 + 1))[:n],
        "splits": (["train", "val", "test", "", "train", "test"] * (n // 6 + 1))[:n],
        "groups": (["lot01", "", "lot02", "lot\n03", "lot01", "lot01"] * (n // 6 + 1))[:n],
        "provenance": {
            "title": "A model",
            "feature": "cls",
            "fingerprint": "00ff",
            "spec": {"preprocess": {"size": 224}},
            "root": "C:\\data\\ü\udcff",
        },
        "obsm": {"X_umap": rng.normal(size=(n, 2)).astype(np.float32)},
        **more,
    }
    x = rng.normal(size=(n, width)).astype(np.float32)
    return Embeddings(X=x, ids=[f"id{i}" for i in range(n)], paths=list(paths), **values)  # type: ignore[arg-type]


def same(a: Embeddings, b: Embeddings) -> None:
    np.testing.assert_array_equal(a.X, b.X)
    for name in ("ids", "paths", "labels", "splits", "groups", "hashes", "provenance"):
        assert getattr(a, name) == getattr(b, name), name
    assert a.obsm.keys() == b.obsm.keys()
    for key in a.obsm:
        np.testing.assert_array_equal(a.obsm[key], b.obsm[key])


def test_which_items_were_learnt_from_is_kept_where_it_is_known(tmp_path: Path) -> None:
    learnt = np.asarray([True, False, True, False, False, True])
    known, unknown = embeddings(pretrained=learnt), embeddings(seed=1)
    for number, part in enumerate((known, unknown)):
        write_h5ad(tmp_path / f"{number}.h5ad", part)
    again = read_h5ad(tmp_path / "0.h5ad")
    assert again.pretrained is not None and again.pretrained.tolist() == learnt.tolist()
    assert read_h5ad(tmp_path / "1.h5ad").pretrained is None
    frames = [anndata.read_h5ad(tmp_path / f"{number}.h5ad").obs for number in range(2)]
    assert frames[0]["pretrained"].dtype == bool and frames[0]["pretrained"].tolist() == learnt.tolist()
    assert "pretrained" not in frames[1]
    some = known.take([2, 1])
    assert some.pretrained is not None and some.pretrained.tolist() == [True, False]
    both = merge([unknown, known])
    assert both.pretrained is not None and both.pretrained.tolist() == learnt.tolist()
    assert merge([unknown, embeddings(seed=2)]).pretrained is None
    with pytest.raises(ValueError, match="pretrained"):
        embeddings(pretrained=learnt[:3])


@pytest.mark.parametrize("chunk", [None, 2])
def test_round_trip_with_odd_names(tmp_path: Path, chunk: int | None) -> None:
    wrote = embeddings(hashes=[f"{i:032x}" for i in range(6)])
    write_h5ad(tmp_path / "a.h5ad", wrote, chunk=chunk)
    same(read_h5ad(tmp_path / "a.h5ad"), wrote)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5ad"]


def test_anndata_reads_it_and_what_anndata_saves_reads_back(tmp_path: Path) -> None:
    wrote = embeddings()
    write_h5ad(tmp_path / "a.h5ad", wrote)
    table = anndata.read_h5ad(tmp_path / "a.h5ad")
    np.testing.assert_array_equal(table.X, wrote.X)
    assert table.X.dtype == np.float32
    assert list(table.obs_names) == wrote.ids
    assert list(table.obs.columns) == ["path", "label", "split", "group"]
    assert table.obs["path"].iloc[:2].tolist() == wrote.paths[:2]
    assert isinstance(table.obs["label"].dtype, pd.CategoricalDtype)
    assert table.obs["label"].isna().tolist() == [text == "" for text in wrote.labels]
    assert json.loads(table.uns["workbench"]["provenance"]) == wrote.provenance
    assert json.loads(table.uns["workbench"]["spec"]) == wrote.provenance["spec"]
    assert table.uns["workbench"]["fingerprint"] == "00ff"
    table.write_h5ad(tmp_path / "b.h5ad")
    same(read_h5ad(tmp_path / "b.h5ad"), wrote)
    table[[3, 1]].copy().write_h5ad(tmp_path / "c.h5ad")
    same(read_h5ad(tmp_path / "c.h5ad"), wrote.take([3, 1]))


def test_elements_are_encoded_as_anndata_encodes_them(tmp_path: Path) -> None:
    """Every element that both files hold has the same encoding attributes."""
    write_h5ad(tmp_path / "a.h5ad", embeddings())
    anndata.read_h5ad(tmp_path / "a.h5ad").write_h5ad(tmp_path / "b.h5ad")

    def kinds(path: Path) -> dict[str, tuple[str, str]]:
        found = {}
        with h5py.File(path) as file:
            file.visititems(
                lambda name, item: found.update(
                    {name: (item.attrs["encoding-type"], item.attrs["encoding-version"])}
                )
            )
        return found

    assert kinds(tmp_path / "a.h5ad") == kinds(tmp_path / "b.h5ad")


def test_no_items(tmp_path: Path) -> None:
    wrote = embeddings([])
    write_h5ad(tmp_path / "a.h5ad", wrote)
    same(read_h5ad(tmp_path / "a.h5ad"), wrote)
    assert anndata.read_h5ad(tmp_path / "a.h5ad").shape == (0, 5)


def test_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_h5ad(tmp_path / f"{name}.h5ad", embeddings())
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()


def test_fifty_thousand_items_take_seconds(tmp_path: Path) -> None:
    wrote = embeddings([f"class/{i}.jpg" for i in range(50_000)], width=64)
    began = time.perf_counter()
    write_h5ad(tmp_path / "a.h5ad", wrote)
    read = read_h5ad(tmp_path / "a.h5ad")
    assert time.perf_counter() - began < 10
    same(read, wrote)


def test_foreign_file_with_other_columns(tmp_path: Path) -> None:
    obs = pd.DataFrame(
        {"target": [1, 2, 1], "subset": ["Training", "valid", "holdout"], "n": [0.5, 1, 2]},
        index=["x", "y", "x"],
    )
    with pytest.warns(UserWarning, match="not unique"):
        table = anndata.AnnData(np.ones((3, 2)), obs=obs)
    table.write_h5ad(tmp_path / "a.h5ad")
    read = read_h5ad(tmp_path / "a.h5ad")
    assert (read.ids, read.labels, read.splits) == (["x", "y", "x#2"], ["1", "2", "1"], ["train", "val", ""])
    assert read.groups == ["", "", ""]
    assert read.X.dtype == np.float32
    assert read.provenance == {"imported": "a.h5ad"}


def test_foreign_nullable_strings_and_float_labels(tmp_path: Path) -> None:
    obs = pd.DataFrame(
        {"label": [3.0, np.nan, 4.5], "group": pd.array(["a", None, "b"], dtype="string")}, index=list("abc")
    )
    with anndata.settings.override(allow_write_nullable_strings=True):
        anndata.AnnData(np.ones((3, 2), np.float32), obs=obs).write_h5ad(tmp_path / "a.h5ad")
    read = read_h5ad(tmp_path / "a.h5ad")
    assert (read.labels, read.groups) == (["3", "", "4.5"], ["a", "", "b"])


def test_vectors_in_obsm(tmp_path: Path) -> None:
    table = anndata.AnnData(obs=pd.DataFrame(index=["a", "b"]))
    table.obsm["X_umap"] = np.zeros((2, 2))
    table.obsm["X_dino"] = np.full((2, 7), 3.0)
    table.write_h5ad(tmp_path / "one.h5ad")
    assert (read_h5ad(tmp_path / "one.h5ad").X == 3).all()
    assert read_h5ad(tmp_path / "one.h5ad", vectors="X_umap").X.shape == (2, 2)
    two = anndata.AnnData(scipy.sparse.csr_matrix(np.eye(2, dtype=np.float32)), obsm=dict(table.obsm))
    two.obsm["X_mae"] = np.zeros((2, 3))
    two.write_h5ad(tmp_path / "two.h5ad")
    with pytest.raises(DocumentError, match=r"X_dino, X_mae"):
        read_h5ad(tmp_path / "two.h5ad")


def test_not_an_embedding_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="does not exist"):
        read_h5ad(tmp_path / "none.h5ad")
    (tmp_path / "text.h5ad").write_text("hello")
    with pytest.raises(DocumentError, match="not an HDF5 file"):
        read_h5ad(tmp_path / "text.h5ad")
    with pytest.raises(DocumentError, match="is a folder"):
        read_h5ad(tmp_path)
    cut = tmp_path / "cut.h5ad"
    write_h5ad(cut, Embeddings(X=np.zeros((9, 500)), ids=list("abcdefghi")))
    cut.write_bytes(cut.read_bytes()[:9000])
    for read in (read_h5ad, lambda path: list(vector_blocks(path))):
        with pytest.raises(DocumentError, match=r"it is cut off.* Copy it again, or make it anew with .*\.$"):
            read(cut)
    with h5py.File(tmp_path / "plain.h5ad", "w") as file:
        file["features"] = np.zeros((2, 2))
    with pytest.raises(DocumentError, match="not an AnnData file"):
        read_h5ad(tmp_path / "plain.h5ad")
    write_h5ad(tmp_path / "cut.h5ad", embeddings())
    whole = (tmp_path / "cut.h5ad").read_bytes()
    (tmp_path / "cut.h5ad").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DocumentError, match=r"cut\.h5ad can't be read"):
        read_h5ad(tmp_path / "cut.h5ad")
    write_h5ad(tmp_path / "short.h5ad", embeddings())
    with h5py.File(tmp_path / "short.h5ad", "r+") as file:
        del file["X"]
        file["X"] = np.zeros((4, 5), np.float32)
    with pytest.raises(DocumentError, match=r"short\.h5ad can't be read"):
        read_h5ad(tmp_path / "short.h5ad")
    write_h5ad(tmp_path / "newer.h5ad", embeddings())
    with h5py.File(tmp_path / "newer.h5ad", "r+") as file:
        file["uns/workbench/format_version"][()] = 99
    with pytest.raises(DocumentError, match="newer program"):
        read_h5ad(tmp_path / "newer.h5ad")


def test_nothing_outside_the_file_is_read(tmp_path: Path) -> None:
    write_h5ad(tmp_path / "secret.h5ad", embeddings())
    for name in ("link", "virtual"):
        write_h5ad(tmp_path / f"{name}.h5ad", embeddings())
        with h5py.File(tmp_path / f"{name}.h5ad", "r+") as file:
            del file["X"]
            if name == "link":
                file["X"] = h5py.ExternalLink("secret.h5ad", "/X")
            else:
                layout = h5py.VirtualLayout((6, 5), np.float32)
                layout[:] = h5py.VirtualSource(tmp_path / "secret.h5ad", "X", (6, 5))
                file.create_virtual_dataset("X", layout)
        with pytest.raises(DocumentError, match=r"not followed|not read"):
            read_h5ad(tmp_path / f"{name}.h5ad")


def test_wrong_columns_are_refused() -> None:
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match="'a' comes more than once"):
        Embeddings(X=x, ids=["a", "a"])
    with pytest.raises(ValueError, match="1 entry in labels for 2 vectors"):
        Embeddings(X=x, ids=["a", "b"], labels=["c"])
    with pytest.raises(ValueError, match="split"):
        Embeddings(X=x, ids=["a", "b"], splits=["train", "holdout"])
    with pytest.raises(ValueError, match="can't name"):
        Embeddings(X=x, ids=["a", "b"], obsm={"facebook/dinov2": x})
    with pytest.raises(ValueError, match="JSON"):
        write_h5ad(Path("never.h5ad"), Embeddings(X=x, ids=["a", "b"], provenance={"x": object()}))


def test_merge_aligns_by_id(tmp_path: Path) -> None:
    a = embeddings(obsm={})
    b = embeddings(width=3, seed=1, obsm={}, provenance={"title": "facebook/dinov2", "feature": "cls"})
    b = b.take([4, 3, 2, 0])
    merged = merge([a, b])
    assert merged.ids == ["id0", "id2", "id3", "id4"]
    assert list(merged.obsm) == ["X_A_model_cls", "X_facebook_dinov2_cls"]
    for row, name in enumerate(merged.ids):
        np.testing.assert_array_equal(merged.obsm["X_A_model_cls"][row], a.X[a.ids.index(name)])
        np.testing.assert_array_equal(merged.obsm["X_facebook_dinov2_cls"][row], b.X[b.ids.index(name)])
        assert merged.labels[row] == a.labels[a.ids.index(name)]
    assert merged.splits == ["train", "test", "", "train"]
    write_h5ad(tmp_path / "m.h5ad", merged)
    same(read_h5ad(tmp_path / "m.h5ad"), merged)
    assert anndata.read_h5ad(tmp_path / "m.h5ad").obsm["X_facebook_dinov2_cls"].shape == (4, 3)


def test_merge_says_what_does_not_fit() -> None:
    a = embeddings()
    other = embeddings(splits=["train"] * 6)
    assert merge([a, other]).splits == [""] * 6
    assert list(merge([a, a]).obsm) == [
        "X_A_model_cls",
        "X_umap_A_model_cls",
        "X_A_model_cls#2",
        "X_umap_A_model_cls#2",
    ]
    with pytest.raises(ValueError, match="labelled 'pit' in one file and 'rust' in another"):
        merge([a, embeddings(labels=["rust"] * 6)])
    with pytest.raises(ValueError, match="no image in common"):
        merge([a, Embeddings(X=np.zeros((1, 2)), ids=["else"])])


def test_escape_is_reversible_and_storable() -> None:
    for text in [*ODD, "\ud83d\udd29", "\\", "\\\\u0000", ""]:
        assert unescape(escape(text)) == text
        escape(text).encode("utf-8")
        assert unescape(escape(text, "\n\t")) == text
        assert "\n" not in escape(text, "\n\t")


def test_names_of_splits_and_repeated_ids() -> None:
    assert [split_name(text) for text in ("Train", "validation", " TEST ", "7")] == [
        "train",
        "val",
        "test",
        "",
    ]
    assert distinct(["a", "a#2", "a", "a"]) == ["a", "a#2", "a#3", "a#4"]
