"""The network that is to learn: from nothing, or from any weights that the program knows and timm's layout holds.

Whatever the weights came as, what learns is one of timm's models, so that every method sees the same parts and one
export serves all.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import timm
import torch

from workbench.engine.backbones import bundled, catalogue, checkpoints, hub, marks, timm_models, vit_layouts
from workbench.engine.backbones.channels import adapt
from workbench.engine.backbones.plugged import refuse_plugged
from workbench.engine.backbones.recipes import at_size
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.engine.backbones.spelling import did_you_mean
from workbench.engine.methods.base import Method
from workbench.engine.methods.encoder import Encoder, is_plain_transformer
from workbench.records.augmentation import View
from workbench.records.spec import Preprocess, Reading
from workbench.records.text import printable

_COLOURS = 3
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's
_OWN_SIZE = 224  # px, where the architecture's own would cost far more (timm's DINOv2 at 518)
_KINDS = "Choose a vit_*, resnet18, resnet50 or a convnext_*."
_STARTS = (
    "Start from a ViT, DINO, DINOv2, MAE, MoCo v3 or iBOT, from a ResNet or ConvNeXt under timm's name (such as "
    "timm/resnet50.a1_in1k), or from nothing."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A network that can learn, and what must be known to build it again and to feed it."""

    encoder: Encoder
    architecture: str  # timm's name
    arguments: dict[str, Any]  # of `timm.create_model`, JSON-able, without the weights
    channels: int
    mean: tuple[float, ...]  # of each channel, of pixels from 0 to 1
    std: tuple[float, ...]
    title: str  # "ViT tiny, patch 8"
    image_size: int  # px
    patch_size: int  # px; 0 of a convolutional network
    start: str  # as it was asked for; "" from nothing
    start_title: str  # "DINOv2 small"; "" from nothing
    start_digest: str  # of the weights; "" from nothing
    start_licence: str  # a short note; "" from nothing, or where it isn't known

    @property
    def recipe(self) -> Preprocess:
        """How pictures are brought to what has been learnt from: the whole picture, squashed to a square."""
        return _squashed(self.image_size, self.mean, self.std)


def build_encoder(
    architecture: str,
    *,
    start: str,
    image_size: int,
    patch_size: int,
    channels: int,
    seed: int,
    allow_download: bool = False,
) -> Built:
    """Build what learns, on the CPU.

    Args:
        architecture: timm's name; not looked at where weights are given, which have their own.
        start: any name that `backbones.resolve` knows; "" or the random floor starts from nothing.
        image_size: px, side of a view; 0 takes the architecture's own, or what the weights are usually given.
        patch_size: px; 0 takes the architecture's own. Weights can't change theirs.
        channels: of a picture; more or fewer than three adapt weights as `backbones.channels` does.
        seed: of the values that a network from nothing begins with; torch's own random state stays as it is.

    Raises:
        ValueError: no such architecture or weights, weights that nothing can be learnt from here, or a size that the
            patches don't tile; a sentence for people.
    """
    if start.strip() in ("", catalogue.RANDOM_VIT):
        return _from_nothing(architecture.strip(), image_size, patch_size, channels, seed)
    if start.strip() == catalogue.HISTOGRAM:
        raise ValueError(
            f"{catalogue.title_of(catalogue.HISTOGRAM)} is counted and not learnt, so pretraining can't start from "
            f"it. {_STARTS}"
        )
    return _from_weights(start.strip(), image_size, patch_size, channels, allow_download)


def check(method: type[Method], encoder: Encoder) -> None:
    """Raises ValueError where `method` can't teach such a network."""
    if method.tokens_only and not encoder.tokens:
        raise ValueError(
            f"{method.title} hides patches one by one, which takes a transformer, and "
            f"{title_of(encoder.module)} has none. Choose a vit_* architecture, or a method that takes any network: "
            "SimCLR, MoCo, BYOL or SimSiam."
        )


def check_views(built: Built, views: Sequence[View]) -> None:
    """Raises ValueError where a kind of view is too small for the network: for one that halves a picture without
    padding it, nothing would be left (ConvNeXt, DenseNet, VGG). A transformer's views are whole patches already."""
    encoder = built.encoder
    sides = {view.pixels(built.image_size, encoder.patch): view for view in reversed(views)}
    smallest = min(sides)
    if encoder.tokens or _takes(built, smallest):
        return
    sizes = range(smallest, _OWN_SIZE)
    least = smallest + bisect.bisect_left(sizes, True, key=lambda side: _takes(built, side))
    view = sides[smallest]
    size = next(size for size in itertools.count(built.image_size) if view.pixels(size, 1) >= least)
    ways = [f"an image size of {size} px or more", "a resnet* or vit_* architecture"]
    if view.is_local:
        ways.append("a method without local crops (SimCLR, MoCo, BYOL or SimSiam)")
    of = f"{view.name} of {smallest} px" + (
        f", at an image size of {built.image_size} px," if view.is_local else ""
    )
    raise ValueError(
        f"{built.title} makes one place of every {encoder.stride} x {encoder.stride} px and takes pictures from "
        f"{least} px, so {of} are too small for it. Take {', '.join(ways[:-1])}, or {ways[-1]}."
    )


def _takes(built: Built, side: int) -> bool:
    """Whether the network has an answer for pictures of `side` px; shapes alone are computed."""
    encoder = built.encoder
    there = {
        name: value.to("meta") for name, value in (*encoder.named_parameters(), *encoder.named_buffers())
    }
    trains = encoder.training
    try:
        with torch.no_grad():
            pictures = torch.empty(1, built.channels, side, side, device="meta")
            torch.func.functional_call(encoder.eval(), there, (pictures,))
    except RuntimeError:
        return False
    finally:
        encoder.train(trains)
    return True


def title_of(module: Any) -> str:
    """ "ViT tiny, patch 8", "ResNet-50", "ConvNeXt tiny": what a network is called, by what it is."""
    if is_plain_transformer(module):
        width, depth = int(module.embed_dim), len(module.blocks)
        size = vit_layouts.SIZES.get((width, depth), f"of width {width} and depth {depth},")
        registers = f", {module.num_reg_tokens} registers" if module.num_reg_tokens else ""
        return f"ViT {size.rstrip(',')}, patch {module.patch_embed.patch_size[0]}{registers}"
    name = str((getattr(module, "pretrained_cfg", None) or {}).get("architecture", "")).removeprefix("tf_")
    family = timm_models.family_name(name)
    resnet = re.fullmatch(r"resnet(\d+)(\w*)", name)
    if resnet:
        return f"ResNet-{resnet[1]}{resnet[2]}"
    rest = name.removeprefix(family.lower()).strip("_").replace("_", " ")
    return f"{family} {rest}" if family != "timm" and name.startswith(family.lower()) else name


def _from_nothing(name: str, image_size: int, patch_size: int, channels: int, seed: int) -> Built:
    plain = _kind(name, {})
    own = timm_models.describe(name.partition(".")[0], None)
    size = image_size or min(int(own["input_size"][1]), _OWN_SIZE)
    arguments: dict[str, Any] = {}
    if plain:
        patch = patch_size or int(own["patch"])
        _check_size(name, size, patch)
        arguments |= {"img_size": size, "dynamic_img_size": True, "patch_size": patch}
    else:
        _check_size(name, size, 1)
        _no_patches(name, patch_size)
    if channels != _COLOURS:
        arguments["in_chans"] = channels
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # not CUDA's, which fork_rng would not put back
        module = timm.create_model(name.partition(".")[0], pretrained=False, num_classes=0, **arguments)
    # Other channels are no colours, so each is given the mean of the three.
    mean = _MEAN if channels == _COLOURS else (round(sum(_MEAN) / 3, 4),) * channels
    std = _STD if channels == _COLOURS else (round(sum(_STD) / 3, 4),) * channels
    return _built(module, name, arguments, size, channels, mean, std, fresh=True)


def _from_weights(start: str, image_size: int, patch_size: int, channels: int, allow_download: bool) -> Built:
    reading = Reading() if channels == _COLOURS else Reading(channels=f"all:{channels}")
    found = resolve(
        start, image_size=image_size or None, reading=reading, allow_download=allow_download, nearest=False
    )
    refuse_plugged(
        found.kind, found.title, "what would be learnt from it could not be written for other programs"
    )
    size = found.spec.preprocess.size
    architecture, arguments, module = (
        _of_transformers(found, size) if found.kind == "huggingface" else _of_timm(found, size)
    )
    if found.channels != channels:
        adapt(module, channels, printable(start))
        arguments["in_chans"] = channels
    plain = is_plain_transformer(module)
    own = int(module.patch_embed.patch_size[0]) if plain else 0
    if plain and patch_size not in (0, own):
        raise ValueError(
            f"{printable(found.title)} has patches of {own} px, and weights can't change theirs to {patch_size} px. "
            "Leave the patch size as it is, or start from nothing."
        )
    if not plain:
        _no_patches(found.title, patch_size)
    mark = marks.pretrained_here(found) or {}
    licence = catalogue.licence_of(start) or str(mark.get("licence") or "")
    recipe = found.spec.preprocess
    return _built(
        module.train().requires_grad_(True),
        architecture,
        arguments,
        size,
        channels,
        tuple(recipe.mean[channel % _COLOURS] for channel in range(channels)),
        tuple(recipe.std[channel % _COLOURS] for channel in range(channels)),
        fresh=False,
        start=start,
        start_title=found.title,
        start_digest=found.spec.weights,
        start_licence=licence,
    )


def _of_timm(found: Resolved, size: int) -> tuple[str, dict[str, Any], torch.nn.Module]:
    arguments = dict(found.arguments or {})
    if found.kind == "bundled":
        module = bundled.build(checkpoints.read_state(found.files[0]), found.files[0])
    else:
        if _kind(found.architecture, arguments):
            arguments |= {"dynamic_img_size": True}
        module = timm_models.build(found.architecture, arguments, size, found.files[0], found.official)
        if "dynamic_img_size" in arguments:
            arguments["img_size"] = size
    return found.architecture, arguments, module


def _of_transformers(found: Resolved, size: int) -> tuple[str, dict[str, Any], torch.nn.Module]:
    """The layer norms get timm's epsilon of 1e-6, which the authors of all these weights took too; transformers'
    ViT has 1e-12, which no argument of timm's could tell."""
    assert found.folder is not None
    config = hub.read_json(found.folder / hub.CONFIG)
    try:
        vit = vit_layouts.timm_of_config(config, found.title)
    except ValueError:
        raise ValueError(
            f"{printable(found.title)} is a {found.family} of transformers' own layout, which can't go on learning "
            f"here. {_STARTS}"
        ) from None
    state: dict[str, torch.Tensor] = {}
    for file in found.files:
        state |= checkpoints.read_state(file)
    for name in [name for name in state if name.endswith("embeddings.position_embeddings")]:
        side = size // vit.arguments["patch_size"]
        state[name] = vit_layouts.resampled(state[name], str(config["model_type"]), side)
    arguments = {**vit.arguments, "img_size": size, "dynamic_img_size": True}
    with torch.device("meta"):  # every value comes from the files
        module = timm.create_model(vit.architecture, num_classes=0, **arguments)
    state = vit_layouts.state_to_timm(config, state)
    checkpoints.load_strictly(module, state, found.files[0], f"the architecture {vit.architecture}")
    return vit.architecture, arguments, module


def _built(
    module: Any,
    architecture: str,
    arguments: dict[str, Any],
    size: int,
    channels: int,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    *,
    fresh: bool,
    start: str = "",
    start_title: str = "",
    start_digest: str = "",
    start_licence: str = "",
) -> Built:
    encoder = Encoder(module, fresh=fresh)
    return Built(
        encoder=encoder,
        architecture=architecture.partition(".")[0],
        arguments=arguments,
        channels=channels,
        mean=mean,
        std=std,
        title=title_of(module),
        image_size=size,
        patch_size=encoder.patch if encoder.tokens else 0,
        start=start,
        start_title=start_title,
        start_digest=start_digest,
        start_licence=start_licence,
    )


def _kind(name: str, arguments: dict[str, Any]) -> bool:
    """Whether timm's `name` is a plain transformer; else it is a convolutional network.

    Raises:
        ValueError: timm has no such model, or it is of neither kind, and so can't be shown views of several sizes.
    """
    shown = printable(name)
    base = name.partition(".")[0]
    if not timm.is_model(base):
        hint = did_you_mean(base, timm.list_models()) or f" {_KINDS}"
        raise ValueError(f"timm has no architecture {shown!r}.{hint}")
    known = {key: value for key, value in arguments.items() if key != "img_size"}
    with torch.device("meta"):
        module = timm.create_model(base, pretrained=False, num_classes=0, **known)
    if is_plain_transformer(module):
        return True
    attends = any(part.rpartition(".")[2] == "attn" for part, _ in module.named_modules())
    if attends or hasattr(module, "patch_embed") or hasattr(module, "num_prefix_tokens"):
        raise ValueError(
            f"{shown} is neither a plain vision transformer nor a convolutional network, which are what can be "
            f"pretrained here. {_KINDS}"
        )
    return False


def _check_size(name: str, size: int, patch: int) -> None:
    at_size(_squashed(size, _MEAN, _STD), size, patch, printable(name))


def _no_patches(name: str, patch_size: int) -> None:
    if patch_size:
        raise ValueError(
            f"{printable(name)} is a convolutional network and has no patches, so a patch size of {patch_size} px "
            "says nothing. Leave it out, or choose a vit_*."
        )


def _squashed(size: int, mean: tuple[float, ...], std: tuple[float, ...]) -> Preprocess:
    def three(values: tuple[float, ...]) -> tuple[float, float, float]:
        return values[0], values[1 % len(values)], values[2 % len(values)]

    return Preprocess(
        resize="squash",
        resize_to=size,
        size=size,
        interpolation="bilinear",
        mean=three(mean),
        std=three(std),
    )
