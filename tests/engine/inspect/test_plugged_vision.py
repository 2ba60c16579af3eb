"""Backbones of plugins are looked into as far as what they give allows, by attention that is computed here again."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.pretrain.made import new_run
from tests.installed import only_files
from workbench import plugins
from workbench.engine import plugins as loading
from workbench.engine.backbones.plugged import plugged_backbone
from workbench.engine.inspect.attention import read_attention
from workbench.engine.inspect.vision import open_vision
from workbench.engine.jobs.inspect import run as inspect
from workbench.records.inspection import InspectJob, Sight, sight_file

SIZE, PATCH, DEPTH, HEADS = 32, 8, 3, 2
CODE = """
import timm
import torch
from torch import nn
from transformers import ViTConfig, ViTModel
from workbench.engine.api import PluginBackbone, Preprocess, timm_reader

PLUGIN = {"name": "eyes", "version": "1.0", "api": "1.0", "backbones": {
    "timms": "x", "huggings": "x", "rolled": "x", "own": "x", "vector": "x", "long": "x"}}


class Timms(PluginBackbone):
    name, title, family = "timms", "Of timm", "Lab"
    features, default_feature = ("cls", "mean"), "cls"
    preprocess = Preprocess(
        resize="squash", resize_to=32, size=32, interpolation="bilinear", mean=(0.5,) * 3, std=(0.5,) * 3
    )
    training_data, licence = "none", "ours"

    def files(self):
        return ()

    def build(self, size):
        torch.manual_seed(0)
        return timm.create_model(
            "vit_tiny_patch16_224", num_classes=0, img_size=32, patch_size=8, depth=3, num_heads=2, embed_dim=16
        )

    def read(self, module, pixels):
        return timm_reader(module)(pixels)


class Rolled(Timms):
    name = "rolled"

    def read(self, module, pixels):
        named = super().read(module, pixels)
        return {**named, "patches": named["patches"].roll(1, 1)}


class Huggings(Timms):
    name = "huggings"

    def build(self, size):
        torch.manual_seed(0)
        return ViTModel(ViTConfig(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32,
                                  image_size=32, patch_size=8, attn_implementation="sdpa"))

    def read(self, module, pixels):
        tokens = module(pixel_values=pixels).last_hidden_state
        return {"cls": tokens[:, 0], "patches": tokens[:, 1:]}


class Own(Timms):
    name = "own"
    features, default_feature = ("mean",), "mean"

    def build(self, size):
        torch.manual_seed(0)
        return nn.Conv2d(3, 16, 8, stride=8)

    def read(self, module, pixels):
        return {"patches": module(pixels).flatten(2).transpose(1, 2)}


class Vector(Own):
    name = "vector"
    features, default_feature = ("pooled",), "pooled"

    def read(self, module, pixels):
        return {"pooled": super().read(module, pixels)["patches"].mean(1)}


class Long(Own):
    name = "long"

    def read(self, module, pixels):
        return {"patches": super().read(module, pixels)["patches"][:, :15]}


def register(house):
    for each in (Timms, Huggings, Rolled, Own, Vector, Long):
        house.add_backbone(each)
"""


@pytest.fixture(autouse=True)
def eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    only_files(monkeypatch)
    monkeypatch.setattr(loading, "_loaded", loading._Loaded())
    monkeypatch.delitem(sys.modules, "workbench_plugin_eyes", raising=False)
    folder = plugins.plugin_folder()
    folder.mkdir(parents=True)
    (folder / "eyes.py").write_text(CODE)


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)


def by_hand(module: nn.Module, name: str, pixels: torch.Tensor) -> np.ndarray:
    """(B, heads, h * w): what the class token looks at in the last layer."""
    if name == "huggings":
        module.set_attn_implementation("eager")
        with torch.inference_mode():
            return module(pixel_values=pixels, output_attentions=True).attentions[-1][:, :, 0, 1:].numpy()
    caught: list[torch.Tensor] = []
    attention = module.blocks[-1].attn
    attention.register_forward_pre_hook(lambda _, given: caught.append(given[0]))
    with torch.inference_mode():
        module.forward_features(pixels)
        queries, keys, _ = attention.qkv(caught[0]).chunk(3, -1)
        queries, keys = (each.unflatten(-1, (HEADS, -1)).transpose(1, 2) for each in (queries, keys))
        looks = (queries @ keys.mT / queries.shape[-1] ** 0.5).softmax(-1)
    return looks[:, :, 0, 1:].numpy()


@pytest.mark.parametrize("name", ["timms", "huggings"])
def test_a_network_of_a_known_library_is_looked_into_like_any_other(name: str, pictures: np.ndarray) -> None:
    vision = open_vision(name)
    assert (vision.attends, vision.depth, vision.heads, vision.patch) == (True, DEPTH, HEADS, PATCH)
    assert vision.grid == (4, 4) and vision.has_cls and vision.registers == 0
    rows = read_attention(vision, pictures).rows("cls")
    made = plugged_backbone(name)
    assert made is not None
    module = made.build(SIZE).eval()
    wanted = by_hand(module, name, vision.pixels(pictures))
    np.testing.assert_allclose(rows.patches[:, -1].astype(np.float32), wanted, atol=2e-3)
    assert vision.tokens(pictures, layer=0).shape == (2, 4, 4, 16)


@pytest.mark.parametrize("name", ["rolled", "own"])
def test_of_what_nobody_knows_the_last_patches_are_shown_as_the_plugin_gives_them(
    name: str, pictures: np.ndarray
) -> None:
    vision = open_vision(name)
    assert not vision.attends and vision.depth == vision.heads == 0
    made = plugged_backbone(name)
    assert made is not None
    with torch.inference_mode():
        named = made.read(made.build(SIZE).eval(), vision.pixels(pictures))
    np.testing.assert_allclose(
        vision.tokens(pictures), named["patches"].unflatten(1, (4, 4)).numpy(), atol=1e-5
    )
    with pytest.raises(ValueError, match="the map of its last layer only"):
        vision.tokens(pictures, layer=0)


@pytest.mark.parametrize(
    ("name", "told"),
    [("vector", "gives pooled and no patches, so there is nothing to look at"), ("long", "make no square")],
)
def test_one_without_patches_says_so(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        open_vision(name)


def test_the_board_shows_what_there_is_of_each(picture_folder: Path, tmp_path: Path) -> None:
    picture = str(next(picture_folder.rglob("*.png")))
    asked = {"models": ("timms", "own", "vector"), "images": (picture,), "device": "cpu"}
    for show, errors in (("attention", (0, 1, 1)), ("segments", (0, 0, 1))):
        job = InspectJob(show=show, groups=2, **asked)
        run, control = new_run(job, tmp_path / "runs", show)
        inspect(job, run, control)
        sights = [Sight.load(run.path / sight_file(place)) for place in range(3)]
        assert tuple(int(bool(sight.error)) for sight in sights) == errors, [sight.error for sight in sights]
