"""From a file that nobody vouches for to upright RGB pixels, or one sentence on why not.

The door of the wing: `read_header`, `check_pixels`, `read_image`. What a file is shows in its content, never in its
name. JPEG and PNG are read in `jpeg` and `png`, TIFF in `tiff`, all others by Pillow's plug-in for that one format
(never by `Image.open`, which would try them all and applies a size limit that is global to the process). Numbers
become RGB in `levels`. Nothing here is ever half read: a truncated file is an error, not a grey area.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.WebPImagePlugin import WebPImageFile

from workbench.pixels import jpeg, orientation, png, tiff
from workbench.pixels.levels import Pixels, check_window, from_pillow, to_rgb
from workbench.pixels.source import (
    EXTENSIONS,
    MAX_PIXELS,
    Header,
    ImageError,
    Source,
    Stamp,
    check_size,
    mode_name,
    open_source,
)

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "Decoded",
    "Header",
    "ImageError",
    "Stamp",
    "check_pixels",
    "read_header",
    "read_image",
    "read_scaled",
]

_PLUGINS = {"webp": WebPImageFile, "bmp": BmpImageFile, "gif": GifImageFile}
_MODES = {
    "1": ("grey", 1, 1),
    "L": ("grey", 8, 1),
    "LA": ("grey+alpha", 8, 2),
    "P": ("palette", 8, 3),
    "PA": ("palette", 8, 4),
    "RGB": ("RGB", 8, 3),
    "RGBX": ("RGB", 8, 3),
    "RGBA": ("RGBA", 8, 4),
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """An upright picture that may have been reduced while it was decoded.

    Point (x, y) of the full picture lies at `origin + (x, y) * scale` in `image`; pixel edges, not centres.
    """

    image: np.ndarray  # (h, w, 3) uint8, or float32 in 0..1
    width: int  # of the full picture, pixels
    height: int
    scale: float = 1.0
    origin: tuple[float, float] = (0.0, 0.0)


def read_header(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> Header:
    """Size and pixel type without decoding a pixel. Raises ImageError."""
    with _told_plainly(path), open_source(path) as source:
        if source.format == "jpeg":
            header = jpeg.header(jpeg.read_layout(source, source.file))
        elif source.format == "png":
            header = png.header(png.read_layout(source, source.file, verify=False))
        elif source.format == "tiff":
            with tiff.first_page(source) as page:
                header = tiff.header(page)
        else:
            header = _pillow_header(_PLUGINS[source.format](source.file))
        check_size(source.path, header.width, header.height, max_pixels)
        return header


def check_pixels(path: Path | str, *, max_pixels: int = MAX_PIXELS) -> None:
    """Decode the file and throw the pixels away; JPEG at an eighth of its size, where all data are still read.

    Raises ImageError for whatever `read_image` would refuse.
    """
    with _told_plainly(path), open_source(path) as source:
        if source.format == "jpeg":
            data, layout = _jpeg(source, max_pixels)
            jpeg.decode(source, data, layout, jpeg.FACTORS[0])
        else:
            _native(source, max_pixels)


def read_image(
    path: Path | str,
    *,
    at_least: int | None = None,
    window: str = "full",
    max_pixels: int = MAX_PIXELS,
    stamp: Stamp | None = None,
) -> np.ndarray:
    """(H, W, 3) upright RGB: uint8 from sources of up to 8 bits a channel, float32 in 0..1 from all others.

    `at_least`: pixels; a JPEG is reduced while it is decoded as long as its shorter side stays at least twice this
    long (see `read_scaled` for the exact geometry). `window`: see `levels`. `stamp`: refuse a file that is no longer
    the one that was indexed. Raises ImageError; ValueError for an unknown window.
    """
    return read_scaled(path, at_least=at_least, window=window, max_pixels=max_pixels, stamp=stamp).image


def read_scaled(
    path: Path | str,
    *,
    at_least: int | None = None,
    window: str = "full",
    max_pixels: int = MAX_PIXELS,
    stamp: Stamp | None = None,
) -> Decoded:
    """`read_image` with the geometry of the reduction, for a resampling that is exact to a fraction of a pixel."""
    check_window(window)
    with _told_plainly(path), open_source(path, stamp) as source:
        if source.format == "jpeg":
            data, layout = _jpeg(source, max_pixels)
            factor = jpeg.factor_for(layout, at_least)
            return _upright(jpeg.decode(source, data, layout, factor), layout, factor)
        pixels, turn = _native(source, max_pixels)
        image = orientation.upright(to_rgb(pixels, window), turn)
        return Decoded(image, image.shape[1], image.shape[0])


def _upright(image: np.ndarray, layout: jpeg.Layout, factor: int) -> Decoded:
    width, height = layout.width, layout.height
    if orientation.swaps_sides(layout.orientation):
        width, height = height, width
    upright = orientation.upright(image, layout.orientation)
    # The last column and row of a reduced picture stand for a part of a block only. Reversed, they come first.
    flip_x, flip_y = orientation.flips(layout.orientation)
    origin = (
        upright.shape[1] - width / factor if flip_x else 0.0,
        upright.shape[0] - height / factor if flip_y else 0.0,
    )
    return Decoded(upright, width, height, 1 / factor, origin)


def _jpeg(source: Source, max_pixels: int) -> tuple[bytes, jpeg.Layout]:
    layout = jpeg.read_layout(source, source.file)
    check_size(source.path, layout.width, layout.height, max_pixels)
    return source.read_all(), layout


def _native(source: Source, max_pixels: int) -> tuple[Pixels, int]:
    """Pixels as the file numbers them, and the orientation that is still to be undone."""
    if source.format == "png":
        layout = png.read_layout(source, source.file, verify=False)
        check_size(source.path, layout.width, layout.height, max_pixels)
        data = source.read_all()
        png.read_layout(source, io.BytesIO(data), verify=True)
        return png.decode(data, layout), layout.orientation
    if source.format == "tiff":
        with tiff.first_page(source) as page:
            check_size(source.path, page.imagewidth, page.imagelength, max_pixels)
            tiff.check_segments(source, page, max_pixels)
            return tiff.decode(page), tiff.turn(page)
    image = _PLUGINS[source.format](source.file)
    check_size(source.path, *image.size, max_pixels)
    return from_pillow(image), _pillow_turn(image)


def _pillow_turn(image: Image.Image) -> int:
    block = image.info.get("exif")
    return orientation.of_exif(block) if isinstance(block, bytes) else 1


def _pillow_header(image: Image.Image) -> Header:
    width, height = image.size
    if orientation.swaps_sides(_pillow_turn(image)):
        width, height = height, width
    colour, bits, channels = _MODES.get(image.mode, (image.mode, 8, len(image.getbands())))
    return Header(width, height, mode_name(colour, bits), bits, channels)


@contextmanager
def _told_plainly(path: Path | str) -> Iterator[None]:
    """Whatever a decoder throws at a damaged file becomes an ImageError with a sentence."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(path, "There is not enough memory to decode it.") from error
    except Exception as error:  # decoders raise anything: struct.error, SyntaxError, zlib.error, IndexError
        raise ImageError(path, _sentence(error)) from error


def _sentence(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    if "truncated" in text.lower():
        return "The file ends too early: a part of it is missing."
    if isinstance(error, ValueError) and text[:3] in ("It ", "Its"):
        return text + "."  # one of this wing's own sentences
    detail = text if len(text) > 3 else f"{type(error).__name__} {text}".strip()
    return f"It can't be decoded: it is damaged or of an unusual kind ({detail})."
