"""What is told of a run is true of its steps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.jobs.pretrain import run as pretrain
from workbench.engine.pretrain.assemble import assemble
from workbench.engine.pretrain.train import Trainer
from workbench.engine.pretrain.warnings import warnings
from workbench.records.pretraining import RESULT, PretrainResult

SCALES = {
    "simclr": 1.0,
    "moco": 2 * 2 * 0.2,
}  # of the loss; MoCo v3 adds both ways, times twice the temperature


@pytest.mark.parametrize(
    ("method", "parts", "together", "negatives"),
    [
        ("simclr", 1, 8, 14),
        ("simclr", 2, 4, 6),
        ("simclr", 3, 3, 4),
        ("moco", 1, 8, 7),
        ("moco", 2, 4, 3),
        ("byol", 2, 4, None),
    ],
)
def test_negatives_are_those_of_the_part_that_passes_through(
    method: str, parts: int, together: int, negatives: int | None, picture_folder: Path, tmp_path: Path
) -> None:
    """As many as the step's own loss tells of: a network that says the same of everything has ln(negatives + 1)."""
    job = pretrain_job(picture_folder, tmp_path / "work", method, accumulate=parts)
    ready = assemble(job, new_run(job, tmp_path / "runs")[1])
    rules = [rule for rule in ready.rules if rule.name == "negatives"]
    said = [finding.advice for finding in warnings(ready) if finding.name == "few negatives"]
    if negatives is None:
        assert not rules and not said
        return
    places = ready.order.batch(0)
    stepped = ready.trainer.step(0, ready.store.take(places), ready.pool.shapes[places], ready.rows)
    assert stepped.outcome.uniform_loss == pytest.approx(SCALES[method] * math.log(negatives + 1))
    [rule], [sentence] = rules, said
    assert rule.value == str(negatives) and f"the other {together - 1} images of" in rule.rule
    assert ("a part" in rule.rule) == (parts > 1)
    assert f"there are {negatives} views of such (8 images a step" in sentence
    assert (f"in {parts} parts" in sentence) == (parts > 1)


def test_a_full_memory_leaves_fewer_negatives_and_it_is_told(
    picture_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Trainer.step

    def limited(self: Trainer, *arguments: Any, **more: Any) -> Any:
        if self.together > 4:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return step(self, *arguments, **more)

    monkeypatch.setattr(Trainer, "step", limited)
    job = pretrain_job(picture_folder, tmp_path / "work", max_steps=1)
    run, control = new_run(job, tmp_path / "runs")
    pretrain(job, run, control)
    result = PretrainResult.load(run.path / RESULT)
    assert {rule.name: rule.value for rule in result.rules}["negatives"] == "6"
    [said] = [finding.advice for finding in result.findings if finding.name == "few negatives"]
    assert "there are 6 views of such (8 images a step, in 2 parts" in said
