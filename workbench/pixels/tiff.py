"""TIFF by tifffile: the first page, in its own numbers, whatever the depth, compression or layout.

Pillow would turn 16-bit and float pages white or black when it makes them RGB; this way never does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from workbench.pixels import orientation
from workbench.pixels.levels import Colour, Pixels
from workbench.pixels.source import Header, ImageError, Source, mode_name

if TYPE_CHECKING:
    from tifffile import TiffPage

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR, _LINEAR_RAW = 0, 1, 2, 3, 5, 6, 34892
_COLOURS: dict[int, Colour] = {
    _WHITE_IS_ZERO: "white-is-zero",
    _BLACK_IS_ZERO: "grey",
    _RGB: "rgb",
    _PALETTE: "rgb",
    _INKS: "cmyk",
    _YCBCR: "rgb",  # tifffile hands JPEG-compressed YCbCr out as RGB and refuses every other
    _LINEAR_RAW: "rgb",
}
_NEEDED = {"rgb": 3, "cmyk": 4}
_PREMULTIPLIED, _STRAIGHT = 1, 2  # ExtraSamples; 0, "unspecified", is data and not opacity
_SPARSE_TAGS = (42112, 42113)  # GDAL's: only its files may leave tiles out, meaning "no data"


@contextmanager
def first_page(source: Source) -> Iterator[TiffPage]:
    """The first page of the file. Raises tifffile's errors."""
    import tifffile  # here, because most folders hold no TIFF

    source.file.seek(0)
    with tifffile.TiffFile(source.file, name=source.path.name) as tiff:
        yield tiff.pages.first


def turn(page: TiffPage) -> int:
    """The orientation tag, 1 to 8."""
    value = page.tags.valueof(orientation.TAG, 1)
    return orientation.valid(value) if isinstance(value, int) else 1


def header(page: TiffPage) -> Header:
    """The header as it is shown, after rotation."""
    width, height = page.imagewidth, page.imagelength
    if orientation.swaps_sides(turn(page)):
        width, height = height, width
    bits, channels = _bits(page), page.samplesperpixel
    kind = {2: "signed", 3: "float", 5: "complex", 6: "complex"}.get(_sample_format(page), "")
    if page.photometric == _PALETTE:
        return Header(width, height, mode_name("palette", bits), bits, 3)
    colour = _COLOURS.get(page.photometric, "channels")
    alpha = _alpha(page) is not None
    name = {
        ("grey", 1): "grey",
        ("white-is-zero", 1): "grey",
        ("grey", 2): "grey+alpha" if alpha else "2 channels",
        ("rgb", 3): "RGB",
        ("rgb", 4): "RGBA" if alpha else "4 channels",
        ("cmyk", 4): "CMYK",
    }.get((colour, channels), f"{channels} channels")
    return Header(width, height, mode_name(name, bits, kind), bits, channels)


def check_segments(source: Source, page: TiffPage, max_pixels: int) -> None:
    """Raise ImageError where strips or tiles lie beyond the end of the file, are missing, or claim too much."""
    wanted = math.prod(page.chunked)
    offsets, counts = page.dataoffsets, page.databytecounts
    if page.is_tiled and page.tilewidth * page.tilelength > max_pixels:
        raise ImageError(source.path, "Its tiles claim more pixels than the limit allows.")
    total = sum(counts)
    beyond = sum(
        max(min(start + count - source.size, count), 0) for start, count in zip(offsets, counts, strict=False)
    )
    if beyond:
        share = max(round(100 * beyond / total), 1)
        raise ImageError(source.path, f"The TIFF ends too early: {share} % of its pixel data is missing.")
    missing = wanted - sum(count > 0 for count in counts[:wanted])
    if missing > 0 and not any(tag in page.tags for tag in _SPARSE_TAGS):
        raise ImageError(
            source.path, f"The TIFF is incomplete: {missing} of its {wanted} strips or tiles are missing."
        )


def decode(page: TiffPage) -> Pixels:
    """The page's pixels, not yet rotated. Raises tifffile's errors, and ValueError for unknown colours."""
    if page.photometric not in _COLOURS:
        name = getattr(page.photometric, "name", str(page.photometric))
        raise ValueError(f"Its colours are stored as {name}, which is not supported.")
    # One worker: the loader's threads each decode a file of their own.
    values, axes = page.asarray(maxworkers=1), page.axes
    for axis in reversed([place for place, name in enumerate(axes) if name not in "YXS"]):
        values, axes = values.take(0, axis), axes[:axis] + axes[axis + 1 :]
    values = np.moveaxis(values, axes.index("S"), 2) if "S" in axes else values[..., None]
    if page.photometric == _PALETTE:
        return Pixels(_look_up(page, values[..., 0]), "rgb", 8)
    colour = _COLOURS[page.photometric]
    alpha = _alpha(page)
    colours = values.shape[2] - (alpha is not None)
    if colours < _NEEDED.get(colour, 1):
        raise ValueError(f"It has {colours} channels where its colours need {_NEEDED[colour]}.")
    if colour == "grey" and colours > 1:
        colour = "channels"
    premultiplied = alpha is not None and _PREMULTIPLIED in page.extrasamples
    return Pixels(values, colour, _bits(page), alpha, premultiplied)


def _bits(page: TiffPage) -> int:
    bits = page.bitspersample
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _sample_format(page: TiffPage) -> int:
    value = page.sampleformat
    return int(value[0]) if isinstance(value, tuple) else int(value)


def _alpha(page: TiffPage) -> int | None:
    """The channel of the first extra sample that is declared to be opacity."""
    first = page.samplesperpixel - len(page.extrasamples)
    for place, kind in enumerate(page.extrasamples):
        if kind in (_PREMULTIPLIED, _STRAIGHT):
            return first + place
    return None


def _look_up(page: TiffPage, indices: np.ndarray) -> np.ndarray:
    colours = page.colormap
    if colours is None:
        raise ValueError("It has a palette picture without a palette.")
    # TIFF 6.0 palettes are 16-bit; some programs write 8-bit numbers, which libtiff recognises the same way.
    table = (colours if colours.max() < 256 else colours >> 8).astype(np.uint8).T
    return table[indices]
