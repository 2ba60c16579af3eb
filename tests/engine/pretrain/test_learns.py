"""A network that knows nothing learns to tell surfaces apart better, without their labels.

Real photographs of steel in six classes. The network is small and the run some hundred steps, so these are not the
methods' best: a mistake in a loss, in its views or in what moves after a step is what they would show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine.pretrain.made import new_run
from tests.indices import counted
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.records.params import build
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import RESULT, PretrainResult

pytestmark = pytest.mark.slow

CONVOLUTIONS: dict[str, Any] = {"backbone": "test_resnet", "image_size": 48, "stored_size": 64, "epochs": 6}
PATCHES: dict[str, Any] = {
    "backbone": "test_vit",
    "image_size": 32,
    "patch_size": 4,
    "stored_size": 48,
    "epochs": 2,
    "learning_rate": 1e-3,
}

# Job, and how much k-NN on 335 images of validation must gain: about half of what it does, and above two standard
# errors of the difference where the network starts from random convolutions, which score 0.78.
CASES: dict[str, tuple[dict[str, Any], float]] = {
    "simclr": ({**CONVOLUTIONS, "settings": ("hidden=256", "output=64")}, 0.07),  # gains 0.14
    "moco": ({**CONVOLUTIONS, "settings": ("queue=512", "momentum=0.99")}, 0.06),  # 0.12
    "byol": ({**CONVOLUTIONS, "settings": ("hidden=256", "output=64")}, 0.03),  # 0.06
    "simsiam": (
        {
            **CONVOLUTIONS,
            "learning_rate": 0.05,
            "settings": ("hidden=256", "output=256", "bottleneck=64"),
        },
        0.03,
    ),  # 0.065
    "dino": ({**CONVOLUTIONS, "epochs": 4, "settings": ("hidden=128", "prototypes=256")}, 0.05),  # 0.09
}


@pytest.mark.parametrize("method", CASES)
def test_neighbours_on_validation_become_better(method: str, neu: Path, tmp_path: Path) -> None:
    values, margin = CASES[method]
    result, _ = learnt(neu, tmp_path, method, values)
    first, last = result.looks[0], result.looks[-1]
    assert (first.step, last.step) == (0, result.steps)
    assert last.knn > first.knn + margin
    assert not [finding.name for finding in result.findings if finding.severity == "bad"]


def test_mae_paints_more_than_means(neu: Path, tmp_path: Path) -> None:
    """So short a run makes no better neighbours of a transformer. Its patches are painted in units of their own mean
    and contrast, so a painter that knows no more than these has a loss of 1."""
    values = {**PATCHES, "settings": ("decoder_depth=1", "decoder_width=64", "decoder_heads=2")}
    result, losses = learnt(neu, tmp_path, "mae", values)
    assert losses[0] > 1
    assert sum(losses[-10:]) / 10 < 0.6
    assert not [finding.name for finding in result.findings if finding.severity == "bad"]


def learnt(
    pictures: Path, work: Path, method: str, values: dict[str, Any]
) -> tuple[PretrainResult, list[float]]:
    """The result of a run, and the loss of every step."""
    counted(pictures, check="header").save(work / "index.npz")
    usual = {
        "index": str(work / "index.npz"),
        "cache": str(work / "pixels"),
        "method": method,
        "batch_size": 32,
        "preset": "industrial",
        "evaluate_every": values["epochs"],
        "device": "cpu",
        "threads": 1,
    }
    run, control = new_run(build(PretrainJob, {**usual, **values}), work / "runs")
    pretrain(run.job(), run, control)  # type: ignore[arg-type]
    losses = [line["loss"] for line in run.metrics() if "loss" in line]
    return PretrainResult.load(run.path / RESULT), losses
