"""timm's and transformers' transformers computed side by side: one network, both layouts, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones.vit_layouts import (
    MODELS,
    config_of_timm,
    resampled,
    set_norm_eps,
    state_to_timm,
    state_to_transformers,
    timm_of_config,
)

_SMALL = {
    "hidden_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "image_size": 32,
    "patch_size": 8,
}
_CASES: dict[str, dict[str, Any]] = {
    "vit": {"intermediate_size": 100},
    "vit without qkv bias": {"intermediate_size": 96, "qkv_bias": False},
    "vit_mae": {"intermediate_size": 96, "mask_ratio": 0.0, "layer_norm_eps": 1e-5},
    "vit_msn": {"intermediate_size": 96},
    "dinov2": {"mlp_ratio": 2},
    "dinov2 gated": {"use_swiglu_ffn": True},
    "dinov2_with_registers": {"num_register_tokens": 3},
    "dinov2_with_registers, one channel": {"num_channels": 1},
}


def _tokens(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    more = {}
    if model.config.model_type == "vit_mae":
        more["noise"] = torch.arange(16.0).expand(len(pixels), -1)
    with torch.no_grad():
        return model(pixel_values=pixels, **more).last_hidden_state


@pytest.mark.parametrize("case", _CASES)
def test_timm_computes_what_transformers_does_and_back(case: str, tmp_path: Path) -> None:
    kind = case.partition(" ")[0].rstrip(",")
    config = transformers.AutoConfig.for_model(kind, **_SMALL, **_CASES[case])
    theirs = fill(transformers.AutoModel.from_config(config))
    theirs.save_pretrained(tmp_path / "theirs")
    body = json.loads((tmp_path / "theirs" / "config.json").read_text())
    pixels = torch.randn(3, config.num_channels, 32, 32, generator=torch.Generator().manual_seed(1))
    expected = _tokens(theirs, pixels)

    found = timm_of_config(body, case)
    module = timm.create_model(found.architecture, num_classes=0, img_size=32, **found.arguments).eval()
    module.load_state_dict(state_to_timm(body, load_file(tmp_path / "theirs" / "model.safetensors")))
    set_norm_eps(module, found.norm_eps)
    with torch.no_grad():
        mine = module.forward_features(pixels)
    assert expected.abs().max() > 0.5
    torch.testing.assert_close(mine, expected, rtol=1e-5, atol=1e-5)

    again = config_of_timm(module, 32)
    folder = tmp_path / "again"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(again))
    save_file(state_to_transformers(again, module), folder / "model.safetensors", metadata={"format": "pt"})
    back, report = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
    assert not [name for name in report["missing_keys"] if "pooler" not in name]
    assert not report["unexpected_keys"] and not report["mismatched_keys"]
    torch.testing.assert_close(_tokens(back.eval(), pixels), expected, rtol=1e-5, atol=1e-5)
    assert again["model_type"] == {"vit_mae": "vit", "vit_msn": "vit"}.get(kind, kind)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, "vit"),
        ({"no_embed_class": True}, "vit"),
        ({"init_values": 0.1, "patch_size": 4}, "dinov2"),
        ({"reg_tokens": 2}, "dinov2_with_registers"),
        ({"reg_tokens": 4, "no_embed_class": True, "init_values": 0.1}, "dinov2_with_registers"),
    ],
)
def test_transformers_computes_what_timm_does_wherever_its_tokens_have_their_places(
    arguments: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    small = {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 8, **arguments}
    module = fill(timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=32, **small))
    config = config_of_timm(module, 32)
    assert config["model_type"] == kind
    (tmp_path / "config.json").write_text(json.dumps(config))
    state = state_to_transformers(config, module)
    save_file(state, tmp_path / "model.safetensors", metadata={"format": "pt"})
    theirs = transformers.AutoModel.from_pretrained(tmp_path).eval()
    assert type(theirs).__name__ == MODELS[kind]
    pixels = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        expected = module.forward_features(pixels)
    torch.testing.assert_close(_tokens(theirs, pixels), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
def test_places_are_resampled_as_transformers_does(kind: str, tmp_path: Path) -> None:
    config = transformers.AutoConfig.for_model(kind, **_SMALL, intermediate_size=96)
    theirs = fill(transformers.AutoModel.from_config(config))
    theirs.save_pretrained(tmp_path)
    body = json.loads((tmp_path / "config.json").read_text())
    state = load_file(tmp_path / "model.safetensors")
    name = "embeddings.position_embeddings"
    state[name] = resampled(state[name], kind, 7)
    found = timm_of_config(body, kind)
    module = timm.create_model(found.architecture, num_classes=0, img_size=56, **found.arguments).eval()
    module.load_state_dict(state_to_timm(body, state))
    set_norm_eps(module, found.norm_eps)
    pixels = torch.randn(2, 3, 56, 56, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        more = {"interpolate_pos_encoding": True} if kind == "vit" else {}
        expected = theirs(pixel_values=pixels, **more).last_hidden_state
        torch.testing.assert_close(module.forward_features(pixels), expected, rtol=1e-5, atol=1e-5)


def test_what_has_no_counterpart_is_refused_with_the_reason() -> None:
    small = {"embed_dim": 32, "depth": 1, "num_heads": 2}
    module = timm.create_model("vit_tiny_patch16_224", num_classes=0, qk_norm=True, **small)
    with pytest.raises(ValueError, match="q_norm"):
        config_of_timm(module, 224)
    module = timm.create_model("vit_tiny_patch16_224", num_classes=0, global_pool="avg", **small)
    with pytest.raises(ValueError, match=r"norm\.bias"):
        config_of_timm(module, 224)
    module = timm.create_model("vit_tiny_patch16_224", num_classes=0, init_values=1, mlp_ratio=2.5, **small)
    with pytest.raises(ValueError, match="multiple of 32"):
        config_of_timm(module, 224)
    with pytest.raises(ValueError, match="dinov3"):
        timm_of_config({"model_type": "dinov3_vit"}, "x")
    with pytest.raises(ValueError, match="GELU"):
        timm_of_config({"model_type": "vit", "hidden_act": "quick_gelu"}, "x")


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    config = transformers.ViTConfig(**_SMALL, intermediate_size=96)
    transformers.ViTModel(config).save_pretrained(tmp_path)
    body = json.loads((tmp_path / "config.json").read_text())
    state = load_file(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="hasn't"):
        state_to_timm(body, {**state, "encoder.layer.0.extra": torch.zeros(1)})
    del state["encoder.layer.1.attention.attention.key.weight"]
    with pytest.raises(ValueError, match=r"lack .*key\.weight"):
        state_to_timm(body, state)
