"""Gaussian blur, each picture by its own width: a matrix for the rows and one for the columns, as in `resample`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.augment.resample import reflected
from workbench.engine.augment.streams import Purpose, uniform
from workbench.engine.methods.base import Draw
from workbench.records.augmentation import PAPER_SIZE, View

SIGMAS = 4  # how far the kernel reaches, in widths


@dataclass(frozen=True, slots=True)
class Blur:
    blurred: np.ndarray  # (B,) bool
    sigma: np.ndarray  # (B,) float64, px of the view

    def rows(self, some: slice) -> Blur:
        return Blur(self.blurred[some], self.sigma[some])


def draw_blur(view: View, image_size: int, draw: Draw, number: int) -> Blur:
    """Widths scale with the size of the input, also those of local views, as published ones do."""
    numbers = uniform(draw, number, Purpose.BLUR, 2)
    sigma = view.blur_min + (view.blur_max - view.blur_min) * numbers[:, 1]
    return Blur((numbers[:, 0] < view.blur) & (sigma > 0), sigma * image_size / PAPER_SIZE)


def plan(blur: Blur) -> dict[str, np.ndarray]:
    if not blur.blurred.any():
        return {}
    return {
        "blurred": np.flatnonzero(blur.blurred),
        "sigma": blur.sigma[blur.blurred].astype(np.float32),
    }


def radius_of(view: View, image_size: int) -> int:
    """Of the kernel of every picture of the view, px."""
    return math.ceil(SIGMAS * view.blur_max * image_size / PAPER_SIZE)


def gaussian(views: torch.Tensor, sigma: torch.Tensor, radius: int) -> torch.Tensor:
    """(k, C, S, S), (k,) px -> the same, blurred; edges are reflected."""
    num, channels, size, _ = views.shape
    matrix = _matrices(sigma, size, min(radius, size - 1))
    across = torch.bmm(views.reshape(num, channels * size, size), matrix.mT).view(views.shape)
    down = across.transpose(1, 2).reshape(num, size, channels * size)
    return torch.bmm(matrix, down).view(num, size, channels, size).transpose(1, 2)


def _matrices(sigma: torch.Tensor, size: int, radius: int) -> torch.Tensor:
    """(k,) -> (k, size, size): what each pixel along an axis contributes to each."""
    at = torch.arange(size, device=sigma.device, dtype=torch.float32)
    place = torch.arange(-radius, size + radius, device=sigma.device, dtype=torch.float32)
    distance = place - at[:, None]
    distance = torch.where(distance.abs() <= radius, distance, torch.inf)
    weights = torch.exp(-0.5 * (distance / sigma.view(-1, 1, 1)) ** 2)
    return reflected(weights / weights.sum(2, keepdim=True), radius)
