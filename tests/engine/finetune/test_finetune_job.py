"""The whole job on small pictures: learning, choosing, splits, resume, refusals, and what the checkpoint carries."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests import warm
from tests.engine.finetune.tuning import Tuning
from workbench.engine.control import Control, StopRequested
from workbench.engine.finetune import train
from workbench.engine.finetune.head import most_regularised
from workbench.engine.jobs import embed, evaluate
from workbench.engine.jobs import finetune as job_module
from workbench.records.embeddings import read_h5ad
from workbench.records.finetunes import FinetuneResult
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.project import read_ledger
from workbench.records.results import EvaluationResult, Predictions
from workbench.records.runs import RunFolder

torch.set_num_threads(2)


@pytest.fixture
def tuning(tmp_path: Path, picture_folder: Path) -> Tuning:
    return Tuning(tmp_path, picture_folder)


@pytest.fixture
def stripes(tmp_path: Path) -> Path:
    """Two classes that differ by the direction of fine stripes of random phase: nothing that colour tells."""
    rng = np.random.default_rng(3)
    root = tmp_path / "stripes"
    for name in ("across", "down"):
        (root / name).mkdir(parents=True)
        for i in range(60):
            wave = np.sin(np.arange(32) * 2 * np.pi / 4 + rng.uniform(0, 6)) * 40 + 128
            grey = np.tile(wave, (32, 1)) + rng.normal(0, 40, (32, 32))
            grey = grey.T if name == "down" else grey
            Image.fromarray(grey.clip(0, 255).astype(np.uint8)).save(root / name / f"{i:02d}.png")
    return root


def test_learning_happens_and_is_told_apart_from_a_probe(tuning: Tuning) -> None:
    run, result = tuning.run(seeds=2, epochs=4)
    assert result.kind == "fine-tune"
    assert result.trained == "the last block and the head"
    assert result.scores["accuracy"].mean > 0.6, "chance is a third"
    assert np.sum(result.confusion) == sum(seed.counts[2] for seed in result.seeds)
    public = result.public_json(run.path)
    assert public["ranked"] is False and "never ranked" in public["note"]
    assert public["epochs"] == [seed.chosen for seed in result.seeds]
    assert {"few seeds"} <= {finding["name"] for finding in public["findings"]}
    predictions = Predictions.load(run.path / result.predictions)
    tested = predictions.predicted[0, 0] >= 0
    right = predictions.predicted[0, 0, tested] == predictions.truth[tested]
    assert right.mean() == pytest.approx(result.seeds[0].test["accuracy"])
    assert not list(tuning.cache.iterdir()), "what a stopped run would go on from is gone"
    assert [metric["epoch"] for metric in run.metrics()][:2] == [0, 1]


def test_everything_learns_what_a_frozen_network_does_not_know(stripes: Path, tmp_path: Path) -> None:
    _, result = Tuning(tmp_path, stripes).run(
        blocks="all", epochs=25, patience=0, learning_rate=3e-4, layer_decay=1.0, batch_size=16
    )
    curve = result.seeds[0].curve
    assert curve[-1].train_loss < 0.5 * curve[1].train_loss
    assert result.seeds[0].chosen > 0
    assert curve[result.seeds[0].chosen].val["accuracy"] > curve[0].val["accuracy"] + 0.05


def test_the_splits_are_those_of_a_probe(tmp_path: Path, picture_folder: Path) -> None:
    tuning = Tuning(tmp_path, picture_folder, group_by="name:(lot[0-9])")
    _, result = tuning.run(blocks="0", seeds=3, epochs=1)
    run = RunFolder.create(tuning.runs, EmbedJob(index=str(tuning.index), backbone="histogram"), name="embed")
    job = EmbedJob(index=str(tuning.index), backbone="histogram", image_size=64, cache=str(tmp_path / "c"))
    embed.run(job, run, Control(run))
    probe = EvaluateJob(files=(str(run.path / "embeddings.h5ad"),), seeds=3)
    evaluation = RunFolder.create(tuning.runs, probe, name="evaluate")
    evaluate.run(probe, evaluation, Control(evaluation))
    found = EvaluationResult.load(evaluation.path / "result.json")
    assert result.split_hashes == found.split_hashes
    assert result.grouped and result.same_splits(found.split_hashes)
    assert (result.metric, result.classes) == (found.metric, found.classes)


def test_the_test_part_is_opened_once_a_seed_after_everything_is_chosen(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, frozenset[int]]] = []
    learn, logits = train.Learner.learn, train.Learner.logits

    def spy_learn(self: train.Learner, places: np.ndarray, *rest: object) -> object:
        opened.append(("learn", frozenset(places.tolist())))
        return learn(self, places, *rest)  # type: ignore[arg-type]

    def spy_logits(self: train.Learner, places: np.ndarray) -> torch.Tensor:
        opened.append(("score", frozenset(places.tolist())))
        return logits(self, places)

    monkeypatch.setattr(train.Learner, "learn", spy_learn)
    monkeypatch.setattr(train.Learner, "logits", spy_logits)
    run, result = tuning.run(epochs=3, patience=0)
    parts = np.asarray(embed_parts(run))
    train_part, val, test = (set(np.flatnonzero(parts == which).tolist()) for which in range(3))
    learnt = [places for what, places in opened if what == "learn"]
    assert set().union(*learnt) == train_part
    scored = [places for what, places in opened if what == "score"]
    assert scored == [*[frozenset(val)] * 4, frozenset(test)], "validation each epoch, test at the very end"
    assert opened[-1][0] == "score"
    assert [entry["kind"] for entry in read_ledger(tuning.ledger)] == ["fine-tune"]
    assert read_ledger(tuning.ledger)[0]["splits"] == list(result.split_hashes)


def embed_parts(run: RunFolder) -> np.ndarray:
    from workbench.records.splits import Split

    return Split.load(run.path / "splits" / "seed-0.json").part


def test_the_best_epoch_on_validation_is_chosen_and_patience_ends_it(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [0.5, 0.6, 0.8, 0.8, 0.7, 0.7, 0.9]
    real = train._epoch

    def told(learner: object, labels: object, val: object, epoch: int, *rest: object) -> train.Epoch:
        found = real(learner, labels, val, epoch, *rest)  # type: ignore[arg-type]
        scores = dict.fromkeys(found.val, wanted[epoch])
        return train.Epoch(
            epoch=epoch, train_loss=found.train_loss, train_accuracy=0.0, val_loss=1.0 + epoch, val=scores
        )

    monkeypatch.setattr(train, "_epoch", told)
    _, result = tuning.run(epochs=6, patience=3)
    seed = result.seeds[0]
    assert (seed.chosen, len(seed.curve) - 1, seed.stopped_early) == (2, 5, True)
    _, result = tuning.run(epochs=6, patience=0)
    assert (result.seeds[0].chosen, result.seeds[0].stopped_early) == (6, False)
    assert "still rising" in {finding.name for finding in result.findings}


class StopsAtImage(Control):
    """Asked to stop once so many images of the training have been learnt from."""

    at = 0

    def progress(self, done: int, total: int, **more: object) -> None:  # type: ignore[override]
        if "epoch" in str(more.get("detail")) and done >= self.at:
            self.command("stop")
        super().progress(done, total, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "more",
    [
        {"blocks": "1", "augment": "mirror"},
        {"blocks": "all", "augment": "crops"},
        {"blocks": "2", "lora": 2},
        {"blocks": "0"},
    ],
)
def test_a_resumed_run_gives_the_numbers_of_an_uninterrupted_one(
    tuning: Tuning, more: dict[str, object]
) -> None:
    more = {**more, "seeds": 2, "epochs": 3, "patience": 0}
    whole, expected = tuning.run(**more)
    per_seed = 3 * expected.seeds[0].counts[0]
    for at in (10, per_seed // 2, per_seed + per_seed // 2):
        StopsAtImage.at = at
        with pytest.raises(StopRequested):
            tuning.run(StopsAtImage, **more)
    assert len(list(tuning.cache.glob("*/seed-0.json"))) == 1, "a finished seed is kept"
    assert not list(tuning.cache.glob("*/seed-0-last*"))
    resumed, found = tuning.run(**more)
    for one, two in zip(expected.seeds, found.seeds, strict=True):
        assert (one.curve, one.chosen, one.test) == (two.curve, two.chosen, two.test)
    weights = (load_file(run.path / "checkpoint" / "model.safetensors") for run in (whole, resumed))
    first, second = weights
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_killed_run_is_retried_in_its_own_folder_and_gives_the_same_numbers(tuning: Tuning) -> None:
    more: dict[str, object] = {"epochs": 30, "batch_size": 4, "patience": 0}
    _, expected = tuning.run(**more)
    job = tuning.job(**more)
    run = RunFolder.create(tuning.runs, job, name="killed")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with warm.started("workbench.worker", str(run.path), **pipes) as worker:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(tuning.cache.glob("*/seed-0-last.safetensors")):
            time.sleep(0.002)
        worker.kill()
    assert list(tuning.cache.glob("*/seed-0-last.safetensors"))
    assert not (run.path / "finetune.json").exists()
    job_module.run(job, run, Control(run))
    found = FinetuneResult.load(run.path / "finetune.json").seeds[0]
    assert (found.curve, found.test) == (expected.seeds[0].curve, expected.seeds[0].test)


def test_a_loss_that_is_not_finite_stops_before_the_step(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    stepped: list[int] = []
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: stepped.append(1))
    monkeypatch.setattr(train.Learner, "_backward", lambda *_: (float("nan"), 0))
    with pytest.raises(ValueError, match="smaller learning rate"):
        tuning.run()
    assert not stepped


def test_a_full_device_takes_smaller_parts_and_the_same_step(
    tuning: Tuning, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, expected = tuning.run(patience=0)
    real = train.Learner._backward

    def full(self: train.Learner, *rest: object) -> tuple[float, int]:
        if self._micro > 3:
            raise RuntimeError("CUDA error: out of memory")
        return real(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(train.Learner, "_backward", full)
    run, found = tuning.run(patience=0)
    assert any("2 images in one pass" in note for note in run.status().notes)
    for one, two in zip(expected.seeds[0].curve, found.seeds[0].curve, strict=True):
        assert one.val_loss == pytest.approx(two.val_loss, rel=1e-3)


def test_pictures_that_are_gone_are_left_out_and_told(tuning: Tuning) -> None:
    (tuning.root / "red" / "lot0_00.png").unlink()
    run, result = tuning.run(epochs=1)
    assert sum(result.seeds[0].counts) == 35
    assert "1 image could not be read" in {f.name: f.advice for f in result.findings}["images not read"]
    assert (run.path / "refused.json").is_file()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"backbone": "histogram"}, "nothing to fine-tune"),
        ({"blocks": "0", "lora": 4}, "LoRA needs blocks"),
        ({"backbone": "no_such_model"}, "no_such_model"),
    ],
)
def test_what_cannot_be_fine_tuned_is_refused(tuning: Tuning, more: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tuning.run(**more)


def test_one_class_is_refused(tmp_path: Path, picture_folder: Path) -> None:
    for name in ("red", "green"):
        (picture_folder / name).rename(tmp_path / name)
    with pytest.raises(ValueError, match="two or more"):
        Tuning(tmp_path, picture_folder).run()


def test_a_checkpoint_embeds_and_says_that_it_has_seen_labels(tuning: Tuning, tmp_path: Path) -> None:
    tuned, result = tuning.run()
    folder = tuned.path / "checkpoint"
    for number, backbone in enumerate((str(folder), str(folder / "model.safetensors"), str(tuning.backbone))):
        job = EmbedJob(index=str(tuning.index), backbone=backbone, image_size=32, cache=str(tmp_path / "c"))
        run = RunFolder.create(tuning.runs, job, name=f"embed-{number}")
        embed.run(job, run, Control(run))
        provenance = read_h5ad(run.path / "embeddings.h5ad").provenance
        mark = provenance.get("trained_on_labels")
        assert provenance["title"] == ("small-vit" if number == 2 else "small-vit, fine-tuned on labels")
        if number == 2:
            assert mark is None
        else:
            assert (mark["kind"], mark["seed"], mark["split"]) == ("fine-tune", 0, result.split_hashes[0])
    assert not (tuned.path / ".checkpoint.part").exists()


def test_another_configuration_never_goes_on_from_this_one(tuning: Tuning) -> None:
    StopsAtImage.at = 10
    with pytest.raises(StopRequested):
        tuning.run(StopsAtImage)
    with pytest.raises(StopRequested):
        tuning.run(StopsAtImage, learning_rate=1e-3)
    assert len(list(tuning.cache.iterdir())) == 2
    assert job_module.VERSION == 1


def test_the_most_regularised_probe_within_one_error() -> None:
    # 0.9 of 100: share 91/102, error sqrt(0.892 * 0.108 / 102) = 0.0307.
    assert most_regularised([0.5, 0.868, 0.9, 0.88], 100) == 2
    assert most_regularised([0.5, 0.87, 0.9, 0.88], 100) == 1
    assert most_regularised([0.5, 0.98, 1.0], 10) == 1, "not even at 1 is the error zero"
