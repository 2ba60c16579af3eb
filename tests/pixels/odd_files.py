"""A folder of everything that a real folder may hold, and what must become of each."""

from __future__ import annotations

import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

SECRET = "secret.png"  # may not be read by anybody but root


def odd_files(root: Path) -> dict[str, str | None]:
    """Fill the empty folder `root`; name -> a part of the reason it must be refused with, or None for a sound image.

    What is passed over without a word (a folder, whatever is not named like an image) is left out of the answer.
    """
    small = np.random.default_rng(7).integers(0, 256, (9, 12, 3), np.uint8)
    picture = Image.fromarray(small).resize((120, 90), Image.Resampling.BICUBIC)
    whole: dict[str, bytes] = {}
    for name in ("whole.jpg", "whole.png", "whole.tif", "whole.webp", "whole.bmp", "whole.gif"):
        picture.save(root / name)
        whole[name] = (root / name).read_bytes()
    png = whole["whole.png"]
    expected: dict[str, str | None] = dict.fromkeys(whole)

    written = {
        "zero bytes.jpg": (b"", "empty (0 bytes)"),
        "text.jpg": (b"I am a note, not a picture.\n" * 5, "text, not an image"),
        "page.png": (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        "archive.tif": (b"PK\x03\x04" + bytes(100), "ZIP"),
        "zeros.bmp": (bytes(5000), "filled with zeros"),
        "noise.gif": (bytes(range(128, 256)) * 4, "not an image of a known format"),
        "bomb.png": (_bomb(png), "60,000 x 60,000 pixels"),
        "wrong ending.png": (whole["whole.jpg"], None),
    }
    for name in whole:
        if name not in ("whole.webp", "whole.bmp", "whole.gif"):
            written[f"cut {name}"] = (whole[name][: len(whole[name]) * 2 // 3], "ends too early")
    for name, (content, reason) in written.items():
        (root / name).write_bytes(content)
        expected[name] = reason

    for name in (
        "two words.png",
        "größe 試料 🙂.png",
        "line\nbreak.png",
        "-rf.png",
        "=cmd() ,;'\".png",
        "x" * 251 + ".png",  # 255 bytes, the most that Linux allows
        os.fsdecode(b"latin\xe9 \xff.png"),
        "UPPER.PNG",
    ):
        (root / name).write_bytes(png)
        expected[name] = None

    for name, size in (("one pixel.png", (1, 1)), ("wide.png", (20_000, 1)), ("tall.jpg", (1, 20_000))):
        Image.new("RGB", size, (9, 99, 199)).save(root / name)
        expected[name] = None
    tifffile.imwrite(root / "not a number.tif", np.full((8, 8), np.nan, np.float32))
    expected["not a number.tif"] = "no finite number"
    tifffile.imwrite(root / "complex.tif", np.ones((8, 8), np.complex64))
    expected["complex.tif"] = "complex numbers"

    (root / "broken link.png").symlink_to("gone.png")
    expected["broken link.png"] = "not there"
    (root / "loop.png").symlink_to("loop.png")
    expected["loop.png"] = "itself"
    (root / "link.png").symlink_to("whole.png")
    expected["link.png"] = None
    (root / "folder.png").mkdir()
    (root / "folder.png" / "inside.png").write_bytes(png)
    expected["folder.png/inside.png"] = None
    (root / "round").symlink_to(root)
    expected["round"] = "listed already"
    os.mkfifo(root / "pipe.png")
    expected["pipe.png"] = "pipe"
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)  # a socket's path may be 108 bytes at most
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
    expected["socket.png"] = "socket"
    (root / SECRET).write_bytes(png)
    (root / SECRET).chmod(0)
    expected[SECRET] = "permission to read" if os.geteuid() else None
    (root / ".hidden.png").write_bytes(png)
    (root / "notes.txt").write_text("No image, no matter.")
    return expected


def _bomb(png: bytes) -> bytes:
    """A small PNG whose header claims 3,600 million pixels, with the checksum that belongs to it."""
    content = bytearray(png)
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)
