"""`workbench project` from the command line: its keys are a contract, and the map lies in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.maps.test_project_job import embedded
from tests.test_cli import document, workbench
from workbench.records.embeddings import read_h5ad


def test_a_map_is_drawn_and_told(tmp_path: Path) -> None:
    file, place = embedded(tmp_path / "a.h5ad"), ["--project", str(tmp_path / "project")]
    found = document("project", str(file), "--neighbours", "10", "--seed", "2", *place)
    assert {
        "file",
        "map",
        "items",
        "dimensions",
        "neighbours",
        "seed",
        "trustworthiness",
        "overlap",
        "seconds",
    } <= set(found)
    assert (found["map"], found["items"], found["neighbours"], found["seed"]) == ("umap", 120, 10, 2)
    assert found["file"] == str(file) and read_h5ad(file).obsm["X_umap"].shape == (120, 2)
    other = embedded(tmp_path / "b.h5ad", seed=1)
    text = workbench("project", str(file), str(other), "--map", "pca", *place).stdout
    assert "a.h5ad and b.h5ad: of the 15 nearest" in text and "trustworthiness 0." in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["gone.h5ad"], 2, "does not exist"),
        (["FILE", "--dimensions", "4"], 2, "dimensions must be between 2 and 3"),
        (["FILE", "--map", "isomap"], 2, "invalid choice"),
    ],
)
def test_wrong_requests_end_with_a_sentence(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    file = embedded(tmp_path / "a.h5ad")
    before = file.read_bytes()
    done = workbench("project", *(str(file) if word == "FILE" else word for word in words), code=code)
    assert said in done.stderr and done.stdout == ""
    assert file.read_bytes() == before
