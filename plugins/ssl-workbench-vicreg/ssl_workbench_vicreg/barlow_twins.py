"""Barlow Twins: each output agrees with itself in the other view of a picture, and with no other output.

Zbontar, Jing, Misra, LeCun, Deny 2021, "Barlow Twins: Self-Supervised Learning via Redundancy Reduction" (arXiv
2103.03230); loss and recipe as in facebookresearch/barlowtwins (`main.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from ssl_workbench_vicreg import shared
from workbench.engine.api import (
    Batch,
    Group,
    Outcome,
    Plan,
    Recipe,
    Rule,
    gather,
    param,
    spread,
)

EPSILON = 1e-5  # of the batch norm that standardises the outputs
RATE, RATE_OF_BIASES = 0.2, 0.0048  # for 256 pictures


class BarlowTwins(shared.Decorrelation):
    name = "barlow_twins"
    title = "Barlow Twins"
    summary = "Each output agrees with itself in the other view of a picture, and with no other output."
    source = "Zbontar et al. 2021 (arXiv 2103.03230), facebookresearch/barlowtwins, main.py"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        redundancy_weight: float = param(
            0.0051, help="How much it counts that no two outputs say the same.", minimum=0, maximum=10
        )
        width: int = shared.width()

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        made = shared.recipe(plan, tokens, cls.title, RATE, "Barlow Twins, main.py", config.width)
        if not tokens:
            rate = RATE_OF_BIASES * plan.batch_size / 256
            rule = f"{RATE_OF_BIASES} x {plan.batch_size} / 256 (Barlow Twins, main.py)"
            made = replace(
                made, told=(*made.told, Rule(name="rate of biases", value=f"{rate:.3g}", rule=rule))
            )
        return made

    def groups(self) -> list[Group]:
        """Biases and norms of a convolutional network learn at a rate of their own, as published."""
        groups = super().groups()
        if not self.encoder.tokens:
            for group in groups:
                group.scale = 1.0 if group.decays else RATE_OF_BIASES / RATE
        return groups

    def forward(self, batch: Batch) -> Outcome:
        vectors, a, b = self.both(batch.views)
        agreement, redundancy = terms(a, b)
        loss = agreement + self.config.redundancy_weight * redundancy
        numbers: dict[str, torch.Tensor | float] = {
            "agreement": agreement,
            "redundancy": redundancy,
            "output_spread": spread(a),
        }
        return shared.finish(loss, vectors, numbers)


def terms(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the correlations between the outputs (B, W) and (B, W) for two views of the same pictures, of all processes:
    how far those of each output with itself are from 1, and all others from 0; squared and summed (equation 1)."""
    with torch.autocast(a.device.type, enabled=False):
        first, second = _standardised(gather(a.float())), _standardised(gather(b.float()))
        correlations = first.T @ second / len(first)
        agreement = (torch.diagonal(correlations) - 1).square().sum()
        return agreement, shared.off_diagonal(correlations).square().sum()


def _standardised(outputs: torch.Tensor) -> torch.Tensor:
    """(B, W) with mean 0 and variance 1 over pictures, as a batch norm that learns nothing makes it."""
    centred = outputs - outputs.mean(0)
    return centred / torch.sqrt(centred.square().mean(0) + EPSILON)
