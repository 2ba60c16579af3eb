"""PNG: the header and every checksum by our own walk over the chunks, the pixels by libpng (imagecodecs).

Not by Pillow, which reads past a wrong checksum of the pixel data, fills up pictures whose pixels stop early and
narrows 16-bit colour to 8 bits, all without a word.
A wrong checksum of an ancillary chunk (a text, a date) is harmless; a critical chunk's is damage.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO, NamedTuple

import imagecodecs

from workbench.pixels import orientation
from workbench.pixels.levels import Colour, Pixels
from workbench.pixels.source import Header, ImageError, Source, mode_name

_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_COLOURS = {
    _GREY: ("grey", 1),
    _RGB: ("RGB", 3),
    _PALETTE: ("palette", 3),
    _GREY_ALPHA: ("grey+alpha", 2),
    _RGBA: ("RGBA", 4),
}
_CUT = "The PNG ends too early: a part of the file is missing."
_DAMAGED = "The PNG is damaged: a checksum does not match."
_CRITICAL = 0x20  # this bit of a chunk name's first letter is clear in a critical chunk


class Layout(NamedTuple):
    """The IHDR chunk and the orientation; width and height as stored."""

    width: int
    height: int
    depth: int
    colour: int
    orientation: int


def read_layout(source: Source, file: BinaryIO, *, verify: bool) -> Layout:
    """Walk the chunks of `file`; with `verify`, hold the checksum of every critical one. Raises ImageError."""
    shape: tuple[int, int, int, int] | None = None
    turn = 1
    offset = 8
    while True:
        file.seek(offset)
        start = file.read(8)
        name, length = start[4:], int.from_bytes(start[:4])
        offset += length + 12
        if len(start) < 8 or offset > source.size:
            raise ImageError(source.path, _CUT)
        if verify and not name[0] & _CRITICAL:
            body = file.read(length)
            if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(file.read(4)):
                raise ImageError(source.path, _DAMAGED)
        if shape is None:
            if name != b"IHDR" or length != 13:
                raise ImageError(source.path, "The PNG has no valid header.")
            file.seek(offset - 17)
            ihdr = file.read(13)
            if ihdr[9] not in _COLOURS:
                raise ImageError(source.path, "The PNG has no valid header.")
            shape = (int.from_bytes(ihdr[:4]), int.from_bytes(ihdr[4:8]), ihdr[8], ihdr[9])
        elif name == b"eXIf":
            file.seek(offset - length - 4)
            turn = orientation.of_exif(file.read(length))
        elif name == b"IEND":
            return Layout(*shape, turn)


def header(layout: Layout) -> Header:
    """The header as it is shown, after rotation."""
    width, height = layout.width, layout.height
    if orientation.swaps_sides(layout.orientation):
        width, height = height, width
    colour, channels = _COLOURS[layout.colour]
    colours = channels - (layout.colour in (_GREY_ALPHA, _RGBA))
    return Header(width, height, mode_name(colour, layout.depth), layout.depth, channels, colours)


def decode(data: bytes, layout: Layout) -> Pixels:
    """Pixels, not yet rotated; palettes looked up, transparency notes made alpha, 1 to 4 bits spread to 8.

    Raises libpng's errors.
    """
    values = imagecodecs.png_decode(data)
    values = values[..., None] if values.ndim == 2 else values
    colour: Colour = "grey" if layout.colour in (_GREY, _GREY_ALPHA) else "rgb"
    alpha = values.shape[2] - 1 if values.shape[2] in (2, 4) else None
    return Pixels(values, colour, 8 * values.dtype.itemsize, alpha)
