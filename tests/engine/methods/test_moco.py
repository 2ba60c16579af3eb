"""MoCo: its queue against lightly's memory bank over several steps, MoCo v3's loss against its definition."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from lightly.loss import NTXentLoss
from lightly.models.utils import update_momentum

from tests.engine.methods.made import batch_of, encoder_of, method_of, one_step, optimiser_of, plan_of
from workbench.engine.methods.byol import BYOL
from workbench.engine.methods.moco import MoCo, find_in_batch, queue_length
from workbench.engine.methods.positions import grid_positions
from workbench.records.methods import MethodFacts


def test_loss_gradient_and_queue_are_those_of_lightlys_memory_bank() -> None:
    """Over twelve steps: a queue of seven batches is gone round once and more."""
    method = method_of("moco", "conv")
    optimiser = optimiser_of(method)
    assert method.queue.shape == (56, 32)
    oracle = NTXentLoss(temperature=0.2, memory_bank_size=(56, 32))
    oracle.memory_bank.bank.copy_(method.queue)
    copied = copy.deepcopy(method.key_encoder)
    for step in range(12):
        batch = batch_of(method, step, alike=0.5)
        twin = copy.deepcopy(method)
        queries = twin.projector(twin.encoder(batch.views[0]))
        with torch.no_grad():
            keys = twin.key_projector(twin.key_encoder(batch.views[1]))
        wanted = oracle(queries, keys)
        wanted.backward()

        optimiser.zero_grad(set_to_none=True)
        loss = method(batch).loss
        loss.backward()
        torch.testing.assert_close(loss, wanted, atol=1e-5, rtol=1e-5)
        for own, theirs in zip(method.parameters(), twin.parameters(), strict=True):
            if own.requires_grad:
                torch.testing.assert_close(own.grad, theirs.grad, atol=1e-5, rtol=1e-5)
        optimiser.step()
        method.after_step(step)
        torch.testing.assert_close(method.queue, oracle.memory_bank.bank, atol=1e-5, rtol=1e-5)
        update_momentum(method.encoder, copied, m=0.999)
    for own, theirs in zip(method.key_encoder.parameters(), copied.parameters(), strict=True):
        torch.testing.assert_close(own, theirs.detach(), atol=1e-6, rtol=1e-6)


def slow_find(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """Algorithm 1 of MoCo v3, a query at a time, in double precision."""
    total = torch.zeros((), dtype=torch.float64)
    for i, query in enumerate(queries.double()):
        logits = [(query @ key) / (query.norm() * key.norm()) / temperature for key in keys.double()]
        total = total - logits[i] + torch.stack(logits).exp().sum().log()
    return 2 * temperature * total / len(queries)


def test_the_loss_of_transformers_is_the_published_one() -> None:
    generator = torch.Generator().manual_seed(2)
    queries = torch.randn(6, 10, generator=generator, requires_grad=True)
    keys = torch.randn(6, 10, generator=generator)
    loss = find_in_batch(queries, keys, 0.2)
    (gradient,) = torch.autograd.grad(loss, queries)
    wanted = slow_find(queries, keys, 0.2)
    (wanted_gradient,) = torch.autograd.grad(wanted, queries)
    torch.testing.assert_close(loss.double(), wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(gradient, wanted_gradient, atol=1e-5, rtol=1e-5)


def test_each_view_of_a_transformer_looks_for_the_copys_key_of_the_other() -> None:
    method = method_of("moco", "vit")
    optimiser = optimiser_of(method, rate=1e-2)
    for step in range(2):  # until the copy has fallen behind
        one_step(method, optimiser, batch_of(method, step))
    twin = copy.deepcopy(method)
    batch = batch_of(method, 2)
    optimiser.zero_grad(set_to_none=True)
    loss = method(batch).loss
    loss.backward()
    q1, q2 = (twin.predictor(twin.projector(twin.encoder(view))) for view in batch.views)
    with torch.no_grad():
        k1, k2 = (twin.key_projector(twin.key_encoder(view)) for view in batch.views)
    wanted = slow_find(q1, k2, 0.2) + slow_find(q2, k1, 0.2)
    wanted.backward()
    torch.testing.assert_close(loss.double(), wanted, atol=1e-5, rtol=1e-5)
    learning = dict(twin.learning())
    for name, own in method.learning():
        torch.testing.assert_close(own.grad, learning[name].grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["vit", "conv"])
def test_a_network_that_says_the_same_of_everything_has_the_uniform_loss(kind: str) -> None:
    method = method_of("moco", kind)
    uniform = method(batch_of(method, 0)).uniform_loss
    same = torch.ones(8, 4)
    expected = 2 * float(find_in_batch(same, same, 0.2)) if kind == "vit" else math.log(57)
    assert uniform == pytest.approx(expected, abs=1e-5)


def test_the_copy_of_a_transformer_stands_still_at_last_and_that_of_others_keeps_its_pace() -> None:
    transformer = method_of("moco", "vit", plan=plan_of(epochs=2))
    assert [transformer.momentum_at(step) for step in (0, 8, 16)] == pytest.approx([0.99, 0.995, 1])
    other = method_of("moco", "conv", plan=plan_of(epochs=2))
    assert {other.momentum_at(step) for step in (0, 8, 16)} == {0.999}
    assert method_of("moco", "conv", momentum=0.9).momentum_at(3) == 0.9


def test_patches_of_a_transformer_never_learn_and_stand_at_fixed_places() -> None:
    method = method_of("moco", "vit")
    module = method.encoder.module
    weight, positions = module.patch_embed.proj.weight.clone(), module.pos_embed.clone()
    one_step(method, optimiser_of(method), batch_of(method, 0))
    assert torch.equal(module.patch_embed.proj.weight, weight) and torch.equal(module.pos_embed, positions)
    reach = math.sqrt(6 / (3 * 8 * 8 + 192))
    assert weight.abs().max() <= reach and weight.std() == pytest.approx(reach / math.sqrt(3), rel=0.02)
    assert not module.patch_embed.proj.bias.any()
    assert not positions[0, 0].any()
    # The paper's formula for the patch in the third row and second column.
    rates = 10_000 ** -(np.arange(48) / 48)
    wanted = np.concatenate([np.sin(rates), np.cos(rates), np.sin(2 * rates), np.cos(2 * rates)])
    np.testing.assert_allclose(positions[0, 1 + 2 * 4 + 1], wanted, atol=1e-6)
    assert torch.equal(positions[0, 1:], grid_positions(4, 192))


def test_a_transformer_that_has_learnt_keeps_its_patches_and_places() -> None:
    encoder = encoder_of("vit", fresh=False)
    kept = copy.deepcopy(encoder.module.state_dict())
    MoCo(encoder, MoCo.Config(hidden=32, output=32), plan_of())
    assert all(torch.equal(value, kept[key]) for key, value in encoder.module.state_dict().items())
    assert not encoder.module.patch_embed.proj.weight.requires_grad and encoder.module.pos_embed.requires_grad


@pytest.mark.parametrize(
    ("images", "batch_size", "length"),
    [
        (1_000_000, 256, 65_536),
        (1_000_000, 1000, 65_000),
        (65_536, 256, 65_280),
        (1000, 256, 512),
        (512, 256, 256),
        (300, 256, 44),
    ],
)
def test_the_queue_is_as_long_as_the_set_allows(images: int, batch_size: int, length: int) -> None:
    plan = plan_of(images=images, batch_size=batch_size)
    assert queue_length(MoCo.Config(), plan) == length <= images - batch_size
    told = {rule.name: rule for rule in MoCo.recipe(MoCo.Config(), plan, False).told}
    assert told["queue"].value == f"{length:,}" and told["queue"].rule


def test_a_queue_that_would_hold_the_batch_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="it may hold 48"):
        MoCo.recipe(MoCo.Config(queue=49), plan_of(images=64, batch_size=16), False)
    with pytest.raises(ValueError, match="batch of 16 or fewer"):
        MoCo.recipe(MoCo.Config(), plan_of(images=64, batch_size=64), False)
    assert queue_length(MoCo.Config(queue=48), plan_of(images=64, batch_size=16)) == 48


def test_the_queue_begins_as_unit_vectors_that_no_seed_changes() -> None:
    first, second = method_of("moco", "conv"), method_of("moco", "conv", seed=1)
    assert torch.equal(first.queue, second.queue)
    torch.testing.assert_close(first.queue.norm(dim=1), torch.ones(56))
    assert (first.queue @ first.queue.T - torch.eye(56)).abs().max() < 0.8


def test_a_queue_shorter_than_a_batch_keeps_the_newest() -> None:
    method = method_of("moco", "conv", queue=5)
    keys = torch.randn(24, 32)
    for start in (0, 8, 16):
        method._remember(keys[start : start + 8])
    assert {tuple(row) for row in method.queue.tolist()} == {tuple(row) for row in keys[-5:].tolist()}


def test_parts_of_a_batch_enter_the_queue_together_and_those_of_a_lost_step_never() -> None:
    method = method_of("moco", "conv")
    before = method.queue.clone()
    method(batch_of(method, 0))  # no update came of it
    halves = [batch_of(method, 1, num=4), batch_of(method, 1, num=4)]
    for half in halves:
        method(half)
    assert torch.equal(method.queue, before)
    method.after_step(1)
    assert not torch.equal(method.queue[:8], before[:8]) and torch.equal(method.queue[8:], before[8:])
    assert int(method.place) == 8


def test_convolutional_networks_are_shown_the_views_of_moco_v2_and_transformers_those_of_byol() -> None:
    facts = MethodFacts.from_json(json.loads(json.dumps(MoCo.facts().to_json())))
    conv, transformer = facts.views_for(tokens=False), facts.views_for(tokens=True)
    assert [(view.crop_min, view.saturation, view.blur, view.solarise) for view in conv.views] == [
        (0.2, 0.4, 0.5, 0.0)
    ] * 2
    assert [(view.crop_min, view.saturation, view.blur, view.solarise) for view in transformer.views] == [
        (0.08, 0.2, 1.0, 0.0),
        (0.08, 0.2, 0.1, 0.2),
    ]
    assert transformer == BYOL.views() and BYOL.facts().views_for(tokens=False) == BYOL.views()
