"""From a recipe to an optimiser, and what its rates are at a step."""

from __future__ import annotations

from dataclasses import replace

import torch

from workbench.engine.methods.base import Group, Recipe, cosine
from workbench.records.pretraining import Rule

LARS_TRUST = 0.001  # You et al. 2017; the eta of google-research/simclr and deepmind's byol


def with_changes(recipe: Recipe, learning_rate: float, weight_decay: float) -> Recipe:
    """The recipe with the user's own peak rate (0: the rule's) and decay (-1: the rule's), which is then told."""
    told = list(recipe.told)
    if learning_rate:
        told = [rule for rule in told if rule.name != "learning rate"]
        told.append(Rule(name="learning rate", value=f"{learning_rate:g}", rule="set by hand"))
        recipe = replace(recipe, learning_rate=learning_rate)
    if weight_decay >= 0:
        told = [rule for rule in told if rule.name != "weight decay"]
        told.append(Rule(name="weight decay", value=f"{weight_decay:g}", rule="set by hand"))
        recipe = replace(recipe, weight_decay=weight_decay, final_decay=None)
    return replace(recipe, told=tuple(told))


def make_optimiser(recipe: Recipe, groups: list[Group], device: torch.device) -> torch.optim.Optimizer:
    """AdamW fused, SGD with momentum, or timm's LARS, which leaves what doesn't decay unadapted, as SimCLR does.

    Raises ValueError for an optimiser that nobody knows.
    """
    parts = [
        {
            "params": group.parameters,
            "scale": group.scale,
            "decays": group.decays,
            "constant": group.constant,
        }
        for group in groups
    ]
    if recipe.optimiser == "adamw":
        fused = device.type in ("cpu", "cuda")
        return torch.optim.AdamW(
            parts, lr=recipe.learning_rate, betas=recipe.betas, weight_decay=0.0, fused=fused
        )
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(parts, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=0.0)
    if recipe.optimiser == "lars":
        from timm.optim import Lars

        parts = [{**part, "always_adapt": part["decays"]} for part in parts]
        return Lars(
            parts, lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=0.0, trust_coeff=LARS_TRUST
        )
    raise ValueError(f"There is no optimiser {recipe.optimiser!r}. A method may ask for adamw, sgd or lars.")


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """The learning rate of a step counted from 0: up in a line over the warm-up, then down along half a cosine."""
    if step < recipe.warm_up:
        return recipe.learning_rate * (step + 1) / recipe.warm_up
    return cosine(recipe.learning_rate, recipe.final_rate, step - recipe.warm_up, steps - recipe.warm_up)


def decay_at(recipe: Recipe, step: int, steps: int) -> float:
    if recipe.final_decay is None:
        return recipe.weight_decay
    return cosine(recipe.weight_decay, recipe.final_decay, step, steps)


def set_rates(optimiser: torch.optim.Optimizer, recipe: Recipe, step: int, steps: int) -> tuple[float, float]:
    """Tell every group what holds at this step. Returns rate and decay."""
    rate, decay = rate_at(recipe, step, steps), decay_at(recipe, step, steps)
    for group in optimiser.param_groups:
        group["lr"] = (recipe.learning_rate if group["constant"] else rate) * group["scale"]
        group["weight_decay"] = decay if group["decays"] else 0.0
    return rate, decay
