"""A checkpoint holds all that the next step depends on, and a failed one spoils nothing."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from workbench.engine.methods.base import Group, Recipe
from workbench.engine.pretrain import state
from workbench.engine.pretrain.optimise import make_optimiser

CPU = torch.device("cpu")


class Noisy(nn.Module):
    """Uses every generator there is, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self) -> torch.Tensor:
        self.seen += 1
        inputs = torch.rand(3, 4) + random.random() + float(np.random.rand())
        return self.layer(inputs).square().mean()


def made(optimiser: str) -> tuple[Noisy, torch.optim.Optimizer]:
    torch.manual_seed(0)
    module = Noisy()
    recipe = Recipe(optimiser=optimiser, learning_rate=0.05, warm_up=0, weight_decay=0.0)
    group = Group(parameters=list(module.parameters()))
    return module, make_optimiser(recipe, [group], CPU)


def steps(module: Noisy, optimiser: torch.optim.Optimizer, num: int) -> None:
    for _ in range(num):
        optimiser.zero_grad()
        module().backward()
        optimiser.step()


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_going_on_is_as_never_having_stopped(name: str, tmp_path: Path) -> None:
    random.seed(1)
    np.random.seed(1)
    module, optimiser = made(name)
    steps(module, optimiser, 3)
    path = state.save(tmp_path, 3, {"key": "k"}, module, optimiser)
    steps(module, optimiser, 4)
    random.seed(9)
    np.random.seed(9)
    torch.manual_seed(9)
    other, its = made(name)
    state.restore(path, other, its, CPU)
    steps(other, its, 4)
    for key, value in module.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key
    assert state.read_facts(path)["step"] == 3
    assert state.step_of(path) == 3


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, optimiser = made("adamw")
    steps(module, optimiser, 1)
    first = state.save(tmp_path, 1, {}, module, optimiser)
    before = first.read_bytes()

    def full(tensors: object, path: Path, **more: object) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(state, "save_file", full)
    for step in (1, 2):
        with pytest.raises(OSError, match="No space"):
            state.save(tmp_path, step, {}, module, optimiser)
    assert [path.name for path in tmp_path.iterdir()] == [first.name]
    assert first.read_bytes() == before


def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path: Path) -> None:
    module, optimiser = made("sgd")
    steps(module, optimiser, 1)
    good = state.save(tmp_path, 1, {}, module, optimiser)
    bad = state.save(tmp_path, 2, {}, module, optimiser)
    bad.write_bytes(bad.read_bytes()[:40])
    assert state.latest(tmp_path) == good
    with pytest.raises(ValueError, match="can't be read as a checkpoint"):
        state.read_facts(bad)
    assert state.latest(tmp_path / "nothing") is None


def test_another_network_is_refused(tmp_path: Path) -> None:
    module, optimiser = made("sgd")
    path = state.save(tmp_path, 0, {}, module, optimiser)
    other = nn.Linear(2, 2)
    with pytest.raises(ValueError, match="belongs to another network"):
        state.restore(path, other, torch.optim.SGD(other.parameters(), 0.1), CPU)


def test_the_newest_and_those_of_the_quarters_stay(tmp_path: Path) -> None:
    module, optimiser = made("sgd")
    for step in range(0, 101, 10):
        state.save(tmp_path, step, {}, module, optimiser)
        state.forget_old(tmp_path, 100)
    kept = [state.step_of(path) for path in state.checkpoints(tmp_path)]
    assert kept == [30, 50, 80, 90, 100]
    with pytest.raises(ValueError, match="no checkpoint"):
        state.step_of(tmp_path / "model.safetensors")
