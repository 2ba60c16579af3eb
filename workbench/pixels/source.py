"""Opening image files that we don't own: what may be opened, how much it may claim to hold, what it really is.

Every other module of the wing gets its bytes from here. Nothing here decodes a pixel.
"""

from __future__ import annotations

import codecs
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from workbench.records.text import printable

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"}
)
MAX_PIXELS = 1 << 28  # 268 million pixels: 0.8 GB as 8-bit RGB. More is taken for a decompression bomb.
MAX_BYTES = 1 << 31  # of a file that must be read whole, which is every format but TIFF

_HEAD = 64  # bytes that tell a format from its content


class ImageError(ValueError):
    """An image that can't be used. `path` is the file as given, `reason` a sentence in plain words."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{printable(str(path))}: {reason}")
        self.path = Path(path)
        self.reason = reason


class Stamp(NamedTuple):
    """What a file looked like when it was indexed; another size or time means another file."""

    size: int  # bytes
    modified: int  # nanoseconds since the epoch, `os.stat_result.st_mtime_ns`


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of its picture, after EXIF rotation."""

    width: int  # pixels
    height: int  # pixels
    mode: str  # "RGB 8-bit", "grey 16-bit", "palette 8-bit", "grey float 32-bit", "5 channels 16-bit", ...
    bits: int  # per channel
    channels: int  # as stored, alpha included; a palette counts as the three colours it stands for
    colours: (
        int  # channels that a picture can be made of: without alpha; CMYK counts as the three that it prints
    )


@dataclass(frozen=True, slots=True)
class Source:
    """A regular, non-empty file that is open at its beginning, and the format its content shows."""

    path: Path
    file: BinaryIO
    size: int  # bytes
    format: str  # "jpeg", "png", "webp", "bmp", "gif", "tiff"

    def read_all(self) -> bytes:
        """The whole file."""
        if self.size > MAX_BYTES:
            raise ImageError(self.path, f"The file is too large to be read whole ({self.size / 1e9:.1f} GB).")
        self.file.seek(0)
        return self.file.read()


@contextmanager
def open_source(path: Path | str, stamp: Stamp | None = None) -> Iterator[Source]:
    """Open `path` for reading if it is a regular file with the content of an image.

    A pipe, socket or device is told by its kind and never opened for reading, so nothing can block.
    With `stamp`, a file of another size or time is refused. Raises ImageError.
    """
    path = path if isinstance(path, Path) else Path(path)
    file, info = _open_regular(path)
    with file:
        if stamp is not None and (info.st_size, info.st_mtime_ns) != (stamp.size, stamp.modified):
            raise ImageError(path, "The file has changed since the folder was indexed; index it again.")
        if info.st_size == 0:
            raise ImageError(path, "The file is empty (0 bytes).")
        try:
            head = file.read(_HEAD)
            file.seek(0)
        except OSError as error:
            raise ImageError(path, f"The system could not read it: {error.strerror}.") from error
        yield Source(path, file, info.st_size, _format(path, head))


def check_size(path: Path, width: int, height: int, max_pixels: int) -> None:
    """Raise ImageError for a picture without pixels or with more than `max_pixels`; any shape is allowed."""
    if width <= 0 or height <= 0:
        raise ImageError(path, f"It claims a size of {width} x {height} pixels.")
    if width * height > max_pixels:
        raise ImageError(
            path,
            f"It claims {width:,} x {height:,} pixels, more than the limit of {max_pixels / 1e6:,.0f} million "
            "(a guard against files made to exhaust memory; the limit can be raised).",
        )


def mode_name(colour: str, bits: int, kind: str = "") -> str:
    """ "RGB 8-bit", "grey float 32-bit", "grey signed 16-bit"."""
    return " ".join(part for part in (colour, kind, f"{bits}-bit") if part)


def _open_regular(path: Path) -> tuple[BinaryIO, os.stat_result]:
    try:
        _require_regular(path, path.stat().st_mode)
        # Between the two looks the file may be replaced by a pipe: O_NONBLOCK keeps even that from blocking.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise ImageError(path, why_not_opened(path, error)) from error
    except ImageError:
        raise
    except ValueError as error:  # a NUL in the name
        raise ImageError(path, "Its name is not one that this system can open.") from error
    file = os.fdopen(descriptor, "rb")
    try:
        info = os.fstat(descriptor)
        _require_regular(path, info.st_mode)
    except BaseException:
        file.close()
        raise
    return file, info


_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((name for test, name in _KINDS if test(mode)), "something special")
        raise ImageError(path, f"It is {kind}, not a file.")


def why_not_opened(path: Path, error: OSError) -> str:
    """A sentence on what the system said when `path` was to be opened, asked for its size, or read."""
    if error.errno == errno.ENOENT:
        if path.is_symlink():
            return "It is a link to a file that is not there."
        return "The file is not there any more (moved, renamed or deleted?)."
    return {
        errno.ELOOP: "It is a link that leads back to itself.",
        errno.EACCES: "You have no permission to read it.",
        errno.EPERM: "You have no permission to read it.",
        errno.ENAMETOOLONG: "Its name is too long for this system.",
        errno.ENOTDIR: "A part of its path is a file, not a folder.",
        errno.EMFILE: "Too many files are open at once.",
        errno.EIO: "The disk reports a read error.",
    }.get(error.errno or 0, f"The system could not open it: {error.strerror}.")


_OTHERS = (
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image, which is not supported"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image, which is not supported"),
    (b"\xff\x0a", "a JPEG XL image, which is not supported"),
    (b"\x89HDF", "an HDF5 file"),
)


def _format(path: Path, head: bytes) -> str:
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    if head[:2] == b"BM" and len(head) >= 26:
        return "bmp"
    raise ImageError(path, f"It is {_guess(head)}.")


def _guess(head: bytes) -> str:
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "an HEIC, AVIF or video file, which is not supported"
    if not any(head):
        return "filled with zeros, not an image"
    try:
        start = codecs.getincrementaldecoder("utf-8")().decode(head).lstrip("\ufeff \t\r\n").lower()
    except UnicodeDecodeError:
        return "not an image of a known format"
    if start.startswith(("<!doctype html", "<html")):
        return "a web page, not an image"
    plain = "".join(start.split()).isprintable()
    return "text, not an image" if plain else "not an image of a known format"
