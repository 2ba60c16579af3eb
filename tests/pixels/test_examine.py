"""What the index learns of a file in one look: header, levels and looks, without missing what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench.pixels import examine as module
from workbench.pixels.decode import ImageError, read_header, read_image
from workbench.pixels.examine import examine, measure_levels
from workbench.pixels.signature import signature
from workbench.records.spec import Reading

RNG = np.random.default_rng(4)


def photo(width: int = 320, height: int = 240) -> np.ndarray:
    """(H, W, 3) uint8, smooth enough to survive an encoding and rich enough to have a signature."""
    small = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def differing(first: bytes, second: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(first, second, strict=True))


def by_hand(values: np.ndarray) -> list[float]:
    """Minimum, percentiles as `measure_levels` defines them, maximum; by sorting."""
    ordered = np.sort(values[np.isfinite(values)], axis=None)
    return [
        float(ordered[0]),
        *(next(float(v) for v in np.unique(ordered) if (ordered <= v).mean() >= p) for p in (0.01, 0.99)),
        float(ordered[-1]),
    ]


@pytest.mark.parametrize(
    "dtype", ["uint8", "uint16", "int16", "uint32", "int32", "float32", "float64", "bool"]
)
def test_levels_are_those_of_a_sort(dtype: str) -> None:
    for shape in ((7, 5, 1), (60, 41, 3), (1, 1, 1), (200, 1, 2)):
        values = RNG.normal(150, 50, shape).clip(0, 255)
        values = (values > 80 if dtype == "bool" else values - 100 * (dtype[0] in "if")).astype(dtype)
        assert np.allclose(measure_levels(values), by_hand(values.astype(np.float64)))


def test_levels_pass_over_what_is_no_number() -> None:
    values = np.float32([[[np.nan], [np.inf], [-np.inf], [2.5]]])
    assert measure_levels(values).tolist() == [2.5] * 4
    with pytest.raises(ValueError, match="no finite number"):
        measure_levels(values[:, :3])
    with pytest.raises(ValueError, match="complex"):
        measure_levels(np.ones((2, 2, 1), np.complex64))


def test_levels_of_large_pictures_are_taken_from_a_part_of_them() -> None:
    values = RNG.integers(0, 4096, (2500, 2000, 1), np.uint16)
    part = values[::3, ::3]
    assert measure_levels(values)[1:3].tolist() == [
        np.quantile(part, share, method="inverted_cdf") for share in (0.01, 0.99)
    ]
    assert np.abs(measure_levels(values) - [0, 41, 4054, 4095]).max() < 12


def test_levels_leave_opacity_out_and_keep_the_numbers_of_the_file(tmp_path: Path) -> None:
    grey = RNG.integers(1000, 3000, (40, 50), np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(np.dstack([grey, np.full_like(grey, 65535)])))
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "signed.tif", grey.astype(np.int16) - 2000)
    for name, offset in (("a.png", 0), ("a.tif", 0), ("signed.tif", -2000)):
        (found,) = examine(tmp_path / name)
        assert found.levels.dtype == np.float32
        assert found.levels.tolist() == [value + offset for value in by_hand(grey.astype(float))]
        assert found.header == read_header(tmp_path / name) and found.page == 0


def test_the_signature_of_a_small_jpeg_is_that_of_the_whole_picture(tmp_path: Path) -> None:
    for width, height in ((200, 200), (100, 640), (1200, 900), (40, 60)):
        path = tmp_path / "a.jpg"
        Image.fromarray(photo(width, height)).save(path, quality=95)
        (found,) = examine(path)
        assert differing(found.signature, signature(read_image(path))) <= 12, (width, height)


def test_a_jpeg_is_reduced_to_no_less_than_64_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    monkeypatch.setattr(module, "signature", lambda picture: seen.append(picture.shape) or bytes(40))
    for side in (63, 127, 128, 511, 512, 2000):
        Image.fromarray(photo(side, side)).save(tmp_path / "a.jpg")
        examine(tmp_path / "a.jpg")
    assert [shape[0] for shape in seen] == [63, 127, 64, 128, 64, 250]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_of_all_colours_look_alike(tmp_path: Path, mode: str) -> None:
    Image.fromarray(photo()).convert("L").convert(mode).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(photo()).convert("L").save(tmp_path / "a.png")
    (jpeg,), (png,) = examine(tmp_path / "a.jpg"), examine(tmp_path / "a.png")
    assert differing(jpeg.signature, png.signature) <= 12
    assert np.abs(jpeg.levels - png.levels).max() < 16
    assert jpeg.header == read_header(tmp_path / "a.jpg")


def test_copies_in_other_depths_and_ways_up_look_alike(tmp_path: Path) -> None:
    grey = np.asarray(Image.fromarray(photo()).convert("L"))
    deep = grey.astype(np.uint16) * 9 + 300
    Image.fromarray(grey).save(tmp_path / "grey.png")
    tifffile.imwrite(tmp_path / "deep.tif", deep)
    tifffile.imwrite(tmp_path / "large.tif", deep.repeat(3, 0).repeat(2, 1))
    tifffile.imwrite(tmp_path / "white.tif", 4000 - deep, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "float.tif", deep.astype(np.float32) / 7 - 100)
    tifffile.imwrite(tmp_path / "rgb.tif", deep[..., None].repeat(3, 2), photometric="rgb")
    turned = np.rot90(deep)  # stored a quarter turn off, and marked so
    tifffile.imwrite(tmp_path / "turned.tif", turned, extratags=[(274, "H", 1, 6, True)])
    (plain,) = examine(tmp_path / "grey.png")
    for name in ("deep.tif", "large.tif", "white.tif", "float.tif", "rgb.tif", "turned.tif"):
        (found,) = examine(tmp_path / name)
        assert differing(found.signature, plain.signature) <= 16, name
    tifffile.imwrite(tmp_path / "other.tif", RNG.permutation(deep.ravel()).reshape(deep.shape))
    assert differing(examine(tmp_path / "other.tif")[0].signature, plain.signature) > 80


def test_a_picture_of_one_level_has_no_looks(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((70, 80), 1234, np.uint16))
    (found,) = examine(tmp_path / "a.tif")
    assert found.levels.tolist() == [1234] * 4 and found.signature == bytes(40)


def test_each_page_is_examined_and_a_bad_one_named(tmp_path: Path) -> None:
    stored = [RNG.integers(n, 100 + n, (30, 40 + n), np.uint16) for n in range(3)]
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for page in stored:
            writer.write(page, contiguous=False, compression="zlib", metadata=None)
    assert [found.page for found in examine(path)] == [0]
    found = examine(path, reading=Reading(pages="each"))
    assert [item.page for item in found] == [0, 1, 2]
    assert [item.header.width for item in found] == [40, 41, 42]
    assert [item.levels.tolist() for item in found] == [by_hand(page.astype(float)) for page in stored]
    assert len({item.signature for item in found}) == 3
    with tifffile.TiffFile(path) as file:
        start = file.pages[1].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[start : start + 200] = bytes(200)
    path.write_bytes(content)
    assert len(examine(path)) == 1
    with pytest.raises(ImageError, match="Page 2: It can't be decoded") as error:
        examine(path, reading=Reading(pages="each"))
    assert error.value.path == path


def test_what_a_reading_can_t_read_is_refused(tmp_path: Path) -> None:
    Image.fromarray(photo()).convert("L").save(tmp_path / "a.jpg")
    Image.fromarray(photo()).convert("L").save(tmp_path / "a.png")
    for name in ("a.jpg", "a.png"):
        assert len(examine(tmp_path / name, reading=Reading(channels="mean"))) == 1
        for channels in ("pick:0,1,2", "all:3"):
            with pytest.raises(ImageError, match="1 channel"):
                examine(tmp_path / name, reading=Reading(channels=channels))


def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("a.jpg", "a.png", "a.tif", "a.webp", "a.bmp", "a.gif")]
    for path in paths:
        Image.fromarray(photo()).save(path)
        examine(path)  # what is imported late is imported now
    opened: list[object] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(path) or real(path, *rest))
    for path in paths:
        examine(path)
    assert opened == paths
