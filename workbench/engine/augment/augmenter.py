"""Batched augmentation on the device where a network learns: stored pixels in, normalised views out.

What is drawn depends on the batch's `Draw` alone, so that a view is the same however it is come to, and however many
processes share the batch. It is drawn on the CPU and crosses to the device in one copy a view; nothing waits for the
device. Within a view the pictures are computed side by side, with no loop over them, and what a view never does (a
probability of 0) costs nothing. Grey pictures stay one channel until the end.

The order is that of torchvision's pipelines for these methods: crop with mirroring, flip and turns in one resampling
(`resample.py`), light and colour (`colour.py`), grey, blur (`blur.py`), solarise, normalise. Crops are resampled by
the antialiased triangle filter, also for MAE, whose authors take a bicubic one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.augment import blur, colour, resample
from workbench.engine.augment.blur import Blur, draw_blur
from workbench.engine.augment.colour import Colours, draw_colours, onto
from workbench.engine.augment.placement import Placement, place
from workbench.engine.augment.streams import Purpose, uniform
from workbench.engine.methods.base import Draw
from workbench.engine.transfer import aboard
from workbench.records.augmentation import Augmentation, View

# Bytes of pixels, as floats, that are worked on at a time: on a CPU about what its cache holds.
_HELD = {"cpu": 4 << 20, "device": 1 << 30}
_WHITE = {torch.uint8: 255, torch.uint16: 65535}


class Augmenter:
    """The views of one method, drawn for batch after batch.

    Args:
        image_size: side of a global view, px.
        patch: side of a patch, px; local views are whole numbers of them.
        channels: that the network takes.
        mean, std: by which views are normalised, repeated where there are more channels than numbers.
        dtype: of the views; they are computed in float32.
    """

    def __init__(
        self,
        augmentation: Augmentation,
        *,
        image_size: int,
        patch: int,
        channels: int,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.augmentation = augmentation
        self.image_size, self.channels = image_size, channels
        self._device, self._dtype = device, dtype
        self._views = [view for view in augmentation.views for _ in range(view.count)]
        self._sizes = [view.pixels(image_size, patch) for view in self._views]
        centre, spread = (
            torch.tensor([numbers[i % len(numbers)] for i in range(channels)], dtype=torch.float32)
            for numbers in (mean, std)
        )
        self._scale = (1 / spread).view(1, -1, 1, 1).to(device)
        self._shift = (-centre / spread).view(1, -1, 1, 1).to(device)

    def views(self, pixels: torch.Tensor, shapes: np.ndarray, draw: Draw) -> list[torch.Tensor]:
        """Draw every view.

        Args:
            pixels: (B, P, P, C) uint8 or uint16, on the device: each picture squashed to a square. C is 1, for grey
                pictures, or the number of channels that the network takes.
            shapes: (B, 2) width and height of each picture, px.

        Returns:
            for each view (B, channels, S, S), normalised: all of the first kind, then of the second...

        Raises:
            ValueError: pixels of another type or number of channels.
        """
        drawn = self._draw(pixels, shapes, draw)
        made = [
            torch.empty(len(pixels), self.channels, size, size, dtype=self._dtype, device=self._device)
            for size in self._sizes
        ]
        for some, number, view in self._made(pixels, drawn):
            made[number][some] = self._normalised(view)
        return made

    def drawn(
        self, pixels: torch.Tensor, shapes: np.ndarray, draw: Draw
    ) -> tuple[list[torch.Tensor], np.ndarray]:
        """The same views to be looked at, (B, C, S, S) float32 in 0..1, and what they show: (B, views, 4, 2) float32,
        where the top left, top right, bottom right and bottom left of each view lies, as shares of the picture's
        width and height."""
        drawn = self._draw(pixels, shapes, draw)
        made = [
            torch.empty(len(pixels), pixels.shape[3], size, size, device=self._device) for size in self._sizes
        ]
        for some, number, view in self._made(pixels, drawn):
            made[number][some] = view
        return made, np.stack([each.placement.corners() for each in drawn], axis=1)

    def plain(self, pixels: torch.Tensor) -> torch.Tensor:
        """(B, P, P, C) -> (B, channels, S, S): the whole picture, normalised, as it is looked at between epochs."""
        self._check(pixels)
        whole = Placement(
            np.tile([0.0, 0.0, 1.0, 1.0], (len(pixels), 1)),
            *np.zeros((3, len(pixels)), bool),
            np.zeros(len(pixels)),
        )
        made = torch.empty(
            len(pixels),
            self.channels,
            self.image_size,
            self.image_size,
            dtype=self._dtype,
            device=self._device,
        )
        with torch.no_grad(), torch.autocast(self._device.type, enabled=False):
            for some, part in self._parts(pixels):
                sent = aboard(
                    resample.plan(whole.rows(some), self.image_size, pixels.shape[1], 0), self._device
                )
                made[some] = self._normalised(
                    resample.view_of(part, sent, self.image_size, white=_WHITE[pixels.dtype])
                )
        return made

    def _draw(self, pixels: torch.Tensor, shapes: np.ndarray, draw: Draw) -> list[_Drawn]:
        self._check(pixels)
        if shapes.shape != (len(pixels), 2):
            raise ValueError(f"There are {len(pixels)} pictures, and shapes of {shapes.shape}.")
        return [
            _Drawn(
                place(view, shapes, draw, number),
                draw_colours(view, pixels.shape[3], draw, number),
                draw_blur(view, self.image_size, draw, number),
                uniform(draw, number, Purpose.SOLARISE) < view.solarise,
            )
            for number, view in enumerate(self._views)
        ]

    def _made(self, pixels: torch.Tensor, drawn: list[_Drawn]) -> Iterator[tuple[slice, int, torch.Tensor]]:
        """Which pictures, number of the view, and (b, C, S, S) float32 in 0..1."""
        with torch.no_grad(), torch.autocast(self._device.type, enabled=False):
            for some, part in self._parts(pixels):
                for number, (view, size) in enumerate(zip(self._views, self._sizes, strict=True)):
                    yield (
                        some,
                        number,
                        self._one(part, _WHITE[pixels.dtype], view, size, drawn[number].rows(some)),
                    )

    def _one(self, pixels: torch.Tensor, white: int, view: View, size: int, drawn: _Drawn) -> torch.Tensor:
        length, channels = pixels.shape[1], pixels.shape[3]
        margin = resample.margin_of(size, view.rotate)
        plans = [
            resample.plan(drawn.placement, size, length, margin),
            colour.plan(drawn.colours, channels),
            blur.plan(drawn.blur),
        ]
        if drawn.solarised.any():
            plans.append({"solarised": np.flatnonzero(drawn.solarised)})
        sent = aboard({name: array for plan in plans for name, array in plan.items()}, self._device)
        reach = resample.reach_of(drawn.placement, size, length, margin)
        made = resample.view_of(pixels, sent, size, white=white, margin=margin, reach=reach)
        made = colour.coloured(made, sent)
        if "blurred" in sent:
            radius = blur.radius_of(view, self.image_size)
            made = onto(made, sent["blurred"], lambda some: blur.gaussian(some, sent["sigma"], radius))
        if "solarised" in sent:
            made = onto(made, sent["solarised"], colour.solarised)
        return made

    def _parts(self, pixels: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
        """Some pictures after others, as (b, P, P, C) float32, not scaled."""
        each = 4 * pixels[0].numel() if len(pixels) else 1
        step = max(_HELD["cpu" if self._device.type == "cpu" else "device"] // each, 1)
        for start in range(0, len(pixels), step):
            some = slice(start, start + step)
            yield some, pixels[some].to(torch.float32)

    def _normalised(self, views: torch.Tensor) -> torch.Tensor:
        return torch.addcmul(self._shift, views, self._scale)

    def _check(self, pixels: torch.Tensor) -> None:
        if pixels.dtype not in _WHITE or pixels.ndim != 4 or pixels.shape[1] != pixels.shape[2]:
            raise ValueError(
                f"Views are drawn of square pictures of 8 or 16 bits, and not of {pixels.dtype} of "
                f"{tuple(pixels.shape)}."
            )
        if pixels.shape[3] not in (1, self.channels):
            raise ValueError(
                f"The network takes {self.channels} channels, and the pictures have {pixels.shape[3]}."
            )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """What one view of B pictures does."""

    placement: Placement
    colours: Colours
    blur: Blur
    solarised: np.ndarray  # (B,) bool

    def rows(self, some: slice) -> _Drawn:
        return _Drawn(
            self.placement.rows(some), self.colours.rows(some), self.blur.rows(some), self.solarised[some]
        )
