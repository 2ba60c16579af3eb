"""SimSiam's loss and gradient against lightly's, and what of it follows the schedule."""

from __future__ import annotations

import copy

import torch
from lightly.loss import NegativeCosineSimilarity

from tests.engine.methods.made import batch_of, method_of, plan_of
from workbench.engine.methods.simsiam import SimSiam


def test_loss_and_gradient_are_lightlys() -> None:
    method = method_of("simsiam", "conv")
    oracle = copy.deepcopy(method)
    batch = batch_of(method, 0, alike=0.5)
    outcome = method(batch)
    outcome.loss.backward()

    negative = NegativeCosineSimilarity()
    z0, z1 = (oracle.projector(oracle.encoder(view)) for view in batch.views)
    p0, p1 = oracle.predictor(z0), oracle.predictor(z1)
    loss = 0.5 * (negative(p0, z1.detach()) + negative(p1, z0.detach()))
    loss.backward()
    torch.testing.assert_close(outcome.loss, loss, atol=1e-6, rtol=1e-6)
    for own, theirs in zip(method.parameters(), oracle.parameters(), strict=True):
        torch.testing.assert_close(own.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_only_the_predictor_keeps_its_rate() -> None:
    method = method_of("simsiam", "vit")
    steady = [value for group in method.groups() if group.constant for value in group.parameters]
    assert [id(value) for value in steady] == [id(value) for value in method.predictor.parameters()]
    assert all(group.decays for group in method.groups())


def test_the_recipe_is_the_published_one_and_ours_is_called_ours() -> None:
    plan = plan_of(batch_size=512, images=5120, epochs=100)
    recipe = SimSiam.recipe(SimSiam.Config(), plan, False)
    assert (recipe.optimiser, recipe.learning_rate, recipe.weight_decay, recipe.warm_up) == (
        "sgd",
        0.1,
        1e-4,
        0,
    )
    assert "our choice" in SimSiam.recipe(SimSiam.Config(), plan, True).told[0].rule
