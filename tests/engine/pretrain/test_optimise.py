"""Rates by the formulas of the recipes, and LARS by its own, written slowly."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from workbench.engine.methods.base import Group, Recipe
from workbench.engine.pretrain.optimise import (
    LARS_TRUST,
    decay_at,
    make_optimiser,
    rate_at,
    set_rates,
    with_changes,
)


def recipe(**values: object) -> Recipe:
    usual: dict[str, object] = {
        "optimiser": "adamw",
        "learning_rate": 0.4,
        "warm_up": 10,
        "weight_decay": 0.04,
    }
    return Recipe(**{**usual, **values})  # type: ignore[arg-type]


def test_the_rate_goes_up_in_a_line_and_down_along_a_cosine() -> None:
    made = recipe(final_rate=0.01)
    assert rate_at(made, 0, 110) == pytest.approx(0.04)
    assert rate_at(made, 9, 110) == pytest.approx(0.4)
    for step in (10, 35, 60, 109):
        expected = 0.01 + (0.4 - 0.01) * (1 + math.cos(math.pi * (step - 10) / 100)) / 2
        assert rate_at(made, step, 110) == pytest.approx(expected)


def test_the_decay_rises_where_it_should() -> None:
    assert decay_at(recipe(), 50, 100) == 0.04
    assert decay_at(recipe(final_decay=0.4), 0, 100) == pytest.approx(0.04)
    assert decay_at(recipe(final_decay=0.4), 50, 100) == pytest.approx(0.22)
    assert decay_at(recipe(final_decay=0.4), 100, 100) == pytest.approx(0.4)


def test_groups_get_their_own() -> None:
    groups = [
        Group(parameters=[nn.Parameter(torch.ones(2, 2))]),
        Group(parameters=[nn.Parameter(torch.ones(2))], decays=False, scale=0.2),
        Group(parameters=[nn.Parameter(torch.ones(2, 2))], constant=True),
    ]
    made = recipe()
    optimiser = make_optimiser(made, groups, torch.device("cpu"))
    rate, decay = set_rates(optimiser, made, 60, 110)
    assert (rate, decay) == (pytest.approx(0.2), 0.04)
    assert [group["lr"] for group in optimiser.param_groups] == [
        pytest.approx(0.2),
        pytest.approx(0.04),
        pytest.approx(0.4),
    ]
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.04, 0.0, 0.04]


def test_lars_adapts_matrices_and_leaves_biases() -> None:
    torch.manual_seed(0)
    matrix, bias = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.randn(3))
    made = recipe(optimiser="lars", weight_decay=1e-3, warm_up=0)
    groups = [Group(parameters=[matrix]), Group(parameters=[bias], decays=False)]
    optimiser = make_optimiser(made, groups, torch.device("cpu"))
    slow_matrix, slow_bias = matrix.detach().clone(), bias.detach().clone()
    moving_matrix, moving_bias = torch.zeros(4, 3), torch.zeros(3)
    for step in range(4):
        set_rates(optimiser, made, step, 10)
        rate = rate_at(made, step, 10)
        matrix.grad, bias.grad = torch.randn(4, 3), torch.randn(3)
        gradient = matrix.grad + 1e-3 * slow_matrix
        trust = LARS_TRUST * slow_matrix.norm() / (matrix.grad.norm() + 1e-3 * slow_matrix.norm())
        moving_matrix = 0.9 * moving_matrix + trust * gradient
        moving_bias = 0.9 * moving_bias + bias.grad
        slow_matrix = slow_matrix - rate * moving_matrix
        slow_bias = slow_bias - rate * moving_bias
        optimiser.step()
        torch.testing.assert_close(matrix.detach(), slow_matrix, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(bias.detach(), slow_bias, rtol=1e-5, atol=1e-6)


def test_what_is_set_by_hand_is_told() -> None:
    made = with_changes(recipe(final_decay=0.4), 0.05, 0.0)
    assert (made.learning_rate, made.weight_decay, made.final_decay) == (0.05, 0.0, None)
    assert {rule.name: rule.rule for rule in made.told} == {
        "learning rate": "set by hand",
        "weight decay": "set by hand",
    }
    assert with_changes(recipe(), 0.0, -1.0) == recipe()


def test_an_unknown_optimiser_is_refused() -> None:
    with pytest.raises(ValueError, match="adamw, sgd or lars"):
        make_optimiser(recipe(optimiser="adagrad"), [], torch.device("cpu"))
