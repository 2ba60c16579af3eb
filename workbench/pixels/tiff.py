"""TIFF by tifffile: one page, or pages stacked as channels, in their own numbers, whatever the depth or compression.

Pillow would turn 16-bit and float pages white or black when it makes them RGB; this way never does. Pages are counted
from 0 along the file's own chain; `chain` follows it itself, because tifffile takes a broken chain for a short one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from workbench.pixels import jpeg, orientation
from workbench.pixels.levels import Colour, Pixels
from workbench.pixels.source import Header, ImageError, Source, check_size, mode_name

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR, _LINEAR_RAW = 0, 1, 2, 3, 5, 6, 34892
_COLOURS: dict[int, Colour] = {
    _WHITE_IS_ZERO: "white-is-zero",
    _BLACK_IS_ZERO: "grey",
    _RGB: "rgb",
    _PALETTE: "rgb",
    _INKS: "cmyk",
    _YCBCR: "rgb",  # if compressed as JPEG, which tifffile hands out as RGB; see `decode`
    _LINEAR_RAW: "rgb",
}
_NEEDED = {"rgb": 3, "cmyk": 4}
_JPEG = (6, 7, 34892, 33007)  # compressions
_PREMULTIPLIED, _STRAIGHT = 1, 2  # ExtraSamples; 0, "unspecified", is data and not opacity
_MOST_CHANNELS = 4  # numbers a pixel, where a picture has as many pixels as it may have
_SPARSE_TAGS = (42112, 42113)  # GDAL's: only its files may leave tiles out, meaning "no data"


@contextmanager
def opened(source: Source) -> Iterator[TiffFile]:
    """The file as tifffile opens it. Raises tifffile's errors."""
    import tifffile  # here, because most folders hold no TIFF

    source.file.seek(0)
    with tifffile.TiffFile(source.file, name=source.path.name) as file:
        yield file


def chain(source: Source) -> list[int]:
    """Where each page of the file begins, bytes. Raises ImageError where the chain of pages is broken."""
    source.file.seek(0)
    head = source.file.read(16).ljust(16, b"\0")
    order = "<" if head[:2] == b"II" else ">"
    large = struct.unpack_from(order + "H", head, 2)[0] == 43
    (where,) = struct.unpack_from(order + ("Q" if large else "I"), head, 8 if large else 4)
    count, link, entry = (order + "Q", order + "Q", 20) if large else (order + "H", order + "I", 12)
    found: dict[int, None] = {}
    while where:
        if where in found:
            raise ImageError(source.path, "The TIFF is damaged: its pages lead back to an earlier one.")
        try:
            source.file.seek(where)
            (entries,) = struct.unpack(count, source.file.read(struct.calcsize(count)))
            found[where] = None
            source.file.seek(where + struct.calcsize(count) + entries * entry)
            (where,) = struct.unpack(link, source.file.read(struct.calcsize(link)))
        except (struct.error, OverflowError, ValueError, OSError):
            raise ImageError(
                source.path, f"The TIFF ends too early: what follows page {max(len(found), 1)} is missing."
            ) from None
    return list(found)


def pictures(source: Source, file: TiffFile) -> list[int]:
    """The pages that are pictures of their own; smaller copies and masks of others are passed over."""
    numbers = range(1, len(chain(source)))
    return [0, *(n for n in numbers if not (file.pages[n].is_reduced or file.pages[n].is_mask))]


def describe(source: Source, file: TiffFile, numbers: Sequence[int], max_pixels: int) -> Header:
    """The header of a page, or of several as the channels of one picture. Raises ImageError."""
    pages = _pages(source, file, numbers)
    heads = [header(page) for page in pages]
    first = heads[0]
    check_size(source.path, first.width, first.height, max_pixels)
    if sum(math.prod(page.shape) for page in pages) > _MOST_CHANNELS * max_pixels:
        raise ImageError(
            source.path,
            f"It claims {sum(head.channels for head in heads)} channels of {first.width:,} x {first.height:,} "
            f"pixels, more than the limit of {max_pixels / 1e6:,.0f} million pixels allows.",
        )
    if len(pages) == 1:
        return first
    for page, head in zip(pages, heads, strict=True):
        if (head.width, head.height) != (first.width, first.height) or turn(page) != turn(pages[0]):
            differ = f"size ({_size(first)} and {_size(head)} pixels)"
        elif head.mode != first.mode or page.photometric != pages[0].photometric:
            differ = f"kind ({first.mode} and {head.mode})"
        else:
            continue
        raise ImageError(
            source.path, f"Its pages differ in {differ}, so that they can't be the channels of one image."
        )
    if _COLOURS.get(pages[0].photometric) == "cmyk":
        raise ImageError(
            source.path, "Its pages are CMYK pictures, which can't be the channels of one image."
        )
    channels = first.colours * len(pages)
    kind = " ".join(word for word in first.mode.split() if word in ("signed", "float", "complex"))
    mode = mode_name(f"{channels} channels", first.bits, kind)
    return Header(first.width, first.height, mode, first.bits, channels, channels)


def read(
    source: Source, file: TiffFile, numbers: Sequence[int], max_pixels: int
) -> tuple[Header, Pixels, int]:
    """Header, pixels that are not yet rotated, and orientation of a page, or of several as the channels of one.

    Opacity of stacked pages is left out. Raises ImageError, tifffile's errors, and ValueError for unknown colours.
    """
    head = describe(source, file, numbers, max_pixels)
    pages = _pages(source, file, numbers)
    for page in pages:
        check_segments(source, page, max_pixels)
        if page.compression in _JPEG:
            _check_jpegs(source, page)
    parts = [decode(page) for page in pages]
    first = parts[0]
    if len(parts) > 1:
        values = np.concatenate([part.values[..., part.planes] for part in parts], axis=2)
        colour: Colour = "white-is-zero" if first.colour == "white-is-zero" else "channels"
        first = Pixels(values, colour, first.bits)
    return head, first, turn(pages[0])


def _pages(source: Source, file: TiffFile, numbers: Sequence[int]) -> list[TiffPage]:
    if list(numbers) == [0]:
        return [file.pages.first]
    number = len(chain(source))
    if not 0 <= max(numbers) < number:
        raise missing_page(source, max(numbers), number)
    return [file.pages[place] for place in numbers]


def missing_page(source: Source, page: int, number: int) -> ImageError:
    """What to raise where page `page`, counted from 0, is asked for and there are only `number`."""
    has = f"{number} page{'' if number == 1 else 's'}"
    return ImageError(
        source.path, f"It has {has}, so that there is no page {page + 1}. Index the folder again."
    )


def _size(head: Header) -> str:
    return f"{head.width} x {head.height}"


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
        return Header(width, height, mode_name("palette", bits), bits, 3, 3)
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
    colours = 3 if colour == "cmyk" else channels - alpha
    return Header(width, height, mode_name(name, bits, kind), bits, channels, colours)


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


def _check_jpegs(source: Source, page: TiffPage) -> None:
    """Raise ImageError where a strip or tile of JPEG data is cut or damaged; tifffile paints over it in silence."""
    tables = page.jpegtables
    for start, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if not count:
            continue
        source.file.seek(start)
        data = source.file.read(count)
        if not data.startswith(b"\xff\xd8"):
            continue  # JPEG of TIFF 6.0, whose parts are spread over the file
        jpeg.check_part(source, data if tables is None else tables.removesuffix(b"\xff\xd9") + data[2:])


def decode(page: TiffPage) -> Pixels:
    """The page's pixels, not yet rotated. Raises tifffile's errors, and ValueError for unknown colours."""
    if page.photometric not in _COLOURS:
        name = getattr(page.photometric, "name", str(page.photometric))
        raise ValueError(f"Its colours are stored as {name}, which is not supported.")
    if page.photometric == _YCBCR and page.compression not in _JPEG:
        raise ValueError("Its colours are stored as YCbCr without JPEG compression, which is not supported.")
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
