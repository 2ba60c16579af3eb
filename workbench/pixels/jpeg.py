"""JPEG: the header without a decoder, pixels through libjpeg-turbo, and what its warnings mean.

JPEG has no checksum, and libjpeg paints over damage and only warns. So decoding is strict (the first warning stops
it) and the warning is judged:

- "premature end", "corrupt data", "inconsistent progression": pixels are missing or wrong. Refused, with two
  exceptions that leave every pixel in place: only the end mark is missing (the rest decodes without a warning once
  the mark is put back; sequential files only), or the bytes left over before the end mark are nothing but zeros
  (padding that some cameras write). Other left-over bytes are what a damaged middle looks like: the decoder lost
  its place and finished early.
- all other complaints (unknown JFIF revision, odd scan parameters, unusual chroma layouts): Pillow's decoder has
  the say; it raises on hard errors and on a file that ends early.

Damage that happens to leave the stream in step can't be told from another picture by any decoder.
"""

from __future__ import annotations

import io
import re
from typing import BinaryIO, Literal, NamedTuple

import numpy as np
import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from workbench.pixels import orientation
from workbench.pixels.levels import Pixels, from_pillow, to_picture
from workbench.pixels.source import Header, ImageError, Source, mode_name

FACTORS = (8, 4, 2, 1)  # the scales with SIMD code: 3/8 to 7/8 take longer than the next larger of these

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
_COLOURS = {1: "grey", 3: "RGB", 4: "CMYK"}
_DAMAGE = ("premature end", "corrupt jpeg data", "inconsistent progression")
_CUT = "The JPEG ends too early: a part of the file is missing."
_DAMAGED = "The JPEG is damaged inside: its pixels can't all be told."
_END = b"\xff\xd9"
_READ_AHEAD = 8  # bytes of padding that libjpeg has in hand when it finishes, and doesn't count as left over


class Layout(NamedTuple):
    """What stands before the first scan; width and height as stored, before EXIF rotation."""

    width: int
    height: int
    components: int
    precision: int
    orientation: int
    progressive: bool
    scan: int  # offset of the first scan


def read_layout(source: Source, file: BinaryIO) -> Layout:
    """Walk the markers from the start of `file` to the first scan. Raises ImageError."""
    frame: tuple[int, int, int, int, bool] | None = None
    turn: int | None = None
    file.seek(2)
    while True:
        byte = file.read(1)
        if not byte:
            raise ImageError(source.path, "The JPEG ends before its picture begins.")
        if byte != b"\xff":
            continue  # stray bytes between segments, which decoders skip
        while byte == b"\xff":
            byte = file.read(1)
        marker = byte[0] if byte else 0
        if marker <= 0x01 or 0xD0 <= marker <= 0xD8:
            continue
        length = int.from_bytes(file.read(2))
        if marker == 0xF7:
            raise ImageError(source.path, "It is a JPEG-LS image, which is not supported.")
        if marker == 0xD9 or length < 2:
            raise ImageError(source.path, "The JPEG holds no picture.")
        if marker == 0xDA:
            if frame is None:
                raise ImageError(source.path, "The JPEG has no size in its header.")
            width, height, components, precision, progressive = frame
            return Layout(width, height, components, precision, turn or 1, progressive, file.tell())
        if marker in _FRAMES and frame is None:
            body = file.read(6).ljust(6, b"\0")
            height, width = int.from_bytes(body[1:3]), int.from_bytes(body[3:5])
            frame = (width, height, body[5], body[0], marker in _PROGRESSIVE)
            file.seek(length - 8, io.SEEK_CUR)
        elif marker == 0xE1 and turn is None:
            body = file.read(length - 2)
            if body.startswith(b"Exif\0\0"):
                turn = orientation.of_exif(body)
        else:
            file.seek(length - 2, io.SEEK_CUR)


def header(layout: Layout) -> Header:
    """The header as it is shown, after rotation."""
    width, height = layout.width, layout.height
    if orientation.swaps_sides(layout.orientation):
        width, height = height, width
    colour = _COLOURS.get(layout.components, f"{layout.components} channels")
    colours = 1 if layout.components == 1 else 3
    return Header(
        width, height, mode_name(colour, layout.precision), layout.precision, layout.components, colours
    )


def factor_for(layout: Layout, at_least: int | None) -> int:
    """The strongest reduction that leaves the shorter side at least twice `at_least`; 1 for an exact decode."""
    if at_least is None:
        return 1
    short = min(layout.width, layout.height)
    return next((factor for factor in FACTORS if short >= 2 * at_least * factor), 1)


def native(source: Source, data: bytes, layout: Layout, factor: int = 1) -> Pixels:
    """Like `decode`, with a grey JPEG in one channel."""
    if layout.components != 1:
        return Pixels(decode(source, data, layout, factor), "rgb", 8)
    return Pixels(decode(source, data, layout, factor, "GRAY")[..., :1], "grey", 8)


def decode(
    source: Source, data: bytes, layout: Layout, factor: int = 1, space: Literal["RGB", "GRAY"] = "RGB"
) -> np.ndarray:
    """(ceil(H / factor), ceil(W / factor), 3) uint8 RGB, not yet rotated. Raises ImageError.

    `factor` is one of FACTORS: libjpeg's scaled inverse DCT, each pixel the mean of factor x factor. With "GRAY", the
    brightness that the file keeps apart from its colours, in one channel or more; CMYK remains RGB.
    """
    if layout.components not in _COLOURS:
        raise ImageError(source.path, f"A JPEG with {layout.components} channels is not supported.")
    if layout.precision != 8:
        raise ImageError(
            source.path,
            f"A JPEG of {layout.precision} bits a channel is not supported. Save it as a 16-bit PNG or TIFF.",
        )
    try:
        return _turbo(data, layout, factor, space)
    except ValueError as complaint:
        message = str(complaint).lower()
    if not message.startswith(_DAMAGE):
        return _decode_by_pillow(source, data, layout, factor)
    return _judged(source, data, layout, factor, space, message)


def check_part(source: Source, data: bytes) -> None:
    """Raise ImageError for JPEG data within another file, such as a strip of a TIFF, that are cut or damaged inside.

    Kinds that only the other file's reader knows (12-bit, two channels) are left to it.
    """
    layout = read_layout(source, io.BytesIO(data))
    if layout.precision != 8 or layout.components not in _COLOURS:
        return
    try:
        _turbo(data, layout, FACTORS[0], "GRAY")
    except ValueError as complaint:
        message = str(complaint).lower()
        if message.startswith(_DAMAGE):
            _judged(source, data, layout, FACTORS[0], "GRAY", message)


def _judged(
    source: Source, data: bytes, layout: Layout, factor: int, space: Literal["RGB", "GRAY"], message: str
) -> np.ndarray:
    """The picture, where libjpeg's complaint of damage leaves every pixel in place. Raises ImageError."""
    if message.startswith("premature end of jpeg file"):
        if layout.progressive:
            raise ImageError(source.path, _CUT)
        try:
            return _turbo(data + _END, layout, factor, space)
        except ValueError as still:
            raise ImageError(source.path, _CUT) from still
    if not _is_padding(message, data, layout):
        raise ImageError(source.path, _DAMAGED)
    return _turbo(data, layout, factor, space, strict=False)


def _turbo(data: bytes, layout: Layout, factor: int, space: str, *, strict: bool = True) -> np.ndarray:
    """RGB or grey; with `strict`, raises ValueError with libjpeg's first complaint, warnings included."""
    decoded = simplejpeg.decode_jpeg(
        data,
        "CMYK" if layout.components == 4 else space,
        min_height=-(-layout.height // factor),
        min_width=-(-layout.width // factor),
        min_factor=factor,
        strict=strict,
    )
    if layout.components != 4:
        return decoded
    # Adobe's programs store inks inverted, and every decoder takes all CMYK JPEGs for theirs (Pillow too).
    return to_picture(Pixels(255 - decoded, "cmyk", 8))


def _decode_by_pillow(source: Source, data: bytes, layout: Layout, factor: int) -> np.ndarray:
    try:
        image = JpegImageFile(io.BytesIO(data))
        if factor > 1:
            image.draft(None, (max(layout.width // factor, 1), max(layout.height // factor, 1)))
        return to_picture(from_pillow(image))
    except Exception as error:
        raise ImageError(source.path, f"The JPEG can't be decoded: it is damaged ({error}).") from error


def _is_padding(message: str, data: bytes, layout: Layout) -> bool:
    """Whether all that is left over are zeros, and hardly more zeros stand before the end mark than are left over:
    the others were taken for pixels, so that a part of the file was overwritten."""
    found = re.search(r"(\d+) extraneous bytes before marker 0xd9", message)
    if found is None:
        return False
    over = int(found[1])
    at = data.find(bytes(over) + _END, layout.scan)
    if at < 0:
        return False
    before = data[layout.scan : at]
    return len(before) - len(before.rstrip(b"\0")) <= _READ_AHEAD
