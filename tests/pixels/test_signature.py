"""Signatures against scipy's cosine transform, and what they must not notice."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from scipy.fft import dctn

from tests.pixels.drawn import photograph
from workbench.pixels.signature import BYTES, NONE, grey, signature
from workbench.records.duplicates import MAX_FINE, SURE


def differing(first: bytes, second: bytes) -> int:
    return (int.from_bytes(first) ^ int.from_bytes(second)).bit_count()


def of(image: Image.Image) -> bytes:
    return signature(np.asarray(image))


def encoded(image: Image.Image, kind: str, **options: int) -> Image.Image:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return Image.open(io.BytesIO(stream.getvalue())).convert("RGB")


@pytest.mark.parametrize("shape", [(200, 200), (150, 90), (40, 230)])
def test_the_signs_are_those_of_the_discrete_cosine_transform(shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(3).random(shape, np.float32)
    spectrum = dctn(picture.astype(np.float64))
    places = [(n - v, v) for n in range(1, 50) for v in range(n + 1)][: BYTES * 8]
    expected = [spectrum[u, v] > 0 for u, v in places]
    found = np.unpackbits(np.frombuffer(signature(picture), np.uint8)).astype(bool)
    sure = [abs(spectrum[u, v]) > 1e-3 for u, v in places]  # float32 can't tell the sign of nothing
    assert np.mean(sure) > 0.99
    assert np.array_equal(found[sure], np.asarray(expected)[sure])


VARIANTS = {
    "jpeg 50": lambda image: encoded(image, "JPEG", quality=50),
    "webp": lambda image: encoded(image, "WEBP", quality=75),
    "half": lambda image: image.resize((120, 120), Image.Resampling.BICUBIC),
    "three quarters": lambda image: image.resize((180, 180), Image.Resampling.LANCZOS),
    "squashed": lambda image: image.resize((100, 64), Image.Resampling.BOX),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.85),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.8),
    "grey": lambda image: image.convert("L"),
    "cropped by 1 %": lambda image: image.crop((2, 2, 238, 238)),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_copies_stay_near(name: str) -> None:
    for seed in range(4):
        image = photograph(seed)
        assert differing(of(image), of(VARIANTS[name](image))) <= SURE


def test_other_pictures_are_far() -> None:
    signatures = [of(photograph(seed)) for seed in range(12)]
    apart = [differing(a, b) for i, a in enumerate(signatures) for b in signatures[:i]]
    assert min(apart) > MAX_FINE
    assert 140 < np.mean(apart) < 180  # of 320: chance


def test_the_type_of_the_numbers_does_not_matter() -> None:
    rgb = np.asarray(photograph(5))
    flat = grey(rgb)
    assert differing(signature(rgb), signature((rgb / 255).astype(np.float32))) <= 3
    assert (
        differing(signature(flat), signature(flat * np.float32(0.004) + np.float32(0.03))) <= 3
    )  # dim and deep


def test_a_picture_without_structure_has_no_signature() -> None:
    ramp = np.linspace(0, 255, 160)
    nothing = {
        "black": np.zeros((50, 60, 3), np.uint8),
        "even": np.full((50, 60), 0.5, np.float32),
        "one pixel": np.full((1, 1, 3), 9, np.uint8),
        "one column": np.random.default_rng(0).integers(0, 255, (300, 1, 3), dtype=np.uint8),
        "ramp": np.tile(ramp.astype(np.uint8), (90, 1)),
        "stripes": np.tile((ramp // 20 % 2 * 255).astype(np.uint8)[:, None], (1, 90)),
    }
    assert {name: signature(picture) for name, picture in nothing.items()} == dict.fromkeys(nothing, NONE)


@pytest.mark.parametrize("shape", [(2, 70_000, 3), (70_000, 3, 3), (2000, 1500, 3)])
def test_any_shape_is_reduced_to_a_small_one(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(1).integers(0, 255, shape, dtype=np.uint8)
    assert max(grey(picture).shape) < 512
    assert len(signature(picture)) == BYTES
