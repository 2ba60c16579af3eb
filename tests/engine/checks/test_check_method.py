"""The check of a method finds each fault that is built into one which has none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from workbench.engine.checks import method as checks
from workbench.engine.methods.base import Batch, Group, Method, Outcome
from workbench.engine.methods.registry import METHODS
from workbench.engine.methods.simclr import SimCLR
from workbench.records.params import param
from workbench.records.plugin_checks import Steps, read_steps

NARROW = {"hidden": 32, "output": 32}


class Random(SimCLR):
    def forward(self, batch: Batch) -> Outcome:
        views = [view + 0.01 * torch.randn_like(view) for view in batch.views]
        return super().forward(replace(batch, views=views))


class Cut(SimCLR):
    def forward(self, batch: Batch) -> Outcome:
        outcome = super().forward(batch)
        outcome.loss = sum((value.sum() for value in self.projector.parameters()), torch.zeros(()))
        return outcome


class Endless(SimCLR):
    def forward(self, batch: Batch) -> Outcome:
        outcome = super().forward(batch)
        outcome.loss = outcome.loss / 0
        return outcome


class Attached(SimCLR):
    def forward(self, batch: Batch) -> Outcome:
        outcome = super().forward(batch)
        outcome.vectors = self.encoder(batch.views[0])
        return outcome


class Twice(SimCLR):
    def groups(self) -> list[Group]:
        return super().groups() * 2


class Forgetful(SimCLR):
    """What it counts is no buffer, so that a run that goes on begins to count anew."""

    steps = 0

    def forward(self, batch: Batch) -> Outcome:
        self.steps += 1
        outcome = super().forward(batch)
        outcome.loss = outcome.loss * self.steps
        return outcome


class Mute(SimCLR):
    when_not = " "


class Terse(SimCLR):
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        temperature: float = param(0.1, help="sharpness", minimum=0.01, maximum=2)


class Lazy(SimCLR):
    @classmethod
    def recipe(cls, config: Any, plan: Any, tokens: bool) -> Any:
        return replace(super().recipe(config, plan, tokens), learning_rate=0.0)


@pytest.mark.parametrize("architecture", ["test_vit", "test_resnet"])
def test_a_sound_method_passes(architecture: str) -> None:
    assert checks._narrow(SimCLR) == {"hidden": 32}
    checks._form(SimCLR)
    checks._recipes(SimCLR)
    checks._step(SimCLR, architecture, NARROW)


@pytest.mark.parametrize(
    ("faulty", "told"),
    [
        (Random, "draws random numbers of its own"),
        (Cut, "No gradient reaches the backbone"),
        (Endless, "must be one finite number"),
        (Attached, "and detached|, detached"),
        (Twice, "each once"),
    ],
)
def test_a_faulty_step_is_found(faulty: type[Method], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        checks._step(faulty, "test_vit", NARROW)


def test_faulty_words_and_recipes_are_found() -> None:
    with pytest.raises(ValueError, match="Its when_not is empty"):
        checks._form(Mute)
    with pytest.raises(ValueError, match="help of its setting temperature must be a sentence"):
        checks._form(Terse)
    with pytest.raises(ValueError, match="Its recipe for 1 epochs and batches of 8 is"):
        checks._recipes(Lazy)


@pytest.mark.parametrize(("method", "why"), [(SimCLR, ""), (Forgetful, "After a stop it is another run")])
def test_a_run_that_does_not_go_on_as_it_was_is_found(
    method: type[Method], why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(METHODS, "get", lambda name: method)
    steps = Steps(tmp_path / "steps.json")
    checks.check_method("faulty", method, steps, tmp_path / "work")
    found = {step.name.partition(": ")[2]: step for step in read_steps(steps.path, "")}
    assert found["trains"].outcome == found["embeds"].outcome == "ok", found["trains"].why
    assert why in found["goes on after a stop, bit for bit"].why
    assert found["goes on after a stop, bit for bit"].outcome == ("failed" if why else "ok")
