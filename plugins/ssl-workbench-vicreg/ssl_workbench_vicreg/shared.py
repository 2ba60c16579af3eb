"""What both methods have in common: the views, the network behind the backbone, and how it is trained."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from workbench.engine.api import (
    Augmentation,
    Outcome,
    Plan,
    Recipe,
    Rule,
    View,
    for_transformers,
    linear_rate,
    mlp,
    need_two,
    warm_up,
)

PUBLISHED_WIDTH = 8192  # of every layer behind the backbone
WIDTH = 2048
FINAL_SHARE = 0.001  # of the peak rate, where the cosine ends (`adjust_learning_rate` in both codes)
WIDTH_HELP = (
    f"Width of the layers behind the backbone. Published is {PUBLISHED_WIDTH}, for a million pictures and batches of "
    "2048; it costs 140 million parameters."
)


def views() -> Augmentation:
    """BYOL's two views, which both methods take over (barlowtwins/main.py `Transform`, vicreg/augmentations.py)."""
    first = View(
        name="first view",
        crop_min=0.08,
        mirror=0.5,
        jitter=0.8,
        brightness=0.4,
        contrast=0.4,
        saturation=0.2,
        hue=0.1,
        grey=0.2,
        blur=1.0,
    )
    return Augmentation(views=(first, replace(first, name="second view", blur=0.1, solarise=0.2)))


def head(width: int, wide: int) -> nn.Sequential:
    """Three layers, the last without a bias, a norm or a bend."""
    return mlp((width, wide, wide, wide), bias=False)


def recipe(plan: Plan, tokens: bool, title: str, base: float, source: str, wide: int) -> Recipe:
    """LARS, 10 epochs of warm-up, and a cosine that ends at a thousandth; MoCo v3's recipe for transformers.

    Raises:
        ValueError: a batch of one picture, which has no variance.
    """
    need_two(plan, title)
    told = Rule(name="layers behind the backbone", value=f"{wide:,} wide", rule=_why(wide))
    if tokens:
        return for_transformers(
            plan, f"MoCo v3's for transformers; our choice, for {title} published none", told=(told,)
        )
    rate, about_rate = linear_rate(base, plan, f"LARS; {source}")
    steps, about_steps = warm_up(plan, 10, 100)
    decay = Rule(name="weight decay", value="1e-06", rule=source)
    return Recipe(
        optimiser="lars",
        learning_rate=rate,
        warm_up=steps,
        weight_decay=1e-6,
        final_rate=rate * FINAL_SHARE,
        told=(about_rate, about_steps, decay, told),
    )


def both(encoder: nn.Module, head: nn.Module, views: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """(B, D) of the first view, and what the head makes of both, (B, W) each.

    One view after the other, as published, so that each has batch norms' statistics of its own.
    """
    first = encoder(views[0])
    return first.detach(), head(first), head(encoder(views[1]))


def off_diagonal(matrix: torch.Tensor) -> torch.Tensor:
    """(W, W) with zeros on its diagonal."""
    return matrix - torch.diag(torch.diagonal(matrix))


def finish(loss: torch.Tensor, vectors: torch.Tensor, numbers: dict[str, torch.Tensor | float]) -> Outcome:
    detached = {
        name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in numbers.items()
    }
    return Outcome(loss=loss, vectors=vectors, numbers=detached)


def _why(wide: int) -> str:
    if wide == PUBLISHED_WIDTH:
        return "as published"
    return f"our choice for sets far smaller than ImageNet; published are {PUBLISHED_WIDTH:,}"
