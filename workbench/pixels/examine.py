"""One look at a file for the index: is it sound, what is in it, how its levels lie and what it looks like.

Nothing of this depends on the window or on the choice of channels, which the expert may change at any time without
the files being read again; only `Reading.pages` does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.pixels import jpeg, orientation, tiff
from workbench.pixels.decode import MAX_PIXELS, Header, ImageError, native, read_jpeg, told_plainly
from workbench.pixels.levels import Pixels, check_channels, to_picture, used
from workbench.pixels.signature import signature
from workbench.pixels.source import Source, open_source
from workbench.records.spec import Reading

_USUAL = Reading()
_ALL = Reading(channels="all")
_SHORTEST = 64  # pixels: a JPEG that is reduced for its signature keeps at least this on its shorter side
_ENOUGH = 256  # pixels along a side: deep pictures are reduced to no less than this for their signature
_VALUES = 1 << 20  # numbers that levels are taken from


@dataclass(frozen=True, slots=True)
class Examined:
    """One sound image: a file, or a page of it."""

    page: int  # of a TIFF, counted from 0
    header: Header
    levels: (
        np.ndarray
    )  # (4,) float32: minimum, 1st percentile, 99th percentile, maximum; see `measure_levels`
    signature: bytes  # 40, see `pixels/signature.py`


def examine(path: Path | str, *, reading: Reading = _USUAL, max_pixels: int = MAX_PIXELS) -> list[Examined]:
    """Open `path` once and decode each of its images once; the first page of a TIFF, or as `reading` takes pages.

    A JPEG is decoded at an eighth of its size, where all of its data are still read, or at the strongest reduction
    that leaves 64 pixels on the shorter side; its levels are those of the reduced picture's brightness.

    Raises ImageError for whatever `read_image` would refuse under `reading`, and for a file of which one page is bad.
    """
    with told_plainly(path), open_source(path) as source:
        if source.format == "jpeg":
            data, layout = read_jpeg(source, max_pixels)
            short = min(layout.width, layout.height)
            factor = next((factor for factor in jpeg.FACTORS if short >= _SHORTEST * factor), 1)
            header = jpeg.header(layout)
            check_channels(header.colours, reading)
            pixels = Pixels(jpeg.decode(source, data, layout, factor, "GRAY"), "rgb", 8)
            return [_examined(0, header, pixels, layout.orientation)]
        if source.format == "tiff" and reading.pages == "each":
            return list(_each_page(source, reading, max_pixels))
        header, pixels, turn = native(source, reading, 0, max_pixels)
        check_channels(pixels.num_colours, reading)
        return [_examined(0, header, pixels, turn)]


def _each_page(source: Source, reading: Reading, max_pixels: int) -> Iterator[Examined]:
    with tiff.opened(source) as file:
        numbers = tiff.pictures(source, file)
        for number in numbers:
            try:
                with told_plainly(source.path):
                    header, pixels, turn = tiff.read(source, file, [number], max_pixels)
                    check_channels(pixels.num_colours, reading)
                    yield _examined(number, header, pixels, turn)
            except ImageError as error:
                if len(numbers) == 1:
                    raise
                raise ImageError(source.path, f"Page {number + 1}: {error.reason}") from error


def _examined(page: int, header: Header, pixels: Pixels, turn: int) -> Examined:
    levels = measure_levels(pixels.values if pixels.alpha is None else pixels.values[..., pixels.planes])
    picture = orientation.upright(_to_be_seen(pixels, levels), turn)
    return Examined(page, header, levels, signature(picture[..., 0] if picture.shape[2] == 1 else picture))


def measure_levels(values: np.ndarray) -> np.ndarray:
    """(4,) float32 of (H, W, C) numbers: minimum, 1st percentile, 99th percentile, maximum of the finite ones.

    The p-th percentile is the lowest level that at least p % of the numbers don't exceed. Of large pictures, every
    n-th row and column is taken, so that about a million numbers remain. Raises ValueError for complex numbers, and
    where no number is finite.
    """
    step = math.ceil(math.sqrt(values.size / _VALUES))
    taken = (values if step == 1 else values[::step, ::step]).ravel()
    if taken.dtype.kind == "b":
        taken = taken.view(np.uint8)
    if taken.dtype.kind == "c":
        raise ValueError("Its pixels are complex numbers, which have no brightness.")
    if taken.dtype.kind == "f":
        taken = taken[np.isfinite(taken)]
        if not taken.size:
            raise ValueError("It holds no finite number.")
    ranks = [0, math.ceil(0.01 * taken.size) - 1, math.ceil(0.99 * taken.size) - 1, taken.size - 1]
    if taken.dtype.kind == "u" and taken.dtype.itemsize <= 2:
        return np.bincount(taken).cumsum().searchsorted(ranks, side="right").astype(np.float32)
    return np.partition(taken, sorted({*ranks}))[ranks].astype(np.float32)


def _to_be_seen(pixels: Pixels, levels: np.ndarray) -> np.ndarray:
    """What the signature is taken from: (H, W, 1) or (H, W, 3), uint8 or float32 in 0..1.

    A deep picture is shown from its own 1st to its own 99th percentile, since most of them fill little of their type,
    and without its opacity.
    """
    if pixels.values.dtype == np.uint8 and pixels.colour == "rgb" and pixels.values.shape[2] in (1, 3):
        return pixels.values  # most pictures, and no time lost on them
    if pixels.values.dtype.itemsize == 1 or pixels.colour == "cmyk":
        return to_picture(pixels, _ALL if pixels.num_colours in (1, 3) else _USUAL)
    low, high = (levels[1], levels[2]) if levels[2] > levels[1] else (levels[0], levels[3])
    if low == high:
        return np.zeros((1, 1, 1), np.float32)
    small = np.nan_to_num(_reduced(used(pixels)), nan=low, posinf=high, neginf=low)
    shown = ((small - low) / (high - low)).clip(0, 1)
    if pixels.colour == "white-is-zero":
        shown = 1 - shown
    if shown.shape[2] == 2:
        shown = np.concatenate([shown, np.zeros_like(shown[..., :1])], axis=2)
    return shown


def _reduced(values: np.ndarray) -> np.ndarray:
    """(h, w, C) float32 means of whole blocks, each side of at least _ENOUGH pixels unless it was shorter."""
    down, across = (max(side // _ENOUGH, 1) for side in values.shape[:2])
    rows, columns = values.shape[0] // down, values.shape[1] // across
    blocks = values[: rows * down, : columns * across].reshape(rows, down, columns, across, -1)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
