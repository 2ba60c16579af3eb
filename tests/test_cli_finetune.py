"""`workbench finetune` is a contract too: keys, exit codes, going on after Ctrl-C, and what embeds afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import warm
from tests.engine.finetune.tuning import small_vit
from tests.test_cli import document, workbench
from workbench.records.finetunes import FinetuneResult


@pytest.fixture
def small(tmp_path: Path) -> str:
    return str(small_vit(tmp_path / "small-vit"))


def test_from_a_folder_to_a_checkpoint(picture_folder: Path, tmp_path: Path, small: str) -> None:
    project = ["--project", str(tmp_path / "project")]
    words = [str(picture_folder), "--backbone", small, "--blocks", "1", "--batch-size", "8"]
    found = document("finetune", *words, "--seeds", "2", "--epochs", "2", *project)
    assert {
        "run",
        "backbone",
        "kind",
        "trained",
        "metric",
        "seeds",
        "accuracy",
        "macro_f1",
        "balanced_accuracy",
        "epochs",
        "splits",
        "findings",
        "checkpoint",
        "seconds",
        "note",
    } <= set(found)
    assert (found["kind"], found["ranked"], found["seeds"]) == ("fine-tune", False, [0, 1])
    assert {"mean", "sd", "values", "interval"} <= set(found["accuracy"])
    checkpoint = Path(found["checkpoint"])
    assert FinetuneResult.load(checkpoint.parent / "finetune.json").run == found["run"]
    embedded = document(
        "embed",
        str(picture_folder),
        "--backbone",
        str(checkpoint),
        "--out",
        str(tmp_path / "a.h5ad"),
        *project,
    )
    assert embedded["images"] == 36
    ledger = (tmp_path / "project" / "ledger.jsonl").read_text().splitlines()
    assert len(ledger) == 1
    text = workbench("finetune", *words, "--seeds", "1", "--epochs", "1", *project).stdout
    assert "the last block and the head" in text
    assert "never ranked with a probe" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--backbone", "histogram"], 1, "nothing to fine-tune"),
        (["--backbone", "random_vit", "--blocks", "3"], 2, "invalid choice"),
        (["--backbone", "random_vit", "--labels", "none"], 2, "no image has a label"),
        (["--backbone", "random_vit", "--epochs", "0"], 2, "epochs must be between 1 and 1000"),
    ],
)
def test_wrong_requests_end_with_a_sentence(
    picture_folder: Path, words: list[str], code: int, said: str
) -> None:
    done = workbench("finetune", str(picture_folder), *words, code=code)
    assert said in done.stderr
    assert done.stdout == ""


def test_ctrl_c_keeps_the_epochs_that_are_done(picture_folder: Path, tmp_path: Path, small: str) -> None:
    project = tmp_path / "project"
    words = ["finetune", str(picture_folder), "--backbone", small, "--batch-size", "1", "--patience", "0"]
    words += ["--epochs", "500", "--seeds", "1", "--project", str(project)]
    process = warm.started("workbench", *words, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and not list(project.glob("caches/finetune/*/seed-0-last.safetensors")):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "goes on from what was kept" in errors
    (kept,) = project.glob("caches/finetune/*/seed-0-last.safetensors")
    header = kept.read_bytes()
    size = int.from_bytes(header[:8], "little")
    facts = json.loads(json.loads(header[8 : 8 + size])["__metadata__"]["facts"])
    assert len(facts["curve"]) >= 2
