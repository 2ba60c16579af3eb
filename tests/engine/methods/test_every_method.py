"""What every method must be, asked of each that the registry names."""

from __future__ import annotations

import copy
import json
import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.engine.methods.made import (
    SIZE,
    batch_of,
    encoder_of,
    method_of,
    one_step,
    optimiser_of,
    plan_of,
    sizes_of,
)
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.registry import method_class, method_names
from workbench.records.methods import FAMILIES, MethodFacts

NAMES = method_names()
KINDS = ("vit", "conv")
# Parameters, by the beginning of their names, that learn but that the first step's loss may not reach.
UNREACHED: dict[str, tuple[str, ...]] = {}

each_method = pytest.mark.parametrize("name", NAMES)
each_kind = pytest.mark.parametrize("kind", KINDS)


def skip_unless_it_fits(name: str, kind: str) -> None:
    if kind == "conv" and method_class(name).tokens_only:
        pytest.skip(f"{name} needs a transformer")


@each_method
def test_its_facts_can_be_written_and_are_sentences(name: str) -> None:
    facts = method_class(name).facts()
    again = MethodFacts.from_json(json.loads(json.dumps(facts.to_json())))
    assert again == facts and facts.name == name and facts.family in FAMILIES
    for sentence in (facts.summary, facts.when, facts.when_not, *(item.help for item in facts.params)):
        assert sentence[0].isupper() and sentence.endswith(".") and sentence.isprintable()
    assert "arXiv" in facts.source


@each_method
def test_its_views_are_whole_and_of_whole_patches(name: str) -> None:
    cls = method_class(name)
    kinds = [cls.views_for(tokens) for tokens in (True, False)]
    assert len(kinds[0].views) == len(kinds[1].views)
    for views in kinds:
        assert views.num_views >= 1 and views.preset == "published"
        assert len({view.name for view in views.views}) == len(views.views)
        for size in sizes_of(views, SIZE, 8):
            assert size % 8 == 0 and 16 <= size <= SIZE


@each_method
@pytest.mark.parametrize("tokens", [True, False])
def test_its_recipe_fits_every_length_and_batch(name: str, tokens: bool) -> None:
    cls = method_class(name)
    if cls.tokens_only and not tokens:
        pytest.skip(f"{name} needs a transformer")
    for batch_size in (8, 64, 256, 1000, 4096):
        for epochs in (1, 3, 10, 100, 300, 1000):
            plan = plan_of(batch_size=batch_size, images=20_000, epochs=epochs, image_size=224)
            recipe = cls.recipe(cls.Config(), plan, tokens)
            assert recipe.optimiser in ("adamw", "sgd", "lars")
            assert math.isfinite(recipe.learning_rate) and recipe.learning_rate > recipe.final_rate >= 0
            assert math.isfinite(recipe.weight_decay) and recipe.weight_decay > 0
            assert 0 <= recipe.warm_up <= plan.steps
            assert recipe.told and all(rule.name and rule.value and rule.rule for rule in recipe.told)


@each_method
@each_kind
def test_a_step_reaches_all_that_learns_and_draws_nothing_elsewhere(name: str, kind: str) -> None:
    skip_unless_it_fits(name, kind)
    method = method_of(name, kind)
    batch = batch_of(method, 0, alike=0.5)
    before = (torch.get_rng_state(), str(np.random.get_state()), random.getstate())
    outcome = method(batch)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (str(np.random.get_state()), random.getstate()) == before[1:]

    assert outcome.loss.ndim == 0 and outcome.loss.dtype == torch.float32 and torch.isfinite(outcome.loss)
    assert outcome.vectors.shape == (8, method.encoder.width) and not outcome.vectors.requires_grad
    for value in outcome.numbers.values():
        assert math.isfinite(float(value)) and not getattr(value, "requires_grad", False)
    assert outcome.uniform_loss is None or outcome.uniform_loss > 0
    if outcome.outputs is not None:
        assert not outcome.outputs.requires_grad
        torch.testing.assert_close(outcome.outputs.float().sum(1), torch.ones(len(outcome.outputs)))

    outcome.loss.backward()
    for learnt, value in method.learning():
        if learnt.startswith(UNREACHED.get(name, ("-",))):
            continue
        assert value.grad is not None and torch.isfinite(value.grad).all(), learnt
        assert value.ndim < 2 or value.grad.abs().max() > 0, learnt
    for fixed, value in method.named_parameters():
        assert value.requires_grad or value.grad is None, fixed


@each_method
@each_kind
def test_everything_that_learns_is_optimised_once(name: str, kind: str) -> None:
    skip_unless_it_fits(name, kind)
    method = method_of(name, kind)
    optimised = [id(value) for group in method.groups() for value in group.parameters]
    assert len(optimised) == len(set(optimised))
    assert set(optimised) == {id(value) for _, value in method.learning()}


@each_method
@each_kind
def test_ten_steps_learn(name: str, kind: str) -> None:
    """On one batch. The loss falls, or, where what is compared with becomes harder meanwhile (a queue fills), stays
    clearly better than that of a network that says the same of everything."""
    skip_unless_it_fits(name, kind)
    method = method_of(name, kind)
    optimiser = optimiser_of(method)
    batch = batch_of(method, 0, alike=0.3)
    outcomes = [one_step(method, optimiser, replace(batch, step=step)) for step in range(10)]
    losses = [float(outcome.loss.detach()) for outcome in outcomes]
    uniform = outcomes[-1].uniform_loss
    assert np.isfinite(losses).all()
    fell = np.mean(losses[-3:]) < np.mean(losses[:3])
    assert fell or (uniform is not None and np.mean(losses[-3:]) < 0.9 * uniform), losses


@each_method
@each_kind
def test_a_step_after_loading_is_the_same_bit_for_bit(name: str, kind: str) -> None:
    skip_unless_it_fits(name, kind)
    method = method_of(name, kind)
    optimiser = optimiser_of(method)
    one_step(method, optimiser, batch_of(method, 0))
    kept = copy.deepcopy(method.state_dict())
    kept_optimiser = copy.deepcopy(optimiser.state_dict())
    assert all(isinstance(value, torch.Tensor) for value in kept.values())
    one_step(method, optimiser, batch_of(method, 1))

    again = method_of(name, kind, seed=1)
    again.load_state_dict(kept)
    optimiser_again = optimiser_of(again)
    optimiser_again.load_state_dict(kept_optimiser)
    one_step(again, optimiser_again, batch_of(again, 1))

    changed = 0
    for key, value in method.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
        changed += not torch.equal(value, kept[key])
    assert changed  # the second step did something


@each_method
@each_kind
def test_what_is_kept_is_the_network_alone(name: str, kind: str) -> None:
    skip_unless_it_fits(name, kind)
    method = method_of(name, kind)
    assert isinstance(method.backbone, Encoder)
    assert method.backbone.module.state_dict().keys() == encoder_of(kind).module.state_dict().keys()
    held = {id(value) for value in method.parameters()}
    assert all(id(value) in held for value in method.backbone.parameters())


@each_method
@each_kind
def test_its_loss_is_counted_in_full_precision_whatever_the_network_computes_in(name: str, kind: str) -> None:
    skip_unless_it_fits(name, kind)
    plain, lowered = method_of(name, kind), method_of(name, kind)
    full = plain(batch_of(plain, 0, alike=0.5)).loss
    with torch.autocast("cpu", torch.bfloat16):
        low = lowered(batch_of(lowered, 0, alike=0.5)).loss
    assert low.dtype == torch.float32
    torch.testing.assert_close(low, full, atol=0.05, rtol=0.05)
