"""`load_backbone`: a feature spec in, a backbone on a device out, after checking that the weights are still those."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch

from workbench.engine.backbones import catalogue, plugged
from workbench.engine.backbones.base import Backbone, Named, TorchBackbone, channels_of
from workbench.engine.backbones.channels import adapt
from workbench.engine.backbones.choice import has_pooled
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.records.layers import LAST
from workbench.records.spec import FeatureSpec
from workbench.records.text import count, printable


def load_backbone(
    spec: FeatureSpec,
    device: str,
    *,
    cache: Path | None = None,
    memo: Path | None = None,
    trainable: bool = False,
) -> Backbone:
    """Load what `spec` names onto `device` ("cpu", "cuda", "cuda:1", "mps").

    `cache` and `memo` as in `resolve`. Every call of the result's `encode` gives the same features. A `trainable` one
    keeps its layers as its library made them, so that they can learn and be saved; it is a little slower on a CPU.

    Raises:
        ValueError: the backbone is not on this machine, or its weights are no longer those of `spec`.
    """
    size = spec.preprocess.size
    found = resolve(
        spec.backbone, image_size=size, feature=spec.feature, reading=spec.reading, cache=cache, memo=memo
    )
    if found.spec.weights != spec.weights:
        raise ValueError(
            f"The weights of {printable(spec.backbone)} are no longer those that the features were asked from "
            f"({found.spec.weights}, not {spec.weights}). Start the embedding again."
        )
    if spec.layers[-1] >= found.depth and spec.layer != LAST:
        raise ValueError(
            f"{printable(spec.backbone)} has {count(found.depth, 'layer')}, and layer {spec.layers[-1] + 1} was "
            "asked for. Choose another."
        )
    if found.kind == catalogue.HISTOGRAM:
        from workbench.engine.backbones.floors import HistogramBackbone

        return HistogramBackbone(spec)
    if found.kind == plugged.KIND:
        with torch.random.fork_rng(devices=[]):
            return plugged.assembled(spec, device)
    build = _hugging_face if found.kind == "huggingface" else _timm
    with torch.random.fork_rng(devices=[]):  # libraries initialise at random what the weights then overwrite
        return build(found, spec, device, trainable)


def _hugging_face(found: Resolved, spec: FeatureSpec, device: str, trainable: bool) -> Backbone:
    from workbench.engine.backbones import huggingface, inner_layers
    from workbench.engine.backbones.families import FAMILIES

    assert found.folder is not None
    module = huggingface.build(found.folder, found.architecture, found.features)
    if spec.layer == LAST:
        read = huggingface.reader(module, found.architecture, found.features)
        dimensions = huggingface.dimensions(module, found.features)
    else:
        run = huggingface.runner(module, found.architecture)
        read = inner_layers.hugging_face_reader(module, found.architecture, spec.layers, found.depth, run)
        dimensions = inner_layers.hugging_face_dimensions(module, _at(found, spec), spec.layers)
    return _assemble(
        module,
        read,
        spec,
        device,
        dimensions=dimensions,
        tokens=huggingface.tokens(module, spec.preprocess.size),
        convolutional=FAMILIES[found.architecture].convolutional,
        channels=found.channels,
        trainable=trainable,
    )


def _timm(found: Resolved, spec: FeatureSpec, device: str, trainable: bool) -> Backbone:
    from workbench.engine.backbones import bundled, checkpoints, floors, inner_layers, timm_models

    size = spec.preprocess.size
    if found.kind == catalogue.RANDOM_VIT:
        module = floors.random_vit(size)
    elif found.kind == "bundled":
        module = bundled.build(checkpoints.read_state(found.files[0]), found.files[0])
    else:
        module = timm_models.build(
            found.architecture, found.arguments or {}, size, found.files[0], found.official
        )
    if spec.layer == LAST:
        read = timm_models.reader(module)
        dimensions = timm_models.dimensions(module, found.features)
    else:
        read = inner_layers.timm_reader(module, spec.layers)
        dimensions = inner_layers.timm_dimensions(module, _at(found, spec), spec.layers)
    return _assemble(
        module,
        read,
        spec,
        device,
        dimensions=dimensions,
        tokens=timm_models.tokens(module, size),
        convolutional=timm_models.is_convolutional(module),
        channels=found.channels,
        trainable=trainable,
    )


def _at(found: Resolved, spec: FeatureSpec) -> tuple[str, ...]:
    """What the layers of `spec` offer."""
    pooled = has_pooled(found.features, spec.layer)
    return tuple(name for name in found.features if pooled or name != "pooled")


def _assemble(
    module: torch.nn.Module,
    read: Callable[[torch.Tensor], Named],
    spec: FeatureSpec,
    device: str,
    *,
    dimensions: dict[str, int],
    tokens: int,
    convolutional: bool,
    channels: int,
    trainable: bool,
) -> Backbone:
    if channels_of(spec) != channels:
        adapt(module, channels_of(spec), printable(spec.backbone))
    module.requires_grad_(False)
    if convolutional:
        module.to(memory_format=torch.channels_last)
    around: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext
    if torch.device(device).type == "cpu" and not convolutional and not trainable:
        from workbench.engine.backbones.cpu import OneDnnAttention, quicken

        if spec.precision == "bf16" and quicken(module, torch.bfloat16):
            around = OneDnnAttention
        elif spec.precision == "fp32":
            quicken(module, torch.float32)
    return TorchBackbone(
        spec,
        module.to(device),
        read,
        device=device,
        dimensions=dimensions,
        tokens=tokens,
        channels_last=convolutional,
        around=around,
    )
