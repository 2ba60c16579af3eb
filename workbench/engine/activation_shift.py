"""How far the activations that images call up in a network lie from those of the images that it was trained on.

A batch normalisation keeps the mean and the variance that each channel before it had over the training images. What
other images call up there has a mean and a variance too, and the 2-Wasserstein distance between two normal
distributions of these moments, in standard deviations of the training images, says how far the ones are from the
others. Schneider et al. 2020 (arXiv 2006.16971) measure covariate shift so, and find that it goes with the error.

It says how unusual images are for a network, not whether its features tell their classes apart: steel lies far off,
and a probe reads its defects nearly without an error. Few kinds of things lie farther off than many.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn


def shift(module: nn.Module, backbone: Any, batches: Iterable[np.ndarray]) -> float | None:
    """Median over the batch normalisations of `module` of the root mean square over channels of

        ((mean - kept mean)^2 + (sd - kept sd)^2) / kept sd^2

    where mean and sd are those of the layer's input over all images and places, and the kept ones are the layer's.

    Args:
        backbone: whose `encode` takes images through `module`. batches: (B, S, S, n) each.

    Returns:
        In standard deviations; None where `module` has no such layer, or no batch came.
    """
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None
    ]
    moments = [_Moments() for _ in layers]
    hooks = [layer.register_forward_pre_hook(each.watch) for layer, each in zip(layers, moments, strict=True)]
    try:
        for batch in batches:
            backbone.encode(batch)
    finally:
        for hook in hooks:
            hook.remove()
    far = [each.distance(layer) for layer, each in zip(layers, moments, strict=True) if each.number]
    return float(np.median(far)) if far else None


class _Moments:
    """Sums over all images and places of what comes into one layer, by channel."""

    def __init__(self) -> None:
        self.number = 0
        self._sum: torch.Tensor = torch.zeros(())
        self._squares: torch.Tensor = torch.zeros(())

    def watch(self, _: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        """A hook before the layer; (B, C, H, W)."""
        values = given[0].float()
        number = values.shape[0] * values.shape[2] * values.shape[3]
        variance, mean = torch.var_mean(values, dim=(0, 2, 3), correction=0)
        mean, variance = mean.cpu().double(), variance.cpu().double()
        self.number += number
        self._sum = self._sum + number * mean
        self._squares = self._squares + number * (variance + mean * mean)

    def distance(self, layer: nn.BatchNorm2d) -> float:
        assert layer.running_mean is not None and layer.running_var is not None
        mean = self._sum / self.number
        sd = (self._squares / self.number - mean * mean).clamp_min(0).sqrt()
        kept = layer.running_mean.cpu().double()
        kept_variance = layer.running_var.cpu().double() + layer.eps
        apart = (mean - kept) ** 2 + (sd - kept_variance.sqrt()) ** 2
        return float((apart / kept_variance).mean().sqrt())
