"""Whose network a plugin's backbone is, found out by what it gives of one picture (`vision.open_vision`)."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from workbench.engine.backbones import huggingface, inner_layers, timm_models
from workbench.engine.backbones.base import Named, TorchBackbone
from workbench.engine.backbones.families import FAMILIES
from workbench.records.text import printable

CLOSE = 1e-3  # of the largest number of a patch, between what the plugin reads and what the network gives

Reader = Callable[[torch.Tensor], Named]


def library_of(backbone: TorchBackbone, title: str) -> tuple[str, str, int]:
    """Kind, as `Resolved.kind` has it, architecture and depth of the network, where it is one of timm's or of
    transformers' and the patches that the plugin reads are the network's own: then it can be looked into like any
    other. "", "" and 0 where it is nobody's: then the map of its last layer can be shown, and nothing else.

    Raises:
        ValueError: it gives no patches, or they make no square.
    """
    size = backbone.spec.preprocess.size
    picture = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    named = backbone.encode(picture)
    patches = named.get("patches")
    if patches is None:
        raise ValueError(
            f"{printable(title)} comes from a plugin that gives {', '.join(named)} and no patches, so there is "
            "nothing to look at. In Compare it stands beside the others."
        )
    if patches.ndim != 3 or math.isqrt(patches.shape[1]) ** 2 != patches.shape[1]:
        raise ValueError(
            f"{printable(title)} comes from a plugin that gives patches of shape {tuple(patches.shape)}, which make "
            "no square and can't be laid over a picture."
        )
    kind, architecture, depth, read = _known(backbone.module)
    with (
        contextlib.suppress(Exception),
        torch.inference_mode(),
    ):  # whatever a network does that only looks like one
        if read is not None:
            device = next(backbone.module.parameters()).device
            own = read(backbone.normalise(torch.from_numpy(picture).to(device)))["patches"].float()
            most = CLOSE * max(float(patches.abs().max()), 1e-6)
            if own.shape == patches.shape and float((own - patches).abs().max()) <= most:
                return kind, architecture, depth
    return "", "", 0


def _known(module: Any) -> tuple[str, str, int, Reader | None]:
    """What it looks like: kind, architecture, depth, and how it would be read."""
    if hasattr(module, "num_prefix_tokens") and hasattr(module, "forward_features"):
        return "timm", "", inner_layers.depth_of_timm(module), timm_models.reader(module)
    config = getattr(module, "config", None)
    architecture = str(getattr(config, "model_type", ""))
    if architecture in FAMILIES and not FAMILIES[architecture].convolutional:
        depth = int(getattr(config, "num_hidden_layers", 0))
        return "huggingface", architecture, depth, huggingface.reader(module, architecture, ())
    return "", "", 0, None
