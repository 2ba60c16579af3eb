"""JPEG: what libjpeg's warnings mean, and that a reduced decode is the picture it claims to be."""

from __future__ import annotations

import io
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from workbench.pixels.decode import ImageError, read_header, read_image, read_scaled
from workbench.pixels.examine import examine


def photo(width: int = 240, height: int = 160) -> np.ndarray:
    rng = np.random.default_rng(2)
    small = rng.integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + rng.integers(-6, 7, smooth.shape)).clip(0, 255).astype(np.uint8)


def encoded(image: np.ndarray | None = None, **options: object) -> bytearray:
    buffer = io.BytesIO()
    Image.fromarray(photo() if image is None else image).save(buffer, "JPEG", **{"quality": 90, **options})
    return bytearray(buffer.getvalue())


def is_read(path: Path, content: bytes) -> bool:
    """Whether the file is taken; the check and the reading must agree."""
    path.write_bytes(content)
    try:
        read_image(path)
    except ImageError:
        with pytest.raises(ImageError):
            examine(path)
        return False
    examine(path)
    return True


@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"restart_marker_blocks": 7}],
    ids=str,
)
def test_the_exact_decode_is_libjpeg_s_as_pillow_runs_it(tmp_path: Path, options: dict) -> None:
    path = tmp_path / "a.jpg"
    for image in (photo(), photo()[..., 0], photo(243, 157)):
        path.write_bytes(encoded(image, **options))
        expected = np.asarray(Image.open(path).convert("RGB"))
        assert np.array_equal(read_image(path), expected)
    assert read_header(path).mode == "RGB 8-bit"


FULL, HALF, QUARTER, EIGHTH = (1203, 907), (602, 454), (301, 227), (151, 114)


@pytest.mark.parametrize(
    ("at_least", "size"),
    [(227, FULL), (226, HALF), (114, HALF), (113, QUARTER), (57, QUARTER), (56, EIGHTH), (1, EIGHTH)],
)
def test_the_reduction_keeps_the_shorter_side_twice_as_long(
    tmp_path: Path, at_least: int, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(photo(1203, 907)))
    decoded = read_scaled(path, at_least=at_least)
    assert decoded.image.shape == (size[1], size[0], 3)
    assert (decoded.width, decoded.height) == (1203, 907)
    assert min(size) >= 2 * at_least or size == FULL


def test_a_reduced_decode_is_the_mean_of_its_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(photo(640, 480), subsampling=0, quality=95))
    full = read_image(path).astype(float)
    for factor, at_least in ((2, 120), (4, 60), (8, 30)):
        reduced = read_image(path, at_least=at_least)
        means = full.reshape(480 // factor, factor, 640 // factor, factor, 3).mean((1, 3))
        assert reduced.shape == means.shape
        assert np.abs(reduced - means).mean() < 2
        shifted = np.roll(means, 1, 1)
        assert np.abs(reduced - means).mean() < np.abs(reduced - shifted).mean() / 3


def test_harmless_oddities_are_read(tmp_path: Path) -> None:
    path, fine = tmp_path / "a.jpg", encoded()
    path.write_bytes(fine)
    expected = read_image(path)
    oddities = {
        "bytes after the end": fine + b"a camera's own notes" * 50,
        "zeros before the end mark": fine[:-2] + bytes(37) + fine[-2:],
        "the end mark alone is missing": fine[:-2],
        "another picture after the first": fine + encoded(photo(80, 80)),
        "an unknown JFIF revision": fine.replace(b"JFIF\0\x01", b"JFIF\0\x07", 1),
    }
    for name, content in oddities.items():
        assert is_read(path, content), name
        assert np.array_equal(read_image(path), expected), name


def test_missing_or_wrong_pixels_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    fine = encoded()
    for options in ({}, {"progressive": True}, {"restart_marker_blocks": 7}):
        content = encoded(**options)
        assert is_read(path, content)
        for kept in (0.4, 0.8, 0.97):
            cut = content[: int(len(content) * kept)]
            assert not is_read(path, cut), options
            assert not is_read(path, cut + b"\xff\xd9"), options  # a cut that somebody closed
    leftovers = fine[:-2] + bytes(range(1, 38)) + fine[-2:]
    assert not is_read(path, leftovers)
    assert not is_read(path, encoded(progressive=True)[:-2])  # no telling whether whole scans are missing


@pytest.mark.parametrize("progressive", [False, True])
def test_a_tail_overwritten_by_zeros_is_not_taken_for_padding(tmp_path: Path, progressive: bool) -> None:
    """libjpeg takes the zeros for pixels until the picture is full, and counts the rest as left over."""
    path, fine = tmp_path / "a.jpg", encoded(progressive=progressive)
    for kept in (0.5, 0.7, 0.9, 0.97):
        head = fine[: int(len(fine) * kept)]
        assert not is_read(path, head + bytes(len(fine) - len(head) - 2) + fine[-2:])
        assert not is_read(path, head + bytes(100_000) + fine[-2:])
    for padding in range(40):
        assert is_read(path, fine[:-2] + bytes(padding) + fine[-2:])


def test_kinds_that_are_not_damaged_but_not_supported_are_named(tmp_path: Path) -> None:
    path, grey = tmp_path / "a.jpg", photo()[..., 0]
    for data, words in (
        (imagecodecs.jpeg8_encode(grey.astype(np.uint16) * 16, 95, bitspersample=12), "12 bits a channel"),
        (imagecodecs.jpegls_encode(np.ascontiguousarray(grey)), "JPEG-LS"),
    ):
        assert not is_read(path, data)
        with pytest.raises(ImageError, match=words):
            read_image(path)


def test_a_damaged_middle_is_noticed_where_pillow_stays_silent(tmp_path: Path) -> None:
    """200 foreign bytes in the middle, none of them a marker: Pillow shows the picture that libjpeg made up."""
    path, fine = tmp_path / "a.jpg", encoded()
    rng = np.random.default_rng(4)
    silent = noticed = 0
    for place in range(len(fine) // 3, len(fine) - 400, len(fine) // 60):
        content = bytearray(fine)
        content[place : place + 200] = rng.integers(0, 255, 200, np.uint8).tobytes()
        noticed += not is_read(path, content)
        Image.open(path).load()
        silent += 1
    assert silent > 30
    assert noticed >= 0.9 * silent
