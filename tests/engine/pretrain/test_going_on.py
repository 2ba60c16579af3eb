"""N + N steps are 2 N steps, bit for bit, for every method; what is killed, stopped or fails goes on from there."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from tests import warm
from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.control import Control, StopRequested
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.methods.registry import method_names
from workbench.engine.pretrain import state, train
from workbench.engine.pretrain.loop import Keeper
from workbench.records.pretraining import CHECKPOINTS, HEALTH, RESULT, Health, PretrainResult
from workbench.records.runs import RunFolder


def tensors(run: RunFolder, step: int) -> dict[str, torch.Tensor]:
    return load_file(state.checkpoint_path(run.path / CHECKPOINTS, step))


def losses(run: RunFolder) -> dict[int, float]:
    return {line["step"]: line["loss"] for line in run.metrics() if "loss" in line}


def assert_same(one: RunFolder, other: RunFolder, step: int) -> None:
    first, second = tensors(one, step), tensors(other, step)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    assert losses(one) == losses(other)


@pytest.mark.parametrize("method", method_names())
def test_stopping_half_way_changes_nothing(method: str, picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", method, epochs=4, max_steps=6)
    straight, control = new_run(job, tmp_path / "runs", "straight")
    pretrain(job, straight, control)
    half = replace(job, max_steps=3)
    broken, control = new_run(half, tmp_path / "runs", "broken")
    pretrain(half, broken, control)
    assert list(losses(broken)) == [1, 2, 3]
    broken.ask_again(job)
    pretrain(job, broken, control)
    assert_same(straight, broken, 6)
    assert PretrainResult.load(broken.path / RESULT).loss == PretrainResult.load(straight.path / RESULT).loss


def test_the_same_run_again_is_the_same(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "dino", max_steps=3)
    runs = []
    for name in ("one", "two"):
        run, control = new_run(job, tmp_path / "runs", name)
        pretrain(job, run, control)
        runs.append(run)
    assert_same(*runs, 3)
    other = replace(job, seed=1)
    run, control = new_run(other, tmp_path / "runs", "three")
    pretrain(other, run, control)
    assert losses(run) != losses(runs[0])


def test_a_finished_run_that_is_asked_again_keeps_its_time(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", max_steps=2)
    run, control = new_run(job, tmp_path / "runs", "run")
    pretrain(job, run, control)
    first = PretrainResult.load(run.path / RESULT)
    pretrain(job, run, control)
    again = PretrainResult.load(run.path / RESULT)
    assert first.seconds > 0 and again.seconds == first.seconds
    assert again.images_per_second == first.images_per_second


@pytest.mark.parametrize(
    ("deaths", "steps"),
    [pytest.param(2, 8, marks=pytest.mark.slow), pytest.param(10, 16, marks=pytest.mark.long)],
)
def test_killed_at_random_steps(deaths: int, steps: int, picture_folder: Path, tmp_path: Path) -> None:
    """In a process of its own, which forks one child a life: see `killing.py`.

    Ten deaths of each method take a minute and are `long`; two of each are in every run of the tests.
    """
    jobs = {}
    for method in method_names():
        job = pretrain_job(
            picture_folder,
            tmp_path / "work",
            method,
            batch_size=4,
            epochs=20,
            max_steps=steps,
            checkpoint_steps=2,
            evaluate_every=20,
        )
        for name in ("straight", "killed"):
            new_run(job, tmp_path / "runs" / method, name)
        jobs[method] = str(tmp_path / "runs" / method)
    answer = warm.run("tests.engine.pretrain.killing", str(deaths), json.dumps(jobs), OMP_NUM_THREADS="1")
    assert answer.returncode == 0, answer.stderr[-4000:]
    told = json.loads(answer.stdout.splitlines()[-1])
    for method in method_names():
        assert told[method]["kills"] == deaths
        assert max(told[method]["lost"]) <= 2
        folder = tmp_path / "runs" / method
        assert_same(RunFolder(folder / "straight"), RunFolder(folder / "killed"), steps)


def test_stop_and_keep_leaves_a_backbone_and_goes_on(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", epochs=3)
    run, control = new_run(job, tmp_path / "runs")
    before = train.Trainer.step

    def stop_in_the_second(self: Any, step: int, *rest: Any, **more: Any) -> Any:
        if step == 1:
            control.command("stop")
            more["stop"] = True
        return before(self, step, *rest, **more)

    monkeypatch.setattr(train.Trainer, "step", stop_in_the_second)
    with pytest.raises(StopRequested):
        pretrain(job, run, control)
    monkeypatch.undo()
    result = PretrainResult.load(run.path / RESULT)
    assert result.steps == 2
    assert (run.path / "backbone" / "config.json").is_file()
    straight, control = new_run(job, tmp_path / "runs", "straight")
    pretrain(job, straight, control)
    pretrain(job, run, type(control)(run))
    assert_same(run, straight, 9)


def test_a_wish_to_stop_before_a_look_still_leaves_a_checkpoint(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", epochs=3)
    run, control = new_run(job, tmp_path / "runs")
    before = train.Trainer.step

    def wish_in_the_third(self: Any, step: int, *rest: Any, **more: Any) -> Any:
        if step == 2:  # the last of an epoch, and validation is looked at after it
            control.command("stop")
        return before(self, step, *rest, **more)

    monkeypatch.setattr(train.Trainer, "step", wish_in_the_third)
    with pytest.raises(StopRequested):
        pretrain(job, run, control)
    result = PretrainResult.load(run.path / RESULT)
    assert [look.step for look in result.looks] == [0, 3]
    assert result.steps == 4
    assert (run.path / result.checkpoint).is_file()


def test_a_number_that_is_none_changes_nothing_and_is_named(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simclr", epochs=4, checkpoint_steps=2)
    run, control = new_run(job, tmp_path / "runs")
    before = train.Trainer._gradients

    def spoilt(self: Any, step: int, *rest: Any) -> Any:
        outcome = before(self, step, *rest)
        if step == 5:
            outcome.loss = outcome.loss * float("nan")
        return outcome

    monkeypatch.setattr(train.Trainer, "_gradients", spoilt)
    with pytest.raises(ValueError, match=r"loss of step 6 was no finite number.*put back"):
        pretrain(job, run, control)
    health = Health.load(run.path / HEALTH)
    assert "loss is not a number" in {finding.name for finding in health.findings}
    result = PretrainResult.load(run.path / RESULT)
    assert result.steps == 4
    assert result.checkpoint.endswith("step-000000004.safetensors")
    assert all(torch.isfinite(value).all() for value in tensors(run, 4).values() if value.is_floating_point())
    assert (run.path / "backbone" / "config.json").is_file()


def test_a_full_disk_is_told_once_and_training_goes_on(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simclr", epochs=4, checkpoint_steps=1)
    run, control = new_run(job, tmp_path / "runs")
    before, tried = state.save_file, []

    def sometimes_full(body: Any, path: Path, **more: Any) -> None:
        tried.append(path)
        if len(tried) in (4, 5):
            path.write_bytes(b"half")
            # What safetensors raises on a full tmpfs, word for word; it is no OSError.
            raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
        before(body, path, **more)

    monkeypatch.setattr(state, "save_file", sometimes_full)
    pretrain(job, run, control)
    told = "A checkpoint could not be written (No space left on device)"
    assert sum(note.startswith(told) for note in control.status.notes) == 1
    assert len(losses(run)) == 12
    assert state.latest(run.path / CHECKPOINTS) == state.checkpoint_path(run.path / CHECKPOINTS, 12)


def test_more_epochs_go_on_where_the_run_ended(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "mae", epochs=1)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    first = losses(run)
    more = replace(job, epochs=3)
    run.ask_again(more)
    pretrain(more, run, type(control)(run))
    assert {step: losses(run)[step] for step in first} == first
    assert max(losses(run)) == 9
    assert PretrainResult.load(run.path / RESULT).epochs == 3


def test_a_branch_begins_with_the_other_runs_network(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "byol", epochs=2)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    point = state.checkpoints(run.path / CHECKPOINTS)[-1]
    branch = replace(job, branch=str(point), epochs=4, learning_rate=0.01)
    other, control = new_run(branch, tmp_path / "runs", "branch")
    pretrain(branch, other, control)
    assert min(losses(other)) == state.step_of(point) + 1
    assert max(losses(other)) == 12
    assert run.metrics()[-1]["step"] == 6


def test_other_settings_are_refused_in_words(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", epochs=1)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    with pytest.raises(ValueError, match="made with other settings or start weights"):
        pretrain(replace(job, seed=3), run, control)


def test_a_run_goes_on_without_an_image_that_went_away_and_says_so(
    picture_folder: Path, tmp_path: Path
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", epochs=1)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    assert not any("Other images than before" in note for note in control.status.notes)
    shutil.rmtree(job.cache)  # so that they are decoded anew
    for file in sorted(picture_folder.rglob("*.png")):
        if file.name.endswith("_03.png"):
            file.unlink()
    more = replace(job, epochs=2)
    again = Control(run)
    pretrain(more, run, again)
    assert any("Other images than before can be read now" in note for note in again.status.notes)


def test_images_that_have_changed_meanwhile_are_named_as_the_reason(
    picture_folder: Path, tmp_path: Path
) -> None:
    job = pretrain_job(picture_folder, tmp_path / "work", "simsiam", epochs=1)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    learnt = run.document()["provenance"]["images"]
    for file in sorted(picture_folder.rglob("*.png"))[::3]:
        file.unlink()
    fewer = pretrain_job(picture_folder, tmp_path / "later", "simsiam", epochs=1)
    with pytest.raises(ValueError, match=rf"made with other images \({learnt} images then, \d+ now\)"):
        pretrain(fewer, run, control)


def test_checkpoints_are_due_by_steps_or_time(picture_folder: Path, tmp_path: Path) -> None:
    from types import SimpleNamespace

    ready = SimpleNamespace(
        job=SimpleNamespace(checkpoint_steps=0, checkpoint_minutes=5.0),
        plan=SimpleNamespace(steps_per_epoch=10),
    )
    keeper = Keeper(ready, tmp_path, "", None, None)  # type: ignore[arg-type]
    assert not keeper.due(10)
    keeper._last -= 61
    assert keeper.due(10)
    assert not keeper.due(11)
    keeper._last -= 300
    assert keeper.due(11)
    ready.job.checkpoint_steps = 4
    assert keeper.due(12) and not keeper.due(13)
