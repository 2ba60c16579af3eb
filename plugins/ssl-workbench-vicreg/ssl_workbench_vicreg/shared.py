"""What both methods have in common: the views, the layers behind the backbone, and how they are trained."""

from __future__ import annotations

from typing import Any

import torch

from workbench.engine.api import (
    Augmentation,
    Encoder,
    Method,
    Outcome,
    Plan,
    Recipe,
    Rule,
    byol_views,
    for_transformers,
    linear_rate,
    mlp,
    need_two,
    param,
    warm_up,
)

PUBLISHED_WIDTH = 8192  # of every layer behind the backbone
WIDTH = 2048
FINAL_SHARE = 0.001  # of the peak rate, where the cosine ends (`adjust_learning_rate` in both codes)


def width() -> int:
    """The setting of that name."""
    made: int = param(
        WIDTH,
        help=f"Width of the layers behind the backbone. Published is {PUBLISHED_WIDTH}, for a million pictures and "
        "batches of 2048; it costs 140 million parameters.",
        minimum=16,
        maximum=65_536,
        unit="outputs",
        advanced=True,
    )
    return made


class Decorrelation(Method):
    """Two views, three wide layers behind the backbone, and a loss of what comes out, which its subclasses have."""

    family = "decorrelation"
    when = "Batches from 64, and pictures that are much alike: nothing is pushed apart, and nothing can collapse."
    when_not = "Classes that colour tells apart, for the views change colour, and very small batches."

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        # Three layers, the last without a bias, a norm or a bend.
        wide: int = config.width
        self.projector = mlp((encoder.width, wide, wide, wide), bias=False)

    @classmethod
    def views(cls) -> Augmentation:
        """BYOL's, which both methods take over (barlowtwins/main.py `Transform`, vicreg/augmentations.py)."""
        return byol_views()

    def both(self, views: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(B, D) of the first view, and what the layers make of both, (B, W) each.

        One view after the other, as published, so that each has batch norms' statistics of its own.
        """
        first = self.encoder(views[0])
        return first.detach(), self.projector(first), self.projector(self.encoder(views[1]))


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
