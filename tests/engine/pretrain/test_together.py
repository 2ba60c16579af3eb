"""A run that two processes share is the run of one: as the job starts them, and as torchrun does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests import warm
from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.control import Control
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.pretrain import state
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import CHECKPOINTS, RESULT, PretrainResult
from workbench.records.runs import RunFolder

STEPS = 4
# SimCLR on batch norms, which must see the whole batch. The rate of the others is low, for Adam makes whole steps of
# gradients that are nothing but rounding: those of keys' biases, which a softmax cancels.
CASES: dict[str, dict[str, Any]] = {
    "simclr": {"backbone": "test_resnet", "patch_size": 0, "learning_rate": 0.02},
    "moco": {"learning_rate": 1e-5},
    "dino": {"learning_rate": 1e-5},
}

pytestmark = pytest.mark.slow


def job_for(method: str, pictures: Path, work: Path) -> PretrainJob:
    return pretrain_job(pictures, work, method, epochs=4, max_steps=STEPS, **CASES[method])


def alone(job: PretrainJob, runs: Path) -> RunFolder:
    run, control = new_run(job, runs, "alone")
    pretrain(job, run, control)
    return run


def called(*arguments: str | Path) -> str:
    """What a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def shared(job: PretrainJob, runs: Path, stop: int | None = None) -> RunFolder:
    run, _ = new_run(replace(job, processes=2), runs, "shared")
    how = [] if stop is None else ["stop", str(stop)]
    done = warm.run("tests.engine.pretrain.sharing", str(run.path), *how, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr[-4000:]
    told = done.stdout
    assert json.loads(told.splitlines()[-1]) == [[0], ""], (run.path / "log-1.txt").read_text()
    return run


def losses(run: RunFolder) -> list[float]:
    return [line["loss"] for line in run.metrics() if "loss" in line]


def tensors(run: RunFolder, step: int) -> dict[str, torch.Tensor]:
    return load_file(state.checkpoint_path(run.path / CHECKPOINTS, step))


def assert_alike(one: RunFolder, other: RunFolder, step: int) -> None:
    """But for the generators' states, which nothing that a run computes depends on."""
    first, second = tensors(one, step), tensors(other, step)
    assert first.keys() == second.keys()
    for name in (name for name in first if not name.startswith("random.")):
        near = 3e-5 if name.startswith("optimiser.") else 1e-4  # its averages are as small as gradients are
        torch.testing.assert_close(
            second[name], first[name], rtol=1e-4, atol=near, msg=lambda text, name=name: f"{name}: {text}"
        )
    assert len(losses(one)) >= step
    assert losses(other) == pytest.approx(losses(one)[: len(losses(other))], rel=1e-5)


@pytest.mark.parametrize("method", ("simclr", "moco"))
def test_two_processes_are_as_one(method: str, picture_folder: Path, tmp_path: Path) -> None:
    job = job_for(method, picture_folder, tmp_path / "work")
    one = alone(job, tmp_path / "runs")
    two = shared(job, tmp_path / "runs")
    assert len(losses(two)) == STEPS
    assert_alike(one, two, STEPS)
    averages = [value for name, value in tensors(one, STEPS).items() if name.startswith("optimiser.")]
    assert max(float(value.abs().max()) for value in averages if value.is_floating_point()) > 1e-3
    mine, ours = (PretrainResult.load(run.path / RESULT) for run in (one, two))
    assert ours.looks[-1].knn == pytest.approx(mine.looks[-1].knn)
    assert ours.batch_size == mine.batch_size == 8


def test_torchrun_is_as_one(picture_folder: Path, tmp_path: Path) -> None:
    job = job_for("simclr", picture_folder, tmp_path / "work")
    one = alone(job, tmp_path / "runs")
    run, _ = new_run(job, tmp_path / "runs", "torchrun")
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    called(*launcher, "-m", "workbench.engine.pretrain.rank", run.path)
    assert run.status().state == "done"
    assert run.status().result["steps"] == len(losses(run)) == STEPS
    assert_alike(one, run, STEPS)


def test_all_stop_after_the_same_step_and_one_goes_on_alone(picture_folder: Path, tmp_path: Path) -> None:
    job = replace(job_for("dino", picture_folder, tmp_path / "work"), max_steps=STEPS + 2, checkpoint_steps=2)
    one = alone(job, tmp_path / "runs")
    # The wish comes during a step; the next one, the last, tells it to all.
    run = shared(job, tmp_path / "runs", stop=STEPS - 2)
    assert PretrainResult.load(run.path / RESULT).steps == len(losses(run)) == STEPS
    assert state.latest(run.path / CHECKPOINTS) == state.checkpoint_path(run.path / CHECKPOINTS, STEPS)
    assert_alike(one, run, STEPS)
    pretrain(job, run, Control(run))
    assert len(losses(run)) == STEPS + 2
    assert_alike(one, run, STEPS + 2)
