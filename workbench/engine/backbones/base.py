"""What every loaded backbone does: pixels in, named features out, pooled vectors for the cache.

Shapes: B images, S pixels a side, N patches, R registers, D features.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np
import torch

from workbench.records.spec import FeatureSpec

Named = dict[str, torch.Tensor]
# 8 images of a ViT-S at 224 px: as quick on a CPU as 16, in half the memory. Larger batches gain nothing, and from 32
# the allocator fetches fresh pages for every layer (10,000 page faults an image).
_CPU_TOKENS = 2048


class Backbone(Protocol):
    """A loaded backbone. `dimensions` holds the length of every pooled vector that it offers.

    A picture has n = `spec.reading.num_channels` channels, which is 3 unless all channels of the data set are read.
    """

    spec: FeatureSpec
    dimensions: dict[str, int]

    def encode(self, images: np.ndarray) -> Named:
        """(B, S, S, n) uint8, or float32 in 0..1 -> float32 features by name, those that exist:
        `cls` (B, D), `registers` (B, R, D), `patches` (B, N, D) row by row of the image, `pooled` (B, D)."""

    def pooled_features(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Every vector that the backbone offers, (B, D) float32 each, from one forward pass.

        A feature that is put together of others ("cls+mean") is left to the reader."""

    def release_memory(self) -> None:
        """Give cached blocks back to the device, after an out-of-memory error."""


def pool(named: Mapping[str, torch.Tensor], feature: str) -> torch.Tensor:
    """One vector an image, (B, D'): `cls`, `mean` (of the patches), `cls+mean` (joined) or `pooled`.

    Raises:
        ValueError: the backbone has no such output.
    """
    if feature == "cls+mean":
        return torch.cat([pool(named, "cls"), pool(named, "mean")], dim=-1)
    source = "patches" if feature == "mean" else feature
    if source not in ("cls", "patches", "pooled") or source not in named:
        raise ValueError(f"This backbone has no feature {feature!r}; it gives {', '.join(named)}.")
    return named["patches"].float().mean(dim=1) if feature == "mean" else named[source].float()


def channels_of(spec: FeatureSpec) -> int:
    """Of every picture that the backbone of `spec` gets.

    Raises:
        ValueError: all channels are to be read, and nobody has said how many there are.
    """
    number = spec.reading.num_channels
    if number is None:
        raise ValueError("The feature asks for all channels without saying how many there are.")
    return number


class TorchBackbone:
    """A torch module and a function that names its outputs.

    Args:
        read: (B, n, S, S) normalised pixels -> named features, in the dtype that comes out.
        dimensions: of the vectors that are offered, composed ones included.
        tokens: of one image, which sets how many images the CPU takes at once.
        around: makes the context of every forward pass.
    """

    def __init__(
        self,
        spec: FeatureSpec,
        module: torch.nn.Module,
        read: Callable[[torch.Tensor], Named],
        *,
        device: str,
        dimensions: Mapping[str, int],
        tokens: int,
        channels_last: bool = False,
        around: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
    ) -> None:
        self.spec = spec
        self.module = module
        self.dimensions = dict(dimensions)
        self.read, self._around = read, around
        self._device = torch.device(device)
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._micro = max(1, _CPU_TOKENS // tokens) if self._device.type == "cpu" else None
        recipe = spec.preprocess
        self._channels = channels_of(spec)
        self._mean = self._each_channel(recipe.mean)
        self._std = self._each_channel(recipe.std)

    def encode(self, images: np.ndarray) -> Named:
        parts = [self._forward(part) for part in self._parts(images)]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def pooled_features(self, images: np.ndarray) -> dict[str, np.ndarray]:
        whole = [name for name in self.dimensions if "+" not in name]
        parts: list[Named] = []
        for part in self._parts(images):
            named = self._forward(part)
            parts.append({name: pool(named, name) for name in whole})
        return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in whole}

    def release_memory(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        elif self._device.type == "mps":
            torch.mps.empty_cache()

    def _parts(self, images: np.ndarray) -> list[np.ndarray]:
        size, channels = self.spec.preprocess.size, self._channels
        if images.ndim != 4 or images.shape[1:] != (size, size, channels) or not len(images):
            raise ValueError(f"expected images of shape (B, {size}, {size}, {channels}), got {images.shape}.")
        step = self._micro or len(images)
        return [images[start : start + step] for start in range(0, len(images), step)]

    def _each_channel(self, colours: tuple[float, float, float]) -> torch.Tensor:
        values = [colours[channel % len(colours)] for channel in range(self._channels)]
        return torch.tensor(values, device=self._device).view(1, -1, 1, 1)

    def _forward(self, images: np.ndarray) -> Named:
        # Bytes cross to the device, not floats: a quarter of the transfer.
        pixels = torch.from_numpy(np.ascontiguousarray(images))
        if self._device.type == "cuda":
            pixels = pixels.pin_memory().to(self._device, non_blocking=True)
        with torch.inference_mode(), self._precision(), self._around():
            named = self.read(self.normalise(pixels.to(self._device)))
            return {name: value.float() for name, value in named.items()}

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, S, S, n) uint8, or float32 in 0..1, on the device -> what `read` takes, (B, n, S, S) float32."""
        pixels = pixels.permute(0, 3, 1, 2)
        unit = pixels.float() / 255 if pixels.dtype == torch.uint8 else pixels.float()
        return ((unit - self._mean) / self._std).contiguous(memory_format=self._layout)

    def _precision(self) -> contextlib.AbstractContextManager[object]:
        if self.spec.precision == "bf16":
            return torch.autocast(self._device.type, dtype=torch.bfloat16)
        return contextlib.nullcontext()
