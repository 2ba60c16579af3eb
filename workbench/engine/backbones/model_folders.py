"""The files of a folder that timm or transformers loads by itself: weights, configuration, preprocessing.

`recipes.py` reads the preprocessing back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from workbench.engine.backbones import hub, marks
from workbench.records.spec import Preprocess

_COLOURS = 3
# Where published weights came from: these are others.
_SOURCES = (
    "url",
    "file",
    "hf_hub_id",
    "hf_hub_filename",
    "custom_load",
    "source",
    "state_dict",
    "tag",
    "origin_url",
)
_PILLOW = {"lanczos": 1, "bilinear": 2, "bicubic": 3}


def timm_facts(
    module: torch.nn.Module, recipe: Preprocess, num_classes: int, channels: int = _COLOURS
) -> dict[str, Any]:
    """The `pretrained_cfg` of timm's config.json: timm's facts of the architecture, and the preprocessing that the
    weights were trained under. Mean and deviation of the colours repeat over `channels`."""
    known = getattr(module, "pretrained_cfg", None) or {}
    facts = {key: value for key, value in dict(known).items() if value is not None and key not in _SOURCES}
    if channels != _COLOURS:
        facts.pop("first_conv", None)  # by which timm would take the weights for those of three colours
    squash = recipe.resize == "squash"
    return {
        **{key: list(value) if isinstance(value, tuple) else value for key, value in facts.items()},
        "num_classes": num_classes,
        "input_size": [channels, recipe.size, recipe.size],
        "pool_size": None,
        "fixed_input_size": bool(facts.get("fixed_input_size"))
        and not getattr(module, "dynamic_img_size", False),
        "crop_pct": 1.0 if squash else recipe.size / recipe.resize_to,
        "crop_mode": "squash" if squash else "center",
        "interpolation": recipe.interpolation,
        "mean": [recipe.mean[channel % _COLOURS] for channel in range(channels)],
        "std": [recipe.std[channel % _COLOURS] for channel in range(channels)],
    }


def write_model(
    folder: Path, config: Mapping[str, Any], state: Mapping[str, torch.Tensor], mark: Mapping[str, Any]
) -> None:
    """Weights and config.json, both with the mark of where they come from."""
    metadata = {"format": "pt", marks.KEY: json.dumps(mark)}
    save_file(dict(state), folder / hub.WEIGHTS[0], metadata=metadata)
    body = {**config, marks.KEY: mark}
    (folder / hub.CONFIG).write_text(json.dumps(body, indent=1), encoding="utf-8")


def write_processor(folder: Path, recipe: Preprocess) -> None:
    """The preprocessor_config.json of transformers."""
    body: dict[str, Any] = {
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "rescale_factor": 1 / 255,
        "resample": _PILLOW[recipe.interpolation],
        "image_mean": list(recipe.mean),
        "image_std": list(recipe.std),
    }
    square = {"height": recipe.size, "width": recipe.size}
    if recipe.resize == "squash":
        body |= {"image_processor_type": "ViTImageProcessor", "size": square}
    else:
        body |= {
            "image_processor_type": "BitImageProcessor",
            "size": {"shortest_edge": recipe.resize_to},
            "do_center_crop": True,
            "crop_size": square,
        }
    (folder / hub.PROCESSOR).write_text(json.dumps(body, indent=1), encoding="utf-8")
