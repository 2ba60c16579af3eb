"""Rules that the recipes of several methods share."""

from __future__ import annotations

import math

from workbench.engine.methods.base import Plan, Recipe
from workbench.records.pretraining import Rule


def need_two(plan: Plan, title: str) -> None:
    """Raises ValueError where a batch is a single picture, which no batch norm can work with."""
    if plan.batch_size < 2:
        raise ValueError(
            f"{title} needs two pictures in a batch at least, and {plan.batch_size} is asked for."
        )


def warm_up(plan: Plan, epochs: int, of: int) -> tuple[int, Rule]:
    """Steps of warm-up: `epochs`, and of a run that is shorter than the `of` epochs that they were published with the
    same share."""
    if plan.epochs >= of:
        steps, why = epochs * plan.steps_per_epoch, f"{epochs} epochs, as published"
    else:
        steps = round(plan.steps * epochs / of)
        why = f"{epochs} / {of} of the run, the published share of a run that is shorter"
    return steps, Rule(name="warm-up", value=f"{steps:,} steps", rule=why)


def linear_rate(base: float, plan: Plan, source: str) -> tuple[float, Rule]:
    """base x B / 256."""
    rate = base * plan.batch_size / 256
    return rate, Rule(
        name="learning rate", value=f"{rate:.3g}", rule=f"{base:g} x {plan.batch_size} / 256 ({source})"
    )


def square_root_rate(base: float, plan: Plan, source: str) -> tuple[float, Rule]:
    """base x sqrt(B), the better for small batches (SimCLR, appendix B.1)."""
    rate = base * math.sqrt(plan.batch_size)
    return rate, Rule(
        name="learning rate", value=f"{rate:.3g}", rule=f"{base:g} x sqrt({plan.batch_size}) ({source})"
    )


def for_transformers(plan: Plan, source: str, told: tuple[Rule, ...] = ()) -> Recipe:
    """The recipe of MoCo v3 for vision transformers, which its authors use for SimCLR and BYOL too (Chen, Xie, He
    2021, arXiv 2104.02057, section 4 and table 4).

    Args:
        source: whose recipe it is, told with the learning rate.
        told: what else the method's own rules gave.
    """
    rate, about_rate = linear_rate(1.5e-4, plan, f"AdamW; {source}")
    steps, about_steps = warm_up(plan, 40, 300)
    decay = Rule(name="weight decay", value="0.1", rule=f"AdamW; {source}")
    return Recipe(
        optimiser="adamw",
        learning_rate=rate,
        warm_up=steps,
        weight_decay=0.1,
        told=(about_rate, about_steps, decay, *told),
    )
