"""Which patches of a view are hidden: single ones at random, as many in every picture."""

from __future__ import annotations

import torch

from workbench.engine.api import Draw

STREAM = 0x4D5A  # of the draws for the first view's mask; the next views' follow


def hidden_patches(draw: Draw, grid: int, ratio: float, view: int) -> torch.Tensor:
    """(B, grid * grid) bool on the CPU, True where hidden; one patch at least is hidden, and one is not.

    Raises:
        ValueError: there is only one patch.
    """
    total = grid * grid
    if total < 2:
        raise ValueError(
            "A picture of one patch can't be hidden in part. Choose a larger image size or smaller patches."
        )
    num = min(max(round(total * ratio), 1), total - 1)
    order = draw.uniform(STREAM + view, total).argsort(dim=1, stable=True)
    return torch.zeros(len(order), total, dtype=torch.bool).scatter_(1, order[:, :num], True)


def shown(hidden: torch.Tensor) -> torch.Tensor:
    """(B, M) int64: the patches of (B, N) that are not hidden, in their order."""
    return (~hidden).nonzero()[:, 1].view(len(hidden), -1)
