"""SimCLR's loss against lightly's and against equation 1 written out."""

from __future__ import annotations

import math

import pytest
import torch
from lightly.loss import NTXentLoss

from tests.engine.methods.made import batch_of, method_of, plan_of
from workbench.engine.methods.simclr import SimCLR, contrast


def pairs(num: int = 7, width: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    a = torch.randn(num, width, generator=generator)
    return a.requires_grad_(), (a.detach() + torch.randn(num, width, generator=generator)).requires_grad_()


def written_out(a: torch.Tensor, b: torch.Tensor, temperature: float) -> torch.Tensor:
    """Equation 1, a pair at a time, in double precision."""
    views = [view for pair in zip(a.double(), b.double(), strict=True) for view in pair]

    def similarity(u: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return (u @ v) / (u.norm() * v.norm()) / temperature

    total = torch.zeros((), dtype=torch.float64)
    for i, view in enumerate(views):
        partner = i + 1 if i % 2 == 0 else i - 1
        others = [similarity(view, other).exp() for k, other in enumerate(views) if k != i]
        total = total - (similarity(view, views[partner]).exp() / torch.stack(others).sum()).log()
    return total / len(views)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_loss_and_gradient_are_lightlys_and_the_papers(temperature: float) -> None:
    results = []
    for loss_of in (contrast, NTXentLoss(temperature=temperature), written_out):
        a, b = pairs()
        loss = loss_of(a, b) if isinstance(loss_of, NTXentLoss) else loss_of(a, b, temperature)
        loss.backward()
        results.append((loss.detach().float(), a.grad, b.grad))
    for oracle in results[1:]:
        for own, theirs in zip(results[0], oracle, strict=True):
            torch.testing.assert_close(own, theirs, atol=1e-5, rtol=1e-5)


def test_a_network_that_says_the_same_of_everything_has_the_uniform_loss() -> None:
    method = method_of("simclr", "vit")
    uniform = method(batch_of(method, 0)).uniform_loss
    same = torch.ones(8, 4)
    assert uniform == pytest.approx(float(contrast(same, same, 0.1)), abs=1e-5) == pytest.approx(math.log(15))


def test_the_rate_grows_with_the_root_of_the_batch_until_both_rules_agree() -> None:
    def rate(batch_size: int) -> float:
        return SimCLR.recipe(
            SimCLR.Config(), plan_of(batch_size=batch_size, images=100_000), False
        ).learning_rate

    assert rate(256) == pytest.approx(1.2) and rate(1024) == pytest.approx(2.4)
    assert rate(4096) == pytest.approx(4.8) and rate(8192) == pytest.approx(9.6)
    assert rate(4095) == pytest.approx(rate(4096), rel=1e-3)


def test_a_single_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="two pictures"):
        SimCLR.recipe(SimCLR.Config(), plan_of(batch_size=1), True)


def test_transformers_are_optimised_as_in_moco_v3_and_it_is_told() -> None:
    plan = plan_of(batch_size=512, images=5120, epochs=300)
    recipe = SimCLR.recipe(SimCLR.Config(), plan, True)
    assert (recipe.optimiser, recipe.learning_rate, recipe.weight_decay) == ("adamw", 3e-4, 0.1)
    assert recipe.warm_up == 40 * 10
    assert "MoCo v3" in recipe.told[0].rule and recipe.told[0].value == "0.0003"
    short = SimCLR.recipe(SimCLR.Config(), plan_of(batch_size=512, images=5120, epochs=30), True)
    assert short.warm_up == 40 and "40 / 300" in short.told[1].rule
