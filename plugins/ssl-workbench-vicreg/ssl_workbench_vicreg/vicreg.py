"""VICReg: two views get the same vector, whose entries must vary over pictures and must not repeat each other.

Bardes, Ponce, LeCun 2021, "VICReg: Variance-Invariance-Covariance Regularization for Self-Supervised Learning" (arXiv
2105.04906); loss and recipe as in facebookresearch/vicreg (`main_vicreg.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional

from ssl_workbench_vicreg import shared
from workbench.engine.api import (
    Batch,
    Outcome,
    Plan,
    Recipe,
    gather,
    param,
    spread,
)

EPSILON = 1e-4  # under the root, so that its gradient is finite where nothing varies
LONG = 1000  # epochs of the published run whose rate is 0.2; the README trains 100 epochs at 0.3


class VICReg(shared.Decorrelation):
    name = "vicreg"
    title = "VICReg"
    summary = "Two views of a picture get one vector, whose entries must vary and must not say the same."
    source = "Bardes et al. 2021 (arXiv 2105.04906), facebookresearch/vicreg, main_vicreg.py"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        invariance_weight: float = param(
            25.0, help="How much it counts that both views get the same vector.", minimum=0, maximum=1000
        )
        variance_weight: float = param(
            25.0,
            help="How much it counts that every entry varies over pictures, which keeps it from collapsing.",
            minimum=0,
            maximum=1000,
        )
        covariance_weight: float = param(
            1.0, help="How much it counts that no two entries say the same.", minimum=0, maximum=1000
        )
        width: int = shared.width()

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        base = 0.2 if plan.epochs >= LONG else 0.3
        source = f"VICReg, {'main_vicreg.py' if base == 0.2 else 'README, for runs of 100 epochs'}"
        return shared.recipe(plan, tokens, cls.title, base, source, config.width)

    def forward(self, batch: Batch) -> Outcome:
        vectors, a, b = self.both(batch.views)
        invariance, variance, covariance = terms(a, b)
        weights = self.config
        loss = (
            weights.invariance_weight * invariance
            + weights.variance_weight * variance
            + weights.covariance_weight * covariance
        )
        numbers: dict[str, torch.Tensor | float] = {
            "invariance": invariance,
            "variance": variance,
            "covariance": covariance,
            "output_spread": spread(a),
        }
        return shared.finish(loss, vectors, numbers)


def terms(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Invariance, variance and covariance term (section 4.1) of (B, W) and (B, W), whose rows are views of the same
    pictures; variance and covariance over the pictures of all processes."""
    with torch.autocast(a.device.type, enabled=False):
        a, b = a.float(), b.float()
        invariance = functional.mse_loss(a, b)
        whole = [gather(a), gather(b)]
        variance = torch.stack([_variance(each) for each in whole]).mean()
        covariance = _covariance(whole[0]) + _covariance(whole[1])
        return invariance, variance, covariance


def _variance(vectors: torch.Tensor) -> torch.Tensor:
    """How far the deviations of the entries fall short of 1."""
    return functional.relu(1 - torch.sqrt(vectors.var(0) + EPSILON)).mean()


def _covariance(vectors: torch.Tensor) -> torch.Tensor:
    """The squares of the covariances between entries, summed, for each entry."""
    centred = vectors - vectors.mean(0)
    covariances = centred.T @ centred / (len(vectors) - 1)
    return shared.off_diagonal(covariances).square().sum() / vectors.shape[1]
