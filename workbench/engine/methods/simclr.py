"""SimCLR: two views of a picture find each other among all other pictures of the batch.

Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations"; recipe as in
google-research/simclr (README, `lars_optimizer.py`, `data_util.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from workbench.engine.methods import across
from workbench.engine.methods.base import Batch, Method, Outcome, Plan, Recipe
from workbench.engine.methods.encoder import Encoder
from workbench.records.augmentation import Augmentation, View
from workbench.records.params import param
from workbench.records.pretraining import Rule

SMALL_BATCH = (
    1024  # below it the authors' square-root rule for the learning rate gives the larger, better rate
)


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

    Config: ClassVar[type]

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.projector = nn.Sequential(
            nn.Linear(encoder.width, config.hidden, bias=False),
            nn.BatchNorm1d(config.hidden),
            nn.ReLU(inplace=True),
            nn.Linear(config.hidden, config.output, bias=False),
            nn.BatchNorm1d(config.output),
        )

    @classmethod
    def views(cls) -> Augmentation:
        return Augmentation(
            views=(
                View(
                    name="two views",
                    count=2,
                    crop_min=0.08,
                    mirror=0.5,
                    jitter=0.8,
                    brightness=0.8,
                    contrast=0.8,
                    saturation=0.8,
                    hue=0.2,
                    grey=0.2,
                    blur=0.5,
                ),
            )
        )

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        batch = plan.batch_size
        if batch < 2:
            raise ValueError(
                "SimCLR needs two pictures in a batch at least: they are each other's negatives."
            )
        small = batch < SMALL_BATCH
        rate = 0.075 * math.sqrt(batch) if small else 0.3 * batch / 256
        rule = f"0.075 x sqrt({batch})" if small else f"0.3 x {batch} / 256"
        return Recipe(
            optimiser="lars",
            learning_rate=rate,
            warm_up=min(10, plan.epochs) * plan.steps_per_epoch if plan.epochs > 10 else plan.steps // 10,
            weight_decay=1e-6,
            told=(
                Rule(name="learning rate", value=f"{rate:.3g}", rule=f"{rule} (LARS; SimCLR, appendix B)"),
                Rule(
                    name="negatives", value=f"{2 * batch - 2:,}", rule=f"2 x {batch} - 2, of the same batch"
                ),
            ),
        )

    def forward(self, batch: Batch) -> Outcome:
        first, second = batch.views
        vectors = self.encoder(torch.cat([first, second]))
        projected = self.projector(vectors)
        a, b = projected.chunk(2)
        return Outcome(
            loss=contrast(a, b, self.config.temperature),
            vectors=vectors[: len(first)].detach(),
            numbers={"temperature": self.config.temperature},
            uniform_loss=math.log(2 * len(first) * across.processes() - 1),
        )


def contrast(a: torch.Tensor, b: torch.Tensor, temperature: float) -> torch.Tensor:
    """NT-Xent of (B, D) and (B, D), whose rows are views of the same pictures (SimCLR, equation 1): the mean over all
    2B views of the cross-entropy of finding the other view among the 2B - 1 others, of every process."""
    a, b = functional.normalize(a.float(), dim=1), functional.normalize(b.float(), dim=1)
    num = len(a)
    others_a, others_b = across.gather(a), across.gather(b)
    own = torch.arange(num, device=a.device) + across.rank() * num
    rows = torch.arange(num, device=a.device)

    def half(these: torch.Tensor, same: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        among_same = these @ same.T / temperature
        among_same[rows, own] = -torch.inf  # a view is not its own neighbour
        logits = torch.cat([these @ other.T / temperature, among_same], dim=1)
        return functional.cross_entropy(logits, own)

    return (half(a, others_a, others_b) + half(b, others_b, others_a)) / 2
