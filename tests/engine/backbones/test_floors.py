"""The backbones that are always there: the bundled one, against the photographs it must know, and the two floors."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_sample_images

from workbench.engine import device
from workbench.engine.backbones import floors
from workbench.engine.backbones.bundled import to_timm
from workbench.engine.backbones.checkpoints import read_state
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.pixels.prepare import prepare


@pytest.fixture(scope="module")
def lite(tmp_path_factory):
    return resolve("efficientnet_lite0", memo=tmp_path_factory.mktemp("memo"))


def test_the_bundled_network_knows_a_palace_and_a_daisy(lite, memo):
    """ImageNet's classes 698 and 985, with the probabilities that another program found, with a crop and filter
    of its own, for these files."""
    whole = timm.create_model("tf_efficientnet_lite0")
    state = to_timm(read_state(lite.files[0]))
    assert len(state) == 296
    whole.load_state_dict(state, strict=True)
    images = np.stack([prepare(image, lite.spec.preprocess) for image in load_sample_images().images])
    backbone = load_backbone(lite.spec, "cpu", memo=memo)
    with torch.no_grad():
        odds = whole.eval().classifier(backbone.encode(images)["pooled"]).softmax(-1)
    assert odds.argmax(-1).tolist() == [698, 985]
    assert odds.max(-1).values.tolist() == pytest.approx([0.36, 0.33], abs=0.04)


def test_the_bundled_network_is_timms(lite, memo):
    images = np.stack([prepare(image, lite.spec.preprocess) for image in load_sample_images().images])
    named = load_backbone(lite.spec, "cpu", memo=memo).encode(images)
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0).eval()
    state = {k: v for k, v in to_timm(read_state(lite.files[0])).items() if not k.startswith("classifier")}
    network.load_state_dict(state, strict=True)
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127) / 128
    with torch.no_grad():
        torch.testing.assert_close(named["pooled"], network(pixels), rtol=1e-3, atol=1e-4)


def test_bf16_is_taken_by_itself_only_where_features_keep(memo, monkeypatch):
    monkeypatch.setattr(device, "_cpu_flags", lambda: frozenset({"avx512_bf16"}))
    chosen = {
        name: resolve(name, precision="auto", device="cpu", memo=memo).spec.precision
        for name in ("efficientnet_lite0", "random_vit", "histogram")
    }
    assert chosen == {"efficientnet_lite0": "fp32", "random_vit": "bf16", "histogram": "fp32"}
    assert resolve("efficientnet_lite0", precision="bf16", memo=memo).spec.precision == "bf16"


def test_random_vit_is_the_same_on_every_load_and_leaves_random_states_alone(memo):
    images = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    spec = resolve("random_vit", memo=memo).spec
    state, legacy = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    first = load_backbone(spec, "cpu", memo=memo).pooled_features(images)
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.array_equal(legacy, np.random.get_state()[1])
    torch.manual_seed(99)
    second = load_backbone(spec, "cpu", memo=memo).pooled_features(images)
    for name in ("cls", "mean"):
        np.testing.assert_array_equal(first[name], second[name])
        assert np.abs(first[name][0] - first[name][1]).max() > 0.01


def test_random_vit_weights_do_not_depend_on_the_size(memo):
    usual, larger = floors.random_vit(224), floors.random_vit(256)
    assert torch.equal(usual.blocks[3].mlp.fc1.weight, larger.blocks[3].mlp.fc1.weight)
    spec = resolve("random_vit", image_size=256, memo=memo).spec
    named = load_backbone(spec, "cpu", memo=memo).encode(np.zeros((1, 256, 256, 3), np.uint8))
    assert named["patches"].shape == (1, 256, 192)


def test_histogram_says_colour_and_texture():
    """Each part against what is known of a picture made for it."""
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 255
    vector = floors.describe(red)
    assert vector.shape == (floors.LENGTH,) and vector.dtype == np.float32
    joint = vector[:64]
    assert joint[(0 * 2 + 1) * 4 + 3] == pytest.approx(1) and joint.sum() == pytest.approx(
        1
    )  # hue 0, full, bright
    assert vector[64 + 15] == pytest.approx(1)  # the highest of 16 levels of red
    assert vector[64 + 16] == pytest.approx(1)  # the lowest of green
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::8] = 255
    bins = 64 + 48 + 2 * 59
    upright, flat = (
        floors.describe(image)[bins : bins + 9] for image in (stripes, stripes.transpose(1, 0, 2))
    )
    assert upright.argmax() == 0 and flat.argmax() == 4  # gradients along x, then along y
    assert np.abs(floors.describe(stripes)[112:171] - vector[112:171]).max() > 0.1


def test_local_binary_patterns_equal_a_slow_count():
    grey = np.random.default_rng(3).random((20, 17)).astype(np.float32)
    table: dict[int, int] = {}
    for code in range(256):
        bits = [code >> bit & 1 for bit in range(8)]
        if sum(bits[i] != bits[i - 1] for i in range(8)) <= 2:
            table[code] = len(table)
    assert len(table) == 58
    ring = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    counts = np.zeros(59)
    for y in range(3, 17):
        for x in range(3, 14):
            code = sum(
                (grey[y + 3 * dy, x + 3 * dx] >= grey[y, x]) << bit for bit, (dy, dx) in enumerate(ring)
            )
            counts[table.get(int(code), 58)] += 1
    np.testing.assert_allclose(
        floors._shares(floors._patterns(grey, 3), 59), np.sqrt(counts / counts.sum()), atol=1e-6
    )


def test_histogram_is_the_same_for_bytes_and_floats(memo):
    image = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    spec = resolve("histogram", precision="bf16", memo=memo).spec
    assert spec.precision == "fp32"
    backbone = load_backbone(spec, "cpu", memo=memo)
    bytes_, floats = (
        backbone.pooled_features(x)["pooled"] for x in (image, (image / 255).astype(np.float32))
    )
    np.testing.assert_allclose(bytes_, floats, atol=0.01)
