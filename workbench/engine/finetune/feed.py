"""From places of images to their features, by whichever way is kept: features, activations at the cut, or pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from workbench.engine.finetune.inputs import MIRRORINGS, Inputs
from workbench.engine.finetune.network import Network

Kept = Literal["features", "activations", "pixels"]
_SMALLEST = (
    0.5  # share of the area that a crop keeps: a defect or a cell mustn't fall out of the picture often
)


@dataclass(frozen=True, slots=True)
class Views:
    """How each of B images is shown: its mirroring, and the part of it that is seen."""

    mirrored: np.ndarray  # (B,) int64, into MIRRORINGS[augment]
    boxes: np.ndarray | None  # (B, 3) float32: share of the side, x and y of the centre in -1..1

    def take(self, rows: slice) -> Views:
        return Views(self.mirrored[rows], None if self.boxes is None else self.boxes[rows])


class Feed:
    """Features of images, with a gradient where the network learns."""

    def __init__(self, network: Network, inputs: Inputs, kept: Kept, augment: str) -> None:
        self._network, self._inputs, self._kept = network, inputs, kept
        self._axes = MIRRORINGS[augment]
        self._crops = augment == "crops"

    def views(self, num: int, rng: np.random.Generator | None) -> Views:
        """Drawn for training; with None, as the images are."""
        if rng is None:
            return Views(np.zeros(num, dtype=np.int64), None)
        mirrored = rng.integers(0, len(self._axes), num)
        if not self._crops:
            return Views(mirrored, None)
        side = np.sqrt(rng.uniform(_SMALLEST, 1, num))
        centre = rng.uniform(-1, 1, (num, 2)) * (1 - side[:, None])
        return Views(mirrored, np.column_stack([side, centre]).astype(np.float32))

    def features(self, places: np.ndarray, views: Views) -> torch.Tensor:
        """(B, D) float32 of the images at `places`."""
        device = self._network.device
        if self._kept == "features":
            return self._inputs.take(places, views.mirrored, device).float()
        if self._kept == "activations":
            return self._network.from_cut(self._inputs.take(places, views.mirrored, device))
        pixels = self._inputs.take(places, np.zeros_like(views.mirrored), device)
        return self._network.features(self._shown(pixels, views))

    def _shown(self, pixels: torch.Tensor, views: Views) -> torch.Tensor:
        """(B, S, S, n) mirrored and cropped."""
        for code, axes in enumerate(self._axes):
            rows = torch.from_numpy(np.flatnonzero(views.mirrored == code))
            if axes and len(rows):
                rows = rows.to(pixels.device)
                pixels = pixels.index_copy(0, rows, torch.flip(pixels[rows], axes))
        return pixels if views.boxes is None else crop(pixels, torch.from_numpy(views.boxes))


def crop(pixels: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """(B, S, S, n) uint8, or float32 in 0..1 -> the same size, each filled by its box; float32 in 0..1, bilinear."""
    unit = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()
    side, x, y = boxes.to(pixels.device).unbind(1)
    none = torch.zeros_like(side)
    theta = torch.stack([torch.stack([side, none, x], 1), torch.stack([none, side, y], 1)], 1)
    images = unit.permute(0, 3, 1, 2)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    shown = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return shown.permute(0, 2, 3, 1)
