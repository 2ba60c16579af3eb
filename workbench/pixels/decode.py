"""From a file that nobody vouches for to an upright picture, or one sentence on why not.

The door of the wing: `read_header`, `read_image`, and `examine` beside it. What a file is shows in its content, never
in its name. JPEG and PNG are read in `jpeg` and `png`, TIFF in `tiff`, all others by Pillow's plug-in for that one
format (never by `Image.open`, which would try them all and applies a size limit that is global to the process).
Numbers become a picture in `levels`. Nothing here is ever half read: a truncated file is an error, not a grey area.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.WebPImagePlugin import WebPImageFile

from workbench.pixels import jpeg, orientation, png, tiff
from workbench.pixels.levels import Pixels, from_pillow, to_picture
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
from workbench.records.spec import Reading

if TYPE_CHECKING:
    from tifffile import TiffFile

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "Decoded",
    "Header",
    "ImageError",
    "Stamp",
    "page_numbers",
    "read_header",
    "read_image",
    "read_native",
    "read_scaled",
    "settled",
]

_USUAL = Reading()
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

    image: np.ndarray  # (h, w, n) uint8, or float32 in 0..1; n is 3 unless all channels are read
    width: int  # of the full picture, pixels
    height: int
    scale: float = 1.0
    origin: tuple[float, float] = (0.0, 0.0)


def read_header(
    path: Path | str, *, reading: Reading = _USUAL, page: int = 0, max_pixels: int = MAX_PIXELS
) -> Header:
    """Size and pixel type without decoding a pixel; of page `page` (from 0) of a TIFF, or of all its pages where
    `reading` takes them for channels. Raises ImageError."""
    with told_plainly(path), open_source(path) as source:
        if source.format == "tiff":
            with tiff.opened(source) as file:
                return tiff.describe(source, file, _numbers(source, file, reading, page), max_pixels)
        _require_first(source, page)
        if source.format == "jpeg":
            header = jpeg.header(jpeg.read_layout(source, source.file))
        elif source.format == "png":
            header = png.header(png.read_layout(source, source.file, verify=False))
        else:
            header = _pillow_header(_by_pillow(source))
        check_size(source.path, header.width, header.height, max_pixels)
        return header


def page_numbers(path: Path | str) -> list[int]:
    """The pages of a TIFF that are pictures of their own, which smaller copies and masks of others are not; [0] for
    every other format. Raises ImageError."""
    with told_plainly(path), open_source(path) as source:
        if source.format != "tiff":
            return [0]
        with tiff.opened(source) as file:
            return tiff.pictures(source, file)


def settled(reading: Reading, path: Path | str, *, page: int = 0, max_pixels: int = MAX_PIXELS) -> Reading:
    """`reading`, with the number of channels of `path` where it takes all of them: "all" becomes "all:5".

    So every picture of a data set must have as many as this one. Raises ImageError.
    """
    if reading.num_channels is not None:
        return reading
    header = read_header(path, reading=reading, page=page, max_pixels=max_pixels)
    return replace(reading, channels=f"all:{header.colours}")


def read_image(
    path: Path | str,
    *,
    at_least: int | None = None,
    reading: Reading = _USUAL,
    page: int = 0,
    max_pixels: int = MAX_PIXELS,
    stamp: Stamp | None = None,
) -> np.ndarray:
    """(H, W, 3) upright RGB: uint8 from sources of up to 8 bits a channel, float32 in 0..1 from all others.

    (H, W, n) where `reading` takes all channels. `at_least`: pixels; a JPEG is reduced while it is decoded as long as
    its shorter side stays at least twice this long (see `read_scaled` for the exact geometry). `page`: of a TIFF,
    counted from 0. `stamp`: refuse a file that is no longer the one that was indexed. Raises ImageError.
    """
    return read_scaled(
        path, at_least=at_least, reading=reading, page=page, max_pixels=max_pixels, stamp=stamp
    ).image


def read_scaled(
    path: Path | str,
    *,
    at_least: int | None = None,
    reading: Reading = _USUAL,
    page: int = 0,
    max_pixels: int = MAX_PIXELS,
    stamp: Stamp | None = None,
) -> Decoded:
    """`read_image` with the geometry of the reduction, for a resampling that is exact to a fraction of a pixel."""
    with told_plainly(path), open_source(path, stamp) as source:
        if source.format == "jpeg":
            _require_first(source, page)
            data, layout = read_jpeg(source, max_pixels)
            factor = jpeg.factor_for(layout, at_least)
            if reading.channels == "first":
                image = jpeg.decode(source, data, layout, factor)
            else:
                image = to_picture(jpeg.native(source, data, layout, factor), reading)
            return _upright(image, layout, factor)
        _, pixels, turn = native(source, reading, page, max_pixels)
        image = orientation.upright(to_picture(pixels, reading), turn)
        return Decoded(image, image.shape[1], image.shape[0])


def read_native(
    path: Path | str, *, reading: Reading = _USUAL, page: int = 0, max_pixels: int = MAX_PIXELS
) -> Pixels:
    """The pixels in the numbers of the file, not turned upright; of `reading`, only `pages` counts.

    Raises ImageError.
    """
    with told_plainly(path), open_source(path) as source:
        if source.format == "jpeg":
            _require_first(source, page)
            return jpeg.native(source, *read_jpeg(source, max_pixels))
        return native(source, reading, page, max_pixels)[1]


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


def read_jpeg(source: Source, max_pixels: int) -> tuple[bytes, jpeg.Layout]:
    """The bytes of a JPEG and what stands before its first scan. Raises ImageError."""
    layout = jpeg.read_layout(source, source.file)
    check_size(source.path, layout.width, layout.height, max_pixels)
    return source.read_all(), layout


def native(source: Source, reading: Reading, page: int, max_pixels: int) -> tuple[Header, Pixels, int]:
    """Of anything but a JPEG: header, pixels as the file numbers them, and the orientation that is yet to be undone.

    Of `reading`, only `pages` counts. Raises ImageError and whatever decoders raise.
    """
    if source.format == "tiff":
        with tiff.opened(source) as file:
            return tiff.read(source, file, _numbers(source, file, reading, page), max_pixels)
    _require_first(source, page)
    if source.format == "png":
        layout = png.read_layout(source, source.file, verify=False)
        check_size(source.path, layout.width, layout.height, max_pixels)
        data = source.read_all()
        png.read_layout(source, io.BytesIO(data), verify=True)
        return png.header(layout), png.decode(data, layout), layout.orientation
    image = _by_pillow(source)
    check_size(source.path, *image.size, max_pixels)
    return _pillow_header(image), from_pillow(image), _pillow_turn(image)


def _numbers(source: Source, file: TiffFile, reading: Reading, page: int) -> list[int]:
    """The pages of a TIFF that make picture `page`."""
    if reading.pages != "channels":
        return [page]
    _require_first(source, page)
    return tiff.pictures(source, file)


def _require_first(source: Source, page: int) -> None:
    if page:
        raise tiff.missing_page(source, page, 1)


def _by_pillow(source: Source) -> Image.Image:
    """The picture as Pillow opens it, not yet decoded. Raises ImageError and Pillow's errors."""
    try:
        return _PLUGINS[source.format](source.file)
    except Exception as error:
        if source.format == "webp" and source.size < 8 + int.from_bytes(source.read_all()[4:8], "little"):
            raise ImageError(
                source.path, "The WebP ends too early: a part of the file is missing."
            ) from error
        raise


def _pillow_turn(image: Image.Image) -> int:
    block = image.info.get("exif")
    return orientation.of_exif(block) if isinstance(block, bytes) else 1


def _pillow_header(image: Image.Image) -> Header:
    width, height = image.size
    if orientation.swaps_sides(_pillow_turn(image)):
        width, height = height, width
    colour, bits, channels = _MODES.get(image.mode, (image.mode, 8, len(image.getbands())))
    colours = 3 if image.mode == "CMYK" else channels - (image.mode in ("LA", "PA", "RGBA"))
    return Header(width, height, mode_name(colour, bits), bits, channels, colours)


@contextmanager
def told_plainly(path: Path | str) -> Iterator[None]:
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
    if isinstance(error, UnicodeError) or len(text) <= 3:  # a decoder that can't even say what is wrong
        return "It can't be decoded: it is damaged or of an unusual kind."
    return f"It can't be decoded: it is damaged or of an unusual kind ({text})."
