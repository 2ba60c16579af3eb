"""Transformers of many kinds, smaller than those of `made.py`, for the methods that teach or hide."""

from __future__ import annotations

from typing import Any

import timm
import torch

from workbench.engine.methods.base import Plan
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.registry import method_class

IMAGE = 32
PATCH = 8


def vit(seed: int = 0, **changes: Any) -> Encoder:
    torch.manual_seed(seed)
    options: dict[str, Any] = {
        "img_size": IMAGE,
        "patch_size": PATCH,
        "embed_dim": 32,
        "depth": 2,
        "num_heads": 2,
        "num_classes": 0,
        "dynamic_img_size": True,
    }
    return Encoder(timm.create_model("vit_tiny_patch16_224", **{**options, **changes}))


def plan(**changes: Any) -> Plan:
    options: dict[str, Any] = {
        "images": 40,
        "batch_size": 4,
        "epochs": 10,
        "steps_per_epoch": 2,
        "image_size": IMAGE,
    }
    return Plan(**{**options, **changes})


def method(name: str, encoder: Encoder, laid: Plan | None = None, **settings: Any) -> Any:
    kind = method_class(name)
    made = kind(encoder, kind.Config(**settings), laid or plan())
    return made.train()
