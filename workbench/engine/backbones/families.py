"""The Hugging Face model families whose outputs are known by name: which token is what. Data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.engine.backbones import hub
from workbench.records.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How to read the output of one `model_type`.

    Tokens of a transformer come as [cls][registers][patches]; a convolutional model gives a map.
    """

    name: str
    model: str = "AutoModel"  # the transformers class; a tower's own where AutoModel would build more
    cls: bool = True
    convolutional: bool = False
    pooler: str = ""  # weights without which `pooled` isn't the model's own; "-": it has no such output
    default: str = "cls"
    norm: str = "layernorm"  # of the model, that its last hidden state has been through; "": none
    nested: bool = False  # the tower's settings stand under "vision_config"
    patch: int = 16  # px, where the configuration leaves it at what transformers takes


_CLIP = {"name": "CLIP", "model": "CLIPVisionModel", "default": "pooled", "patch": 32, "norm": ""}
_SIGLIP = {
    **{"name": "SigLIP", "model": "SiglipVisionModel", "cls": False, "default": "pooled"},
    "norm": "post_layernorm",
}
_CONVNEXT = {"cls": False, "convolutional": True, "default": "pooled"}

FAMILIES: dict[str, Family] = {
    "dinov2": Family(name="DINOv2", pooler="-", patch=14),  # its pooler_output is the class token again
    "dinov2_with_registers": Family(name="DINOv2", pooler="-"),
    "dinov3_vit": Family(name="DINOv3", pooler="-", norm="norm"),
    "vit_mae": Family(name="ViTMAE", pooler="-", default="mean"),
    "vit": Family(name="ViT", pooler="pooler.dense.weight"),
    "vit_msn": Family(name="MSN", pooler="-"),
    "clip": Family(**_CLIP, nested=True),
    "clip_vision_model": Family(**_CLIP),
    "siglip": Family(**_SIGLIP, nested=True),
    "siglip_vision_model": Family(**_SIGLIP),
    "resnet": Family(name="ResNet", **_CONVNEXT),
    "convnext": Family(name="ConvNeXt", **_CONVNEXT),
    "convnextv2": Family(name="ConvNeXt", **_CONVNEXT),
}


def family_of(config: Mapping[str, Any], shown: str) -> Family:
    """The family of a model by its `config.json`.

    Raises:
        ValueError: a kind of model that is not read here, such as one that brings code of its own.
    """
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        what = f"of the kind {printable(str(config.get('model_type')))!r}"
        remote = " that comes with code of its own, which is never run" if "auto_map" in config else ""
        raise ValueError(f"{shown} is a model {what}{remote}. Known are {', '.join(sorted(FAMILIES))}.")
    return family


def features_of(family: Family, files: tuple[Path, ...]) -> tuple[str, ...]:
    """`pooled` is offered only where the weights hold the pooling: else it would be drawn at random."""
    if family.convolutional:
        return ("pooled",)
    tokens = ("cls", "mean", "cls+mean") if family.cls else ("mean",)
    if family.pooler == "-":
        return tokens
    names = hub.tensor_names(files)
    wanted = family.pooler
    if wanted and not (names and any(name.endswith(wanted) for name in names)):
        return tokens
    return (*tokens, "pooled")


def is_timm(config: Mapping[str, Any]) -> bool:
    """Whether timm wrote this `config.json`."""
    return "model_type" not in config and "architecture" in config


def check_supported(config: Mapping[str, Any], shown: str) -> None:
    """Raises ValueError where a model with this `config.json` can't be used here."""
    if not is_timm(config):
        family_of(config, shown)
