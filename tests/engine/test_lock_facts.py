"""The embed job writes what the lock asks, and the comparison names a feature with its layers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.indices import counted
from workbench.decide.from_results import kind_by
from workbench.engine.control import Control
from workbench.engine.jobs import embed, evaluate
from workbench.records.embeddings import read_h5ad, read_provenance
from workbench.records.feature_lock import rankable
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder


def embedded(folder: Path, index: Path, name: str, **more: object) -> Path:
    job = EmbedJob(index=str(index), cache=str(folder / "cache"), image_size=64, **more)  # type: ignore[arg-type]
    run = RunFolder.create(folder / "runs", job, name=name)
    embed.run(job, run, Control(run))
    return run.path / "embeddings.h5ad"


def test_files_carry_what_the_lock_asks(picture_folder: Path, tmp_path: Path) -> None:
    index = tmp_path / "index.npz"
    counted(picture_folder).save(index)
    files = {
        "floor": embedded(tmp_path, index, "floor", backbone="histogram", layers="last2", nearest=True),
        "usual": embedded(tmp_path, index, "usual", backbone="random_vit"),
        "mean": embedded(tmp_path, index, "mean", backbone="random_vit", feature="mean"),
        "deep": embedded(tmp_path, index, "deep", backbone="random_vit", feature="mean", layers="6,12"),
    }
    found = {name: read_h5ad(path) for name, path in files.items()}
    keys = ("feature", "layers", "depth", "usual", "only_feature", "own_size", "projector")
    told = {name: tuple(part.provenance[key] for key in keys) for name, part in found.items()}
    assert told == {
        "floor": ("pooled", "last", 0, True, True, False, False),
        "usual": ("cls", "last", 12, True, False, False, False),
        "mean": ("mean", "last", 12, False, False, False, False),
        "deep": ("mean", [6, 12], 12, False, False, False, False),
    }
    assert found["deep"].X.shape[1] == 2 * found["mean"].X.shape[1]
    assert (abs(found["deep"].X[:, 192:] - found["mean"].X) < 1e-5).all()
    assert rankable(found["floor"].provenance, found["usual"].provenance) == ""
    assert "the pooling alone" in rankable(found["usual"].provenance, found["mean"].provenance)
    assert "layers 6+12" in rankable(found["deep"].provenance, found["mean"].provenance)

    job = EvaluateJob(files=tuple(str(files[name]) for name in ("mean", "deep")), seeds=1)
    run = RunFolder.create(tmp_path / "runs", job, name="compare")
    evaluate.run(job, run, Control(run))
    models = EvaluationResult.load(run.path / "result.json").models
    assert sorted(model.feature for model in models) == ["mean", "mean, layers 6+12"]
    assert sorted(model.name for model in models) == ["Random ViT mean", "Random ViT mean, layers 6+12"]


def test_a_layer_that_is_not_there_is_said_before_anything_is_read(
    picture_folder: Path, tmp_path: Path
) -> None:
    index = tmp_path / "index.npz"
    counted(picture_folder).save(index)
    with pytest.raises(ValueError, match="random_vit has 12 layers, and the last 13 was asked for"):
        embedded(tmp_path, index, "a", backbone="random_vit", layers="last13")
    with pytest.raises(ValueError, match="'deep' names no layers"):
        embedded(tmp_path, index, "b", backbone="random_vit", layers="deep")


def test_files_carry_what_their_backbone_has_learnt_from(picture_folder: Path, tmp_path: Path) -> None:
    """And a decision takes them for what they are, where no catalogue is at hand."""
    counted(picture_folder).save(tmp_path / "index.npz")
    kinds = {}
    for backbone in ("histogram", "efficientnet_lite0"):
        job = EmbedJob(index=str(tmp_path / "index.npz"), backbone=backbone, cache=str(tmp_path / "cache"))
        run = RunFolder.create(tmp_path / "runs", job, name=backbone)
        embed.run(job, run, Control(run))
        weights = read_provenance(run.path / "embeddings.h5ad")["weights"]
        kinds[backbone] = kind_by(weights["source"], weights["training_data"])
    assert kinds == {"histogram": "floor", "efficientnet_lite0": "supervised"}
