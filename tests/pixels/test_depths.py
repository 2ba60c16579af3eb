"""No level is lost and no colour invented, whatever the file's depth, layout or compression."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench.pixels.decode import read_header, read_image
from workbench.pixels.examine import examine

SHARED = Path(__file__).parents[2].parent / "shared/data/microscopy_mixed_bitdepth"
RNG = np.random.default_rng(3)
RGB8 = RNG.integers(0, 256, (33, 47, 3), np.uint8)


def twelve_bits(channels: int) -> np.ndarray:
    """(64, 64[, channels]) uint16 that holds each of the levels 0..4095 once in each channel."""
    planes = [RNG.permutation(4096).reshape(64, 64).astype(np.uint16) for _ in range(channels)]
    return planes[0] if channels == 1 else np.stack(planes, axis=2)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", ["png", "tif little-endian", "tif big-endian", "tif deflate", "tif planes"])
def test_no_level_of_a_twelve_bit_range_in_sixteen_bits_is_lost(
    tmp_path: Path, kind: str, channels: int
) -> None:
    levels = twelve_bits(channels)
    path = tmp_path / ("a." + kind[:3])
    if kind == "png":
        path.write_bytes(imagecodecs.png_encode(levels))
    else:
        stored = np.moveaxis(levels, 2, 0) if kind == "tif planes" and channels == 3 else levels
        tifffile.imwrite(
            path,
            stored,
            photometric="rgb" if channels == 3 else "minisblack",
            byteorder=">" if kind == "tif big-endian" else "<",
            compression="zlib" if kind == "tif deflate" else None,
            planarconfig="separate" if stored.shape[0] == 3 else None,
        )
    image = read_image(path)
    assert image.dtype == np.float32 and image.shape == (64, 64, 3)
    for channel in range(3):
        expected = levels if channels == 1 else levels[..., channel]
        assert np.unique(image[..., channel]).size == 4096
        assert np.array_equal(
            np.rint(image[..., channel].astype(np.float64) * 65535).astype(np.uint16), expected
        )
    header = read_header(path)
    assert header.mode == ("grey 16-bit" if channels == 1 else "RGB 16-bit")
    assert (header.bits, header.channels, header.width, header.height) == (16, channels, 64, 64)
    examine(path)


def test_pillow_is_an_independent_witness_for_grey_sixteen_bits(tmp_path: Path) -> None:
    levels = twelve_bits(1)
    for name in ("a.png", "a.tif"):
        Image.fromarray(levels).save(tmp_path / name)
        image = read_image(tmp_path / name)
        assert np.array_equal(np.rint(image[..., 1].astype(np.float64) * 65535), levels)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "raw.tif", "lzw.tif"])
def test_eight_bit_rgb_comes_back_as_it_went_in(tmp_path: Path, name: str) -> None:
    options = (
        {"lossless": True} if name == "a.webp" else {"compression": "tiff_lzw"} if name == "lzw.tif" else {}
    )
    Image.fromarray(RGB8).save(tmp_path / name, **options)
    image = read_image(tmp_path / name)
    assert image.dtype == np.uint8 and image.flags.c_contiguous and np.array_equal(image, RGB8)
    assert read_header(tmp_path / name).mode == "RGB 8-bit"


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "zstd", "packbits"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
def test_tiff_compressions_and_tiles(
    tmp_path: Path, compression: str | None, tile: tuple[int, int] | None
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB8, photometric="rgb", compression=compression, tile=tile)
    assert np.array_equal(read_image(path), RGB8)


def test_jpeg_in_tiff_is_the_colours_that_went_in(tmp_path: Path) -> None:
    smooth = np.asarray(Image.fromarray(RGB8[:8, :8]).resize((64, 48), Image.Resampling.BICUBIC))
    Image.fromarray(smooth).save(tmp_path / "a.tif", compression="jpeg", quality=95)
    assert np.abs(read_image(tmp_path / "a.tif").astype(int) - smooth).mean() < 6


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_palettes_and_single_bits_look_as_pillow_shows_them(tmp_path: Path, suffix: str) -> None:
    palette = Image.fromarray(RGB8).quantize(37)
    palette.save(tmp_path / f"p.{suffix}")
    assert np.array_equal(read_image(tmp_path / f"p.{suffix}"), np.asarray(palette.convert("RGB")))
    assert read_header(tmp_path / f"p.{suffix}").mode.startswith("palette")
    bits = Image.fromarray(RGB8).convert("1")
    bits.save(tmp_path / f"b.{suffix}")
    image = read_image(tmp_path / f"b.{suffix}")
    assert np.array_equal(image, np.asarray(bits.convert("RGB"))) and set(np.unique(image)) == {0, 255}


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_low_bit_grey_spreads_over_the_whole_range(tmp_path: Path, depth: int) -> None:
    levels = np.arange(1 << depth, dtype=np.uint8).repeat(8).reshape(1, -1)
    packed = np.packbits(
        ((levels[..., None] >> np.arange(depth)[::-1]) & 1).astype(bool).reshape(1, -1), axis=1
    )
    path = tmp_path / "a.png"
    path.write_bytes(_png(levels.shape[1], 1, depth, 0, b"\0" + packed.tobytes()))
    expected = levels[0].astype(int) * 255 // ((1 << depth) - 1)
    assert np.array_equal(read_image(path)[0, :, 0], expected)
    assert read_header(path).mode == f"grey {depth}-bit"


def test_twelve_bits_packed_in_a_tiff_reach_full_white(tmp_path: Path) -> None:
    levels = twelve_bits(1)
    tifffile.imwrite(tmp_path / "a.tif", levels, bitspersample=12, photometric="minisblack")
    image = read_image(tmp_path / "a.tif")
    assert image.max() == 1.0 and np.array_equal(np.rint(image[..., 0] * 4095), levels)
    assert read_header(tmp_path / "a.tif").mode == "grey 12-bit"


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    grey = RGB8[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 2], 255 - grey)
    tifffile.imwrite(tmp_path / "b.tif", grey.astype(np.uint16) * 257, photometric="miniswhite")
    assert np.allclose(read_image(tmp_path / "b.tif")[..., 0], 1 - grey / 255, atol=1e-6)


def test_signed_sixteen_bits_keep_every_level_over_the_whole_type(tmp_path: Path) -> None:
    levels = np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64)
    tifffile.imwrite(tmp_path / "a.tif", levels)
    image = read_image(tmp_path / "a.tif")[..., 0].astype(np.float64)
    assert np.array_equal(np.rint(image * 65535 - 32768).astype(int), levels)
    assert read_header(tmp_path / "a.tif").mode == "grey signed 16-bit"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int32", "uint32"])
def test_wide_numbers(tmp_path: Path, dtype: str) -> None:
    unit = np.linspace(0, 1, 4096).reshape(64, 64)
    if dtype.startswith("float"):
        tifffile.imwrite(tmp_path / "unit.tif", (unit * 0.5).astype(dtype))
        assert np.allclose(read_image(tmp_path / "unit.tif")[..., 0], unit * 0.5, atol=1e-3)
        assert read_header(tmp_path / "unit.tif").mode == f"grey float {dtype[5:]}-bit"
    counts = (unit * 4095).round().astype(dtype) + 7
    tifffile.imwrite(tmp_path / "counts.tif", counts)
    image = read_image(tmp_path / "counts.tif")
    assert image.dtype == np.float32 and image.min() == 0 and image.max() == 1
    if dtype != "float16":
        assert np.unique(image).size == 4096


def test_holes_in_float_pictures(tmp_path: Path) -> None:
    levels = np.array([[np.nan, np.inf, -np.inf], [10, 20, 30]], np.float32)
    tifffile.imwrite(tmp_path / "a.tif", levels)
    assert np.array_equal(read_image(tmp_path / "a.tif")[..., 0], np.float32([[0, 1, 0], [0, 0.5, 1]]))
    tifffile.imwrite(tmp_path / "b.tif", np.full((4, 4), np.nan, np.float32))
    with pytest.raises(ValueError, match="no finite number"):
        read_image(tmp_path / "b.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.full((4, 4), 7.0, np.float32))
    assert np.array_equal(read_image(tmp_path / "c.tif"), np.zeros((4, 4, 3)))


def test_complex_numbers_are_refused_in_words(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), np.complex64))
    with pytest.raises(ValueError, match="complex numbers"):
        read_image(tmp_path / "a.tif")


def test_channels_and_pages(tmp_path: Path) -> None:
    five = RNG.integers(0, 65536, (24, 24, 5), np.uint16)
    tifffile.imwrite(tmp_path / "five.tif", five, photometric="minisblack", planarconfig="contig")
    assert np.allclose(read_image(tmp_path / "five.tif"), five[..., :3] / 65535, atol=1e-6)
    assert read_header(tmp_path / "five.tif").mode == "5 channels 16-bit"
    two = np.moveaxis(five[..., :2], 2, 0)
    tifffile.imwrite(tmp_path / "two.tif", two, photometric="minisblack", planarconfig="separate")
    image = read_image(tmp_path / "two.tif")
    assert np.allclose(image[..., :2], five[..., :2] / 65535, atol=1e-6) and not image[..., 2].any()
    tifffile.imwrite(tmp_path / "pages.tif", np.moveaxis(five, 2, 0), photometric="minisblack")
    assert np.allclose(read_image(tmp_path / "pages.tif")[..., 0], five[..., 0] / 65535, atol=1e-6)


@pytest.mark.parametrize(("suffix", "options"), [("gif", {}), ("webp", {"lossless": True})])
def test_of_a_moving_picture_the_first_frame_counts(
    tmp_path: Path, suffix: str, options: dict[str, object]
) -> None:
    frames = [
        Image.fromarray(RGB8[..., 0] // 8 * 8).quantize(32),
        Image.new("P", (47, 33)),
        Image.new("P", (47, 33), 9),
    ]
    if suffix == "webp":
        frames = [frame.convert("RGB") for frame in frames]
    path = tmp_path / f"a.{suffix}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=40, **options)
    with Image.open(path) as witness:
        assert witness.n_frames > 1
    assert np.array_equal(read_image(path), np.asarray(frames[0].convert("RGB")))
    examine(path)


def _white(colours: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(colours * share + 255 * (1 - share))


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_transparency_lies_over_white(tmp_path: Path, suffix: str) -> None:
    alpha = RNG.integers(0, 256, RGB8.shape[:2], np.uint8)
    path = tmp_path / f"a.{suffix}"
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    Image.fromarray(np.dstack([RGB8, alpha])).save(path, **options)
    assert np.abs(read_image(path) - _white(RGB8, alpha)).max() <= 1
    assert read_header(path).mode == "RGBA 8-bit"


def test_other_kinds_of_transparency(tmp_path: Path) -> None:
    alpha = RNG.integers(0, 256, RGB8.shape[:2], np.uint8)
    grey = RGB8[..., 0]
    Image.merge("LA", (Image.fromarray(grey), Image.fromarray(alpha))).save(tmp_path / "la.png")
    expected = _white(grey[..., None], alpha)
    assert np.abs(read_image(tmp_path / "la.png") - expected).max() <= 1
    assert read_header(tmp_path / "la.png").mode == "grey+alpha 8-bit"

    deep = np.dstack([RGB8, alpha]).astype(np.uint16) * 257
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(deep))
    assert np.abs(read_image(tmp_path / "deep.png") * 255 - _white(RGB8, alpha)).max() <= 0.51

    multiplied = np.rint(RGB8 * (alpha[..., None] / 255)).astype(np.uint8)
    tifffile.imwrite(
        tmp_path / "pre.tif", np.dstack([multiplied, alpha]), photometric="rgb", extrasamples=["assocalpha"]
    )
    assert np.abs(read_image(tmp_path / "pre.tif") - _white(RGB8, alpha)).max() <= 1
    tifffile.imwrite(
        tmp_path / "data.tif", np.dstack([RGB8, alpha]), photometric="rgb", extrasamples=["unspecified"]
    )
    assert np.array_equal(read_image(tmp_path / "data.tif"), RGB8)

    image = Image.fromarray(RGB8).quantize(5)
    image.save(tmp_path / "a.gif", transparency=2)
    hole = np.asarray(image) == 2
    shown = read_image(tmp_path / "a.gif")
    assert (shown[hole] == 255).all()
    assert np.array_equal(shown[~hole], np.asarray(image.convert("RGB"))[~hole])


def test_cmyk_jpeg_and_tiff_are_what_pillow_shows(tmp_path: Path) -> None:
    smooth = Image.fromarray(RGB8[:6, :6]).resize((60, 44), Image.Resampling.BICUBIC)
    inks = Image.fromarray(RNG.integers(0, 256, (6, 6, 4), np.uint8), "CMYK").resize((60, 44))
    for image in (smooth.convert("CMYK"), inks):
        for name in ("a.jpg", "a.tif"):
            image.save(tmp_path / name)
            shown = np.asarray(Image.open(tmp_path / name).convert("RGB")).astype(int)
            assert np.abs(read_image(tmp_path / name) - shown).max() <= 1
            assert read_header(tmp_path / name).mode == "CMYK 8-bit"


def test_interlaced_png(tmp_path: Path) -> None:
    levels = twelve_bits(1)[:21, :19]
    rows = b""
    for y, x, dy, dx in (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ):
        rows += b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels[y::dy, x::dx])
    (tmp_path / "a.png").write_bytes(_png(19, 21, 16, 0, rows, interlaced=True))
    assert np.array_equal(np.rint(read_image(tmp_path / "a.png")[..., 0] * 65535), levels)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the microscopy files of ../shared/data are not here")
def test_real_microscopy_keeps_the_levels_that_tifffile_and_pillow_count() -> None:
    for path in sorted(
        file for file in SHARED.rglob("*") if file.suffix.lower() in {".tif", ".tiff", ".png"}
    ):
        image = read_image(path)
        header = read_header(path)
        assert image.shape == (header.height, header.width, 3), path
        with Image.open(path) as witness:
            stored = np.asarray(witness.convert("RGB") if witness.mode == "P" else witness)
        stored = stored if stored.ndim == 3 else stored[..., None].repeat(3, 2)
        if stored.dtype == np.uint8:
            assert np.array_equal(image, stored), path
        else:
            assert image.dtype == np.float32 and np.array_equal(np.rint(image * np.float64(65535)), stored), (
                path
            )


def _png(width: int, height: int, depth: int, colour: int, rows: bytes, interlaced: bool = False) -> bytes:
    """A PNG from filtered rows, written by hand after the specification."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body
