"""transformers itself is the oracle: AutoImageProcessor + AutoModel on the same pictures."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from torch.nn.functional import cosine_similarity

from workbench.engine.backbones.base import pool
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.pixels.prepare import prepare

ALIKE = 0.9999


def ours(folder: Path, photographs: list[np.ndarray], memo: Path, **choices):
    found = resolve(str(folder), memo=memo, **choices)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    return load_backbone(found.spec, "cpu", memo=memo).encode(images)


def theirs(folder: Path, photographs: list[np.ndarray], size: int | None = None):
    """As a user of transformers would write it; at another size, the processor is asked for the same share."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder)
    sizes = {}
    if size and processor.do_center_crop:
        edge = round(processor.size["shortest_edge"] * size / processor.crop_size["height"])
        sizes = {"size": {"shortest_edge": edge}, "crop_size": {"height": size, "width": size}}
    elif size:
        sizes = {"size": {"height": size, "width": size}}
    pixels = torch.cat(
        [processor(image, return_tensors="pt", **sizes)["pixel_values"] for image in photographs]
    )
    more = {"interpolate_pos_encoding": True} if size and "dinov2" not in model.config.model_type else {}
    with torch.no_grad():
        return model.eval()(pixel_values=pixels, **more)


def assert_alike(got: torch.Tensor, expected: torch.Tensor) -> None:
    assert got.shape == expected.shape and got.dtype == torch.float32
    assert cosine_similarity(got, expected, dim=-1).min() >= ALIKE


def assert_pictures_matter(vectors: torch.Tensor) -> None:
    """Were all pictures alike to the model, the comparison would prove nothing."""
    assert cosine_similarity(vectors[0], vectors[1], dim=-1) < 0.995


@pytest.mark.parametrize("size", [None, 84])
@pytest.mark.parametrize("kind", ["dinov2", "registers"])
def test_dinov2_is_what_transformers_gives(kind, size, published, photographs, memo):
    folder = published(kind).folder
    named = ours(folder, photographs, memo, image_size=size)
    hidden = theirs(folder, photographs, size).last_hidden_state
    registers = 4 if kind == "registers" else 0
    assert_pictures_matter(hidden[:, 0])
    assert_alike(named["cls"], hidden[:, 0])
    assert_alike(named["patches"], hidden[:, 1 + registers :])
    assert named["patches"].shape[1] == ((size or 56) // 14) ** 2
    assert ("registers" in named) == bool(registers)
    if registers:
        assert_alike(named["registers"], hidden[:, 1:5])


@pytest.mark.parametrize("size", [None, 96])
def test_vit_is_what_transformers_gives(size, published, photographs, memo):
    folder = published("vit").folder
    named = ours(folder, photographs, memo, image_size=size)
    expected = theirs(folder, photographs, size)
    assert_pictures_matter(expected.last_hidden_state[:, 0])
    assert_alike(named["cls"], expected.last_hidden_state[:, 0])
    assert_alike(named["patches"], expected.last_hidden_state[:, 1:])
    assert_alike(named["pooled"], expected.pooler_output)


@pytest.mark.parametrize("size", [None, 96])
def test_vit_mae_is_its_encoder_over_all_patches_in_image_order(size, published, photographs, memo):
    tiny = published("vit_mae")
    named = ours(tiny.folder, photographs, memo, image_size=size)
    sizes = {"size": {"height": size, "width": size}} if size else {}
    pixels = torch.cat([tiny.processor(i, return_tensors="pt", **sizes)["pixel_values"] for i in photographs])
    vit = tiny.model.vit
    with torch.no_grad():  # the encoder run by hand: no masking, no shuffling
        tokens = vit.embeddings.patch_embeddings(pixels)
        places = vit.embeddings.interpolate_pos_encoding(tokens, *pixels.shape[2:])
        cls = (vit.embeddings.cls_token + places[:, :1]).expand(len(pixels), -1, -1)
        hidden = torch.cat([cls, tokens + places[:, 1:]], dim=1)
        for layer in vit.layers:
            hidden = layer(hidden)
        hidden = vit.layernorm(hidden)
    assert named["patches"].shape[1] == ((size or 64) // 16) ** 2
    assert_pictures_matter(hidden[:, 0])
    assert_alike(named["cls"], hidden[:, 0])
    assert_alike(named["patches"], hidden[:, 1:])
    shuffled = hidden[:, 1:].flip(1)  # the check can fail: another order of patches is another answer
    assert cosine_similarity(named["patches"], shuffled, dim=-1).min() < 0.99


def test_vit_mae_gives_the_same_features_on_every_call(published, photographs, memo):
    found = resolve(str(published("vit_mae").folder), memo=memo)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    before = torch.random.get_rng_state()
    first, second = backbone.encode(images), backbone.encode(images)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.equal(before, torch.random.get_rng_state())
    naive = transformers.AutoModel.from_pretrained(published("vit_mae").folder)
    pixels = published("vit_mae").processor(photographs, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        assert not torch.equal(naive(pixels).last_hidden_state, naive(pixels).last_hidden_state), (
            "the trap is gone"
        )


@pytest.mark.parametrize("kind", ["clip", "siglip", "convnext"])
def test_towers_and_convolutions_give_their_own_pooled_vector(kind, published, photographs, memo):
    tiny = published(kind)
    named = ours(tiny.folder, photographs, memo)
    pixels = torch.cat([tiny.processor(i, return_tensors="pt")["pixel_values"] for i in photographs])
    with torch.no_grad():
        expected = tiny.model(pixel_values=pixels)
    assert_alike(named["pooled"], expected.pooler_output)
    patches = expected.last_hidden_state
    patches = patches.flatten(2).transpose(1, 2) if kind == "convnext" else patches[:, int(kind == "clip") :]
    assert_alike(named["patches"], patches)


def test_defaults_follow_the_family(published, memo):
    chosen = {
        kind: resolve(str(published(kind).folder), memo=memo).spec.feature for kind in ("dinov2", "vit_mae")
    }
    assert chosen == {"dinov2": "cls", "vit_mae": "mean"}


def test_pooled_vectors_come_from_one_pass_and_are_those_of_encode(published, photographs, memo):
    found = resolve(str(published("vit").folder), memo=memo)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    vectors, named = backbone.pooled_features(images), backbone.encode(images)
    assert set(vectors) == {"cls", "mean", "pooled"}
    for name, vector in vectors.items():
        assert vector.dtype == np.float32 and vector.shape[1] == backbone.dimensions[name]
        np.testing.assert_allclose(vector, pool(named, name).numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(vectors["mean"], named["patches"].numpy().mean(1), rtol=1e-5, atol=1e-5)
    joined = pool(named, "cls+mean").numpy()
    assert joined.shape[1] == backbone.dimensions["cls+mean"]
    np.testing.assert_array_equal(joined[:, :64], vectors["cls"])


def test_bytes_and_floats_are_the_same_picture(published, photographs, memo):
    found = resolve(str(published("dinov2").folder), memo=memo)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    as_bytes, as_floats = backbone.encode(images), backbone.encode((images / 255).astype(np.float32))
    torch.testing.assert_close(as_bytes["cls"], as_floats["cls"], rtol=1e-4, atol=1e-5)


def test_a_hub_id_loads_from_the_cache_without_network(published, photographs, tmp_path, memo, monkeypatch):
    cache = tmp_path / "hub"
    repository = cache / "models--facebook--dinov2-small"
    snapshot = repository / "snapshots" / ("0" * 40)
    shutil.copytree(published("dinov2").folder, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    monkeypatch.setenv("HF_HUB_CACHE", str(cache))

    def no_network(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    named = ours(Path("facebook/dinov2-small"), photographs, memo)
    # An automatic class looks for adapters in the network all the same, and tries again for 20 s.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    model = transformers.AutoModel.from_pretrained(
        "facebook/dinov2-small", cache_dir=cache, local_files_only=True
    )
    processor = transformers.AutoImageProcessor.from_pretrained(
        "facebook/dinov2-small", cache_dir=cache, local_files_only=True
    )
    pixels = torch.cat([processor(image, return_tensors="pt")["pixel_values"] for image in photographs])
    with torch.no_grad():
        hidden = model.eval()(pixels).last_hidden_state
    assert_alike(named["cls"], hidden[:, 0])
    assert_alike(named["patches"], hidden[:, 1:])


def test_bf16_stays_close_to_fp32(published, photographs, memo):
    folder = published("dinov2").folder
    exact = ours(folder, photographs, memo)
    quick = ours(folder, photographs, memo, precision="bf16")
    for name in exact:
        assert cosine_similarity(exact[name], quick[name], dim=-1).min() >= 0.999
        assert quick[name].dtype == torch.float32


def test_weights_without_a_pooler_offer_none(published, tmp_path, memo):
    folder = tmp_path / "bare"
    model = transformers.ViTModel(published("vit").model.config, add_pooling_layer=False)
    model.save_pretrained(folder)
    published("vit").processor.save_pretrained(folder)
    found = resolve(str(folder), memo=memo)
    assert found.features == ("cls", "mean", "cls+mean")
    with pytest.raises(ValueError, match="has no feature 'pooled'"):
        resolve(str(folder), feature="pooled", memo=memo)
    images = np.zeros((1, 64, 64, 3), np.uint8)
    assert "pooled" not in load_backbone(found.spec, "cpu", memo=memo).encode(images)


def test_weights_that_lack_a_tensor_are_refused(published, tmp_path, memo):
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "torn"
    shutil.copytree(published("dinov2").folder, folder)
    state = load_file(folder / "model.safetensors")
    del state[next(name for name in state if "layer.1" in name)]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    found = resolve(str(folder), memo=memo)
    with pytest.raises(ValueError, match="lack 1 tensor"):
        load_backbone(found.spec, "cpu", memo=memo)
