"""Resize and crop equal the Hugging Face processors', pixel for pixel, and a reduced decode changes little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from transformers.models.bit.image_processing_bit import BitImageProcessor
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.models.vit.image_processing_vit import ViTImageProcessor

from workbench.pixels import prepare as module
from workbench.pixels.prepare import load, prepare
from workbench.records.spec import Preprocess

SIZES = [(200, 200), (333, 217), (217, 333), (64, 301), (1021, 767), (57, 41), (256, 256), (300, 256), (3, 7)]
PIL_FILTER = {"bilinear": 2, "bicubic": 3, "lanczos": 1}


def recipe(resize: str, resize_to: int, size: int, interpolation: str = "bicubic") -> Preprocess:
    return Preprocess(
        resize=resize,
        resize_to=resize_to,
        size=size,
        interpolation=interpolation,
        mean=(0, 0, 0),
        std=(1, 1, 1),
    )


def photo(width: int, height: int, seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: broad shapes and pixel noise, so that both shifts and filters show."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (9, 11, 3), np.uint8)
    smooth = np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return (smooth + rng.integers(-40, 41, smooth.shape)).clip(0, 255).astype(np.uint8)


def by_transformers(image: np.ndarray, wanted: Preprocess, backend: str) -> np.ndarray:
    """(size, size, 3) int of the processor that such a model ships with, left as 0..255."""
    options = {"resample": PIL_FILTER[wanted.interpolation], "do_rescale": False, "do_normalize": False}
    if wanted.resize == "squash":
        kind = {"pil": ViTImageProcessorPil, "torchvision": ViTImageProcessor}[backend]
        options["size"] = {"height": wanted.size, "width": wanted.size}
    else:
        kind = {"pil": BitImageProcessorPil, "torchvision": BitImageProcessor}[backend]
        options["size"] = {"shortest_edge": wanted.resize_to}
        options["crop_size"] = {"height": wanted.size, "width": wanted.size}
    pixels = kind(**options)(image, return_tensors="np", input_data_format="channels_last").pixel_values
    return np.moveaxis(np.asarray(pixels)[0], 0, 2).astype(int)


@pytest.mark.parametrize(
    "wanted",
    [
        recipe("shortest", 256, 224),
        recipe("shortest", 257, 224),
        recipe("shortest", 224, 224),
        recipe("shortest", 100, 99, "bilinear"),
        recipe("shortest", 73, 50, "lanczos"),
        recipe("squash", 224, 224, "bilinear"),
        recipe("squash", 97, 97, "bicubic"),
    ],
    ids=lambda wanted: f"{wanted.resize}-{wanted.resize_to}-{wanted.size}-{wanted.interpolation}",
)
def test_pixels_equal_the_hugging_face_processors(wanted: Preprocess) -> None:
    """torchvision's, the default, to two levels of rounding; Pillow's to one where it does rows first, as it did
    for every picture before Pillow 13 and does for wide ones since."""
    for place, (width, height) in enumerate(SIZES):
        image = photo(width, height, place)
        ours = prepare(image, wanted).astype(int)
        assert ours.shape == (wanted.size, wanted.size, 3)
        difference = np.abs(ours - by_transformers(image, wanted, "torchvision"))
        assert difference.max() <= 2 and difference.mean() < 0.05, (width, height)
        if width >= height:
            difference = np.abs(ours - by_transformers(image, wanted, "pil"))
            assert difference.max() <= 1 and difference.mean() < 0.01, (width, height)


def test_a_picture_smaller_than_the_crop_is_padded_with_zeros_as_torchvision_does() -> None:
    wanted = recipe("shortest", 50, 64)
    for width, height in ((80, 91), (91, 80), (50, 200), (51, 52)):
        image = photo(width, height)
        difference = np.abs(
            prepare(image, wanted).astype(int) - by_transformers(image, wanted, "torchvision")
        )
        assert difference.max() <= 2 and difference.mean() < 0.05


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos"])
def test_floats_are_resampled_as_floats(interpolation: str) -> None:
    """Against an antialiased resampling written slowly: each output the kernel's weighted mean."""
    image = photo(61, 47).astype(np.float32) / 255
    ours = prepare(image, recipe("squash", 24, 24, interpolation))
    assert ours.dtype == np.float32 and ours.shape == (24, 24, 3)
    down, across = slow_weights(47, 24, interpolation), slow_weights(61, 24, interpolation)
    expected = np.einsum("yh,xw,hwc->yxc", down, across, image.astype(np.float64)).clip(0, 1)
    assert np.abs(ours - expected).max() < 1e-5


def slow_weights(length: int, size: int, interpolation: str) -> np.ndarray:
    """(size, length) weights of the textbook kernels stretched by the reduction."""

    def kernel(x: float) -> float:
        x = abs(x)
        if interpolation == "bilinear":
            return max(1 - x, 0)
        if interpolation == "lanczos":
            return float(np.sinc(x) * np.sinc(x / 3)) if x < 3 else 0
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0

    ratio = length / size
    weights = np.array(
        [
            [kernel((place + 0.5 - (out + 0.5) * ratio) / max(ratio, 1)) for place in range(length)]
            for out in range(size)
        ]
    )
    return weights / weights.sum(1, keepdims=True)


def test_floats_keep_the_levels_that_bytes_would_lose() -> None:
    image = np.repeat(np.linspace(0.4, 0.41, 64, dtype=np.float32).reshape(1, 64, 1).repeat(64, 0), 3, 2)
    assert np.unique(prepare(image, recipe("squash", 64, 64))).size == 64


def test_grey_pictures_take_the_short_way_to_the_same_pixels() -> None:
    grey = photo(150, 130)[..., :1].repeat(3, 2)
    almost = grey.copy()
    almost[77, 91, 2] ^= 255  # coloured at one place that the first glance misses
    wanted = recipe("shortest", 100, 96)
    assert np.array_equal(prepare(almost, wanted)[..., :2], prepare(grey, wanted)[..., :2])
    assert not np.array_equal(prepare(almost, wanted)[..., 2], prepare(grey, wanted)[..., 2])
    assert np.array_equal(*np.split(prepare(grey, wanted)[..., :2], 2, axis=2))


def test_extreme_shapes_cost_no_more_than_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert prepare(photo(2, 30_000), recipe("shortest", 256, 224)).shape == (224, 224, 3)
    wanted = recipe("squash", 96, 96)
    for image in (photo(30, 4000), photo(200, 150)):
        rows_first = prepare(image, wanted)
        with monkeypatch.context() as limit:
            limit.setattr(module, "_MAX_BETWEEN", 1000)
            columns_first = prepare(image, wanted)
        difference = np.abs(rows_first.astype(int) - columns_first)
        assert 0 < difference.mean() < 0.5  # the rounding between the passes, and nothing else


@pytest.mark.parametrize("resize", ["shortest", "squash"])
@pytest.mark.parametrize("size", [(1501, 1103), (1103, 1501)])
def test_a_reduced_decode_lands_on_the_same_pixels(
    tmp_path: Path, resize: str, size: tuple[int, int]
) -> None:
    path = tmp_path / "a.jpg"
    small = np.random.default_rng(5).integers(0, 256, (60, 60, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(path, quality=92, exif=exif)
    wanted = recipe(resize, 128, 112 if resize == "shortest" else 128)
    exact, scaled = (load(path, wanted, decode).astype(float).ravel() for decode in ("exact", "scaled"))
    assert not np.array_equal(exact, scaled)
    exact, scaled = exact - exact.mean(), scaled - scaled.mean()
    assert exact @ scaled / np.linalg.norm(exact) / np.linalg.norm(scaled) > 0.999


def test_sixteen_bits_reach_the_model_as_floats(tmp_path: Path) -> None:
    levels = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(levels).save(tmp_path / "a.png")
    prepared = load(tmp_path / "a.png", recipe("squash", 64, 64))
    assert prepared.dtype == np.float32
    assert np.array_equal(np.rint(prepared[..., 0] * 65535), levels)
