"""Chosen layers against timm's own intermediate layers, and against transformers' blocks caught by hooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from timm.models import save_for_hf

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones.catalogue import catalogue, depth_of, patch_of
from workbench.engine.backbones.choice import shortfalls
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.backbones.timm_models import describe


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)


def ours(identifier: str, pictures: np.ndarray, memo: Path, **choices: Any) -> dict[str, torch.Tensor]:
    """Every feature that `pooled_features` and `encode` give, which must agree in their lengths."""
    found = resolve(identifier, image_size=pictures.shape[1], memo=memo, **choices)
    backbone = load_backbone(found.spec, "cpu", memo=memo)
    vectors = backbone.pooled_features(pictures)
    for name, vector in vectors.items():
        assert vector.shape == (len(pictures), backbone.dimensions[name]), name
    assert {name.split("+")[0] for name in backbone.dimensions} == set(vectors)
    named = backbone.encode(pictures)
    return {**named, **{f"vector {name}": torch.from_numpy(value) for name, value in vectors.items()}}


def pixels_of(found: Any, pictures: np.ndarray) -> torch.Tensor:
    recipe = found.spec.preprocess
    normal = (pictures / 255 - np.array(recipe.mean)) / np.array(recipe.std)
    return torch.from_numpy(normal).permute(0, 3, 1, 2).float()


def close(got: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 1e-3  # of something that isn't flat


VIT = {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3, "num_classes": 0}


@pytest.mark.parametrize("arguments", [{}, {"reg_tokens": 4, "init_values": 1e-1}], ids=["vit", "registers"])
def test_a_timm_transformer_gives_what_timm_gives_at_its_layers(arguments, pictures, tmp_path, memo) -> None:
    model = fill(timm.create_model("vit_tiny_patch16_224", **VIT, **arguments))
    kept = {**VIT, **arguments}
    kept.pop("num_classes")
    save_for_hf(model, tmp_path / "mine", model_args=kept)
    name = str(tmp_path / "mine")
    found = resolve(name, image_size=64, layers="1,3", memo=memo)
    assert (found.depth, found.spec.layer, found.spec.feature) == (3, (0, 2), "cls")
    with torch.no_grad():
        each = model.get_intermediate_layers(
            pixels_of(found, pictures), n=[0, 2], return_prefix_tokens=True, norm=True
        )
    named = ours(name, pictures, memo, layers="1,3")
    close(named["cls"], torch.cat([prefix[:, 0] for _, prefix in each], dim=-1))
    close(named["vector cls"], torch.cat([prefix[:, 0] for _, prefix in each], dim=-1))
    close(named["vector mean"], torch.cat([patches.mean(1) for patches, _ in each], dim=-1))
    close(named["patches"], torch.cat([patches for patches, _ in each], dim=-1))
    assert ("registers" in named) == bool(arguments)
    one = ours(name, pictures, memo, layers="2")
    with torch.no_grad():
        ((patches, prefix),) = model.get_intermediate_layers(
            pixels_of(found, pictures), n=[1], return_prefix_tokens=True, norm=True
        )
    close(one["cls"], prefix[:, 0])
    close(one["vector mean"], patches.mean(1))


def test_the_last_of_several_layers_is_the_usual_feature(pictures, tmp_path, memo) -> None:
    model = fill(timm.create_model("vit_tiny_patch16_224", **VIT))
    save_for_hf(model, tmp_path / "mine", model_args={k: v for k, v in VIT.items() if k != "num_classes"})
    usual = ours(str(tmp_path / "mine"), pictures, memo)
    for several in ("2,3", "last3"):
        named = ours(str(tmp_path / "mine"), pictures, memo, layers=several)
        for name in ("cls", "vector cls", "vector mean"):
            assert torch.allclose(named[name][:, -48:], usual[name], rtol=0, atol=1e-6), name
    same = resolve(str(tmp_path / "mine"), image_size=64, layers="3", memo=memo).spec
    assert same == resolve(str(tmp_path / "mine"), image_size=64, memo=memo).spec


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenetv3_small_050", "convnext_atto", "swin_tiny_patch4_window7_224"]
)
def test_a_convolutional_network_gives_the_mean_of_each_stage(name, pictures, tmp_path, memo) -> None:
    """Also one of windows, whose maps have the channels last inside of timm."""
    side = 224 if "swin" in name else 64
    pictures = np.repeat(np.repeat(pictures, side // 64 + 1, 1), side // 64 + 1, 2)[:, :side, :side]
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=0).eval()
    torch.save(model.state_dict(), tmp_path / "w.pth")
    identifier = f"{name}:{tmp_path / 'w.pth'}"
    found = resolve(identifier, image_size=side, layers="2", memo=memo)
    pixels = pixels_of(found, pictures)
    with torch.no_grad():
        out, maps = model.forward_intermediates(pixels)
        usual = model.forward_head(out, pre_logits=True)
    assert found.depth == len(maps) and found.features == ("pooled",)
    close(ours(identifier, pictures, memo, layers="2")["vector pooled"], maps[1].mean((2, 3)))
    last = ours(identifier, pictures, memo)["vector pooled"]
    close(last, usual)
    joined = ours(identifier, pictures, memo, layers=f"2,{len(maps)}")["vector pooled"]
    close(joined, torch.cat([maps[1].mean((2, 3)), usual], dim=-1))
    assert torch.allclose(joined[:, -last.shape[1] :], last, rtol=0, atol=1e-6)


def states_by_hooks(kind: str, model: torch.nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
    """The output of every block, caught on its way, and the model's norm by name: no part of our reader."""
    blocks = getattr(model, "layers", None) or getattr(model.encoder, "layers", None) or model.encoder.layer
    caught: list[torch.Tensor] = []
    handles = [
        block.register_forward_hook(
            lambda _, __, out: caught.append(out[0] if isinstance(out, tuple) else out)
        )
        for block in blocks
    ]
    more = {}
    if kind == "vit_mae":
        more["noise"] = torch.arange(16.0).expand(len(pixels), -1)
    with torch.no_grad():
        model(pixel_values=pixels, **more)
        norm = {"clip": torch.nn.Identity(), "siglip": getattr(model, "post_layernorm", None)}.get(
            kind, getattr(model, "layernorm", None)
        )
        states = [norm(state) for state in caught]
    for handle in handles:
        handle.remove()
    return states


@pytest.mark.parametrize("kind", ["dinov2", "registers", "vit", "vit_mae", "clip", "siglip"])
def test_every_family_gives_its_blocks_behind_its_own_norm(kind, published, pictures, memo) -> None:
    tiny = published(kind)
    side = 56 if kind in ("dinov2", "registers") else 64
    pictures = pictures[:, :side, :side]
    model = tiny.model
    if kind == "vit_mae":
        model = tiny.model.vit
        model.config.mask_ratio = 0.0
    first, prefix = int(kind != "siglip"), {"registers": 5, "siglip": 0}.get(kind, 1)
    found = resolve(str(tiny.folder), image_size=side, layers="1,3", memo=memo)
    assert found.depth == 3 and found.spec.layer == (0, 2)
    assert found.spec.feature == {"vit_mae": "mean", "siglip": "mean"}.get(kind, "cls")
    states = states_by_hooks(kind, model, pixels_of(found, pictures))
    named = ours(str(tiny.folder), pictures, memo, layers="1,3")
    close(named["patches"], torch.cat([states[0][:, prefix:], states[2][:, prefix:]], dim=-1))
    close(named["vector mean"], torch.cat([states[at][:, prefix:].mean(1) for at in (0, 2)], dim=-1))
    if first:
        close(named["cls"], torch.cat([states[0][:, 0], states[2][:, 0]], dim=-1))
    usual = ours(str(tiny.folder), pictures, memo)
    assert torch.equal(named["vector mean"][:, 64:], usual["vector mean"])
    close(ours(str(tiny.folder), pictures, memo, layers="2")["vector mean"], states[1][:, prefix:].mean(1))


def test_stages_of_a_published_convolutional_network(published, pictures, memo) -> None:
    tiny = published("convnext")
    found = resolve(str(tiny.folder), image_size=64, layers="2,4", memo=memo)
    assert found.depth == 4 and found.spec.layer == (1, 3)
    caught: list[torch.Tensor] = []
    handle = tiny.model.encoder.stages[1].register_forward_hook(lambda _, __, out: caught.append(out))
    with torch.no_grad():
        pooled = tiny.model(pixel_values=pixels_of(found, pictures)).pooler_output
    handle.remove()
    named = ours(str(tiny.folder), pictures, memo, layers="2,4")
    close(named["vector pooled"], torch.cat([caught[0].mean((2, 3)), pooled], dim=-1))
    close(ours(str(tiny.folder), pictures, memo, layers="2")["vector pooled"], caught[0].mean((2, 3)))


def test_the_floors(memo) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    usual = ours("random_vit", pictures, memo)
    named = ours("random_vit", pictures, memo, layers="6,12")
    assert torch.allclose(named["cls"][:, 192:], usual["cls"], rtol=0, atol=1e-6)
    assert not torch.allclose(named["cls"][:, :192], usual["cls"], atol=0.1)
    with pytest.raises(ValueError, match="histogram has no layers to choose from"):
        resolve("histogram", layers="last4", memo=memo)
    assert resolve("histogram", layers="last4", nearest=True, memo=memo).spec.layer == -1
    with pytest.raises(ValueError, match="random_vit has 12 layers, and layer 13 was asked for"):
        resolve("random_vit", layers="13", memo=memo)


def test_the_pooled_output_belongs_to_the_last_layer(published, memo) -> None:
    folder = str(published("clip").folder)
    with pytest.raises(ValueError, match=r"pooled output behind the last layer only. Choose cls, mean, cls"):
        resolve(folder, feature="pooled", layers="2", memo=memo)
    assert resolve(folder, layers="2", memo=memo).spec.feature == "cls"
    assert resolve(str(published("siglip").folder), layers="2", memo=memo).spec.feature == "mean"
    assert resolve(folder, feature="pooled", layers="3", memo=memo).spec.feature == "pooled"  # the last


def test_the_nearest_that_a_backbone_has(published, tmp_path, memo) -> None:
    torch.save(timm.create_model("resnet18", num_classes=0).state_dict(), tmp_path / "w.pth")
    network = f"resnet18:{tmp_path / 'w.pth'}"
    with pytest.raises(ValueError, match=r"has no feature 'cls'. It offers pooled"):
        resolve(network, feature="cls", memo=memo)
    found = resolve(network, feature="cls", layers="9", image_size=300, nearest=True, memo=memo)
    spec = found.spec
    assert (spec.feature, spec.layer, spec.preprocess.size, found.own_size) == ("pooled", -1, 300, False)
    folder = str(published("vit").folder)
    found = resolve(folder, feature="cls+mean", image_size=518, nearest=True, memo=memo)
    assert (found.spec.preprocess.size, found.spec.feature) == (512, "cls+mean")
    assert resolve(folder, image_size=8, nearest=True, memo=memo).spec.preprocess.size == 32
    assert resolve(folder, image_size=64, nearest=True, memo=memo).own_size
    with pytest.raises(ValueError, match="no multiple"):
        resolve(folder, image_size=518, memo=memo)


def test_what_a_backbone_could_not_give_is_told() -> None:
    more = {"title": "Tiny", "given": "pooled", "depth": 4, "given_size": 512}
    assert shortfalls("cls", "9", 518, **more) == [
        "Tiny has no cls to give, so its pooled is the feature.",
        "Tiny has 4 layers, and layer 9 was asked for, so its last layer is read.",
        "Tiny gets 512 px, the nearest to 518 px that its patches tile.",
    ]
    assert shortfalls("pooled", "last2", 512, **more) == shortfalls("", "", 0, **more) == []
    assert shortfalls("", "last4", 0, **{**more, "depth": 0}) == []  # a histogram: nothing could be chosen


def test_a_spec_with_layers_that_the_weights_do_not_have_is_refused(published, memo) -> None:
    spec = resolve(str(published("vit").folder), layers="2", memo=memo).spec
    with pytest.raises(ValueError, match="has 3 layers, and layer 8 was asked for"):
        load_backbone(replace(spec, layer=(1, 7)), "cpu", memo=memo)


def test_the_catalogue_knows_patches_and_depths_as_they_are(memo) -> None:
    listed = {entry.id: entry for entry in catalogue()}
    for name in ("efficientnet_lite0", "random_vit", "histogram"):
        assert listed[name].depth == resolve(name, memo=memo).depth, name
    for name in ("timm/resnet50.a1_in1k", "timm/vit_small_patch16_224.augreg_in21k"):
        told = describe(name.removeprefix("timm/"), None)
        assert (listed[name].depth, max(listed[name].patch, 1)) == (told["depth"], told["patch"]), name
    # As in the configurations that were published: DINOv2 at 14 px, ViT-H/14, ViT-S/16.
    assert (listed["facebook/dinov2-giant"].patch, listed["facebook/dinov2-giant"].depth) == (14, 40)
    assert (listed["facebook/vit-mae-huge"].patch, listed["facebook/vit-mae-huge"].depth) == (14, 32)
    assert (listed["facebook/dino-vits16"].patch, listed["facebook/dino-vits16"].depth) == (16, 12)
    assert patch_of("google/siglip-base-patch16-224", ("mean", "pooled")) == 16
    assert patch_of("openai/clip-vit-large-patch14-336", ("cls",)) == 14
    assert patch_of("somebody/else", ("cls",)) == 0 and depth_of("somebody/else", ("cls",)) is None
