"""What a project has pretrained is listed and embedded with from the command line, by the folder of its run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.pretrain.test_pretrained_folder import build, learnt, result
from tests.test_cli import document, workbench
from workbench.engine.pretrain.export import save_backbone
from workbench.records.embeddings import read_h5ad
from workbench.records.jobs import DescribeJob
from workbench.records.project import Project


@pytest.mark.slow  # starts the program twice
def test_a_run_is_a_backbone(picture_folder: Path, tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    run = project.new_run(DescribeJob(), name="mae")
    made = build()
    save_backbone(run.path / "backbone", made.encoder, made, result(), learnt())
    listed = document("backbones", "--project", str(project.folder))
    (mine,) = [item for item in listed if item["source"] == "pretrained here"]
    assert mine["id"] == str(run.path) and mine["available"]
    out = tmp_path / "d.h5ad"
    words = ["embed", str(picture_folder), "--backbone", str(run.path), "--out", str(out)]
    workbench(*words, "--project", str(project.folder))
    found = read_h5ad(out)
    assert found.X.shape == (36, 192)
    assert found.provenance["title"] == "SimCLR, ViT tiny patch 8, pretrained here (10 steps)"
    assert found.pretrained is not None and not found.pretrained.any()
