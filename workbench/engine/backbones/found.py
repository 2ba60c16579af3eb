"""Backbones beyond the listed ones: what else is on this machine, what a project has pretrained, and every name that
timm has weights for."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from workbench.engine.backbones import digest, hub, marks, recipes
from workbench.engine.backbones.catalogue import REMEDY, models_folder
from workbench.engine.backbones.families import family_of, features_of, is_timm
from workbench.engine.backbones.packs import DOCUMENT, read_pack
from workbench.records.catalogue import PRETRAINED_HERE, BackboneFacts
from workbench.records.pretraining import BACKBONE
from workbench.records.runs import list_runs
from workbench.records.text import count, printable

_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-nc-4.0": "CC BY-NC 4.0: not for commercial use",
    "dinov3-license": "DINOv3's own: no military or nuclear use, passed on only with the licence",
}
_PATCH_14, _OWN = (518, 224)  # px: a DINOv2 of patch 14 is used at 224 (see resolve.py)


def found_here(listed: Iterable[BackboneFacts], cache: Path | None = None) -> list[BackboneFacts]:
    """Models of the Hugging Face cache that can be used and aren't listed, then those of imported packs."""
    known = {facts.id for facts in listed}
    place = cache or hub.cache_folder()
    found = []
    for folder in sorted(place.glob("models--*--*")) if place.is_dir() else ():
        name = folder.name.removeprefix("models--").replace("--", "/", 1)
        if name not in known:
            with contextlib.suppress(ValueError, OSError):  # not a model, or damaged: nothing to be chosen
                found.extend(_in_cache(name, place))
    return [*found, *_imported()]


def pretrained_in(runs: Path) -> list[BackboneFacts]:
    """What the runs of a project have pretrained, the newest first."""
    found = []
    for run in reversed(list_runs(runs)):
        folder = run.path / BACKBONE
        mark = marks.mark_in(folder, marks.PRETRAINED)
        if mark is not None:
            with contextlib.suppress(
                ValueError, TypeError, KeyError, OSError
            ):  # damaged: nothing to be chosen
                found.append(_pretrained(run.path.absolute(), folder, mark))
    return found


def _pretrained(run: Path, folder: Path, mark: dict[str, Any]) -> BackboneFacts:
    """Raises KeyError, TypeError or ValueError where the folder says something else than what was written."""
    config = hub.read_json(folder / hub.CONFIG)
    if not hub.weight_files(folder):
        raise ValueError(f"{printable(str(folder))} has no weights.")
    after = f", after {printable(mark['start_title'])}" if mark["start"] else ""
    terms = printable(mark["licence"]) or "see where its start weights are published"
    return BackboneFacts(
        id=str(run),
        title=marks.title_of(mark),
        source=PRETRAINED_HERE,
        family=printable(mark["method_title"]),
        parameters=int(mark["parameters"]),
        input_size=int(config["pretrained_cfg"]["input_size"][1]),
        features=tuple(mark["features"]),
        default_feature=mark["feature"],
        training_data=f"{count(mark['images'], 'image')} of this project, without labels{after}",
        licence=f"of its start weights: {terms}" if mark["start"] else "your own",
        patch=int(mark["patch"]),
        depth=int(mark["depth"]),
        available=True,
    )


def timm_names(
    known: Collection[str], cache: Path | None = None, memo: Path | None = None
) -> list[BackboneFacts]:
    """Every timm model with published weights that `known` doesn't hold, by name.

    timm is imported once for each of its versions; the answer is remembered.
    """
    names = digest.remember("timm-names", names_key(), _ask_timm, memo)["names"]
    place = cache or hub.cache_folder()
    folders = {path.name for path in place.glob("models--*--*")} if place.is_dir() else set()
    found = []
    beside = {path.name for path in hub.torch_hub().iterdir()} if hub.torch_hub().is_dir() else set()
    for name, family, size, licence, repository, file in names:
        if f"timm/{name}" in known or repository in known:
            continue
        here = bool(file) and file in beside
        if f"models--{repository.replace('/', '--')}" in folders:
            snapshot = hub.snapshot(repository, place)
            here = here or (snapshot is not None and bool(hub.weight_files(snapshot)))
        found.append(
            BackboneFacts(
                id=f"timm/{name}",
                title=name,
                source="timm",
                family=family,
                parameters=None,
                input_size=_OWN if size == _PATCH_14 and "patch14" in name else size,
                features=(),
                default_feature="",
                training_data=_told_by(name),
                licence=_LICENCES.get(licence, printable(licence) or "not stated by timm"),
                available=here,
                remedy=""
                if here
                else REMEDY
                if repository
                else "timm fetches it from a place of its own only.",
                listed=here,
            )
        )
    return found


def names_key() -> str:
    """The answer holds for a version of timm, and for what is written down of each name."""
    return f"{version('timm')}|1"


def _ask_timm() -> dict[str, Any]:
    import timm
    from timm.models import get_pretrained_cfg

    from workbench.engine.backbones.timm_models import family_name

    names = []
    for name in timm.list_pretrained():
        facts = get_pretrained_cfg(name).to_dict()
        channels, height, width = facts.get("input_size") or (0, 0, 0)
        size = height if channels == 3 and height == width else None
        file = str(facts.get("url") or "").rsplit("/", 1)[-1]
        licence, repository = facts.get("license") or "", facts.get("hf_hub_id") or ""
        names.append([name, family_name(name), size, licence, repository, file])
    return {"names": names}


def _told_by(name: str) -> str:
    """timm says what weights were trained on by a tag, which is given as it is: "augreg_in21k_ft_in1k"."""
    tag = name.partition(".")[2]
    return f"what timm calls {tag}" if tag else "unknown images"


def _in_cache(name: str, cache: Path) -> Iterator[BackboneFacts]:
    folder = hub.snapshot(name, cache)
    if folder is not None and not (name.startswith("timm/") and is_timm(hub.read_json(folder / hub.CONFIG))):
        yield from _in_folder(name, name.partition("/")[2], folder, "see where its weights are published")


def _imported() -> Iterator[BackboneFacts]:
    """Models of the program's own folder. Their packs were checked when they came."""
    for document in sorted(models_folder().glob(f"*/{DOCUMENT}")):
        with contextlib.suppress(ValueError, OSError):
            pack, place = read_pack(document.parent), document.parent
            if pack.kind == "folder":
                yield from _in_folder(str(place), pack.title, place, pack.licence)
            else:
                weights = f"{pack.architecture}:{place / pack.files[0].name}"
                yield _facts(weights, pack.title, pack.licence, "file", "timm", None)


def _in_folder(id_: str, title: str, folder: Path, licence: str) -> Iterator[BackboneFacts]:
    """A model with its configuration, where it can be used. Raises ValueError where it can't."""
    config, files = hub.read_json(folder / hub.CONFIG), hub.weight_files(folder)
    if not files:
        return
    source = "file" if Path(id_).is_absolute() else "huggingface"
    if is_timm(config):
        size = config.get("pretrained_cfg", config).get("input_size") or (0, None)
        yield _facts(id_, title, licence, source, "timm", size[1])
        return
    family = family_of(config, id_)
    size = recipes.from_processor(hub.read_json(folder / hub.PROCESSOR), id_).size
    yield _facts(id_, title, licence, source, family.name, size, features_of(family, files), family.default)


def _facts(
    id_: str,
    title: str,
    licence: str,
    source: str,
    family: str,
    size: int | None,
    features: tuple[str, ...] = (),
    default: str = "",
) -> BackboneFacts:
    return BackboneFacts(
        id=id_,
        title=title,
        source=source,
        family=family,
        parameters=None,
        input_size=size,
        features=features,
        default_feature=default,
        training_data="unknown images",
        licence=licence,
        available=True,
    )
