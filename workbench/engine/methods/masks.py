"""Which patches are hidden: single ones at random (MAE), or blocks (iBOT, as in BEiT)."""

from __future__ import annotations

import math

import numpy as np
import torch

STREAM = 0x3A5C  # of the draws for the first view's mask; the next views' follow
ASPECT = (0.3, 1 / 0.3)  # of a block, height by width
TRIES = 10  # to place one block


def random_mask(noise: torch.Tensor, ratio: float) -> torch.Tensor:
    """The patches with the largest noise are hidden, as many in every picture (MAE, `random_masking`).

    Args:
        noise: (B, N), in [0, 1).
        ratio: share that is hidden; one patch at least stays visible, and one is hidden.

    Returns:
        (B, N) bool, True where hidden.

    Raises:
        ValueError: there is only one patch.
    """
    total = noise.shape[1]
    if total < 2:
        raise ValueError(
            "A picture of one patch can't be hidden in part. Choose a larger image size or smaller patches."
        )
    kept = min(max(int(total * (1 - ratio)), 1), total - 1)
    order = noise.argsort(dim=1, stable=True)
    return torch.ones_like(noise, dtype=torch.bool).scatter_(1, order[:, :kept], False)


def block_masks(
    generator: np.random.Generator, num: int, grid: int, often: float, ratio: float, spread: float
) -> np.ndarray:
    """Masks of blocks, for one view of each of `num` pictures (iBOT, `loader.py`, pred_shape "block").

    Args:
        grid: patches along a side.
        often: how often a picture is masked at all.
        ratio, spread: where it is, the share of hidden patches is drawn evenly from ratio - spread to ratio + spread.

    Returns:
        (num, grid, grid) bool, True where hidden; never more than the share that was drawn.
    """
    masks = np.zeros((num, grid, grid), bool)
    masked = generator.random(num) < often
    shares = generator.uniform(max(ratio - spread, 0.0), min(ratio + spread, 1.0), num)
    for number in np.flatnonzero(masked):
        _hide_blocks(masks[number], float(shares[number]) * grid * grid, generator)
    return masks


def _hide_blocks(mask: np.ndarray, most: float, generator: np.random.Generator) -> None:
    """Blocks are added to `mask` (G, G) until `most` patches are hidden or no block fits."""
    grid = len(mask)
    smallest = (grid // 3) ** 2
    low, high = math.log(ASPECT[0]), math.log(ASPECT[1])
    hidden = 0
    while hidden < most:
        left = most - hidden
        for area, aspect, down, right in generator.random((TRIES, 4)).tolist():
            # Where less is left than the smallest block, the area lies between the two; too large a block is refused.
            size = smallest + area * (left - smallest)
            shape = math.exp(low + aspect * (high - low))
            height, width = round(math.sqrt(size * shape)), round(math.sqrt(size / shape))
            if not (0 < height < grid and 0 < width < grid):
                continue
            top, start = int(down * (grid - height + 1)), int(right * (grid - width + 1))
            block = mask[top : top + height, start : start + width]
            new = block.size - int(np.count_nonzero(block))
            if 0 < new <= left:
                block[:] = True
                hidden += new
                break
        else:
            return
