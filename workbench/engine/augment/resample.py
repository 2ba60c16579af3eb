"""One antialiased resampling for crop, mirroring, flip and turns: two matrices a picture, one for each axis.

The weights are the triangle filter of Pillow's and torchvision's antialiased "bilinear", which never looks outside
the crop. A dense matrix wastes multiplications by zero, and yet two batched matrix products beat gathering: they are
what processors do best, and need no loop.

A view that is turned by a free angle is first resampled upright with a margin around it, at its own resolution, which
is the prefilter, and then turned. Crop, then turn, is also what torchvision does, but it has nothing beyond the crop.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch.nn import functional

from workbench.engine.augment.placement import Placement


def margin_of(size: int, degrees: float) -> int:
    """How many pixels a view of `size` needs around it to be turned by up to `degrees`."""
    angle = math.radians(min(degrees, 45.0))
    return math.ceil(size * (math.cos(angle) + math.sin(angle) - 1) / 2) + 1 if degrees else 0


def plan(placement: Placement, size: int, length: int, margin: int) -> dict[str, np.ndarray]:
    """Numbers that `view_of` takes, for views of `size` px, with `margin` px around them, of pictures that are stored
    as `length` px a side. In pixels of the store: the outer edge of the first pixel of the view, the way to the next
    one, and the first and last pixels that may count."""
    found: dict[str, np.ndarray] = {}
    for name, low, high, backwards in (
        ("x", placement.box[:, 0], placement.box[:, 2], placement.mirrored),
        ("y", placement.box[:, 1], placement.box[:, 3], placement.flipped),
    ):
        low, high = low * length, high * length
        step = np.where(backwards, low - high, high - low) / size
        start = np.where(backwards, high, low) - margin * step
        # The tolerance is for edges that are whole pixels but for rounding. One pixel at least counts.
        first = np.minimum(np.floor(low + 1e-3), length - 1)
        last = np.maximum(np.ceil(high - 1e-3), first + 1)
        found[name] = np.stack([start, step, first, last], axis=1).astype(np.float32)
    if placement.transposed.any():
        found["transposed"] = placement.transposed
    if margin:
        cos, sin = np.cos(placement.angle), np.sin(placement.angle)
        turn = np.stack([cos, -sin, 0 * cos, sin, cos, 0 * cos], axis=1) * size / (size + 2 * margin)
        found["turn"] = turn.reshape(-1, 2, 3).astype(np.float32)
    return found


def reach_of(placement: Placement, size: int, length: int, margin: int) -> int:
    """How far beyond the picture, in stored pixels, views with `margin` px around them look."""
    if not margin:
        return 0
    sides = np.concatenate([placement.box[:, 2:] - placement.box[:, :2]])
    around = margin * sides / size
    beyond = np.maximum(around - placement.box[:, :2], placement.box[:, 2:] + around - 1).max() * length
    filter_width = max(float(sides.max()) * length / size, 1.0)
    return min(max(math.ceil(beyond + filter_width) + 1, 0), length - 1)


def view_of(
    pixels: torch.Tensor,
    sent: dict[str, torch.Tensor],
    size: int,
    *,
    white: float,
    margin: int = 0,
    reach: int = 0,
) -> torch.Tensor:
    """(b, P, P, C) float32 -> (b, C, size, size), in 0..1.

    Args:
        sent: of `plan`, on the device.
        white: the value of a pixel that becomes 1.
        margin: that was planned with; with one, the views are turned by `sent["turn"]`, and what they see outside
            of the picture is its reflection.
        reach: of `reach_of`.
    """
    num, length, _, channels = pixels.shape
    whole = size + 2 * margin
    down = axis_weights(sent["y"], whole, length, reach, bounded=not margin, white=white)
    across = axis_weights(sent["x"], whole, length, reach, bounded=not margin)
    rows = torch.bmm(down, pixels.reshape(num, length, length * channels))
    rows = rows.view(num, whole, length, channels).permute(0, 3, 1, 2).reshape(num, channels * whole, length)
    views = torch.bmm(rows, across.mT).view(num, channels, whole, whole)
    if "transposed" in sent:
        views = torch.where(sent["transposed"].view(-1, 1, 1, 1), views.mT, views)
    if margin:
        grid = functional.affine_grid(sent["turn"], [num, channels, size, size], align_corners=False)
        views = functional.grid_sample(views, grid, padding_mode="reflection", align_corners=False)
    return views


def axis_weights(
    axis: torch.Tensor, size: int, length: int, reach: int, *, bounded: bool, white: float = 1
) -> torch.Tensor:
    """(b, size, length): what each stored pixel along one axis contributes to each pixel of the view.

    Args:
        axis: (b, 4) of `plan`: start, step, first and last pixel.
        reach: pixels beyond the picture that are looked at, reflected.
        bounded: whether pixels outside of the crop count nothing, as in torchvision; else they count as any.
    """
    start, step, first, last = (axis[:, column].view(-1, 1, 1) for column in range(4))
    narrow = 1 / step.abs().clamp_min(1)  # an enlargement uses the two nearest pixels
    at = torch.arange(size, device=axis.device, dtype=torch.float32).view(1, -1, 1)
    place = torch.arange(-reach, length + reach, device=axis.device, dtype=torch.float32).view(1, 1, -1)
    # -max(0, 1 - |distance|), and the sign goes with the sum. In place: only the pixels are larger.
    weights = (place + 0.5) * narrow - (start + (at + 0.5) * step) * narrow
    weights.abs_().clamp_max_(1).sub_(1)
    if bounded:
        weights.mul_((place >= first) & (place < last))
    weights.div_(weights.sum(2, keepdim=True).mul_(white))
    return reflected(weights, reach)


def reflected(weights: torch.Tensor, reach: int) -> torch.Tensor:
    """(b, n, reach + length + reach) -> (b, n, length): what lies beyond an edge is added to its mirror image. The
    edge itself is not doubled, as in torch's "reflect" padding."""
    if not reach:
        return weights
    inside = weights[:, :, reach:-reach].contiguous()
    length = inside.shape[2]
    inside[:, :, 1 : reach + 1] += weights[:, :, :reach].flip(2)
    inside[:, :, length - 1 - reach : length - 1] += weights[:, :, -reach:].flip(2)
    return inside
