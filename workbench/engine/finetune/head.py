"""The classifier on top: standardised features into one linear layer, which starts as a linear probe.

A head that starts at random sends noise into the blocks below and can spoil good features before it has learnt
anything (Kumar et al. 2022, "Fine-tuning can distort pretrained features": probe first, then fine-tune). So it starts
as the probe of the frozen features, which is what the curve shows as epoch 0. But a probe that is hardly regularised
tells the training images of a small set apart for certain, and a loss of zero teaches the blocks nothing: of the
probes that are within one standard error of the best on validation, the most regularised is taken (the rule of
Breiman et al. 1984 for pruning).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from workbench.engine.evals import metrics
from workbench.engine.evals.probe import fit_probes, strengths

TOLERANCE = 1e-4  # of the fits; training goes on from there anyway
STRENGTHS = tuple(c for c in strengths() if c < 2)  # beyond, a small set is told apart for certain
_NEVER = 10.0  # by how much a class without a training image starts below the others


class Head(nn.Module):
    """(B, D) features -> (B, K) logits. Mean and deviation are fixed when it is made, and fold into the weights."""

    def __init__(self, dimension: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dimension))
        self.register_buffer("deviation", torch.ones(dimension))
        self.linear = nn.Linear(dimension, classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear((features.float() - self.mean) / self.deviation)

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Weights (K, D) and bias (K,) of the plain linear layer that gives the same logits, float32 on the CPU."""
        weight = (self.linear.weight.double() / self.deviation.double()).detach()
        bias = self.linear.bias.double().detach() - weight @ self.mean.double()
        return weight.float().cpu(), bias.float().cpu()

    def start(
        self,
        features: torch.Tensor,
        labels: np.ndarray,
        part: np.ndarray,
        metric: str,
        tick: Callable[[], None] = lambda: None,
    ) -> float:
        """Become the probe of frozen `features` (N, D). Returns its strength C.

        `tick` is called now and then and may raise to stop.
        """
        classes = self.linear.out_features
        train, val = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
        grid = STRENGTHS
        X = features.float().to(self.mean.device)
        y = torch.from_numpy(labels.astype(np.int64))
        mask = torch.from_numpy(np.repeat((part == 0)[None], len(grid), axis=0))
        fits = fit_probes(
            X,
            y,
            mask,
            torch.tensor(grid, dtype=torch.float64),
            classes,
            tolerance=TOLERANCE,
            on_progress=lambda *_: tick(),
        )
        scores = []
        for fit in range(len(grid)):
            said = fits.predict(X[val], fit).cpu().numpy()
            scores.append(metrics.SCORES[metric](metrics.confusion(labels[val], said, classes)))
        best = most_regularised(scores, len(val))
        weight, bias = fits.W[best].cpu(), fits.b[best].cpu()
        finite = torch.isfinite(bias)
        bias = torch.where(finite, bias, bias[finite].min() - _NEVER)
        learnt = X[train].cpu().double()
        mean, deviation = learnt.mean(0), learnt.std(0, unbiased=False)
        deviation = torch.where(deviation > 1e-6 * mean.abs().clamp(min=1e-6), deviation, 1.0)
        with torch.no_grad():
            self.mean.copy_(mean)
            self.deviation.copy_(deviation)
            self.linear.weight.copy_((weight * deviation[:, None]).T)
            self.linear.bias.copy_(bias + mean @ weight)
        return grid[best]


def most_regularised(scores: list[float], num: int) -> int:
    """The first of `scores`, on `num` images, that is within one standard error of the highest.

    The error is a proportion's, with one image more right and one more wrong, so that it isn't zero at 1.
    """
    share = (max(scores) * num + 1) / (num + 2)
    error = (share * (1 - share) / (num + 2)) ** 0.5
    return next(place for place, score in enumerate(scores) if score >= max(scores) - error)
