"""The models' own eager attention is the oracle, and slow loops for what is made of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers
from timm.models import save_for_hf

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones.families import FAMILIES
from workbench.engine.backbones.floors import random_vit
from workbench.engine.inspect.attention import _Watch, read_attention
from workbench.engine.inspect.vision import Vision, open_vision

# The kind of small model in the published layout that stands for each family that attends.
KIND_OF = {
    "dinov2": "dinov2",
    "dinov2_with_registers": "registers",
    "dinov3_vit": "dinov3",
    "vit_mae": "vit_mae",
    "vit": "vit",
    "vit_msn": "msn",
    "clip": "clip_pair",
    "clip_vision_model": "clip",
    "siglip": "siglip_pair",
    "siglip_vision_model": "siglip",
}
TRANSFORMERS = [name for name, family in FAMILIES.items() if not family.convolutional]


def matrices(vision: Vision, pictures: np.ndarray) -> np.ndarray:
    """(B, L, H, T, N + P): every row that can be asked for, prefix first, put together one by one."""
    read = read_attention(vision, pictures)
    queries: list[Any] = ["cls"] * read.has_cls + list(range(read.grid[0] * read.grid[1]))
    rows = [read.rows(query) for query in queries]
    return np.stack([np.concatenate([row.prefix, row.patches], axis=-1) for row in rows], axis=3)


def pixels_of(vision: Vision, pictures: np.ndarray) -> torch.Tensor:
    recipe = vision.backbone.spec.preprocess
    normal = (pictures / 255 - np.array(recipe.mean)) / np.array(recipe.std)
    return torch.from_numpy(normal).permute(0, 3, 1, 2).float()


def eager(folder: Path, architecture: str, pixels: torch.Tensor) -> np.ndarray:
    """(B, L, H, T, T) as a user of transformers gets it, of a model of its own."""
    more: dict[str, Any] = {"mask_ratio": 0.0} if architecture == "vit_mae" else {}
    tower = {"clip": "CLIPVisionModel", "siglip": "SiglipVisionModel"}.get(architecture.partition("_")[0])
    model = getattr(transformers, tower or "AutoModel").from_pretrained(
        folder, attn_implementation="eager", **more
    )
    asked: dict[str, Any] = {"output_attentions": True}
    if not architecture.startswith("dino"):
        asked["interpolate_pos_encoding"] = True
    if architecture == "vit_mae":
        number = (pixels.shape[-1] // model.config.patch_size) ** 2
        asked["noise"] = torch.arange(float(number)).expand(len(pixels), -1)
    with torch.no_grad():
        found = model.eval()(pixel_values=pixels, **asked).attentions
    return torch.stack(found, dim=1).numpy()


@pytest.mark.parametrize("other_size", [False, True], ids=["trained size", "another"])
@pytest.mark.parametrize("architecture", TRANSFORMERS)
def test_every_family_attends_as_its_own_eager_model(
    architecture, other_size, published, photographs, memo
) -> None:
    folder = published(KIND_OF[architecture]).folder
    assert json.loads((folder / "config.json").read_text())["model_type"] == architecture
    usual = open_vision(str(folder), memo=memo)
    size = usual.size + 2 * usual.patch if other_size else None
    vision = open_vision(str(folder), image_size=size, memo=memo) if size else usual
    pictures = vision.prepare(photographs[:2])
    got = matrices(vision, pictures)
    expected = eager(folder, architecture, pixels_of(vision, pictures))
    registers = {"dinov2_with_registers": 4, "dinov3_vit": 4}.get(architecture, 0)
    first = int("siglip" not in architecture)
    assert (vision.has_cls, vision.registers) == (bool(first), registers)
    assert vision.grid == (vision.size // vision.patch,) * 2
    side = vision.grid[0]
    assert expected.shape == (2, 3, 4, side**2 + first + registers, side**2 + first + registers)
    asked = [
        *range(first),
        *range(first + registers, expected.shape[3]),
    ]  # no one asks what registers look at
    np.testing.assert_allclose(got, expected[:, :, :, asked], rtol=0, atol=1e-5)
    np.testing.assert_allclose(got.sum(-1), 1, rtol=0, atol=1e-5)
    assert expected.std() > 1e-3 and abs(expected[0] - expected[1]).max() > 1e-3  # not flat, not blind
    mean = read_attention(vision, pictures).rows(None, [2, 0])
    patches = expected[:, [2, 0]][:, :, :, first + registers :]
    np.testing.assert_allclose(mean.patches, patches[..., first + registers :].mean(3), rtol=0, atol=1e-5)
    np.testing.assert_allclose(mean.prefix, patches[..., : first + registers].mean(3), rtol=0, atol=1e-5)
    assert mean.grid == vision.grid


def timm_folder(tmp_path: Path, name: str, **arguments: Any) -> torch.nn.Module:
    """A small timm model, saved as timm saves, with weights under which patches matter."""
    model = fill(timm.create_model(name, num_classes=0, **arguments))
    save_for_hf(model, tmp_path / "mine", model_args=arguments)
    return model


def attended_by_hand(model: Any, pixels: torch.Tensor) -> np.ndarray:
    """(B, L, H, T, T): softmax(Q K' / sqrt(D)) of a plain ViT, from what each block's attention is given."""
    given: list[torch.Tensor] = []
    handles = [
        block.attn.register_forward_pre_hook(lambda _, args: given.append(args[0])) for block in model.blocks
    ]
    with torch.no_grad():
        model.forward_features(pixels)
        each = []
        for block, tokens in zip(model.blocks, given, strict=True):
            heads = block.attn.num_heads
            width = tokens.shape[-1] // heads
            projected = torch.nn.functional.linear(tokens, block.attn.qkv.weight, block.attn.qkv.bias)
            layer = []
            for head in range(heads):
                at = slice(head * width, (head + 1) * width)
                query = projected[..., : tokens.shape[-1]][..., at]
                key = projected[..., tokens.shape[-1] : 2 * tokens.shape[-1]][..., at]
                layer.append(torch.softmax(query @ key.transpose(1, 2) / width**0.5, dim=-1))
            each.append(torch.stack(layer, dim=1))
    for handle in handles:
        handle.remove()
    return torch.stack(each, dim=1).numpy()


SMALL_VIT = {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3}


@pytest.mark.parametrize(
    "arguments",
    [{}, {"reg_tokens": 4, "init_values": 0.1}, {"class_token": False, "global_pool": "avg"}],
    ids=["plain", "registers", "no class token"],
)
def test_a_timm_vit_attends_as_computed_by_hand(arguments, photographs, tmp_path, memo) -> None:
    model = timm_folder(tmp_path, "vit_tiny_patch16_224", **SMALL_VIT, **arguments)
    vision = open_vision(str(tmp_path / "mine"), image_size=64, memo=memo)
    pictures = vision.prepare(photographs[:2])
    expected = attended_by_hand(model, pixels_of(vision, pictures))
    registers = arguments.get("reg_tokens", 0)
    first = int(arguments.get("class_token", True))
    assert (vision.has_cls, vision.registers, vision.heads, vision.depth) == (bool(first), registers, 3, 3)
    asked = [*range(first), *range(first + registers, 16 + first + registers)]
    np.testing.assert_allclose(matrices(vision, pictures), expected[:, :, :, asked], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("deit_tiny_distilled_patch16_224", {"img_size": 64, "depth": 3}),
        ("eva02_tiny_patch14_224", {"img_size": 56, "depth": 3}),
        ("vit_small_patch16_dinov3", {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3}),
        ("beit_base_patch16_224", {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3}),
        ("vit_base_patch16_siglip_224", {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3}),
        ("vit_relpos_small_patch16_224", {"img_size": 64, "depth": 3, "embed_dim": 48, "num_heads": 3}),
    ],
)
@pytest.mark.parametrize("fused", [True, False], ids=["fused", "by hand"])
def test_other_families_of_timm_attend_as_timm_does_by_hand(
    name, arguments, fused, photographs, tmp_path, memo
) -> None:
    """Rotary positions, biases, norms and the distillation token included; also where timm multiplies by hand."""
    model = timm_folder(tmp_path, name, **arguments)
    size = arguments["img_size"]
    vision = open_vision(str(tmp_path / "mine"), image_size=size, memo=memo)
    switches = [part for part in vision.backbone.module.modules() if hasattr(part, "fused_attn")]
    for part in switches:
        part.fused_attn = fused
    pictures = vision.prepare(photographs[:2])
    caught: list[torch.Tensor] = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_pre_hook(lambda _, args: caught.append(args[0]))
    with torch.no_grad():
        model.forward_features(pixels_of(vision, pictures))
    expected = torch.stack(caught, dim=1).numpy()
    got = matrices(vision, pictures)
    asked = [*range(int(vision.has_cls)), *range(vision.prefix, expected.shape[3])]
    assert expected.shape[3] == vision.prefix + vision.grid[0] ** 2
    np.testing.assert_allclose(got, expected[:, :, :, asked], rtol=0, atol=1e-5)
    assert switches and all(part.fused_attn == fused for part in switches)


def test_random_vit_attends_as_computed_by_hand(photographs, memo) -> None:
    vision = open_vision("random_vit", image_size=64, memo=memo)
    pictures = vision.prepare(photographs[:1])
    expected = attended_by_hand(random_vit(64), pixels_of(vision, pictures))
    assert expected.shape == (1, 12, 3, 17, 17)
    np.testing.assert_allclose(matrices(vision, pictures), expected, rtol=0, atol=1e-5)


def slow_rollout(each: np.ndarray, fusion: str) -> np.ndarray:
    """(L, H, T, T) of one picture -> (T, T), one number after another."""
    layers, heads, length, _ = each.shape
    through = np.eye(length)
    for layer in range(layers):
        passed = np.zeros((length, length))
        for i in range(length):
            for j in range(length):
                values = [each[layer, head, i, j] for head in range(heads)]
                fused = {"mean": sum(values) / heads, "max": max(values), "min": min(values)}[fusion]
                passed[i, j] = 0.5 * fused + (0.5 if i == j else 0)
            passed[i] /= passed[i].sum()
        through = passed @ through
    return through


@pytest.mark.parametrize("fusion", ["mean", "max", "min"])
def test_rollout_is_the_product_over_all_layers(fusion, published, photographs, memo) -> None:
    folder = published("registers").folder
    vision = open_vision(str(folder), memo=memo)
    pictures = vision.prepare(photographs[:2])
    each = eager(folder, "dinov2_with_registers", pixels_of(vision, pictures))
    read = read_attention(vision, pictures)
    for picture in range(2):
        whole = slow_rollout(each[picture], fusion)
        np.testing.assert_allclose(read.rollout("cls", fusion=fusion)[picture], whole[0, 5:], atol=1e-5)
        np.testing.assert_allclose(read.rollout(7, fusion=fusion)[picture], whole[5 + 7, 5:], atol=1e-5)
        mean = whole[5:].mean(0)[5:]
        np.testing.assert_allclose(read.rollout(None, fusion=fusion)[picture], mean, atol=1e-5)
        part = slow_rollout(each[picture, :2], fusion)
        np.testing.assert_allclose(
            read.rollout("cls", fusion=fusion, through=1)[picture], part[0, 5:], atol=1e-5
        )
    assert whole[0, 5:].std() > 1e-4


def test_patches_come_row_by_row(memo) -> None:
    """A key that shouts wherever its patch is bright: all queries must look at the one bright patch."""
    vision = open_vision("random_vit", image_size=80, memo=memo)
    module: Any = vision.backbone.module
    with torch.no_grad():
        for value in module.parameters():
            value.zero_()
        module.norm.weight.fill_(1)
        module.blocks[0].norm1.weight.fill_(1)
        module.patch_embed.proj.weight[0] = 1 / 768  # the first feature is the patch's brightness
        module.patch_embed.proj.bias[1] = 0.5  # and the second is what it is weighed against
    _set_query_and_key(module.blocks[0].attn.qkv)
    picture = np.zeros((1, 80, 80, 3), np.uint8)
    row, column = 1, 3
    picture[0, 16 * row : 16 * row + 16, 16 * column : 16 * column + 16] = 255
    read = read_attention(vision, picture)
    assert read.grid == (5, 5)
    for query in ("cls", None, 0, 24):
        looked = read.rows(query, [0]).patches[0, 0].mean(0).reshape(read.grid)
        assert np.unravel_index(looked.argmax(), read.grid) == (row, column)
        assert looked.max() > 5 * np.sort(looked.ravel())[-2]


def _set_query_and_key(linear: Any) -> None:
    """Queries are one; keys are the first feature. Through a fresh layer, since the weights may lie packed."""
    width = linear.in_features
    fresh = torch.nn.Linear(width, 3 * width)
    with torch.no_grad():
        fresh.weight.zero_()
        fresh.bias.zero_()
        fresh.bias[:width] = 1
        fresh.weight[width : 2 * width, 0] = 0.1
    linear.forward = fresh.forward


def test_looking_changes_nothing(published, photographs, memo) -> None:
    vision = open_vision(str(published("registers").folder), memo=memo)
    pictures = vision.prepare(photographs)
    module: Any = vision.backbone.module
    before = {name: value.clone() for name, value in module.state_dict().items()}
    features = vision.backbone.encode(pictures)
    noise = torch.random.get_rng_state()
    first, second = (read_attention(vision, pictures).rows("cls") for _ in range(2))
    np.testing.assert_array_equal(first.patches, second.patches)
    vision.raw_tokens(pictures)
    assert torch.equal(noise, torch.random.get_rng_state())
    assert module.config._attn_implementation == "sdpa" and not module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert not any(part._forward_pre_hooks or part._forward_hooks for part in module.modules())
    again = vision.backbone.encode(pictures)
    assert all(torch.equal(features[name], again[name]) for name in features)


def test_what_was_switched_is_switched_back_when_a_pass_fails(memo) -> None:
    vision = open_vision("random_vit", image_size=64, memo=memo)
    attention: Any = vision.backbone.module.blocks[0].attn
    attention.fused_attn = False
    with pytest.raises(Exception, match=r"[Ss]ize|shape|channels"):
        read_attention(vision, np.zeros((1, 64, 64, 5), np.uint8))
    assert attention.fused_attn is False


def test_what_has_no_attention_says_why(published, tmp_path, memo) -> None:
    torch.save(timm.create_model("resnet18", num_classes=0).state_dict(), tmp_path / "r.pth")
    for name in (str(published("convnext").folder), f"resnet18:{tmp_path / 'r.pth'}", "efficientnet_lite0"):
        vision = open_vision(name, memo=memo)
        pictures = np.zeros((1, vision.size, vision.size, 3), np.uint8)
        assert not vision.attends
        with pytest.raises(ValueError, match="no attention to show: it looks by convolutions or in windows"):
            read_attention(vision, pictures)
    timm_folder(tmp_path, "cait_xxs24_224", depth=2)
    vision = open_vision(str(tmp_path / "mine"), memo=memo)
    with pytest.raises(ValueError, match="in a way of its own"):
        read_attention(vision, np.zeros((1, 224, 224, 3), np.uint8))


def test_questions_that_have_no_answer_are_refused(published, photographs, memo) -> None:
    vision = open_vision(str(published("siglip").folder), memo=memo)
    read = read_attention(vision, vision.prepare(photographs[:1]))
    with pytest.raises(ValueError, match=r"has no class token\. Ask for the mean"):
        read.rows("cls")
    with pytest.raises(ValueError, match=r"no patch 16: .* has 16, counted from 0"):
        read.rows(16)
    for layer in (3, -1):
        with pytest.raises(ValueError, match=f"has 3 layers, and layer {layer + 1} was asked for"):
            read.rows(None, [layer])
    with pytest.raises(ValueError, match="layer 4 was asked for"):
        read.rollout(None, through=3)
    assert read.rows(None).prefix.shape == (1, 3, 4, 0)
    assert (read.depth, read.heads) == (3, 4)
    np.testing.assert_array_equal(read.rows(np.int64(5)).patches, read.rows(5).patches)


def test_a_bias_of_true_and_false_hides_what_it_hides(memo) -> None:
    """Masks by truth are torch's other form; a small attention of our own hands one over."""
    rng = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 5, 4, generator=rng) for _ in range(3))
    seen = torch.rand(5, 5, generator=rng) > 0.3
    seen |= torch.eye(5, dtype=torch.bool)
    with _Watch(5) as watch:
        torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen, scale=0.3)
        torch.nn.functional.scaled_dot_product_attention(query[:, :, :2], key, value)  # not among all tokens
        torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    (layer,) = watch.layers
    expected = (query @ key.transpose(2, 3) * 0.3).masked_fill(~seen, -torch.inf).softmax(-1)
    for head in range(3):
        torch.testing.assert_close(layer.weights(head), expected[:, head])
    torch.testing.assert_close(layer.row(2), expected[:, :, 2])


def test_a_run_folder_is_opened_by_its_name(published, photographs, tmp_path, memo) -> None:
    """A pretraining run keeps its backbone in a folder of its own inside."""
    shutil.copytree(published("dinov2").folder, tmp_path / "run" / "backbone")
    one = open_vision(str(tmp_path / "run"), memo=memo)
    two = open_vision(str(published("dinov2").folder), memo=memo)
    pictures = one.prepare(photographs[:1])
    np.testing.assert_array_equal(
        read_attention(one, pictures).rows("cls").patches, read_attention(two, pictures).rows("cls").patches
    )
    assert one.grid == (4, 4)
