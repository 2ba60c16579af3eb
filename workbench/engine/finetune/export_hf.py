"""A fine-tuned transformers model as `save_pretrained` writes it: with its classifier where transformers has the
class for it, else the backbone and its head side by side."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

from workbench.engine.backbones import marks
from workbench.engine.backbones.huggingface import quietly
from workbench.engine.backbones.model_folders import write_processor
from workbench.engine.backbones.resolve import Resolved
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


def save_transformers(
    folder: Path,
    resolved: Resolved,
    module: Any,
    weight: torch.Tensor,
    bias: torch.Tensor,
    classes: tuple[str, ...],
    mark: dict[str, Any],
    trial: Any,
) -> str:
    """Write weights, config.json and preprocessor_config.json. Returns the form, see `export.export`.

    `trial`: export.Trial, which says whether a model gives the logits that it must.
    """
    name, place, takes = _CLASSIFIERS.get(resolved.architecture, ("", "", ""))
    made = getattr(transformers, name, None) if name else None
    wide = _widened(weight, resolved.spec.feature, takes) if made is not None else None
    whole = _with_classifier(made, module, place, wide, bias, classes) if wide is not None else None
    if whole is not None and trial.agrees(whole, **_any_size(whole)):
        form, saved = "transformers", whole
    else:
        form, saved = "transformers backbone + head", module
        save_file({"weight": weight, "bias": bias}, folder / "head.safetensors", metadata={"format": "pt"})
    setattr(saved.config, marks.KEY, mark)
    with quietly():
        saved.save_pretrained(folder)
    write_processor(folder, resolved.spec.preprocess)
    return form


def _with_classifier(
    made: Any, module: Any, place: str, weight: torch.Tensor, bias: torch.Tensor, classes: tuple[str, ...]
) -> Any:
    """transformers' own model with the backbone and the classifier in it; None where the tensors don't fit."""
    config = module.config.__class__.from_dict(module.config.to_dict())
    config.num_labels = len(classes)
    config.id2label = {number: printable(label) for number, label in enumerate(classes)}
    config.label2id = {printable(label): number for number, label in enumerate(classes)}
    with quietly(), torch.random.fork_rng(devices=[]):
        whole = made(config).eval()
    inner = getattr(whole, place)
    names = set(inner.state_dict())  # a pooling layer is left out where the class has none
    try:
        inner.load_state_dict({key: value for key, value in module.state_dict().items() if key in names})
    except RuntimeError:
        return None
    linear = whole.classifier[-1] if isinstance(whole.classifier, torch.nn.Sequential) else whole.classifier
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    return whole


def _any_size(whole: Any) -> dict[str, Any]:
    known = inspect.signature(whole.forward).parameters
    return {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in known else {}


def _widened(weight: torch.Tensor, feature: str, takes: str) -> torch.Tensor | None:
    """The classifier's weights, with zeros for what it gets and the head doesn't; None where it lacks the feature."""
    if feature == takes or (feature == "cls+mean" and takes == "cls,mean"):
        return weight
    parts = takes.split(",")
    if len(parts) == 1 or feature not in parts:
        return None
    nothing = torch.zeros_like(weight)
    return torch.cat([weight if part == feature else nothing for part in parts], dim=1)
