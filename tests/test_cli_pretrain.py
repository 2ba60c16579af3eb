"""`workbench pretrain` is a contract: keys, exit codes, going on after a kill, and what embeds afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import warm
from tests.test_cli import document, workbench
from workbench.cli import main
from workbench.engine.pretrain import state
from workbench.records.pretrain_job import PretrainJob
from workbench.records.runs import RunFolder, Status

SMALL = [
    *("--method", "simsiam", "--backbone", "test_vit", "--image-size", "32", "--patch-size", "8"),
    *("--batch-size", "8", "--epochs", "2", "--device", "cpu", "--threads", "1"),
    *("--settings", "hidden=32", "--settings", "bottleneck=16"),
]


@pytest.mark.slow  # starts the program several times
def test_from_a_folder_to_a_backbone_that_embeds(picture_folder: Path, tmp_path: Path) -> None:
    project = ["--project", str(tmp_path / "project")]
    run = tmp_path / "runs" / "a"
    words = ["pretrain", str(picture_folder), *SMALL, "--out", str(run), *project]
    found = document(*words)
    keys = {"run", "method", "steps", "loss", "images_per_second", "knn", "checkpoint", "findings"}
    assert keys <= set(found)
    assert (found["run"], found["method"], found["steps"]) == (str(run), "simsiam", 6)
    assert len(found["loss"]) == 6 and len(found["knn"]) >= 2
    assert all({"name", "severity", "advice"} == set(finding) for finding in found["findings"])
    assert Path(found["checkpoint"]).is_file()
    assert "few images" in {finding["name"] for finding in found["findings"]}

    again = workbench(*words, code=2)
    assert "holds a run already. --resume goes on with it" in again.stderr

    more = document(*words, "--epochs", "3", "--resume")
    assert more["steps"] == 9
    assert more["loss"][:6] == found["loss"]

    embedded = document(
        "embed", str(picture_folder), "--backbone", str(run), "--out", str(tmp_path / "d.h5ad"), *project
    )
    assert (embedded["images"], embedded["dimension"]) == (36, 64)


@pytest.mark.slow
def test_a_killed_run_goes_on(picture_folder: Path, tmp_path: Path) -> None:
    project = ["--project", str(tmp_path / "project")]
    run = tmp_path / "run"
    words = [
        *("pretrain", str(picture_folder), *SMALL, "--epochs", "400", "--checkpoint-steps", "3"),
        *("--evaluate-every", "1000", "--out", str(run), "--json", *project),
    ]
    process = warm.started("workbench", *words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(state.checkpoints(run / "checkpoints")) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    worker = int((run / "heartbeat").read_text().split()[0])
    os.kill(worker, signal.SIGKILL)
    assert process.wait(60) == 1
    kept = state.latest(run / "checkpoints")
    assert kept is not None
    at = state.step_of(kept)
    assert at < 1200
    answer = workbench(*words, "--resume", "--max-steps", str(at + 4))
    found = json.loads(answer.stdout)
    assert found["steps"] == at + 4
    assert len(found["loss"]) == at + 4


@pytest.mark.slow
def test_an_estimate_starts_nothing(picture_folder: Path, tmp_path: Path) -> None:
    project = ["--project", str(tmp_path / "project")]
    found = document("pretrain", str(picture_folder), *SMALL, "--estimate", *project)
    assert (found["images"], found["steps_per_epoch"], found["batch_size"]) == (24, 3, 8)
    assert found["left_out"] == 12
    assert found["seconds"] == pytest.approx(2 * found["seconds_per_epoch"])
    assert found["peak_bytes"] > 0 and found["store_bytes"] > 0
    refused = workbench("pretrain", str(picture_folder), *SMALL, *project, code=2)
    assert "--out is missing" in refused.stderr


def test_a_run_that_cannot_go_on_as_asked_is_left_as_it_is_and_the_flags_are_named(
    picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = PretrainJob(
        index="index.npz",
        method="simsiam",
        backbone="test_vit",
        image_size=32,
        patch_size=8,
        batch_size=16,
        epochs=1,
        seed=4,
        settings=("hidden=32", "bottleneck=16"),
    )
    run = RunFolder.create(tmp_path, begun, name="run")
    run.write_status(Status(state="done"))
    (run.path / "checkpoints").mkdir()
    (run.path / "checkpoints" / "step-000000001.safetensors").touch()
    before = (run.path / "run.json").read_text()
    words = ["pretrain", str(picture_folder), *SMALL, "--out", str(run.path), "--resume"]
    assert main([*words, "--project", str(tmp_path / "project")]) == 2
    said = capsys.readouterr().err
    assert "was begun with --batch-size 16 (now 8), --seed 4 (now 0). Give the same" in said
    assert (run.path / "run.json").read_text() == before and run.status().state == "done"


def test_help_says_what_a_default_of_zero_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["pretrain", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "(px; default: the architecture's own)" in said
    assert "(default: as published)" in said
