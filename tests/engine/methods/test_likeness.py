"""Cosines are counted in full precision, in a network that is not."""

from __future__ import annotations

import torch

from workbench.engine.methods.likeness import mean_cosine, scaled_cosines, unit


def test_lower_precision_around_it_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 9, 16, generator=generator)
    wanted = (unit(a).double() @ unit(b).double().T / 0.1).float()
    with torch.autocast("cpu", torch.bfloat16):
        assert (unit(a) @ unit(b).T / 0.1 - wanted).abs().max() > 1e-3  # what would be lost
        torch.testing.assert_close(scaled_cosines(unit(a), unit(b), 0.1), wanted, atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(mean_cosine(a, b), wanted.diagonal().mean() * 0.1, atol=1e-6, rtol=1e-5)


def test_vectors_of_any_precision_become_unit_ones() -> None:
    values = torch.tensor([[3.0, 4.0], [0.0, 0.0]], dtype=torch.bfloat16)
    assert unit(values).dtype == torch.float32
    torch.testing.assert_close(unit(values), torch.tensor([[0.6, 0.8], [0.0, 0.0]]))
