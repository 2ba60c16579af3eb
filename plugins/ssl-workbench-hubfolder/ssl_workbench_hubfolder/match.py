"""Which architecture of timm weights belong to, by their names and shapes, and where these leave it open by what the
networks make of a picture."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from pathlib import Path

import timm
import torch
from timm.models import get_pretrained_cfg

from workbench.engine.api import read_state, timm_network, timm_reader

USUAL = 224  # px
CLOSE = 1e-4  # of the largest number that comes out
VIT = {192: "tiny", 384: "small", 768: "base", 1024: "large", 1280: "huge", 1408: "giant", 1536: "giant"}
CONVNEXT = {40: "atto", 48: "femto", 64: "pico", 80: "nano", 96: "tiny|small", 128: "base", 192: "large"}
SWIN = {96: "tiny|small", 128: "base", 192: "large"}
# ResNets with anti-aliased pooling have the tensors of the plain ones and are published by timm alone: they are taken
# only where backbone.toml names them.
NAMED_ONLY = re.compile(r"res\w*?(?:aa|blur)\d")
Shapes = Mapping[str, tuple[int, ...]]


def architecture_of(weights: Path) -> str:
    """timm's name of it.

    Raises:
        ValueError: the file holds more than weights, nothing fits, or networks fit that are not the same.
    """
    stat = weights.stat()
    return _architecture_of(weights, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _architecture_of(weights: Path, size: int, changed: int) -> str:
    shapes = {name: tuple(value.shape) for name, value in read_state(weights).items()}
    side = side_of(shapes)
    generator = torch.Generator().manual_seed(0)
    pixels = torch.rand(1, 3, side, side, generator=generator)
    said: dict[str, torch.Tensor] = {}
    for name in candidates(shapes):
        try:
            module = timm_network(name, {}, side, weights, official=False)
            with torch.inference_mode():
                said[name] = torch.cat([part.flatten() for part in timm_reader(module)(pixels).values()])
        except (ValueError, RuntimeError, KeyError):
            continue
    if not said:
        first = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:3])
        raise ValueError(
            f"No architecture of timm that can be told by its weights fits {weights} (it begins with {first}). Write "
            'its name into backbone.toml beside it: architecture = "NAME". Known by themselves are ViT, ResNet, '
            "ConvNeXt, Swin and RegNet."
        )
    first_name, *others = sorted(said, key=lambda name: (len(name), name))
    unlike = [name for name in others if not _alike(said[first_name], said[name])]
    if unlike:
        raise ValueError(
            f"{weights} fits {first_name} and {', '.join(unlike)}, which are not the same network. Write into "
            'backbone.toml which was trained: architecture = "NAME".'
        )
    return first_name


def candidates(shapes: Shapes) -> list[str]:
    """Names of timm that weights of these names and shapes may belong to; a few dozen at most."""
    pattern = _pattern(shapes)
    if pattern is None:
        return []
    names = [
        name for name in timm.list_models() if re.fullmatch(pattern, name) and not NAMED_ONLY.search(name)
    ]
    return [name for name in names if _begins_alike(name, shapes)]


def side_of(shapes: Shapes) -> int:
    """Side of the pictures that a transformer was trained on, px; USUAL where weights don't tell."""
    positions, patch = _shape(shapes, "pos_embed"), _shape(shapes, "patch_embed.proj.weight")
    if len(positions) != 3 or len(patch) != 4:
        return USUAL
    grid = next((math.isqrt(positions[1] - more) for more in (0, 1, 5) if _square(positions[1] - more)), 0)
    return grid * patch[2] or USUAL


def _pattern(shapes: Shapes) -> str | None:
    """Of the names of the family, as narrow as the weights allow."""
    patch = _shape(shapes, "patch_embed.proj.weight")
    table = _shape(shapes, "layers.0.blocks.0.attn.relative_position_bias_table")
    if table and len(patch) == 4:
        window = (math.isqrt(table[0]) + 1) // 2
        return rf"swin_(?:{SWIN.get(patch[0], '-')})_patch{patch[2]}_window{window}_\d+"
    if _shape(shapes, "blocks.0.attn.qkv.weight") and len(patch) == 4:
        return rf"(?:vit|deit\w*)_(?:{VIT.get(patch[0], '-')})_patch{patch[2]}_\w+|test_vit\w*"
    if _shape(shapes, "layer1.0.conv1.weight"):
        each = 3 if _shape(shapes, "layer1.0.conv3.weight") else 2
        stages = re.compile(r"(?:^|\.)(layer[1-4]\.\d+)\.conv1\.weight$")
        blocks = {found[1] for name in shapes if (found := stages.search(name))}
        return rf"(?:\w*_)?(?:\D*res\D*)(?<!\d){each * len(blocks) + 2}(?!\d)\w*|test_resnet\w*"
    stem = _shape(shapes, "stem.0.weight") or _shape(shapes, "downsample_layers.0.0.weight")
    if stem and (
        _shape(shapes, "stages.0.blocks.0.conv_dw.weight") or _shape(shapes, "stages.0.0.dwconv.weight")
    ):
        return rf"convnext\w*_(?:{CONVNEXT.get(stem[0], '-')})\w*|test_convnext\w*"
    return r"regnet\w+" if _shape(shapes, "s1.b1.conv1.conv.weight") else None


def _begins_alike(name: str, shapes: Shapes) -> bool:
    """Whether timm calls the first layer of `name` as the weights do; true where it doesn't say."""
    told = get_pretrained_cfg(name)
    first = told.first_conv if told is not None else None
    translated = _shape(
        shapes, "downsample_layers.0.0.weight"
    )  # the authors' names of ConvNeXt, which timm knows
    return bool(translated) or not isinstance(first, str) or bool(_shape(shapes, f"{first}.weight"))


def _shape(shapes: Shapes, name: str) -> tuple[int, ...]:
    """Of the tensor of that name, whatever a training program put before it; () where there is none."""
    if name in shapes:
        return shapes[name]
    return next((shape for key, shape in shapes.items() if key.endswith(f".{name}")), ())


def _alike(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape:
        return False
    return bool((one - other).abs().max() <= CLOSE * one.abs().max())


def _square(number: int) -> bool:
    return number > 0 and math.isqrt(number) ** 2 == number
