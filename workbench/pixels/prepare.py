"""From a decoded picture to the model's input size, as the Hugging Face processors do it, in one resampling.

transformers 5.23 (`image_processing_backends.py`): "shortest" brings the shorter side to S and the longer to
int(S * long / short), then crops the centre at (length - size) // 2, padding with zeros where the picture is smaller
than the crop; "squash" resizes to S x S. Both with antialiasing. Here the crop is taken out of the picture first and
only what is left of it is computed: `Image.resize(box=...)` gives the very pixels of resize and crop.
Mean and deviation are applied later, on the device.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from workbench.pixels.decode import MAX_PIXELS, Decoded, Stamp, read_scaled
from workbench.records.spec import Decode, Preprocess, Reading

_USUAL = Reading()
_FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_REACH = {
    Image.Resampling.BILINEAR: 1,
    Image.Resampling.BICUBIC: 2,
    Image.Resampling.LANCZOS: 3,
}  # pixels on each side, of the larger of input and output
_MAX_BETWEEN = 1 << 26  # pixels between the two passes of a resampling
_GLANCE = 16  # every 16th row and column says in no time that a picture is coloured


class Axis(NamedTuple):
    """One axis of the way from the picture to the model's input, all in pixels."""

    start: float  # of the part of the picture that is used
    stop: float
    before: int  # zeros before the resampled part
    length: int  # of the resampled part; zeros fill the rest


def geometry(width: int, height: int, recipe: Preprocess) -> tuple[Axis, Axis]:
    """The x and y axis for a picture of `width` x `height`: what the model sees of it, and where that lands."""
    if recipe.resize == "squash":
        return Axis(0, width, 0, recipe.size), Axis(0, height, 0, recipe.size)
    short, long = min(width, height), max(width, height)
    longer = int(recipe.resize_to * long / short)
    across, down = (recipe.resize_to, longer) if width <= height else (longer, recipe.resize_to)
    return _axis(width, across, recipe.size), _axis(height, down, recipe.size)


def _axis(length: int, resized: int, size: int) -> Axis:
    first = max((resized - size) // 2, 0)
    kept = min(resized, size)
    return Axis(first * length / resized, (first + kept) * length / resized, (size - kept) // 2, kept)


def prepare(image: np.ndarray, recipe: Preprocess) -> np.ndarray:
    """(H, W, n) uint8 or float32 in 0..1 -> (size, size, n) of the same type; n is 3 unless all channels are read.

    Overshoots of bicubic and Lanczos are clipped to the range, for floats as for bytes.
    """
    return prepare_decoded(Decoded(image, image.shape[1], image.shape[0]), recipe)


def prepare_decoded(decoded: Decoded, recipe: Preprocess) -> np.ndarray:
    """`prepare` for a picture that was reduced while it was decoded: sizes and crop are those of the full one."""
    across, down = geometry(decoded.width, decoded.height, recipe)
    (left, top), scale = decoded.origin, decoded.scale
    height, width = decoded.image.shape[:2]
    box = (
        min(max(left + across.start * scale, 0), width),
        min(max(top + down.start * scale, 0), height),
        min(left + across.stop * scale, width),
        min(top + down.stop * scale, height),
    )
    pixels = _resample(decoded.image, (across.length, down.length), box, _FILTERS[recipe.interpolation])
    if pixels.shape[:2] == (recipe.size, recipe.size):
        return pixels
    canvas = np.zeros((recipe.size, recipe.size, pixels.shape[2]), pixels.dtype)
    canvas[down.before : down.before + down.length, across.before : across.before + across.length] = pixels
    return canvas


def load(
    path: Path | str,
    recipe: Preprocess,
    decode: Decode = "scaled",
    *,
    reading: Reading = _USUAL,
    page: int = 0,
    max_pixels: int = MAX_PIXELS,
    stamp: Stamp | None = None,
) -> np.ndarray:
    """A file as the model's input, (size, size, n) uint8 or float32 in 0..1; see `read_image` and `prepare`.

    `decode="scaled"` reduces large JPEGs while they are decoded, to at least twice `resize_to`. Raises ImageError.
    """
    at_least = recipe.resize_to if decode == "scaled" else None
    decoded = read_scaled(
        path, at_least=at_least, reading=reading, page=page, max_pixels=max_pixels, stamp=stamp
    )
    return prepare_decoded(decoded, recipe)


def _resample(
    image: np.ndarray, size: tuple[int, int], box: tuple[float, float, float, float], kernel: Image.Resampling
) -> np.ndarray:
    """`box` of (H, W, n) pixels as `size` (width, height); pixels around the box count at its edges."""
    left, top, right, bottom = box
    reach = _REACH[kernel] * max((bottom - top) / size[1], 1) + 1
    first, last = max(int(top - reach), 0), min(int(bottom + reach) + 1, image.shape[0])
    rows = image[first:last]

    # Rows first, always, as torchvision does it: Pillow 13 swaps the passes for tall pictures, and with bytes
    # between them the order shows. Each call does one pass only, since the other axis stays whole. The exception
    # is a picture so tall that the first pass would make a bomb of it.
    height, width = rows.shape[:2]
    rows_first = height * size[0] <= _MAX_BETWEEN

    def resized(pixels: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(pixels)
        if rows_first:
            between = picture.resize((size[0], height), kernel, (left, 0, right, height))
            return np.asarray(between.resize(size, kernel, (0, top - first, size[0], bottom - first)))
        between = picture.resize((width, size[1]), kernel, (0, top - first, width, bottom - first))
        return np.asarray(between.resize(size, kernel, (left, 0, right, size[1])))

    channels = image.shape[2]
    grey = channels > 1 and _is_grey(rows)
    if image.dtype == np.uint8 and channels == 3 and not grey:
        return resized(rows)
    out = np.empty((size[1], size[0], channels), image.dtype)
    for channel in range(channels):
        out[..., channel] = (
            out[..., 0] if channel and grey else resized(np.ascontiguousarray(rows[..., channel]))
        )
    return out if image.dtype == np.uint8 else out.clip(0, 1)


def _is_grey(image: np.ndarray) -> bool:
    """Equal channels: a third of the work for grey pictures stored as RGB, with the same result."""
    for part in (image[::_GLANCE, ::_GLANCE], image):
        first = part[..., 0]
        if not all(np.array_equal(first, part[..., channel]) for channel in range(1, image.shape[2])):
            return False
    return True
