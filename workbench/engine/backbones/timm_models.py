"""Any timm model as named features: what it offers, how it is built at an input size, where its weights come from."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import get_pretrained_cfg

from workbench.engine.backbones.base import Named
from workbench.engine.backbones.catalogue import listed_names
from workbench.engine.backbones.checkpoints import ENCODER, load_strictly, read_state, without_prefix
from workbench.engine.backbones.inner_layers import depth_of_timm
from workbench.engine.backbones.spelling import did_you_mean
from workbench.records.text import printable

_FAMILIES = (
    ("dinov2", "DINOv2"),
    ("dinov3", "DINOv3"),
    ("siglip", "SigLIP"),
    ("clip", "CLIP"),
    ("efficientnet", "EfficientNet"),
    ("convnext", "ConvNeXt"),
    ("swin", "Swin"),
    ("resnet", "ResNet"),
    ("deit", "DeiT"),
    ("vit", "ViT"),
)
_RECIPE = ("input_size", "mean", "std", "interpolation", "crop_pct", "crop_mode", "fixed_input_size")


def describe(name: str, config: Mapping[str, Any] | None) -> dict[str, Any]:
    """What there is to know of a timm model without its weights, as plain JSON values.

    `config` is the config.json that timm writes beside exported weights, or None for a model of timm's own list.

    Raises:
        ValueError: timm has no such model.
    """
    saved: Mapping[str, Any] = {}
    arguments: dict[str, Any] = {}
    if config is not None:
        saved = config.get("pretrained_cfg", config)
        arguments = dict(config.get("model_args") or {})
        if config.get("global_pool"):
            arguments.setdefault("global_pool", config["global_pool"])
    elif not timm.is_model(name):
        raise _unknown(name)
    try:
        published = get_pretrained_cfg(name)
    except RuntimeError:  # the architecture exists, the weights' tag doesn't
        raise _unknown(name) from None
    facts = {**(published.to_dict() if published else {}), **saved}
    arguments = {key: value for key, value in arguments.items() if key not in ("num_classes", "img_size")}
    try:
        with torch.device("meta"):
            model = timm.create_model(name, pretrained=False, num_classes=0, **arguments)
    except (RuntimeError, ValueError, TypeError) as error:
        raise ValueError(f"timm can't build {printable(name)} ({error}). Check the name.") from None
    features, default = offers(model, name)
    repository = facts.get("hf_hub_id")
    return {
        "name": name,
        "arguments": arguments,
        "family": family_name(name),
        "features": list(features),
        "default": default,
        "patch": _patch(model),
        "depth": depth_of_timm(model),
        "convolutional": is_convolutional(model),
        "hf_hub_id": repository,
        "hf_hub_filename": facts.get("hf_hub_filename") or "",
        "url": facts.get("url") or "",
        **{key: _plain(facts.get(key)) for key in _RECIPE},
    }


def family_name(name: str) -> str:
    """The family of a timm model as people say it, "timm" where its name doesn't tell."""
    return next((title for part, title in _FAMILIES if part in name.lower()), "timm")


def build(
    name: str, arguments: Mapping[str, Any], size: int, weights: Path, official: bool
) -> torch.nn.Module:
    """The model for inputs of `size` px, without its classifier, every weight from `weights`.

    timm's own (`official`) files may be in an older form, which timm's own loader translates; others must fit.

    Raises:
        ValueError: the weights don't fit, hold more than weights, or the model can't take that size.
    """
    overlay = {"file": str(weights), "custom_load": weights.suffix == ".npz"}
    pretrained = {"pretrained": True, "pretrained_cfg_overlay": overlay}
    try:
        module = (
            _create(name, size, {**arguments, **pretrained}) if official else _empty(name, size, arguments)
        )
    except pickle.UnpicklingError:
        raise ValueError(
            f"{printable(str(weights))} holds more than weights and was refused. Fetch it again."
        ) from None
    except (RuntimeError, ValueError, AssertionError, OSError) as error:
        raise ValueError(
            f"timm can't build {printable(name)} for {size} px from {printable(str(weights))}: {error}"
        ) from None
    if not official:
        state = read_state(weights)
        if name.startswith("vit_small") and any(key.startswith(ENCODER) for key in state):
            raise ValueError(
                f"{printable(str(weights))} is MoCo v3's small ViT, which has 12 heads; {printable(name)} has 6, so "
                "the weights would fit and mean something else. Take MoCo v3's ViT base or ResNet-50."
            )
        state = without_prefix(state, module.state_dict())
        translate = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
        if translate is not None:  # brings position embeddings to the input size
            state = translate(state, module)
        load_strictly(module, state, weights, f"the architecture {name}")
    return module.eval()


def reader(module: torch.nn.Module) -> Any:
    """The function that names the outputs of a timm model; see `base.TorchBackbone`."""
    prefix = int(getattr(module, "num_prefix_tokens", 0))
    has_cls = getattr(module, "cls_token", None) is not None
    offers_pooled = "pooled" in offers(module, "")[0]
    channels_last = getattr(module, "output_fmt", "NCHW") == "NHWC"

    def read(pixels: torch.Tensor) -> Named:
        out = module.forward_features(pixels)
        named: Named = {}
        if out.ndim == 4:
            patches = out if channels_last else out.permute(0, 2, 3, 1)
            named["patches"] = patches.flatten(1, 2)
        else:
            first = 1 if has_cls else 0
            if has_cls:
                named["cls"] = out[:, 0]
            if prefix > first:
                named["registers"] = out[:, first:prefix]
            named["patches"] = out[:, prefix:]
        if offers_pooled:
            named["pooled"] = module.forward_head(out, pre_logits=True).flatten(1)
        return named

    return read


def dimensions(module: torch.nn.Module, features: tuple[str, ...]) -> dict[str, int]:
    width = int(module.num_features)
    pooled = int(getattr(module, "head_hidden_size", None) or width)
    return {name: pooled if name == "pooled" else width * (name.count("+") + 1) for name in features}


def is_convolutional(module: torch.nn.Module) -> bool:
    return any(isinstance(layer, torch.nn.BatchNorm2d) for layer in module.modules())


def tokens(module: torch.nn.Module, size: int) -> int:
    """Of one image, as a measure of its activations; a convolutional model counts as patches of 32 px."""
    patch = _patch(module)
    return max(1, (size // (patch if patch > 1 else 32)) ** 2)


def _create(name: str, size: int, arguments: dict[str, Any]) -> torch.nn.Module:
    """A transformer is told its input size, so that its position embeddings are resampled once and not per image."""
    try:
        return timm.create_model(name, num_classes=0, img_size=size, **arguments)
    except TypeError as error:
        if "img_size" not in str(error):
            raise ValueError(str(error)) from None
    return timm.create_model(name, num_classes=0, **arguments)


def _empty(name: str, size: int, arguments: Mapping[str, Any]) -> torch.nn.Module:
    """Without initial values where nothing but weights needs one: drawing them costs seconds for a large model."""
    with torch.device("meta"):
        module = _create(name, size, dict(arguments))
    if {key for key, _ in module.named_buffers()} <= set(module.state_dict()):
        return module
    return _create(name, size, dict(arguments))  # tables that the constructor computes


def offers(module: torch.nn.Module, name: str) -> tuple[tuple[str, ...], str]:
    """The features and the default of a timm model, from its structure.

    Token models whose `global_pool` is the class token give it as `pooled` too; that copy isn't offered. A
    convolutional or windowed model gives the vector that its classifier would get. A masked autoencoder's class token
    was trained by no loss of its own, so its patches are averaged (He et al. 2022, end of section 4.1).
    """
    if not hasattr(module, "num_prefix_tokens"):
        return ("pooled",), "pooled"
    has_cls = getattr(module, "cls_token", None) is not None
    features = ("cls", "mean", "cls+mean") if has_cls else ("mean",)
    by_cls = getattr(module, "global_pool", "") == "token"
    if not by_cls:
        features = (*features, "pooled")
    if "mae" in name.rpartition(".")[2].split("_"):
        return features, "mean"
    return features, "cls" if by_cls else "pooled"


def _patch(module: torch.nn.Module) -> int:
    size = getattr(getattr(module, "patch_embed", None), "patch_size", 1)
    if isinstance(size, (tuple, list)):
        size = size[0]
    return int(size) if hasattr(module, "num_prefix_tokens") else 1


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _unknown(name: str) -> ValueError:
    base, _, tag = name.partition(".")
    if tag and timm.is_model(base):
        tags = [full.partition(".")[2] for full in timm.list_pretrained(f"{base}.*")][:5]
        return ValueError(
            f"timm has no weights {printable(tag)!r} for {base}; it has {', '.join(tags) or 'none'}."
        )
    hint = did_you_mean(base, [*listed_names(), *timm.list_models()])
    return ValueError(f"There is no backbone {printable(name)!r}, neither here nor in timm's list.{hint}")
