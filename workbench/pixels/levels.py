"""From stored numbers to a picture: bit depths, the intensity window, channels, palettes, CMYK and alpha.

A data set's `Reading` (`records/spec.py`) declares it. Numbers of 1 to 8 bits, unsigned, always have their type's
whole range mapped onto 0..255 and stay uint8. For deeper ones, a window LOW:HIGH maps LOW..HIGH onto 0..1 in float32
and clips what lies outside; the window "full" does this:
- 9- to 16-bit, signed or not: the type's whole range onto 0..1 in float32, which keeps every level apart;
- floats that all lie in 0..1: kept as they are;
- other floats, and integers above 16 bits (counts that never fill their type): the picture's own minimum..maximum
  onto 0..1, over the channels that are used, together.
NaN becomes 0, infinities the nearest end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

from workbench.records.spec import Reading

Colour = Literal["grey", "white-is-zero", "rgb", "cmyk", "channels"]

_AT_ONCE = 1 << 20  # numbers that are float64 at one time
_USUAL = Reading()


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture in the numbers of its file."""

    values: np.ndarray  # (H, W, C), the file's own type
    colour: Colour
    bits: int  # that are meaningful per channel, at most those of the type
    alpha: int | None = None  # the channel that holds opacity
    premultiplied: bool = False  # the colours were already multiplied by it

    @property
    def planes(self) -> list[int]:
        """The channels of `values` that hold no opacity."""
        return [channel for channel in range(self.values.shape[2]) if channel != self.alpha]

    @property
    def num_colours(self) -> int:
        """Channels that a picture can be made of: all but opacity; CMYK is printed first."""
        return 3 if self.colour == "cmyk" else len(self.planes)


def type_of(kind: str, bits: int) -> str:
    """The name, one of `records.spec.TYPES`, of numbers of numpy's `kind` with `bits` meaningful bits; "" for those
    that no window applies to: up to 8 bits, 64-bit integers, complex numbers."""
    if kind == "f":
        return "f32" if bits <= 32 else "f64"
    if kind not in "ui" or not 8 < bits <= 32:
        return ""
    return f"{kind}{16 if bits <= 16 else 32}"


def check_channels(num_colours: int, reading: Reading) -> None:
    """Raise ValueError where `reading` asks for channels that a picture of `num_colours` does not have."""
    has = f"It has {num_colours} channel{'' if num_colours == 1 else 's'}"
    if reading.picks is not None and max(reading.picks) >= num_colours:
        raise ValueError(f"{has}, so that there is no channel {max(reading.picks) + 1} to pick.")
    if reading.channels.startswith("all:") and num_colours != reading.num_channels:
        raise ValueError(f"{has} where the others of the data set have {reading.num_channels}.")


def used(pixels: Pixels, reading: Reading = _USUAL) -> np.ndarray:
    """(H, W, n) of `pixels.values`: the channels that `reading` uses, in its order, in the numbers of the file.

    Of CMYK, all four inks. Raises ValueError as `check_channels` does.
    """
    check_channels(pixels.num_colours, reading)
    planes: Sequence[int] = pixels.planes
    if pixels.colour == "cmyk":
        planes = planes[:4]
    elif reading.picks is not None:
        planes = [planes[place] for place in reading.picks]
    elif reading.channels == "first":
        planes = planes[:3]
    if list(planes) == list(range(len(planes))):
        return pixels.values[..., : len(planes)]
    return pixels.values[..., planes]


def to_picture(pixels: Pixels, reading: Reading = _USUAL) -> np.ndarray:
    """(H, W, 3) RGB, or (H, W, n) where `reading` takes all channels: uint8 for sources of up to 8 bits, float32 in
    0..1 for all others.

    Grey is repeated; of n channels the first three are taken (of two: red, green and an empty blue), or those that
    are picked, or the mean of all as grey. Transparent pixels are laid over white. Colour profiles and gamma notes
    are ignored, as the models' own processors do.

    Raises ValueError for channels that aren't there, complex numbers, and floats of which none is finite.
    """
    colours = _windowed(used(pixels, reading), pixels.bits, reading)
    if pixels.colour == "white-is-zero":
        colours = (255 if colours.dtype == np.uint8 else 1) - colours
    elif pixels.colour == "cmyk":
        colours = _cmyk_to_rgb(colours)
        if reading.picks is not None:
            colours = colours[..., reading.picks]
    if reading.channels == "mean":
        colours = _mean(colours)
    if not reading.channels.startswith("all"):
        if colours.shape[2] == 2:
            colours = np.concatenate([colours, np.zeros_like(colours[..., :1])], axis=2)
        elif colours.shape[2] == 1:
            colours = np.repeat(colours, 3, axis=2)
    if pixels.alpha is not None:
        opacity = full_range(pixels.values[..., [pixels.alpha]], pixels.bits)
        colours = _over_white(colours, opacity, pixels.premultiplied)
    return np.ascontiguousarray(colours)


def _windowed(values: np.ndarray, bits: int, reading: Reading) -> np.ndarray:
    ends = reading.ends(type_of(values.dtype.kind, bits))
    return full_range(values, bits) if ends is None else _between(values, *ends)


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """`low`..`high` onto 0..1, exactly 0 and 1 at the ends, and what lies outside clipped."""
    if values.dtype.kind == "f" and not np.isfinite(values).any():
        raise ValueError("It holds no finite number.")
    out = np.empty(values.shape, np.float32)
    rows = max(_AT_ONCE // max(values[:1].size, 1), 1)
    for first in range(0, len(values), rows):
        part = values[first : first + rows].astype(np.float64)
        np.clip((part - low) / (high - low), 0, 1, out=part)
        out[first : first + rows] = np.nan_to_num(part, copy=False, nan=0.0)
    return out


def _mean(colours: np.ndarray) -> np.ndarray:
    """(H, W, 1), of the same type; of bytes, rounded."""
    number = colours.shape[2]
    if colours.dtype == np.uint8:
        total = colours.sum(axis=2, keepdims=True, dtype=np.uint32)
        return ((total + number // 2) // number).astype(np.uint8)
    return colours.mean(axis=2, keepdims=True, dtype=np.float32)


def full_range(values: np.ndarray, bits: int) -> np.ndarray:
    """`values` under the window "full": uint8, or float32 in 0..1. Raises ValueError for complex numbers, and for
    floats of which none is finite."""
    kind = values.dtype.kind
    if kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if kind == "u" and values.dtype.itemsize == 1:
        if bits == 8:
            return values
        top = (1 << bits) - 1
        return ((values.astype(np.uint16) * 255 + top // 2) // top).astype(np.uint8)
    if kind == "u" and bits <= 16:
        return values.astype(np.float32) / np.float32((1 << bits) - 1)
    if kind == "i" and bits <= 16:
        low, span = -(1 << (bits - 1)), (1 << bits) - 1
        return (values.astype(np.float32) - np.float32(low)) / np.float32(span)
    if kind in "uif":
        return _own_range(values)
    raise ValueError("Its pixels are complex numbers, which have no brightness.")


def _own_range(values: np.ndarray) -> np.ndarray:
    """Minimum..maximum onto 0..1, unless these are floats that lie in 0..1 already."""
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    if not finite.any():
        raise ValueError("It holds no finite number.")
    low = float(wide.min(where=finite, initial=np.inf))
    high = float(wide.max(where=finite, initial=-np.inf))
    if not (values.dtype.kind == "f" and low >= 0 and high <= 1):
        wide = (wide - low) / (high - low) if high > low else np.where(finite, 0.0, wide)
    return np.nan_to_num(wide, nan=0.0, posinf=1.0, neginf=0.0).clip(0, 1).astype(np.float32)


def _cmyk_to_rgb(inks: np.ndarray) -> np.ndarray:
    """(1 - ink) (1 - black), the conversion without a profile."""
    if inks.dtype == np.uint8:
        light = 255 - inks.astype(np.uint16)
        return ((light[..., :3] * light[..., 3:] + 127) // 255).astype(np.uint8)
    return (1 - inks[..., :3]) * (1 - inks[..., 3:])


def _over_white(colours: np.ndarray, opacity: np.ndarray, premultiplied: bool) -> np.ndarray:
    if colours.dtype == np.uint8:
        white = 255 * (255 - opacity.astype(np.uint32))
        own = colours.astype(np.uint32) * (255 if premultiplied else opacity.astype(np.uint32))
        return np.minimum((own + white + 127) // 255, 255).astype(np.uint8)
    own = colours if premultiplied else colours * opacity
    return np.clip(own + (1 - opacity), 0, 1).astype(np.float32)


def from_pillow(image: Image.Image) -> Pixels:
    """The pixels of an image that Pillow has opened; every Pillow mode of up to 8 bits a channel.

    Raises ValueError for a deeper mode: Pillow's own conversions would clip it without a word.
    """
    image.load()
    if image.mode in ("LA", "La") or (image.mode == "L" and "transparency" in image.info):
        return Pixels(np.asarray(image.convert("LA")), "grey", 8, alpha=1)
    if image.mode in ("PA", "RGBA", "RGBa") or "transparency" in image.info:
        return Pixels(np.asarray(image.convert("RGBA")), "rgb", 8, alpha=3)
    if image.mode == "CMYK":
        return Pixels(np.asarray(image), "cmyk", 8)
    if image.mode in ("1", "L"):
        return Pixels(np.asarray(image.convert("L"))[..., None], "grey", 8)
    if image.mode in ("P", "RGB", "RGBX", "YCbCr"):
        return Pixels(np.asarray(image.convert("RGB")), "rgb", 8)
    raise ValueError(f"Its pixel type ({image.mode}) is not supported.")
