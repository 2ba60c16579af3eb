"""EXIF rotation: the same in the header, the exact pixels and the reduced ones, and the same as Pillow's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from workbench.pixels import orientation
from workbench.pixels.decode import read_header, read_image, read_scaled


def picture(width: int, height: int) -> Image.Image:
    small = np.random.default_rng(1).integers(0, 256, (4, 5, 3), np.uint8)
    return Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_upright_as_pillow_has_it(tmp_path: Path, suffix: str, turn: int) -> None:
    path = tmp_path / f"a.{suffix}"
    exif = Image.Exif()
    exif[orientation.TAG] = turn
    exif[0x010F] = "a maker whose name comes first"
    if suffix == "tif":
        tifffile.imwrite(
            path, np.asarray(picture(50, 30)), photometric="rgb", extratags=[(274, "H", 1, turn, True)]
        )
    else:
        picture(50, 30).save(path, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    image = read_image(path)
    assert np.array_equal(image, expected)
    assert image.flags.c_contiguous
    header = read_header(path)
    assert (header.height, header.width) == expected.shape[:2] == ((50, 30) if turn >= 5 else (30, 50))


@pytest.mark.parametrize("turn", range(1, 9))
def test_the_geometry_of_a_reduced_decode_holds_after_rotation(tmp_path: Path, turn: int) -> None:
    """A white square's edges lie where `origin + place * scale` says, on sides that don't divide by the factor."""
    width, height, box = (
        403,
        309,
        (80, 56, 176, 120),
    )  # the box lies on the 8-pixel grid: no ringing across it
    stored = np.zeros((height, width, 3), np.uint8)
    stored[box[1] : box[3], box[0] : box[2]] = 255
    exif = Image.Exif()
    exif[orientation.TAG] = turn
    path = tmp_path / "a.jpg"
    Image.fromarray(stored).save(path, quality=100, subsampling=0, exif=exif)
    full = read_image(path)[..., 0] > 127
    decoded = read_scaled(path, at_least=38)
    assert (decoded.height, decoded.width) == full.shape
    assert decoded.scale == 1 / 4
    bright = decoded.image[..., 0] > 127
    for axis, start in ((1, decoded.origin[0]), (0, decoded.origin[1])):
        exact = np.flatnonzero(full.any(axis=1 - axis))[[0, -1]] + [0, 1]
        reduced = np.flatnonzero(bright.any(axis=1 - axis))[[0, -1]] + [0, 1]
        assert np.abs(start + exact * decoded.scale - reduced).max() < 1e-9


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0",
    ],
)
def test_a_damaged_exif_block_means_upright(block: bytes) -> None:
    assert orientation.of_exif(block) == 1


def test_a_nonsense_orientation_means_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[orientation.TAG] = 99
    picture(50, 30).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (30, 50, 3)
