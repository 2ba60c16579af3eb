"""A fine-tuned transformers model as `save_pretrained` writes it: with its classifier where transformers has the
class for it, else the backbone and its head side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from workbench.engine.backbones import marks
from workbench.engine.backbones.huggingface import quietly
from workbench.engine.backbones.resolve import Resolved
from workbench.records.spec import Preprocess
from workbench.records.text import printable

# model_type: the class with a classifier, where it keeps the backbone, and which feature the classifier gets.
# "cls,mean" joins the class token and the mean of the patches (Dinov2): half of its weights are then zero.
_CLASSIFIERS = {
    "dinov2": ("Dinov2ForImageClassification", "dinov2", "cls,mean"),
    "dinov2_with_registers": (
        "Dinov2WithRegistersForImageClassification",
        "dinov2_with_registers",
        "cls,mean",
    ),
    "vit": ("ViTForImageClassification", "vit", "cls"),
    "vit_msn": ("ViTMSNForImageClassification", "vit", "cls"),
    "resnet": ("ResNetForImageClassification", "resnet", "pooled"),
    "convnext": ("ConvNextForImageClassification", "convnext", "pooled"),
    "convnextv2": ("ConvNextV2ForImageClassification", "convnextv2", "pooled"),
}
_PILLOW = {"lanczos": 1, "bilinear": 2, "bicubic": 3}


def save_transformers(
    folder: Path,
    resolved: Resolved,
    module: Any,
    weight: torch.Tensor,
    bias: torch.Tensor,
    classes: tuple[str, ...],
    mark: dict[str, Any],
) -> str:
    """Write weights, config.json and preprocessor_config.json. Returns the form, see `export.export`."""
    name, place, takes = _CLASSIFIERS.get(resolved.architecture, ("", "", ""))
    made = getattr(transformers, name, None) if name else None
    wide = _widened(weight, resolved.spec.feature, takes) if made is not None else None
    with quietly():
        if made is not None and wide is not None:
            config = module.config.__class__.from_dict(module.config.to_dict())
            config.num_labels = len(classes)
            config.id2label = {number: printable(label) for number, label in enumerate(classes)}
            config.label2id = {printable(label): number for number, label in enumerate(classes)}
            setattr(config, marks.KEY, mark)
            with torch.random.fork_rng(devices=[]):
                whole = made(config).eval()
            getattr(whole, place).load_state_dict(_without_pooler(module, getattr(whole, place)))
            linear = whole.classifier
            linear = linear[-1] if isinstance(linear, torch.nn.Sequential) else linear
            with torch.no_grad():
                linear.weight.copy_(wide)
                linear.bias.copy_(bias)
            whole.save_pretrained(folder)
            form = "transformers"
        else:
            setattr(module.config, marks.KEY, mark)
            module.save_pretrained(folder)
            save_file(
                {"weight": weight, "bias": bias}, folder / "head.safetensors", metadata={"format": "pt"}
            )
            form = "transformers backbone + head"
    body = processor(resolved.spec.preprocess)
    (folder / "preprocessor_config.json").write_text(json.dumps(body, indent=1), encoding="utf-8")
    return form


def processor(recipe: Preprocess) -> dict[str, Any]:
    """The preprocessing file that `recipes.from_processor` reads back as `recipe`."""
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
        return {**body, "image_processor_type": "ViTImageProcessor", "size": square}
    return {
        **body,
        "image_processor_type": "BitImageProcessor",
        "size": {"shortest_edge": recipe.resize_to},
        "do_center_crop": True,
        "crop_size": square,
    }


def _widened(weight: torch.Tensor, feature: str, takes: str) -> torch.Tensor | None:
    """The classifier's weights, with zeros for what it gets and the head doesn't; None where it lacks the feature."""
    if feature == takes or (feature == "cls+mean" and takes == "cls,mean"):
        return weight
    parts = takes.split(",")
    if len(parts) == 1 or feature not in parts:
        return None
    nothing = torch.zeros_like(weight)
    return torch.cat([weight if part == feature else nothing for part in parts], dim=1)


def _without_pooler(module: torch.nn.Module, wanted: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The backbone's tensors, without a pooling layer that the class with a classifier doesn't have."""
    names = set(wanted.state_dict())
    return {key: value for key, value in module.state_dict().items() if key in names}
