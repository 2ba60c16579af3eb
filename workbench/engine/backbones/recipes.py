"""How a published model wants its pixels: its own preprocessing files read as data, into a `Preprocess`.

Nothing of transformers or timm is imported. What can't be followed exactly is refused with a sentence
rather than followed nearly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workbench.records.spec import Interpolation, Preprocess

_PILLOW: dict[int, Interpolation] = {1: "lanczos", 2: "bilinear", 3: "bicubic"}  # PIL.Image.Resampling
_NAMED: dict[str, Interpolation] = {"lanczos": "lanczos", "bilinear": "bilinear", "bicubic": "bicubic"}
_BY_SHORTER_SIDE = ("CLIP", "Bit", "ConvNext", "ChineseCLIP")
_NO_CHANGE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def from_processor(body: Mapping[str, Any], name: str) -> Preprocess:
    """Follow a Hugging Face `preprocessor_config.json`.

    `{"shortest_edge": R}` with a centre crop S is "shortest"; `{"height": S, "width": S}` is "squash"; ConvNeXt's
    `crop_pct` enlarges R below 384 px as its processor does. Where a shorter side is given without a crop, the
    processor would make pictures of unequal shape; the centre square is taken instead.

    Raises:
        ValueError: steps that have no counterpart here.
    """
    if not body.get("do_resize", True) or not body.get("do_rescale", True):
        raise _refusal(name, "its processor doesn't resize or rescale")
    if not math.isclose(body.get("rescale_factor", 1 / 255), 1 / 255, rel_tol=1e-6) or body.get("offset"):
        raise _refusal(name, f"its processor rescales by {body.get('rescale_factor')}")
    filter_ = _PILLOW.get(body.get("resample", 2))
    if filter_ is None:
        raise _refusal(name, f"its processor resamples with filter {body['resample']!r}")
    mean, std = _NO_CHANGE
    if body.get("do_normalize", True):
        mean, std = _three(body, "image_mean", name), _three(body, "image_std", name)
    size = _size(body, name)
    crop = _square(body.get("crop_size"), name) if body.get("do_center_crop") else None
    if "shortest_edge" in size and len(size) == 1:
        edge = int(size["shortest_edge"])
        crop_pct = body.get("crop_pct")
        if crop is None and crop_pct and edge < 384:  # transformers ConvNextImageProcessor.resize
            crop, edge = edge, int(edge / crop_pct)
        elif crop is None and crop_pct:
            return _make("squash", edge, edge, filter_, mean, std)
        return _make("shortest", edge, crop or edge, filter_, mean, std)
    edge = _square(size, name)
    if crop is not None and crop != edge:
        raise _refusal(name, "its processor squashes and then crops")
    return _make("squash", edge, edge, filter_, mean, std)


def from_timm(facts: Mapping[str, Any], name: str) -> Preprocess:
    """Follow the `pretrained_cfg` of a timm model (timm `data/transforms_factory.py`, evaluation).

    Raises:
        ValueError: steps that have no counterpart here.
    """
    channels, height, width = facts["input_size"]
    if height != width:
        raise _refusal(name, f"it takes {width} x {height} pixels")
    filter_ = _NAMED.get(facts["interpolation"])
    if filter_ is None:
        raise _refusal(name, f"it resamples with filter {facts['interpolation']!r}")
    resize_to = math.floor(height / (facts["crop_pct"] or 0.875))
    mode = facts["crop_mode"] or "center"
    mean, std = (_repeating(facts, key, channels, name) for key in ("mean", "std"))
    if mode == "squash" and resize_to == height:
        return _make("squash", height, height, filter_, mean, std)
    if mode != "center":
        raise _refusal(name, f"it crops by {mode!r}")
    return _make("shortest", resize_to, height, filter_, mean, std)


def at_size(recipe: Preprocess, size: int | None, multiple: int, name: str) -> Preprocess:
    """`recipe` for another input size.

    Raises:
        ValueError: a size that the model's patches don't tile, or too small to hold two of them.
    """
    size = size or recipe.size
    if size % multiple:
        below = max(size // multiple, 1) * multiple
        raise ValueError(
            f"{name} cuts its input into squares of {multiple} px, and {size} px is no multiple of that. "
            f"Choose {below} or {below + multiple} px."
        )
    if size < 2 * multiple or size < 32:
        raise ValueError(
            f"{size} px is too small an input for {name}. Choose {max(2 * multiple, 32)} px or more."
        )
    return recipe if size == recipe.size else recipe.at(size)


def _make(
    resize: str,
    resize_to: int,
    size: int,
    filter_: Interpolation,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Preprocess:
    return Preprocess(
        resize="squash" if resize == "squash" else "shortest",
        resize_to=resize_to,
        size=size,
        interpolation=filter_,
        mean=(mean[0], mean[1], mean[2]),
        std=(std[0], std[1], std[2]),
    )


def _size(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Early files give one number, which means the shorter side to some processors and both sides to others."""
    size = body.get("size")
    if isinstance(size, Mapping):
        return {key: value for key, value in size.items() if value is not None}
    if not isinstance(size, int):
        raise _refusal(name, "its processor doesn't say the input size")
    kind = str(body.get("image_processor_type") or body.get("feature_extractor_type") or "")
    if kind.startswith(_BY_SHORTER_SIDE):
        return {"shortest_edge": size}
    return {"height": size, "width": size}


def _three(body: Mapping[str, Any], key: str, name: str) -> tuple[float, ...]:
    values = tuple(float(value) for value in body.get(key) or ())
    if len(values) != 3:
        raise _refusal(name, f"it gives {len(values)} values for {key}")
    return values


def _repeating(facts: Mapping[str, Any], key: str, channels: int, name: str) -> tuple[float, ...]:
    """The three values that repeat over the channels."""
    if channels == 3:
        return _three(facts, key, name)
    values = [float(value) for value in facts.get(key) or ()]
    three = tuple(values[channel % len(values)] for channel in range(3)) if values else ()
    if len(values) != channels or values != [three[channel % 3] for channel in range(channels)]:
        raise _refusal(name, f"its {key} has no three values that repeat over {channels} channels")
    return three


def _square(size: Any, name: str) -> int:
    if isinstance(size, int):
        return size
    size = size or {}
    if set(size) == {"shortest_edge"}:
        return int(size["shortest_edge"])
    if set(size) != {"height", "width"} or size["height"] != size["width"]:
        raise _refusal(name, f"its processor asks for the size {size}")
    return int(size["height"])


def _refusal(name: str, why: str) -> ValueError:
    return ValueError(
        f"{name} can't be prepared for exactly as it was trained: {why}. Choose another backbone."
    )
