"""A declared reading does what it says and no more: windows, channels and pages, against numpy done by hand."""

from __future__ import annotations

import os
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench.pixels.decode import (
    ImageError,
    page_numbers,
    read_header,
    read_image,
    read_scaled,
    settled,
)
from workbench.pixels.prepare import load
from workbench.records.spec import Preprocess, Reading

RNG = np.random.default_rng(8)
RECIPE = Preprocess(
    resize="shortest", resize_to=20, size=16, interpolation="bicubic", mean=(0, 0, 0), std=(1, 1, 1)
)


def tiff(path: Path, values: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, values, **{"photometric": "minisblack", **options})
    return path


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(ImageError) as error:
        read_image(path, **options)
    return error.value.reason


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_window_keeps_every_one_of_its_levels_apart(tmp_path: Path, suffix: str) -> None:
    levels = RNG.permutation(4096).reshape(64, 64).astype(np.uint16)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(imagecodecs.png_encode(levels)) if suffix == "png" else tiff(path, levels)
    image = read_image(path, reading=Reading(window="u16=0:4095"))
    assert image.dtype == np.float32
    assert np.unique(image[..., 0]).size == 4096
    assert np.array_equal(np.rint(image[..., 0].astype(np.float64) * 4095), levels)
    assert image[levels == 0].max() == 0 and image[levels == 4095].min() == 1


@pytest.mark.parametrize(
    ("dtype", "kind", "low", "high"),
    [
        ("uint16", "u16", 1000, 3000),
        ("int16", "i16", -500, 700.5),
        ("uint32", "u32", 70000, 4e9),
        ("int32", "i32", -5, 100000),
        ("float16", "f32", -1, 1),
        ("float32", "f32", -0.1, 0.3),
        ("float64", "f64", 0.1, 0.3),
    ],
)
def test_a_window_of_each_type_is_exact_at_its_ends_and_clips_outside(
    tmp_path: Path, dtype: str, kind: str, low: float, high: float
) -> None:
    span = high - low
    values = np.linspace(low - span / 4, high + span / 4, 63 * 65)
    if dtype[0] == "u":
        values = values.clip(0, np.iinfo(dtype).max)
    values = values.astype(dtype).reshape(63, 65)
    path = tiff(tmp_path / "a.tif", values)
    image = read_image(path, reading=Reading(window=f"{kind}={low}:{high}"))[..., 1]
    expected = ((values.astype(np.float64) - low) / span).clip(0, 1)
    assert np.abs(image - expected).max() < 1e-7
    assert (image[values <= low] == 0).all() and (image[values >= high] == 1).all()
    other = "i16" if kind == "u16" else "u16"
    assert np.array_equal(read_image(path, reading=Reading(window=f"{other}=0:5")), read_image(path))


def test_no_window_touches_eight_bits(tmp_path: Path) -> None:
    bytes8 = RNG.integers(0, 256, (20, 30, 3), np.uint8)
    path = tiff(tmp_path / "a.tif", bytes8, photometric="rgb")
    assert np.array_equal(read_image(path, reading=Reading(window="u16=0:9,f32=0:9")), bytes8)


def test_holes_under_a_window(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", np.float32([[np.nan, np.inf, -np.inf], [0, 1, 2]]))
    image = read_image(path, reading=Reading(window="f32=0:2"))[..., 0]
    assert np.array_equal(image, np.float32([[0, 1, 0], [0, 0.5, 1]]))
    path = tiff(tmp_path / "b.tif", np.full((4, 4), np.nan, np.float32))
    assert "no finite number" in refusal(path, reading=Reading(window="f32=0:2"))


def test_a_window_leaves_opacity_alone_and_turns_white_is_zero(tmp_path: Path) -> None:
    grey = RNG.integers(0, 4096, (16, 16), np.uint16)
    path = tiff(tmp_path / "a.tif", grey, photometric="miniswhite")
    image = read_image(path, reading=Reading(window="u16=0:4095"))[..., 0]
    assert np.allclose(image, 1 - grey / 4095, atol=1e-6)
    alpha = np.full_like(grey, 32768)
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(np.dstack([grey, alpha])))
    image = read_image(path, reading=Reading(window="u16=0:4095"))[..., 0]
    share = 32768 / 65535
    assert np.allclose(image, grey / 4095 * share + (1 - share), atol=1e-6)


def test_channels_are_picked_averaged_or_all_taken(tmp_path: Path) -> None:
    five = RNG.integers(0, 65536, (24, 25, 5), np.uint16)
    path = tiff(tmp_path / "five.tif", five, planarconfig="contig")
    unit = five / 65535
    picked = read_image(path, reading=Reading(channels="pick:4,0,2"))
    assert np.allclose(picked, unit[..., [4, 0, 2]], atol=1e-6)
    mean = read_image(path, reading=Reading(channels="mean"))
    assert mean.shape == (24, 25, 3) and np.allclose(mean, unit.mean(2, keepdims=True), atol=1e-6)
    for channels in ("all", "all:5"):
        assert np.allclose(read_image(path, reading=Reading(channels=channels)), unit, atol=1e-6)
    assert "has 5 channels, so that there is no channel 6" in refusal(
        path, reading=Reading(channels="pick:0,1,5")
    )
    assert "has 5 channels where the others of the data set have 4" in refusal(
        path, reading=Reading(channels="all:4")
    )
    assert settled(Reading(channels="all"), path) == Reading(channels="all:5")
    assert settled(Reading(channels="mean"), tmp_path / "absent") == Reading(channels="mean")


def test_an_extra_sample_that_is_no_opacity_is_a_channel(tmp_path: Path) -> None:
    four = RNG.integers(0, 256, (12, 13, 4), np.uint8)
    data = tiff(tmp_path / "data.tif", four, photometric="rgb", extrasamples=["unspecified"])
    assert np.array_equal(read_image(data, reading=Reading(channels="pick:3,2,1")), four[..., [3, 2, 1]])
    clear = tiff(tmp_path / "clear.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    assert "has 3 channels" in refusal(clear, reading=Reading(channels="pick:3,2,1"))


@pytest.mark.parametrize(
    "name", ["grey.jpg", "grey.png", "rgb.jpg", "rgb.png", "palette.gif", "cmyk.jpg", "la.png"]
)
def test_everyday_formats_obey_the_same_reading(tmp_path: Path, name: str) -> None:
    image = Image.fromarray(RNG.integers(0, 256, (5, 6, 3), np.uint8)).resize(
        (60, 50), Image.Resampling.BICUBIC
    )
    mode = {"grey": "L", "rgb": "RGB", "palette": "P", "cmyk": "CMYK", "la": "LA"}[name.split(".")[0]]
    path = tmp_path / name
    image.convert(mode).save(path)
    usual = read_image(path)
    single = mode in ("L", "LA")
    everything = read_image(path, reading=Reading(channels="all"))
    assert np.array_equal(everything, usual[..., :1] if single else usual)
    assert read_header(path).colours == everything.shape[2]
    assert settled(Reading(channels="all"), path).num_channels == everything.shape[2]
    mean = read_image(path, reading=Reading(channels="mean"))
    assert mean.dtype == np.uint8 and np.array_equal(mean[..., 0], mean[..., 2])
    assert np.abs(mean[..., 0] - usual.mean(2)).max() <= 0.5
    if single:
        assert "1 channel," in refusal(path, reading=Reading(channels="pick:2,0,1"))
        assert np.array_equal(read_image(path, reading=Reading(channels="pick:0,0,0")), usual)
    else:
        assert np.array_equal(read_image(path, reading=Reading(channels="pick:2,0,1")), usual[..., [2, 0, 1]])


def test_reduced_and_rotated_jpegs_obey_it_too(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(RNG.integers(0, 256, (9, 14, 3), np.uint8)).resize((400, 300)).save(path, exif=exif)
    usual = read_scaled(path, at_least=30)
    picked = read_scaled(path, at_least=30, reading=Reading(channels="pick:1,1,0"))
    assert usual.scale == 1 / 4 and (picked.scale, picked.origin) == (usual.scale, usual.origin)
    assert np.array_equal(picked.image, usual.image[..., [1, 1, 0]])


def test_every_channel_is_resampled_alike(tmp_path: Path) -> None:
    for dtype, top in ((np.uint8, 255), (np.uint16, 65535)):
        five = RNG.integers(0, top + 1, (40, 31, 5), dtype)
        path = tiff(tmp_path / "a.tif", five, planarconfig="contig")
        prepared = load(path, RECIPE, reading=Reading(channels="all:5"))
        assert prepared.shape == (16, 16, 5)
        for channel in range(5):
            alone = load(path, RECIPE, reading=Reading(channels=f"pick:{channel},{channel},{channel}"))
            assert np.array_equal(prepared[..., channel], alone[..., 0])
    wide = RECIPE.at(64)
    small = tiff(tmp_path / "b.tif", five[:20, :20], planarconfig="contig")
    padded = Preprocess(
        **{
            **{f: getattr(wide, f) for f in ("interpolation", "mean", "std", "resize")},
            "resize_to": 20,
            "size": 32,
        }
    )
    assert load(small, padded, reading=Reading(channels="all:5")).shape == (32, 32, 5)


def pages(path: Path, *values: np.ndarray, **options: object) -> Path:
    with tifffile.TiffWriter(path, bigtiff=bool(options.pop("bigtiff", False))) as writer:
        for place, page in enumerate(values):
            kinds = options.get("subfiletypes")
            writer.write(
                page,
                contiguous=False,
                photometric=options.get("photometric", "minisblack"),
                subfiletype=kinds[place] if kinds else 0,
                metadata=None,
            )
    return path


@pytest.mark.parametrize("bigtiff", [False, True])
def test_each_page_is_a_picture_of_its_own(tmp_path: Path, bigtiff: bool) -> None:
    stored = [RNG.integers(0, 65536, (10 + n, 12), np.uint16) for n in range(4)]
    path = pages(tmp_path / "a.tif", *stored, bigtiff=bigtiff)
    assert page_numbers(path) == [0, 1, 2, 3]
    for number, page in enumerate(stored):
        header = read_header(path, page=number)
        assert (header.width, header.height, header.mode) == (12, 10 + number, "grey 16-bit")
        image = read_image(path, page=number, reading=Reading(pages="each"))
        assert np.array_equal(np.rint(image[..., 0].astype(np.float64) * 65535), page)
    assert "has 4 pages, so that there is no page 5" in refusal(path, page=4)
    assert "no page 5" in refusal(path, page=4, reading=Reading(pages="channels"))
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(tmp_path / "a.png")
    assert page_numbers(tmp_path / "a.png") == [0]
    assert "has 1 page, so that there is no page 3" in refusal(tmp_path / "a.png", page=2)


def test_pages_of_one_shape_are_channels(tmp_path: Path) -> None:
    stored = [RNG.integers(0, 65536, (18, 20), np.uint16) for _ in range(4)]
    path = pages(tmp_path / "a.tif", *stored)
    whole = np.dstack(stored) / 65535
    header = read_header(path, reading=Reading(pages="channels"))
    assert (header.mode, header.channels, header.colours) == ("4 channels 16-bit", 4, 4)
    image = read_image(path, reading=Reading(pages="channels", channels="all"))
    assert np.allclose(image, whole, atol=1e-6)
    picked = Reading(pages="channels", channels="pick:3,0,1")
    assert np.allclose(read_image(path, reading=picked), whole[..., [3, 0, 1]], atol=1e-6)
    assert np.allclose(read_image(path, reading=Reading(pages="channels")), whole[..., :3], atol=1e-6)
    assert "limit" in refusal(path, reading=Reading(pages="channels"), max_pixels=18 * 20 - 1)
    assert "have 4" in refusal(
        pages(tmp_path / "b.tif", *stored, stored[0]), reading=Reading(pages="channels", channels="all:4")
    )

    one = pages(tmp_path / "one.tif", stored[0])
    assert np.array_equal(read_image(one, reading=Reading(pages="channels")), read_image(one))
    white = pages(tmp_path / "white.tif", *stored[:2], photometric="miniswhite")
    image = read_image(white, reading=Reading(pages="channels", channels="all"))
    assert np.allclose(image, 1 - whole[..., :2], atol=1e-6)


def test_a_stack_claims_no_more_than_the_limit_allows(tmp_path: Path) -> None:
    path = pages(tmp_path / "a.tif", *[np.zeros((10, 10), np.uint8)] * 9)
    stack = Reading(pages="channels", channels="all")
    assert "9 channels of 10 x 10 pixels" in refusal(path, reading=stack, max_pixels=200)
    assert read_image(path, reading=stack, max_pixels=225).shape == (10, 10, 9)


def test_pages_that_are_unlike_are_no_channels(tmp_path: Path) -> None:
    grey = RNG.integers(0, 256, (10, 12), np.uint8)
    stack = Reading(pages="channels")
    reason = refusal(pages(tmp_path / "a.tif", grey, grey[:5]), reading=stack)
    assert (
        reason
        == "Its pages differ in size (12 x 10 and 12 x 5 pixels), so that they can't be the channels of one image."
    )
    reason = refusal(pages(tmp_path / "b.tif", grey, grey.astype(np.uint16)), reading=stack)
    assert "differ in kind (grey 8-bit and grey 16-bit)" in reason
    with pytest.raises(ImageError):
        read_header(tmp_path / "a.tif", reading=stack)


def test_smaller_copies_and_masks_are_no_pages_of_their_own(tmp_path: Path) -> None:
    full = RNG.integers(0, 256, (32, 32), np.uint8)
    mask = full > 127
    path = pages(tmp_path / "a.tif", full, full[::2, ::2], full, mask, subfiletypes=[0, 1, 0, 4])
    assert page_numbers(path) == [0, 2]
    assert read_header(path, reading=Reading(pages="channels")).channels == 2


def test_a_broken_chain_of_pages_is_not_taken_for_a_short_one(tmp_path: Path) -> None:
    stored = [np.full((40, 40), n, np.uint8) for n in range(3)]
    path = pages(tmp_path / "a.tif", *stored)
    with tifffile.TiffFile(path) as file:
        last = file.pages[2].offset
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        second = file.pages[1]
        link = second.offset + 2 + 12 * int.from_bytes(content[second.offset : second.offset + 2], "little")
    assert int.from_bytes(content[link : link + 4], "little") == last
    for target, words in (
        (len(content) + 10, "ends too early: what follows page 2"),
        (second.offset, "earlier one"),
    ):
        content[link : link + 4] = target.to_bytes(4, "little")
        path.write_bytes(content)
        assert read_image(path).shape == (40, 40, 3)  # the first page is whole
        assert words in refusal(path, reading=Reading(pages="channels"))
        with pytest.raises(ImageError, match=words):
            page_numbers(path)
    os.truncate(path, last)
    assert "early" in refusal(path, page=2) or "page" in refusal(path, page=2)
