"""From stored numbers to RGB: bit depths, the intensity window, palettes, CMYK and alpha.

The window "full", the only one so far, is declared thus:
- 1- to 8-bit unsigned: the type's whole range onto 0..255, kept as uint8;
- 9- to 16-bit, signed or not: the type's whole range onto 0..1 in float32, which keeps every level apart;
- floats that all lie in 0..1: kept as they are;
- other floats, and integers above 16 bits (counts that never fill their type): the picture's own minimum..maximum
  onto 0..1, over its colours together. NaN becomes 0, infinities the nearest end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

WINDOWS = ("full",)

Colour = Literal["grey", "white-is-zero", "rgb", "cmyk", "channels"]


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture in the numbers of its file."""

    values: np.ndarray  # (H, W, C), the file's own type
    colour: Colour
    bits: int  # that are meaningful per channel, at most those of the type
    alpha: int | None = None  # the channel that holds opacity
    premultiplied: bool = False  # the colours were already multiplied by it


def check_window(window: str) -> None:
    """Raise ValueError for an intensity window that is not known."""
    if window not in WINDOWS:
        raise ValueError(f"The intensity window must be one of {', '.join(WINDOWS)}, not {window!r}.")


def to_rgb(pixels: Pixels, window: str = "full") -> np.ndarray:
    """(H, W, 3) RGB: uint8 for sources of up to 8 bits, float32 in 0..1 for all others.

    Grey is repeated; of n channels the first three are taken (of two: red, green and an empty blue);
    transparent pixels are laid over white. Colour profiles and gamma notes are ignored, as the models'
    own processors do.
    """
    check_window(window)
    values = pixels.values
    planes = [channel for channel in range(values.shape[2]) if channel != pixels.alpha]
    wanted = 4 if pixels.colour == "cmyk" else 3 if len(planes) >= 3 else len(planes)
    if pixels.colour in ("grey", "white-is-zero"):
        wanted = 1
    colours = full_range(values[..., planes[:wanted]] if values.shape[2] > wanted else values, pixels.bits)
    top = 255 if colours.dtype == np.uint8 else 1
    if pixels.colour == "white-is-zero":
        colours = top - colours
    elif pixels.colour == "cmyk":
        colours = _cmyk_to_rgb(colours)
    if colours.shape[2] == 2:
        colours = np.concatenate([colours, np.zeros_like(colours[..., :1])], axis=2)
    elif colours.shape[2] == 1:
        colours = np.repeat(colours, 3, axis=2)
    if pixels.alpha is not None:
        opacity = full_range(values[..., [pixels.alpha]], pixels.bits)
        colours = _over_white(colours, opacity, pixels.premultiplied)
    return np.ascontiguousarray(colours)


def full_range(values: np.ndarray, bits: int) -> np.ndarray:
    """`values` under the window "full": uint8, or float32 in 0..1. Raises ValueError for complex numbers."""
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
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        return Pixels(np.asarray(image.convert("RGBA")), "rgb", 8, alpha=3)
    if image.mode == "CMYK":
        return Pixels(np.asarray(image), "cmyk", 8)
    if image.mode in ("1", "L"):
        return Pixels(np.asarray(image.convert("L"))[..., None], "grey", 8)
    if image.mode in ("P", "RGB", "RGBX", "YCbCr"):
        return Pixels(np.asarray(image.convert("RGB")), "rgb", 8)
    raise ValueError(f"Its pixel type ({image.mode}) is not supported.")
