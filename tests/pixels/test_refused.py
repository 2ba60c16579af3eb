"""Every kind of file that must be refused is, with a sentence; none blocks, none comes back half grey."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench.pixels.decode import ImageError, Stamp, read_header, read_image
from workbench.pixels.examine import examine


def photo(width: int = 160, height: int = 120, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8 with enough detail that no part of it compresses away."""
    small = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def saved(path: Path, **options: object) -> Path:
    Image.fromarray(photo()).save(path, **options)
    return path


def reason(path: Path, **options: object) -> str:
    """The one reason that all ways of reading the pixels agree on."""
    with pytest.raises(ImageError) as checked:
        examine(path, **options)
    with pytest.raises(ImageError) as read:
        read_image(path, **options)
    assert checked.value.reason == read.value.reason
    assert checked.value.path == path
    assert checked.value.reason.endswith(".")
    return checked.value.reason


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"hello, this is a note\n" * 9, "text, not an image"),
        ("größer, but text\n".encode() * 9, "text, not an image"),
        (b"<!DOCTYPE html><html><body>404</body></html>" * 3, "web page"),
        (b"%PDF-1.7\n%" + bytes(range(256)), "PDF"),
        (b"PK\x03\x04" + bytes(100), "ZIP"),
        (bytes(4096), "zeros"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(range(200)), "HEIC"),
        (bytes(range(128, 256)), "not an image of a known format"),
        (b"\xff\xd8\xff", "JPEG ends before its picture begins"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\0", "JPEG ends before its picture begins"),
        (b"\xff\xd8\xff\xd9" + bytes(50), "no picture"),
        (b"\x89PNG\r\n\x1a\n", "PNG ends too early"),
        (b"GIF89a", ""),
        (b"BM" + bytes(40), ""),
        (b"II*\0\x08\0\0\0", ""),
        (b"II*\0\xff\xff\xff\x7f" + bytes(60), ""),
        (b"RIFF\x10\0\0\0WEBPVP8 ", ""),
    ],
)
def test_content_that_is_no_image(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(content)
    assert words in reason(path)
    with pytest.raises(ImageError):
        read_header(path)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.jpg", {"quality": 90}),
        ("progressive.jpg", {"quality": 90, "progressive": True}),
        ("restarts.jpg", {"quality": 90, "restart_marker_rows": 1}),
        ("a.png", {}),
        ("a.webp", {}),
        ("lossless.webp", {"lossless": True}),
        ("a.bmp", {}),
        ("a.gif", {}),
        ("raw.tif", {}),
        ("lzw.tif", {"compression": "tiff_lzw"}),
        ("deflate.tif", {"compression": "tiff_adobe_deflate"}),
        ("jpeg.tif", {"compression": "jpeg"}),
    ],
)
@pytest.mark.parametrize("kept", [0.35, 0.7, 0.98])
def test_truncated_files_are_never_read(tmp_path: Path, name: str, options: dict, kept: float) -> None:
    path = saved(tmp_path / name, **options)
    assert read_image(path).shape == (120, 160, 3)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert "early" in reason(path) or "can't be decoded" in reason(path)


def test_a_truncated_tiff_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo(), photometric="rgb", rowsperstrip=4)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - int(0.61 * photo().size)])
    assert "61 % of its pixel data is missing" in reason(path)


def test_a_tiff_without_some_of_its_tiles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo(), photometric="rgb", tile=(32, 32), compression="zlib")
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        counts = tiff.pages.first.tags["TileByteCounts"]
        where, each = counts.valueoffset, counts.dataformat
        content[where : where + struct.calcsize(each)] = bytes(struct.calcsize(each))
    path.write_bytes(content)
    assert "1 of its 20 strips or tiles are missing" in reason(path)


@pytest.mark.parametrize("compression", ["zlib", "lzw"])
def test_a_damaged_tiff_is_refused(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo(), photometric="rgb", compression=compression)
    with tifffile.TiffFile(path) as tiff:
        start, length = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start + length // 2 : start + length // 2 + 400] = b"\xff" * 400
    path.write_bytes(content)
    assert "can't be decoded" in reason(path)


@pytest.mark.parametrize("options", [{"rowsperstrip": 64}, {"tile": (64, 64)}], ids=str)
def test_damaged_jpeg_strips_and_tiles_of_a_tiff_are_refused(tmp_path: Path, options: dict) -> None:
    """tifffile itself takes what libjpeg paints over them."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, photo(), photometric="rgb", compression="jpeg", **options)
    read_image(path)
    with tifffile.TiffFile(path) as tiff:
        start, length = tiff.pages.first.dataoffsets[1], tiff.pages.first.databytecounts[1]
    content = bytearray(path.read_bytes())
    content[start + length // 2 : start + length // 2 + 30] = bytes(30)
    path.write_bytes(content)
    assert tifffile.imread(path).shape == photo().shape
    assert "damaged inside" in reason(path)


def test_ycbcr_numbers_are_not_taken_for_red_green_and_blue(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(photo()).convert("YCbCr").save(path)
    assert "YCbCr" in reason(path)


def test_decoders_that_can_t_say_what_is_wrong_are_not_quoted(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    content = path.read_bytes()
    chunk = struct.pack(">I", 2) + b"ABCDxx" + struct.pack(">I", zlib.crc32(b"ABCDxx"))
    path.write_bytes(content[:33] + chunk + content[33:])  # of a critical kind that no reader knows
    assert "codec" not in reason(path)


def test_a_wrong_png_checksum_is_damage_unless_it_is_a_note_s(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    start = content.index(b"IDAT") + 4
    length = int.from_bytes(content[start - 8 : start - 4])
    content[start + length] ^= 1  # the checksum itself: Pillow reads past it
    path.write_bytes(content)
    assert np.array_equal(np.asarray(Image.open(path)), photo())
    assert "checksum" in reason(path)

    content[start + length] ^= 1
    note = b"tEXtComment\0hi" + b"\0\0\0\0"
    path.write_bytes(content[:33] + struct.pack(">I", 10) + note + content[33:])
    assert np.array_equal(read_image(path), photo())


def test_a_png_whose_pixels_stop_early_inside_whole_chunks_is_refused(tmp_path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    for depth in (8, 16):
        rows = b"".join(b"\0" + bytes([row]) * (64 * depth // 8) for row in range(20))  # 20 of 64 rows
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, depth, 0, 0, 0, 0))
        path = tmp_path / f"{depth}.png"
        path.write_bytes(
            b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
        )
        reason(path)


def test_a_bomb_is_refused_by_its_claim_and_the_limit_can_be_changed(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)
    assert "60,000 x 60,000 pixels" in reason(path)
    with pytest.raises(ImageError, match="60,000 x 60,000"):
        read_header(path)

    for name in ("b.jpg", "b.tif", "b.bmp", "b.gif", "b.webp", "b.png"):
        fine = saved(tmp_path / name)
        assert "limit" in reason(fine, max_pixels=160 * 120 - 1)
        assert read_image(fine, max_pixels=160 * 120).shape == (120, 160, 3)


def test_extreme_shapes_are_pictures(tmp_path: Path) -> None:
    for width, height in ((1, 1), (1, 5000), (5000, 1)):
        for suffix in ("jpg", "png", "tif", "webp", "bmp", "gif"):
            path = tmp_path / f"{width}x{height}.{suffix}"
            Image.new("RGB", (width, height), (9, 99, 199)).save(path)
            header = read_header(path)
            assert (header.width, header.height) == (width, height)
            assert read_image(path, at_least=64).shape == (height, width, 3)
            examine(path)


def test_what_is_not_a_regular_file_is_told_by_its_kind_and_never_blocks(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "piped.jpg").symlink_to(tmp_path / "pipe.jpg")
    began = time.perf_counter()
    assert reason(tmp_path / "pipe.jpg") == "It is a pipe, not a file."
    assert reason(tmp_path / "piped.jpg") == "It is a pipe, not a file."
    assert reason(tmp_path / "folder.jpg") == "It is a folder, not a file."
    assert reason(Path("/dev/zero")) == "It is a device, not a file."
    assert "link to a file that is not there" in reason(tmp_path / "broken.jpg")
    assert "leads back to itself" in reason(tmp_path / "loop.jpg")
    assert "not there any more" in reason(tmp_path / "never.jpg")
    assert "too long" in reason(tmp_path / ("x" * 300))
    assert "not one that this system can open" in reason(tmp_path / "a\0b.jpg")
    assert "is a file, not a folder" in reason(saved(tmp_path / "a.png") / "b.png")
    assert time.perf_counter() - began < 30, "a pipe would never be read to its end"


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path may be 108 bytes at most
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.jpg")
        assert reason(Path("socket.jpg")) == "It is a socket, not a file."


def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    path.chmod(0)
    # root reads everything, so that another user has a try at it
    script = (
        "import os, sys\n"
        "from workbench.pixels.decode import ImageError, read_header\n"
        "folder = os.open(os.path.dirname(sys.argv[1]), os.O_RDONLY)\n"
        "if os.geteuid() == 0: os.fchdir(folder); os.seteuid(65534)\n"
        "else: os.fchdir(folder)\n"
        "try: read_header(os.path.basename(sys.argv[1]))\n"
        "except ImageError as error: print(error.reason)\n"
    )
    path.parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "You have no permission to read it.", done.stderr


def test_odd_names_are_read_and_shown_escaped(tmp_path: Path) -> None:
    names = ["two words.png", "größe 图像 🙂.png", "line\nbreak.png", "x" * 251 + ".png"]
    names.append(os.fsdecode(b"latin\xe9.png"))
    for name in names:
        assert read_image(saved(tmp_path / name, format="PNG")).shape == (120, 160, 3)
    bad = tmp_path / "evil\x1b[31m\n.png"
    bad.write_bytes(b"")
    with pytest.raises(ImageError) as refused:
        read_header(bad)
    assert "\x1b" not in str(refused.value) and "\n" not in str(refused.value)


def test_the_content_counts_and_not_the_name(tmp_path: Path) -> None:
    for real in ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP"):
        path = tmp_path / f"{real}.jpg"
        Image.fromarray(photo()).save(path, format=real)
        assert read_image(path).shape == (120, 160, 3)


def test_a_file_that_changed_since_the_index_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png")
    info = path.stat()
    stamp = Stamp(info.st_size, info.st_mtime_ns)
    assert read_image(path, stamp=stamp).shape == (120, 160, 3)
    os.utime(path, ns=(info.st_mtime_ns, info.st_mtime_ns + 1_000_000))
    with pytest.raises(ImageError, match="has changed since"):
        read_image(path, stamp=stamp)
