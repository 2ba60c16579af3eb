"""SimCLR: two views of a picture find each other among all other pictures of the batch.

Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"; recipe as in
google-research/simclr (README, `lars_optimizer.py`, `data_util.py`). Both views go through the network as one batch,
as there (`model.py`), so that batch norms see them together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn import functional

from workbench.engine.methods import across, recipes
from workbench.engine.methods.base import Batch, Method, Outcome, Plan, Recipe
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.heads import mlp
from workbench.engine.methods.likeness import scaled_cosines, unit
from workbench.engine.methods.published_views import simclr_views
from workbench.records.augmentation import Augmentation
from workbench.records.params import param

# Below it the rate grows with the square root of the batch, which the authors found the better for small batches
# (appendix B.1, left half of table B.1); at it their two rules give the same rate.
SMALL_BATCH = 4096


class SimCLR(Method):
    name = "simclr"
    title = "SimCLR"
    family = "contrast"
    summary = "Two views of a picture find each other among all other pictures of the batch."
    when = "Many different pictures, and a GPU that holds batches of 256 or more."
    when_not = "Small batches, for they hold few negatives, and classes that colour tells apart."
    source = "Chen et al. 2020 (arXiv 2002.05709), google-research/simclr"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        temperature: float = param(
            0.1,
            help="How sharply near pictures count more than far ones; 0.5 for pictures of 32 px.",
            minimum=0.01,
            maximum=2,
        )
        hidden: int = param(
            2048, help="Width of the projection head's inner layer.", minimum=16, advanced=True
        )
        output: int = param(128, help="Width of the projection head's output.", minimum=8, advanced=True)

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.projector = mlp((encoder.width, config.hidden, config.output), norm=True)

    @classmethod
    def views(cls) -> Augmentation:
        return simclr_views()

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        recipes.need_two(plan, "SimCLR")
        if tokens:
            return recipes.for_transformers(plan, "for SimCLR on transformers: MoCo v3, table 4")
        small = plan.batch_size < SMALL_BATCH
        scaled, base = (recipes.square_root_rate, 0.075) if small else (recipes.linear_rate, 0.3)
        rate, about_rate = scaled(base, plan, "LARS; SimCLR, appendix B.1")
        warm_up, about_warm_up = recipes.warm_up(plan, 10, 100)
        return Recipe(
            optimiser="lars",
            learning_rate=rate,
            warm_up=warm_up,
            weight_decay=1e-6,
            told=(about_rate, about_warm_up),
        )

    def negatives(self, together: int) -> int:
        """Both views of every other picture."""
        return 2 * (together - 1)

    def forward(self, batch: Batch) -> Outcome:
        first, second = batch.views
        vectors = self.encoder(torch.cat([first, second]))
        a, b = self.projector(vectors).chunk(2)
        return Outcome(
            loss=contrast(a, b, self.config.temperature),
            vectors=vectors[: len(first)].detach(),
            numbers={"temperature": self.config.temperature},
            uniform_loss=math.log(2 * len(first) * across.processes() - 1),
        )


def contrast(a: torch.Tensor, b: torch.Tensor, temperature: float) -> torch.Tensor:
    """NT-Xent of (B, D) and (B, D), whose rows are views of the same pictures (SimCLR, equation 1): the mean over all
    2B views of the cross-entropy of finding the other view among the 2B - 1 others, of every process."""
    a, b = unit(a), unit(b)
    others_a, others_b = across.gather(a), across.gather(b)
    own = torch.arange(len(a), device=a.device) + across.rank() * len(a)

    def half(these: torch.Tensor, same: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        among_same = scaled_cosines(these, same, temperature)
        # A view is not its own neighbour. (An assignment by index would wait for a GPU.)
        among_same = among_same.scatter(1, own.unsqueeze(1), -torch.inf)
        logits = torch.cat([scaled_cosines(these, other, temperature), among_same], dim=1)
        return functional.cross_entropy(logits, own)

    return (half(a, others_a, others_b) + half(b, others_b, others_a)) / 2
