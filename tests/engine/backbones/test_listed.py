"""The listed backbones against the libraries that know their architectures, and the weights that no hub has."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import transformers

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones import catalogue as catalogue_
from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.families import FAMILIES
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.backbones.timm_models import describe

# Width, depth, heads of the published sizes, from the papers (ViT table 1, DINOv2 table 17, DINOv3 table 2).
_VIT = {"small": (384, 12, 6), "base": (768, 12, 12), "large": (1024, 24, 16), "huge": (1280, 32, 16)}
_GIANT, _7B, _SO400M = (1536, 40, 24), (4096, 40, 32), (1152, 27, 16)


def _sizes(shape: tuple[int, int, int], **more: Any) -> dict[str, Any]:
    width, depth, heads = shape
    usual = {"intermediate_size": 4 * width}
    return {"hidden_size": width, "num_hidden_layers": depth, "num_attention_heads": heads, **usual, **more}


def _dinov2(shape: tuple[int, int, int], registers: bool) -> torch.nn.Module:
    sizes = _sizes(shape, image_size=518, patch_size=14, mlp_ratio=4, use_swiglu_ffn=shape == _GIANT)
    del sizes["intermediate_size"]
    if registers:
        return transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(**sizes, num_register_tokens=4)
        )
    return transformers.Dinov2Model(transformers.Dinov2Config(**sizes))


def _dinov3(shape: tuple[int, int, int], **more: Any) -> torch.nn.Module:
    sizes = _sizes(shape, num_register_tokens=4, **more)
    return transformers.DINOv3ViTModel(transformers.DINOv3ViTConfig(**sizes))


def _clip(shape: tuple[int, int, int], patch: int) -> torch.nn.Module:
    config = transformers.CLIPVisionConfig(**_sizes(shape, patch_size=patch, image_size=224))
    return transformers.CLIPVisionModel(config)


def _siglip(shape: tuple[int, int, int], size: int, patch: int, **more: Any) -> torch.nn.Module:
    config = transformers.SiglipVisionConfig(**_sizes(shape, patch_size=patch, image_size=size, **more))
    return transformers.SiglipVisionModel(config)


def _mae(shape: tuple[int, int, int], patch: int) -> torch.nn.Module:
    return transformers.ViTMAEModel(transformers.ViTMAEConfig(**_sizes(shape, patch_size=patch)))


def _vit(shape: tuple[int, int, int], pooler: bool) -> torch.nn.Module:
    return transformers.ViTModel(transformers.ViTConfig(**_sizes(shape)), add_pooling_layer=pooler)


_HF = {
    **{f"facebook/dinov2-{size}": (_dinov2, _VIT[size], False) for size in ("small", "base", "large")},
    "facebook/dinov2-giant": (_dinov2, _GIANT, False),
    **{
        f"facebook/dinov2-with-registers-{size}": (_dinov2, _VIT[size], True)
        for size in ("small", "base", "large")
    },
    "facebook/dinov2-with-registers-giant": (_dinov2, _GIANT, True),
    "facebook/vit-mae-base": (_mae, _VIT["base"], 16),
    "facebook/vit-mae-large": (_mae, _VIT["large"], 16),
    "facebook/vit-mae-huge": (_mae, _VIT["huge"], 14),
    "facebook/dino-vits16": (_vit, _VIT["small"], False),
    "facebook/dino-vitb16": (_vit, _VIT["base"], False),
    "google/vit-base-patch16-224-in21k": (_vit, _VIT["base"], True),
    "facebook/dinov3-vits16-pretrain-lvd1689m": (_dinov3, _VIT["small"]),
    "facebook/dinov3-vits16plus-pretrain-lvd1689m": (_dinov3, _VIT["small"], {"use_gated_mlp": True}),
    "facebook/dinov3-vitb16-pretrain-lvd1689m": (_dinov3, _VIT["base"]),
    "facebook/dinov3-vitl16-pretrain-lvd1689m": (_dinov3, _VIT["large"]),
    "facebook/dinov3-vith16plus-pretrain-lvd1689m": (_dinov3, (1280, 32, 20), {"use_gated_mlp": True}),
    "facebook/dinov3-vit7b16-pretrain-lvd1689m": (
        *(_dinov3, _7B),
        {"use_gated_mlp": True, "intermediate_size": 8192, "query_bias": False, "value_bias": False},
    ),
    "openai/clip-vit-base-patch32": (_clip, _VIT["base"], 32),
    "openai/clip-vit-base-patch16": (_clip, _VIT["base"], 16),
    "openai/clip-vit-large-patch14": (_clip, _VIT["large"], 14),
    "google/siglip-base-patch16-224": (_siglip, _VIT["base"], 224, 16),
    "google/siglip-so400m-patch14-384": (_siglip, _SO400M, 384, 14, {"intermediate_size": 4304}),
}
_BY_HUB = [facts for facts in catalogue() if facts.source == "huggingface"]
_BY_TIMM = [facts for facts in catalogue() if facts.source in ("timm", "file")]


def _built(facts) -> int:
    make, *arguments = _HF[facts.id]
    more = arguments.pop() if isinstance(arguments[-1], dict) else {}
    with torch.device("meta"):
        module = make(*arguments, **more)
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("facts", _BY_HUB, ids=lambda facts: facts.id)
def test_parameters_are_those_of_the_architecture_at_the_hub(facts):
    assert facts.parameters == _built(facts)


@pytest.mark.parametrize("facts", _BY_TIMM, ids=lambda facts: facts.id)
def test_parameters_and_features_are_those_of_timm(facts):
    name = facts.id.removeprefix("timm/").partition(":")[0]
    with torch.device("meta"):
        module = timm.create_model(name, num_classes=0)
    assert facts.parameters == sum(parameter.numel() for parameter in module.parameters())
    known = describe(name, None)
    assert set(facts.features) <= set(known["features"]) and facts.default_feature in known["features"]
    assert known["input_size"] == [3, facts.input_size, facts.input_size]
    assert name in timm.list_pretrained()


_WHOLE = {
    "facebook/vit-mae-base": lambda: transformers.ViTMAEForPreTraining(transformers.ViTMAEConfig()),
    "openai/clip-vit-base-patch32": lambda: transformers.CLIPModel(transformers.CLIPConfig()),
    "google/siglip-base-patch16-224": lambda: transformers.SiglipModel(transformers.SiglipConfig()),
    **{
        facts.id: partial(timm.create_model, facts.id.removeprefix("timm/"))
        for facts in _BY_TIMM
        if facts.download
    },
}


@pytest.mark.parametrize("name", _WHOLE)
def test_a_download_is_as_large_as_the_whole_published_model(name):
    with torch.device("meta"):
        whole = sum(parameter.numel() for parameter in _WHOLE[name]().parameters())
    facts = next(facts for facts in catalogue() if facts.id == name)
    assert facts.download == pytest.approx(4 * whole, rel=0.01)


def test_the_seeds_models_are_all_there():
    families = {facts.family for facts in catalogue()}
    wanted = {"DINOv2", "DINOv3", "DINO", "ViTMAE", "iBOT", "MoCo v3", "CLIP", "SigLIP", "ViT", "ResNet"}
    assert wanted <= families


def test_patches_that_a_configuration_leaves_out_are_as_transformers_takes_them():
    for kind, family in FAMILIES.items():
        if not family.convolutional:
            config = transformers.AutoConfig.for_model(kind)
            tower = config.vision_config if family.nested else config
            assert tower.patch_size == family.patch, kind


def test_every_row_says_how_to_get_it_and_what_is_allowed(tmp_path):
    for facts in catalogue(tmp_path):
        assert facts.licence and facts.training_data and facts.title
        assert facts.available or facts.remedy.endswith(".")
    gated = next(facts for facts in catalogue(tmp_path) if facts.id.startswith("facebook/dinov3"))
    assert "licence" in gated.remedy and "military" in gated.licence


def _save(path: Path, state: dict[str, torch.Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(state, path)
    return path


@pytest.fixture
def models(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setattr(catalogue_, "models_folder", lambda: tmp_path / "models")
    return tmp_path / "models"


def test_moco_v3_is_read_from_its_authors_file(models, memo):
    """The layout of their checkpoints (main_moco.py, builder.py), from a network that the test knows."""
    name = "resnet50.tv_in1k:r-50-1000ep.pth.tar"
    with pytest.raises(ValueError, match="no weight file"):
        resolve(name, memo=memo)
    module = fill(timm.create_model("resnet50", num_classes=0))
    other = fill(timm.create_model("resnet50", num_classes=0), seed=1)
    state = {
        **{f"module.base_encoder.{key}": value for key, value in module.state_dict().items()},
        "module.base_encoder.fc.0.weight": torch.zeros(4096, 2048),
        **{f"module.momentum_encoder.{key}": value for key, value in other.state_dict().items()},
        "module.predictor.0.weight": torch.zeros(2, 2),
    }
    body = {"epoch": 1000, "arch": "resnet50", "state_dict": state, "optimizer": {"state": {}}}
    _save(models / "r-50-1000ep.pth.tar", body)
    facts = next(facts for facts in catalogue() if facts.id == name)
    assert facts.available and facts.remedy == ""
    found = resolve(name, memo=memo)
    recipe = found.spec.preprocess
    assert (recipe.resize_to, recipe.size, recipe.interpolation) == (256, 224, "bilinear")
    assert found.title == "MoCo v3 ResNet-50"
    picture = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
    ours = load_backbone(found.spec, "cpu", memo=memo).pooled_features(picture)["pooled"]
    mean, std = torch.tensor(recipe.mean), torch.tensor(recipe.std)
    pixels = ((torch.from_numpy(picture) / 255 - mean) / std).permute(0, 3, 1, 2)
    with torch.inference_mode():
        theirs = module(pixels).numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4 * abs(theirs).max())


def test_ibot_is_read_with_its_authors_preprocessing(models, memo):
    name = "vit_small_patch16_224.dino:ibot_vits16.pth"
    module = fill(timm.create_model("vit_small_patch16_224", num_classes=0))
    _save(models / "ibot_vits16.pth", module.state_dict())
    found = resolve(name, memo=memo)
    assert found.spec.preprocess.resize_to == 256 and found.spec.preprocess.interpolation == "bicubic"
    assert load_backbone(found.spec, "cpu", memo=memo).dimensions["cls"] == 384


def test_the_small_vit_of_moco_v3_is_refused_as_its_heads_differ(models, memo):
    module = timm.create_model("vit_small_patch16_224", num_classes=0)
    state = {f"module.base_encoder.{key}": value for key, value in module.state_dict().items()}
    file = _save(models / "vit-s-300ep.pth.tar", {"state_dict": state})
    with pytest.raises(ValueError, match="12 heads"):
        load_backbone(resolve(f"vit_small_patch16_224:{file}", memo=memo).spec, "cpu", memo=memo)
