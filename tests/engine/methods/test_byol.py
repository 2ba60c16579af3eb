"""BYOL's loss, gradient and moving copy against lightly's, and its presets."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.utils import update_momentum

from tests.engine.methods.made import batch_of, method_of, one_step, optimiser_of, plan_of
from workbench.engine.methods.byol import BYOL


def test_loss_and_gradient_are_lightlys() -> None:
    method = method_of("byol", "conv")
    with torch.no_grad():  # a copy that has moved apart, so that which view it is shown matters
        for value in method.target_projector.parameters():
            value.add_(torch.randn(value.shape, generator=torch.Generator().manual_seed(5)) * 0.1)
    oracle = copy.deepcopy(method)
    batch = batch_of(method, 0, alike=0.5)
    outcome = method(batch)
    outcome.loss.backward()

    negative = NegativeCosineSimilarity()
    p0, p1 = (oracle.predictor(oracle.projector(oracle.encoder(view))) for view in batch.views)
    z0, z1 = (oracle.target_projector(oracle.target_encoder(view)) for view in batch.views)
    loss = (2 + 2 * negative(p0, z1.detach())) + (2 + 2 * negative(p1, z0.detach()))
    loss.backward()
    torch.testing.assert_close(outcome.loss, loss, atol=1e-5, rtol=1e-6)
    for own, theirs in zip(method.parameters(), oracle.parameters(), strict=True):
        if own.requires_grad:
            torch.testing.assert_close(own.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_the_copy_moves_along_half_a_cosine() -> None:
    method = method_of("byol", "vit", plan=plan_of(epochs=1), momentum=0.9)
    optimiser = optimiser_of(method)
    oracle = copy.deepcopy(method.target_encoder)
    for step in range(3):
        outcome = one_step(method, optimiser, batch_of(method, step))
        momentum = 1 - (1 - 0.9) * (math.cos(math.pi * step / 8) + 1) / 2  # byol_experiment.py
        assert outcome.numbers["momentum"] == pytest.approx(momentum)
        update_momentum(method.encoder, oracle, m=momentum)
    for own, theirs in zip(method.target_encoder.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(own, theirs.detach(), atol=1e-6, rtol=1e-6)
    assert method.momentum_at(8) == 1


@pytest.mark.parametrize(
    ("epochs", "rate", "decay", "momentum"),
    [(20, 0.45, 1e-6, 0.97), (100, 0.45, 1e-6, 0.99), (200, 0.3, 1e-6, 0.99), (2000, 0.2, 1.5e-6, 0.996)],
)
def test_the_preset_goes_by_the_length_of_the_run(
    epochs: int, rate: float, decay: float, momentum: float
) -> None:
    plan = plan_of(batch_size=256, images=2560, epochs=epochs)
    recipe = BYOL.recipe(BYOL.Config(), plan, False)
    assert (recipe.optimiser, recipe.learning_rate, recipe.weight_decay) == ("lars", rate, decay)
    assert recipe.warm_up == min(10, epochs // 10) * 10
    assert f"{momentum:g}" in [rule.value for rule in recipe.told]
    assert method_of("byol", "vit", plan=plan).momentum_at(0) == momentum


def test_biases_and_norms_neither_decay_nor_are_adapted() -> None:
    method = method_of("byol", "conv")
    for group in method.groups():
        assert all((value.ndim > 1) == group.decays for value in group.parameters)
