"""A backbone that was pretrained in a project: listed, embedded with, compared, with what it had seen told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import timm

from tests.engine.finetune.tuning import Tuning
from tests.engine.pretrain.test_pretrained_folder import build, result
from tests.indices import counted
from workbench.engine.backbones import marks
from workbench.engine.backbones.found import pretrained_in
from workbench.engine.backbones.packs import export_pack, verify_pack
from workbench.engine.backbones.resolve import resolve
from workbench.engine.control import Control
from workbench.engine.jobs import describe, embed, evaluate
from workbench.engine.pretrain.encoders import Built
from workbench.engine.pretrain.export import save_backbone
from workbench.records.catalogue import PRETRAINED_HERE, load_catalogue
from workbench.records.embeddings import read_h5ad
from workbench.records.index import ImageIndex
from workbench.records.jobs import DescribeJob, EmbedJob, EvaluateJob
from workbench.records.learnt_images import POOL, LearntImages
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder


class Place:
    """A project's runs, a folder of images, and backbones that have learnt from some of them."""

    def __init__(self, tmp_path: Path, root: Path) -> None:
        self.tmp_path, self.runs = tmp_path, tmp_path / "runs"
        self.index: ImageIndex = counted(root)
        self.index.save(tmp_path / "index.npz")
        self.number = 0

    def pretrained(self, rows: list[int], made: Built | None = None) -> Path:
        self.number += 1
        job = DescribeJob()  # any: only the folder matters here
        run = RunFolder.create(self.runs, job, name=f"20260101-00000{self.number}-pretrain-0000")
        made = made or build("resnet18")
        learnt = LearntImages.of(self.index.digest[rows])
        save_backbone(run.path / "backbone", made.encoder, made, result(run=run.id), learnt)
        return run.path

    def embedded(self, backbone: str) -> Path:
        self.number += 1
        job = EmbedJob(
            index=str(self.tmp_path / "index.npz"),
            cache=str(self.tmp_path / "cache"),
            backbone=backbone,
            image_size=32,
        )
        run = RunFolder.create(self.tmp_path / "others", job, name=f"embed-{self.number}")
        embed.run(job, run, Control(run))
        return run.path / "embeddings.h5ad"


@pytest.fixture
def place(tmp_path: Path, picture_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr("workbench.engine.backbones.digest.memo_folder", lambda: tmp_path / "memo")
    return Place(tmp_path, picture_folder)


def test_embeddings_say_what_the_backbone_learnt_from_and_a_comparison_tells_it(place: Place) -> None:
    rows = list(range(0, len(place.index), 2))
    file = place.embedded(str(place.pretrained(rows)))
    found = read_h5ad(file)
    assert found.pretrained is not None
    assert [i for i, seen in enumerate(found.pretrained) if seen] == rows
    assert found.provenance["pretrained"]["method"] == "simclr"
    assert found.provenance["title"] == "SimCLR, ResNet-18, pretrained here (10 steps)"
    assert "trained_on_labels" not in found.provenance
    public = place.embedded("histogram")
    assert read_h5ad(public).pretrained is None
    job = EvaluateJob(files=(str(file), str(public)), seeds=2, strengths=2, device="cpu")
    run = RunFolder.create(place.tmp_path / "others", job, name="compare")
    evaluate.run(job, run, Control(run))
    compared = EvaluationResult.load(run.path / "result.json")
    (told,) = [item for item in compared.findings if item.name == "seen in pretraining"]
    assert told.severity == "warn" and "over 2 splits" in told.advice
    assert compared.comparisons[0].verdict != "not ranked"


def test_fine_tuning_tells_it_too_and_its_checkpoint_keeps_the_size_of_the_positions(
    place: Place, picture_folder: Path
) -> None:
    run = place.pretrained([0, 1, 2], build())
    tuning = Tuning(place.tmp_path / "tuning", picture_folder)
    tuned, found = tuning.run(backbone=str(run))
    assert [item.name for item in found.findings if "pretraining" in item.name]
    assert found.checkpoint_form == "timm"
    model = timm.create_model(f"local-dir:{tuned.path / found.checkpoint}", pretrained=True)
    assert model.pos_embed.shape[1] == 17


def test_without_its_list_of_images_nobody_says_that_none_was_seen(place: Place) -> None:
    run = place.pretrained([0, 1])
    other = LearntImages.of(place.index.digest[5:])
    other.save(run / "backbone" / POOL)  # another pretraining's
    assert marks.learnt_images(resolve(str(run))) is None
    (run / "backbone" / POOL).unlink()
    found = read_h5ad(place.embedded(str(run)))
    assert found.pretrained is None and found.provenance["pretrained"]["images"] == 2


def test_the_catalogue_lists_what_the_project_has_pretrained(place: Place) -> None:
    first, second = place.pretrained([0]), place.pretrained([0, 1, 2], build())
    broken = place.pretrained([0])
    (broken / "backbone" / "model.safetensors").unlink()
    RunFolder.create(place.runs, DescribeJob(), name="20260101-000009-describe-0000")
    facts = pretrained_in(place.runs)
    assert [item.id for item in facts] == [str(second), str(first)]
    assert facts[0].title == "SimCLR, ViT tiny patch 8, pretrained here (10 steps)"
    assert facts[0].training_data == "3 images of this project, without labels"
    for item in facts:
        found = resolve(item.id)
        assert item.source == PRETRAINED_HERE and item.available
        assert (item.features, item.default_feature) == (found.features, found.default)
        assert (item.input_size, item.depth) == (found.spec.preprocess.size, found.depth)
    assert (facts[0].patch, facts[0].licence) == (8, "your own")
    job = DescribeJob(runs=str(place.runs))
    run = RunFolder.create(place.tmp_path / "others", job, name="describe")
    describe.run(job, run, Control(run))
    listed = load_catalogue(run.path / "catalogue.json")
    assert [item.id for item in listed if item.source == PRETRAINED_HERE] == [str(second), str(first)]


def test_a_licence_goes_on_from_start_to_start_and_into_a_pack(place: Place) -> None:
    made = replace(
        build("resnet18"),
        start="facebook/x",
        start_title="X",
        start_licence="CC BY-NC 4.0",
        start_digest="0" * 16,
    )
    run = place.pretrained([3, 4], made)
    (facts,) = pretrained_in(place.runs)
    assert facts.licence == "of its start weights: CC BY-NC 4.0"
    assert facts.training_data == "2 images of this project, without labels, after X"
    pack = export_pack(str(run), place.tmp_path / "stick")
    assert verify_pack(pack).licence == "CC BY-NC 4.0"
    copy = place.tmp_path / "copy"
    shutil.copytree(pack, copy)
    known = marks.learnt_images(resolve(str(copy)))
    assert known is not None
    assert [i for i, seen in enumerate(known.holds(place.index.digest)) if seen] == [3, 4]
