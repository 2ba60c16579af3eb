"""The moving copy, against lightly's and against the formula."""

from __future__ import annotations

import copy

import pytest
import torch
from lightly.models.utils import update_momentum
from torch import nn

from workbench.engine.methods import ema


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3, bias=False))


def test_a_copy_starts_equal_and_shares_nothing_and_never_learns() -> None:
    source = network()
    target = ema.copy_of(source)
    for theirs, own in zip(source.parameters(), target.parameters(), strict=True):
        assert torch.equal(theirs, own) and theirs.data_ptr() != own.data_ptr()
        assert theirs.requires_grad and not own.requires_grad


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.996, 1.0])
def test_a_copy_moves_as_in_lightly(momentum: float) -> None:
    torch.manual_seed(0)
    source, target = network(), ema.copy_of(network())
    oracle = copy.deepcopy(target)
    before = [value.clone() for value in target.parameters()]
    ema.move(target, source, momentum)
    update_momentum(source, oracle, m=momentum)
    for own, theirs in zip(target.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(own, theirs.detach(), atol=1e-7, rtol=0)
    for own, old, new in zip(target.parameters(), before, source.parameters(), strict=True):
        torch.testing.assert_close(own, momentum * old + (1 - momentum) * new.detach(), atol=1e-7, rtol=0)


def test_running_statistics_stay_the_copys_own() -> None:
    source = network()
    target = ema.copy_of(source)
    source(torch.randn(6, 5) + 3)
    ema.move(target, source, 0.5)
    assert torch.equal(target[1].running_mean, torch.zeros(4))


def test_networks_that_are_not_alike_are_refused() -> None:
    with pytest.raises(ValueError, match="same parameters"):
        ema.move(ema.copy_of(network()), nn.Linear(5, 4), 0.9)
