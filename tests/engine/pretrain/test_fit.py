"""How many images fit: with steps that fail above a size, and with real ones whose memory is counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from workbench.engine.pretrain import fit
from workbench.engine.pretrain.fit import Fit, extrapolated, largest_fit

CPU = torch.device("cpu")


class Memory:
    """A step that keeps `each` bytes an image and fails above `limit` images."""

    def __init__(self, limit: int, each: int = 4000, error: type[Exception] = torch.OutOfMemoryError) -> None:
        self.limit, self.each, self.error = limit, each, error
        self.weight = nn.Parameter(torch.ones(()))
        self.sizes: list[int] = []

    def __call__(self, size: int) -> None:
        self.sizes.append(size)
        if size > self.limit:
            raise self.error("out of memory")
        (self.weight * torch.ones(size, self.each // 4)).sum().backward()


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, MemoryError, RuntimeError])
def test_the_batch_is_halved_until_it_fits(error: type[Exception]) -> None:
    step = Memory(limit=70, error=error)
    found = largest_fit(step, 256, CPU)
    assert (found.micro_batch, found.accumulate) == (64, 4)
    assert step.sizes[-3:] == [256, 128, 64]


def test_a_batch_that_fits_is_not_cut() -> None:
    assert largest_fit(Memory(limit=1000), 96, CPU).accumulate == 1
    assert largest_fit(Memory(limit=1), 1, CPU) == Fit(1, 1, largest_fit(Memory(limit=1), 1, CPU).peak_bytes)


def test_parts_are_equal_also_of_a_batch_that_is_no_power_of_two() -> None:
    found = largest_fit(Memory(limit=40), 90, CPU)
    assert (found.micro_batch, found.accumulate) == (30, 3)


def test_on_a_processor_nothing_is_run_that_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """There the system would end the program: a part is only run when it is promised to fit."""
    monkeypatch.setattr(fit, "_free", lambda device: 33 * 4000.0)
    step = Memory(limit=10_000)
    found = largest_fit(step, 256, CPU)
    assert found.micro_batch == 32 and max(step.sizes) == 32
    assert found.peak_bytes == pytest.approx(32 * 4000, rel=0.01)


def test_what_a_network_keeps_for_its_gradients_is_counted_once() -> None:
    layers = nn.Sequential(nn.Linear(256, 1024), nn.ReLU(), nn.Linear(1024, 8))

    def step(size: int) -> None:
        layers(torch.zeros(size, 256)).sum().backward()

    parameters = sum(value.numel() for value in layers.parameters()) * 4
    found = largest_fit(step, 64, CPU)
    # By hand: the input, and the ReLU's output, which the ReLU and the second layer both keep; at most all weights.
    by_hand = 64 * (256 + 1024) * 4
    assert by_hand <= found.peak_bytes <= by_hand + parameters


def test_what_does_not_fit_at_all_is_said_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"Not even 2 of the batch's 64 images fit.*smaller"):
        largest_fit(Memory(limit=1), 64, CPU, smallest=2)
    with pytest.raises(ValueError, match="can't be cut"):
        largest_fit(Memory(limit=10), 1, CPU, smallest=2)


def test_another_error_is_not_taken_for_a_full_memory() -> None:
    class Broken(Memory):
        def __call__(self, size: int) -> None:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        largest_fit(Broken(limit=1), 64, CPU)


def test_the_line_through_two_parts() -> None:
    assert extrapolated((4, 1_400), (8, 1_800), 11_000) == pytest.approx(100)
    assert extrapolated((4, 1_000), (8, 1_000), 11_000) == float("inf")
    assert extrapolated((4, 1_400), (8, 1_800), 1_100) == pytest.approx(1)


def test_what_a_processor_measures_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.BatchNorm1d(64), torch.nn.ReLU())
    optimiser = torch.optim.AdamW(network.parameters(), 0.1)
    before = {name: value.clone() for name, value in network.state_dict().items()}

    def step(size: int) -> None:
        optimiser.zero_grad()
        network(torch.randn(size, 64)).square().mean().backward()
        optimiser.step()

    needed = fit.kept_bytes(step, 8, torch.device("cpu"))
    network.load_state_dict(before)
    monkeypatch.setattr(fit, "_free", lambda device: needed * 2.5)
    assert fit.parts_on_processor(network, optimiser, step, 32) == 2  # 20 images fit
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert not optimiser.state
    assert all(value.grad is None for value in network.parameters())
