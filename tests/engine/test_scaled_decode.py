"""Large JPEGs are decoded at a fraction of their size; the embedding must hardly notice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHARED
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.loader import BatchLoader

SIZE = (4000, 3000)  # 12 megapixels
PHOTOS = 8


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs enlarged to 12 megapixels, with the grain that a sensor adds at that scale."""
    source = SHARED / "clothing_photos"
    if not source.is_dir():
        pytest.skip("the shared images (clothing_photos) are not beside this checkout")
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(0)
    files = []
    for number, file in enumerate(sorted(source.rglob("*.jpg"))[:: 860 // PHOTOS][:PHOTOS]):
        with Image.open(file) as photo:
            large = np.asarray(photo.convert("RGB").resize(SIZE, Image.Resampling.BICUBIC)).astype(np.int16)
        large += rng.normal(0, 6, large.shape[:2]).astype(np.int16)[..., None]
        files.append(folder / f"{number}.jpg")
        Image.fromarray(large.clip(0, 255).astype(np.uint8)).save(files[-1], quality=90)
    return files


def test_an_embedding_from_a_scaled_decode_is_that_of_the_exact_one(photographs: list[Path]) -> None:
    spec = resolve("efficientnet_lite0", precision="fp32").spec
    backbone = load_backbone(spec, "cpu")

    def embed(decode: str) -> np.ndarray:
        loader = BatchLoader(photographs, spec.preprocess, batch_size=PHOTOS, threads=2, decode=decode)  # type: ignore[arg-type]
        (batch,) = list(loader)
        assert not batch.refused
        return backbone.pooled_features(batch.images)["pooled"]

    exact, scaled = embed("exact"), embed("scaled")
    assert not np.array_equal(exact, scaled), "the scaled decode did not scale"
    norms = np.linalg.norm(exact, axis=1) * np.linalg.norm(scaled, axis=1)
    cosine = (exact * scaled).sum(axis=1) / norms
    print(f"cosine {cosine.mean():.5f} on average, {cosine.min():.5f} at worst")
    assert cosine.mean() >= 0.998
    assert cosine.min() >= 0.99


def test_the_choice_is_part_of_the_feature_spec() -> None:
    exact, scaled = (resolve("efficientnet_lite0", decode=decode).spec for decode in ("exact", "scaled"))  # type: ignore[arg-type]
    assert exact.fingerprint() != scaled.fingerprint()
