"""The `project` job: files that get a map whole or not at all, and keep everything else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from tests.engine.maps.clouds import clustered
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs.project import RESULT
from workbench.engine.registry import job_function
from workbench.records.embeddings import Embeddings, read_h5ad, write_h5ad
from workbench.records.map_file import stamp, write_map
from workbench.records.projection import ProjectionResult, ProjectJob
from workbench.records.runs import RunFolder


def embedded(path: Path, items: int = 120, seed: int = 0, **more: Any) -> Path:
    names = [f"id{number}" for number in range(items)]
    facts = {
        "ids": names,
        "labels": ["pit", "crack", ""] * (items // 3),
        "provenance": {"title": "A model", "fingerprint": "00ff"},
        "obsm": {"X_other": clustered(items, 4)},
    }
    write_h5ad(path, Embeddings(X=clustered(items, seed=seed), **{**facts, **more}))
    return path


def project(tmp_path: Path, control: type[Control] = Control, **asked: Any) -> ProjectionResult:
    job = ProjectJob(device="cpu", **asked)
    run = RunFolder.create(tmp_path / "runs", job)
    done = job_function("project")(job, run, control(run))
    assert done["maps"] == len(asked["files"])
    return ProjectionResult.load(run.path / RESULT)


def elements(path: Path, without: set[str]) -> dict[str, Any]:
    """Every number, text and attribute of a file, but for the elements in `without`."""
    found: dict[str, Any] = {}

    def keep(name: str, item: Any) -> None:
        if name in without:
            return
        found[name] = dict(item.attrs).__repr__()
        if isinstance(item, h5py.Dataset):
            found[name] += repr(np.asarray(item[()]).tolist())

    with h5py.File(path) as file:
        file.visititems(keep)
    return found


OURS = {"obsm/X_umap", "obsm/X_pca", "uns/workbench/provenance"}


def test_a_map_is_added_and_all_else_stays(tmp_path: Path) -> None:
    file = embedded(tmp_path / "a.h5ad")
    before = elements(file, OURS)
    (made,) = project(tmp_path, files=(str(file),), neighbours=8).maps
    (again,) = project(tmp_path, files=(str(file),), map="pca", dimensions=3).maps
    assert elements(file, OURS) == before
    read = read_h5ad(file)
    assert read.obsm["X_umap"].shape == (120, 2) and read.obsm["X_pca"].shape == (120, 3)
    told = read.provenance["maps"]
    assert told["X_umap"]["neighbours"] == 8 and told["X_umap"]["trustworthiness"] == made.trustworthiness
    assert told["X_pca"]["dimensions"] == 3 and told["X_pca"]["versions"] == again.versions
    assert read.provenance["title"] == "A model"
    assert (made.items, made.judged_items, made.judged_neighbours, made.file) == (120, 120, 15, str(file))
    assert made.trustworthiness is not None and made.trustworthiness > 0.9
    assert made.overlap is not None and 0.4 < made.overlap < 1
    theirs = anndata.read_h5ad(file)
    np.testing.assert_array_equal(theirs.obsm["X_umap"], read.obsm["X_umap"])
    assert json.loads(theirs.uns["workbench"]["provenance"])["maps"] == told


def test_the_same_asked_twice_is_the_same_map_and_takes_its_place(tmp_path: Path) -> None:
    file = embedded(tmp_path / "a.h5ad")
    project(tmp_path, files=(str(file),))
    first, size = read_h5ad(file).obsm["X_umap"], file.stat().st_size
    project(tmp_path, files=(str(file),))
    np.testing.assert_array_equal(read_h5ad(file).obsm["X_umap"], first)
    assert file.stat().st_size < size + 4096
    project(tmp_path, files=(str(file),), dimensions=3)
    assert read_h5ad(file).obsm["X_umap"].shape == (120, 3)


def test_a_file_of_another_program_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "theirs.h5ad"
    frame = pd.DataFrame({"cells": [1, 2, 3, 4] * 10}, index=[f"back\\slash{n}" for n in range(40)])
    anndata.AnnData(clustered(40), obs=frame, uns={"method": "theirs"}).write_h5ad(file)
    before = elements(file, set())
    for _ in range(2):
        project(tmp_path, files=(str(file),), map="pca")
    kept = elements(file, {"obsm/X_pca", "uns/workbench", "uns/workbench/maps"})
    assert kept == before
    theirs = anndata.read_h5ad(file)
    assert theirs.obsm["X_pca"].shape == (40, 2)
    assert json.loads(theirs.uns["workbench"]["maps"])["X_pca"]["items"] == 40
    read = read_h5ad(file)
    assert read.ids == list(frame.index) and "imported" in read.provenance


class _Stopping(Control):
    """A control to which the user says stop while the map is laid out."""

    def progress(self, done: int, total: int, **facts: Any) -> None:
        if str(facts.get("detail", "")).startswith("Laying out") and done > 3:
            self.command("stop")
        super().progress(done, total, **facts)


def test_a_stopped_job_leaves_every_file_as_it_was(tmp_path: Path) -> None:
    files = [embedded(tmp_path / "a.h5ad"), embedded(tmp_path / "b.h5ad", seed=1)]
    before = [file.read_bytes() for file in files]
    with pytest.raises(StopRequested):
        project(tmp_path, _Stopping, files=tuple(map(str, files)))
    assert [file.read_bytes() for file in files] == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.h5ad", "b.h5ad", "runs"]


def test_files_of_the_same_items_are_compared_by_id(tmp_path: Path) -> None:
    same, other = embedded(tmp_path / "a.h5ad"), embedded(tmp_path / "b.h5ad", seed=5)
    turned = read_h5ad(same).take(list(range(99, 9, -1)))
    write_h5ad(tmp_path / "c.h5ad", turned)
    files = tuple(str(tmp_path / name) for name in ("a.h5ad", "b.h5ad", "c.h5ad"))
    result = project(tmp_path, files=files, map="pca", out=str(tmp_path / "out"))
    assert [Path(made.file) for made in result.maps] == [tmp_path / "out" / Path(name).name for name in files]
    assert "X_pca" not in read_h5ad(same).obsm and "X_pca" in read_h5ad(tmp_path / "out" / "a.h5ad").obsm
    ab, ac, bc = result.pairs
    assert (ab.items, ac.items, bc.items) == (120, 90, 90)
    assert ac.vectors == 1 and ac.maps is not None and ac.maps > 0.6
    assert ab.vectors is not None and ab.vectors < 0.5 and bc.vectors is not None and bc.vectors < 0.5
    assert set(result.public_json()) == {"maps", "pairs"}
    assert other.exists()


def test_a_file_that_changed_meanwhile_keeps_what_it_has(tmp_path: Path) -> None:
    file = embedded(tmp_path / "a.h5ad")
    read = stamp(file)
    embedded(file, seed=3, labels=["a"] * 120)
    now = file.read_bytes()
    with pytest.raises(ValueError, match="changed while its map was drawn"):
        write_map(file, "X_umap", np.zeros((120, 2)), {}, read=read)
    with pytest.raises(ValueError, match="holds 120 items, and the map 7"):
        write_map(file, "X_umap", np.zeros((7, 2)), {}, read=stamp(file))
    with pytest.raises(ValueError, match="not the name of a map"):
        write_map(file, "X_other", np.zeros((120, 2)), {}, read=stamp(file))
    assert file.read_bytes() == now and len(list(tmp_path.iterdir())) == 1


def test_what_cannot_be_drawn_or_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    file = embedded(tmp_path / "a.h5ad")
    broken = clustered(120)
    broken[7, 2] = np.nan
    write_h5ad(tmp_path / "nan.h5ad", Embeddings(X=broken, ids=[f"id{n}" for n in range(120)]))
    for files, more, said in (
        ((file, tmp_path / "nan.h5ad"), {}, r"nan\.h5ad: The vector of item id7 has numbers"),
        ((tmp_path / "a.npz",), {}, r"a\.npz can't hold a map"),
        ((file, file), {}, "Two of the files are the same"),
        ((file, tmp_path / "nan.h5ad"), {"out": str(tmp_path / "one.h5ad")}, "is one file, and 2 are"),
        ((tmp_path / "gone.h5ad",), {}, "does not exist"),
    ):
        with pytest.raises(ValueError, match=said):
            project(tmp_path, files=tuple(map(str, files)), **more)
    assert "X_umap" not in read_h5ad(file).obsm
