"""What the model is said to see and to make of it is what an embedding of the same files makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from timm.models import save_for_hf

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.inspect.vision import open_vision
from workbench.pixels.prepare import load
from workbench.records.spec import Reading

KINDS = ("dinov2", "registers", "vit", "vit_mae", "clip", "siglip", "dinov3", "msn")


def test_files_are_seen_as_an_embedding_sees_them(published, photographs, tmp_path, memo) -> None:
    paths = []
    for number, image in enumerate(photographs):
        paths.append(tmp_path / f"{number}.{'jpg' if number % 2 else 'png'}")
        Image.fromarray(image).save(paths[-1])
    vision = open_vision(str(published("dinov2").folder), memo=memo)
    spec = resolve(str(published("dinov2").folder), memo=memo).spec
    pictures = vision.load(paths)
    expected = np.stack([load(path, spec.preprocess, spec.decode, reading=spec.reading) for path in paths])
    np.testing.assert_array_equal(pictures, expected)
    assert pictures.dtype == np.uint8
    np.testing.assert_array_equal(vision.prepare(photographs[::2]), pictures[::2])  # those kept without loss


def test_a_file_that_cant_be_read_is_named(tmp_path, memo) -> None:
    vision = open_vision("random_vit", image_size=64, memo=memo)
    (tmp_path / "torn.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"torn\.png can't be looked at: .* Choose another picture"):
        vision.load([tmp_path / "torn.png"])
    for nothing in (vision.load, vision.prepare):
        with pytest.raises(ValueError, match="no picture to look at"):
            nothing([])
    with pytest.raises(ValueError, match=r"shape \(H, W, 3\), got \(5, 5\)"):
        vision.prepare([np.zeros((5, 5), np.uint8)])


def test_bytes_and_floats_side_by_side_become_floats(photographs, memo) -> None:
    vision = open_vision("random_vit", image_size=64, memo=memo)
    exact = (photographs[1] / 255).astype(np.float32)
    both = vision.prepare([photographs[0], exact])
    assert both.dtype == np.float32 and both.max() <= 1
    np.testing.assert_allclose(both[0], vision.prepare(photographs[:1])[0] / np.float32(255), atol=1e-7)


def test_all_channels_can_be_read(memo) -> None:
    reading = Reading(channels="all:5")
    vision = open_vision("random_vit", image_size=64, reading=reading, memo=memo)
    pictures = vision.prepare([np.random.default_rng(0).integers(0, 256, (70, 90, 5), dtype=np.uint8)])
    assert pictures.shape == (1, 64, 64, 5) and vision.tokens(pictures).shape == (1, 4, 4, 192)


@pytest.mark.parametrize("kind", KINDS)
def test_the_patches_of_a_layer_are_those_that_an_embedding_reads(kind, published, photographs, memo) -> None:
    folder = str(published(kind).folder)
    vision = open_vision(folder, memo=memo)
    pictures = vision.prepare(photographs)
    side = vision.grid[0]
    for layer, layers in ((0, "1"), (1, "2"), (2, ""), (None, "")):
        spec = resolve(folder, layers=layers, memo=memo).spec
        expected = load_backbone(spec, "cpu", memo=memo).encode(pictures)["patches"].numpy()
        got = vision.tokens(pictures, layer)
        assert got.shape == (4, side, side, 64) and got.dtype == np.float32
        np.testing.assert_allclose(got.reshape(4, side * side, 64), expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="has 3 layers whose patches can be read, and layer 4 was asked for"):
        vision.tokens(pictures, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_raw_tokens_pass_the_final_norm_to_become_the_usual_ones(kind, published, photographs, memo) -> None:
    vision = open_vision(str(published(kind).folder), memo=memo)
    pictures = vision.prepare(photographs)
    raw, usual = vision.raw_tokens(pictures), vision.tokens(pictures)
    assert raw.shape == usual.shape
    norm = vision.final_norm
    assert (norm is None) == (kind == "clip")
    with torch.inference_mode():
        passed = torch.from_numpy(raw) if norm is None else norm(torch.from_numpy(raw))
    np.testing.assert_allclose(passed.numpy(), usual, rtol=1e-4, atol=1e-4)
    if norm is not None:
        assert abs(raw - usual).max() > 0.1  # else the check would say nothing


def test_raw_tokens_of_timm_are_those_without_its_norm(photographs, tmp_path, memo) -> None:
    kept: dict[str, Any] = {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3, "reg_tokens": 2}
    model: Any = fill(timm.create_model("vit_tiny_patch16_224", num_classes=0, **kept))
    save_for_hf(model, tmp_path / "mine", model_args=kept)
    vision = open_vision(str(tmp_path / "mine"), image_size=64, memo=memo)
    pictures = vision.prepare(photographs[:2])
    with torch.inference_mode():
        (expected,) = model.forward_intermediates(
            vision.pixels(pictures), indices=[2], norm=False, output_fmt="NLC", intermediates_only=True
        )
    np.testing.assert_allclose(
        vision.raw_tokens(pictures).reshape(2, 16, 48), expected.numpy(), rtol=1e-4, atol=1e-4
    )


def test_convolutional_networks_give_their_last_map(published, photographs, tmp_path, memo) -> None:
    model: Any = timm.create_model("resnet18", num_classes=0).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    vision = open_vision(f"resnet18:{tmp_path / 'w.pth'}", image_size=96, memo=memo)
    pictures = vision.prepare(photographs[:2])
    with torch.inference_mode():
        expected = model.forward_features(vision.pixels(pictures)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(vision.tokens(pictures), expected.numpy(), rtol=1e-3, atol=1e-4)
    assert vision.tokens(pictures).shape == (2, 3, 3, 512)
    with pytest.raises(ValueError, match="gives the map of its last layer only"):
        vision.tokens(pictures, 0)
    convnext = open_vision(str(published("convnext").folder), memo=memo)
    pictures = convnext.prepare(photographs[:2])
    with torch.no_grad():
        hidden = published("convnext").model(pixel_values=convnext.pixels(pictures)).last_hidden_state
    np.testing.assert_allclose(
        convnext.tokens(pictures), hidden.permute(0, 2, 3, 1).numpy(), rtol=1e-3, atol=1e-4
    )


def test_what_has_no_patches_is_refused(memo) -> None:
    with pytest.raises(ValueError, match=r"has no patches to look at\. Choose a neural network"):
        open_vision("histogram", memo=memo)
    with pytest.raises(ValueError, match="no folder or weight file"):
        open_vision("/nowhere/at/all", memo=memo)


def test_a_patch_lies_where_its_picture_has_it(published, memo) -> None:
    """One odd patch changes its own patch at the first layer's input most: rows run down, columns across."""
    for name in ("random_vit", str(published("vit_mae").folder), str(published("dinov3").folder)):
        vision = open_vision(name, image_size=80, memo=memo)
        plain = np.full((1, 80, 80, 3), 100, np.uint8)
        odd = plain.copy()
        odd[0, 16:32, 48:64] = np.random.default_rng(0).integers(0, 256, (16, 16, 3))
        change = np.linalg.norm(vision.tokens(odd, 0) - vision.tokens(plain, 0), axis=-1)[0]
        assert np.unravel_index(change.argmax(), change.shape) == (1, 3), name


def test_paths_may_be_pages(tmp_path: Path, memo) -> None:
    import tifffile

    stack = np.random.default_rng(0).integers(0, 256, (3, 40, 40), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "s.tif", stack, photometric="minisblack")
    vision = open_vision("random_vit", image_size=32, memo=memo)
    pictures = vision.load([tmp_path / "s.tif"] * 2, pages=[0, 2])
    assert not np.array_equal(pictures[0], pictures[1])
