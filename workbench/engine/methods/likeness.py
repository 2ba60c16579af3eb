"""How alike vectors are. Always counted in float32, whatever the network computes in: bf16 has 8 bits, and a cosine
divided by a temperature of 0.1 would be off by several hundredths."""

from __future__ import annotations

import torch
from torch.nn import functional


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """(B, D) -> (B, D) float32 of length 1."""
    return functional.normalize(vectors.float(), dim=1)


def spread(vectors: torch.Tensor) -> torch.Tensor:
    """How far (B, D) lie apart: the mean over axes of the deviation of the unit vectors, times sqrt(D). About 1 where
    they point anywhere, 0 where all are alike (SimSiam, section 4.1). Detached."""
    return unit(vectors.detach()).std(0).mean() * vectors.shape[1] ** 0.5


def mean_cosine(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The mean over rows of the cosine between (B, D) and (B, D)."""
    return (unit(a) * unit(b)).sum(1).mean()


def scaled_cosines(a: torch.Tensor, b: torch.Tensor, temperature: float) -> torch.Tensor:
    """(B, D) and (C, D), of length 1 -> (B, C) float32: cosines divided by the temperature."""
    with torch.autocast(a.device.type, enabled=False):
        return a.float() @ b.float().T / temperature
