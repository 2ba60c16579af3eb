"""DINO against lightly's loss and head, which equal the published code."""

from __future__ import annotations

import copy
import math

import pytest
import timm
import torch
from lightly.loss import DINOLoss
from lightly.models.modules.heads import DINOProjectionHead
from torch.nn import functional

from tests.engine.methods.made import batch_of
from tests.engine.methods.tiny import method, plan, vit
from workbench.engine.methods import teaching
from workbench.engine.methods.base import Plan, cosine
from workbench.engine.methods.centre import Centre
from workbench.engine.methods.dino import DINO
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.prototypes import PrototypeHead

K = 24
SMALL = {"prototypes": K, "hidden": 64}


def learn(own: DINO, step: int, rate: float = 0.05) -> torch.Tensor:
    """One step by plain descent."""
    own.zero_grad()
    outcome = own(batch_of(own, step))
    outcome.loss.backward()
    own.after_backward(step)
    with torch.no_grad():
        for _, value in own.learning():
            if value.grad is not None:
                value.sub_(value.grad, alpha=rate)
    own.after_step(step)
    return outcome.loss.detach()


@pytest.mark.parametrize("temperatures", [(0.04, 0.04), (0.04, 0.07)])
def test_loss_gradient_and_centre_over_epochs_are_lightlys(temperatures: tuple[float, float]) -> None:
    first, last = temperatures
    own: DINO = method(
        "dino",
        vit(),
        **SMALL,
        first_temperature=first,
        teacher_temperature=last,
        warming_epochs=3,
        momentum=0.9,
    )
    oracle = DINOLoss(K, first, last, warmup_teacher_temp_epochs=3)
    for step in range(10):  # five epochs
        given = batch_of(own, step)
        students = [own.head(own.encoder(view)) for view in given.views]
        with torch.no_grad():
            teachers = [own.teacher_head(own.teacher(view)) for view in given.views[:2]]
        expected = oracle(teachers, students, epoch=step // own.plan.steps_per_epoch)
        learning = [value for _, value in own.learning()]
        gradients = torch.autograd.grad(expected, learning)

        outcome = own(given)
        torch.testing.assert_close(outcome.loss, expected, rtol=1e-5, atol=1e-5)
        for mine, other in zip(torch.autograd.grad(outcome.loss, learning), gradients, strict=True):
            torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        own.centre._means.clear()
        learn(own, step)
        torch.testing.assert_close(own.centre.value, oracle.center.flatten(), rtol=1e-5, atol=1e-6)
    assert own.centre.value.norm() > 0


@pytest.mark.filterwarnings("ignore::FutureWarning")  # lightly's head uses torch's old weight_norm
def test_head_is_lightlys() -> None:
    own = PrototypeHead(32, K, hidden=48)
    other = DINOProjectionHead(32, 48, 256, K)
    linear = [layer for layer in other.layers if isinstance(layer, torch.nn.Linear)]
    mine = [layer for layer in own.layers if isinstance(layer, torch.nn.Linear)]
    for one, two in zip(mine, linear, strict=True):
        two.load_state_dict(one.state_dict())
    other.last_layer.weight_v.data.copy_(own.last.parametrizations.weight.original1)
    vectors = torch.randn(5, 32)
    torch.testing.assert_close(own(vectors), other(vectors))
    weights = torch.randn(5, K)
    (own(vectors) * weights).sum().backward()
    (other(vectors) * weights).sum().backward()
    torch.testing.assert_close(
        own.last.parametrizations.weight.original1.grad, other.last_layer.weight_v.grad, rtol=1e-4, atol=1e-6
    )
    torch.testing.assert_close(mine[0].weight.grad, linear[0].weight.grad, rtol=1e-4, atol=1e-6)
    assert own.last.parametrizations.weight.original0.grad is None
    torch.testing.assert_close(own.last.weight.norm(dim=1), torch.ones(K))
    torch.testing.assert_close(
        own.mean_output(own.bottleneck(vectors)), own(vectors).mean(0).detach(), rtol=1e-5, atol=1e-6
    )


def test_head_can_be_copied() -> None:
    head = PrototypeHead(8, 5, hidden=16)
    copied = copy.deepcopy(head)
    vectors = torch.randn(3, 8)
    assert torch.equal(head(vectors), copied(vectors))
    copied.last.parametrizations.weight.original1.data.neg_()
    assert not torch.equal(head(vectors), copied(vectors))


def test_student_and_teacher_start_equal() -> None:
    own = method("dino", vit(), **SMALL)
    images = torch.randn(3, 3, 32, 32)
    assert torch.equal(own.head(own.encoder(images)), own.teacher_head(own.teacher(images)))
    assert own.backbone is own.teacher
    assert not any(value.requires_grad for value in own.teacher.parameters())


def test_prototypes_are_frozen_in_the_first_epoch_only() -> None:
    own = method("dino", vit(), **SMALL)
    before = own.head.last.weight.clone()
    for step in range(3):
        first = own.head.layers[0].weight.clone()
        learn(own, step)
        assert not torch.equal(own.head.layers[0].weight, first)
        assert torch.equal(own.head.last.weight, before) == (step < own.plan.steps_per_epoch)


def test_teacher_is_the_moving_mean_of_the_student() -> None:
    own = method("dino", vit(), **SMALL, momentum=0.8)
    expected = {name: value.clone() for name, value in own.teacher.named_parameters()}
    for step in range(3):
        learn(own, step)
        momentum = 1 - 0.2 * (1 + math.cos(math.pi * step / own.plan.steps)) / 2
        for name, value in own.encoder.named_parameters():
            expected[name] = momentum * expected[name] + (1 - momentum) * value.detach()
    for name, value in own.teacher.named_parameters():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)
    assert cosine(0.996, 1.0, own.plan.steps, own.plan.steps) == 1.0


def test_going_on_from_what_was_kept_is_the_same_run() -> None:
    own = method("dino", vit(), **SMALL)
    for step in range(2):
        learn(own, step)
    kept = copy.deepcopy(own.state_dict())
    losses = [learn(own, step) for step in range(2, 5)]
    again = method("dino", vit(seed=3), **SMALL)
    again.load_state_dict(kept)
    assert torch.equal(torch.stack([learn(again, step) for step in range(2, 5)]), torch.stack(losses))


def test_convolutional_network() -> None:
    encoder = Encoder(timm.create_model("resnet18", num_classes=0))
    own = method("dino", encoder, plan(image_size=32), **SMALL)
    outcome = own(batch_of(own, 0))
    outcome.loss.backward()
    assert outcome.vectors.shape == (4, 512) and torch.isfinite(outcome.loss)
    own.after_step(0)


def test_a_batch_in_parts_moves_the_centre_once_to_the_same_place() -> None:
    outputs = torch.randn(8, K)
    whole, parts = Centre(K, 0.9), Centre(K, 0.9)
    whole.note(outputs.mean(0))
    for part in outputs.chunk(2):
        parts.note(part.mean(0))
    whole.move()
    parts.move()
    torch.testing.assert_close(parts.value, whole.value)
    torch.testing.assert_close(whole.value, 0.1 * outputs.mean(0))


def test_uniform_outputs_lose_ln_k() -> None:
    own = method("dino", vit(), **SMALL)
    outputs = [torch.zeros(4, K)] * 4
    targets = [own.centre.probabilities(torch.zeros(4, K), 0.04)] * 2
    assert teaching.crossed(outputs, targets).item() == pytest.approx(own.uniform_loss)
    assert teaching.entropy(targets[0]).item() == pytest.approx(math.log(K))
    outcome = own(batch_of(own, 0))
    slow = functional.softmax(own.teacher_head(own.teacher(batch_of(own, 0).views[0])) / 0.04, dim=-1)
    torch.testing.assert_close(outcome.outputs, slow)


@pytest.mark.parametrize(
    ("batch_size", "steps", "expected"),
    [
        (1024, 100_000, 0.996),
        (4096, 100_000, 0.996),
        (256, 100_000, 0.9995),
        (32, 100_000, 0.9995),
        (256, 2000, 0.998),  # a quarter of the run
        (32, 300, 0.996),  # never below what was published
        (1024, 300, 0.996),
    ],
)
def test_momentum_by_the_published_rule(batch_size: int, steps: int, expected: float) -> None:
    laid = plan(batch_size=batch_size, epochs=100, steps_per_epoch=steps // 100)
    assert teaching.first_momentum(0.0, laid) == pytest.approx(expected)
    assert teaching.first_momentum(0.9, laid) == 0.9  # but for what is asked for


def test_recipe() -> None:
    laid = Plan(images=1_281_167, batch_size=512, epochs=100, steps_per_epoch=2502, image_size=224)
    recipe = DINO.recipe(DINO.Config(), laid, tokens=True)
    assert (recipe.optimiser, recipe.learning_rate, recipe.final_rate) == ("adamw", 1e-3, 1e-6)
    assert (recipe.weight_decay, recipe.final_decay, recipe.clip, recipe.clip_each) == (0.04, 0.4, 3.0, True)
    assert recipe.warm_up == 25_020
    told = {rule.name: rule.value for rule in recipe.told}
    assert told["prototypes"] == "65,536"
    convolutional = DINO.recipe(DINO.Config(), plan(batch_size=256), tokens=False)
    assert (convolutional.optimiser, convolutional.learning_rate) == ("sgd", 0.03)
    assert {rule.name: rule.value for rule in convolutional.told}["prototypes"] == "4,096"
    assert DINO.views().num_views == 10
