"""Putting a model pack where every program finds it: the Hugging Face cache, torch.hub's folder, or our own.

Nothing that is there is replaced. The files are copied first, and hashed while they are copied; only a copy that is
what the pack says gets its name.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.engine.backbones import hub
from workbench.engine.backbones.catalogue import models_folder, recipe_of
from workbench.engine.backbones.families import check_supported
from workbench.engine.backbones.packs import (
    DOCUMENT,
    Pack,
    Progress,
    check_content,
    check_hash,
    check_room,
    copy_hashed,
    read_pack,
)
from workbench.records.files import write_text
from workbench.records.text import printable


@dataclass(frozen=True, slots=True)
class Imported:
    """`backbone` is what the model is chosen by from now on; `note` says what the user must know of it."""

    pack: Pack
    backbone: str
    folder: Path
    note: str = ""


def import_pack(
    folder: Path,
    *,
    cache: Path | None = None,
    models: Path | None = None,
    on_progress: Progress = lambda done, total: None,
) -> Imported:
    """Check a pack and put its model on this machine.

    Args:
        cache: the Hugging Face cache; None takes the usual one.
        models: for packs of somebody's own weights; None takes the program's folder.

    Raises:
        ValueError: the pack isn't what it says, or another file of that name is here already.
    """
    pack = read_pack(folder)
    if pack.kind == "hub":
        return _into_cache(pack, folder, cache or hub.cache_folder(), on_progress)
    listed = f"{pack.architecture}:{pack.files[0].name}"
    if pack.kind == "file" and recipe_of(listed) is not None:  # whose pixels are prepared as its authors did
        place = models or models_folder()
        with _copied(pack, folder, place, on_progress) as staged:
            _place(pack, staged, place)
        return Imported(pack, listed, place)
    if pack.kind == "torch":
        place = hub.torch_hub()
    else:
        total = "".join(file.sha256 for file in pack.files)
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in pack.id).strip(".")[:60] or "model"
        place = (models or models_folder()) / f"{name}-{total[:8]}"
    with _copied(pack, folder, place.parent, on_progress) as staged:
        _place(pack, staged, place)
    if pack.kind != "torch":
        shutil.copyfile(folder / DOCUMENT, place / DOCUMENT)  # tells later what this is
    weights = place / pack.files[-1].name
    names = {"torch": pack.id, "folder": str(place), "file": f"{pack.architecture}:{weights}"}
    return Imported(pack, names[pack.kind], place)


def _into_cache(pack: Pack, folder: Path, cache: Path, on_progress: Progress) -> Imported:
    storage = hub.storage_folder(pack.repository, cache)
    place = storage / "snapshots" / pack.commit
    with _copied(pack, folder, storage, on_progress) as staged:
        if (staged / hub.CONFIG).exists() and not pack.id.startswith("timm/") and "/" in pack.id:
            check_supported(hub.read_json(staged / hub.CONFIG), printable(pack.repository))
        _place(pack, staged, place)
    reference = storage / "refs" / pack.revision
    name = pack.repository if pack.revision == "main" else f"{pack.repository}@{pack.revision}"
    if pack.revision == pack.commit:
        return Imported(pack, name, place)
    other = reference.read_text("utf-8", "replace").strip() if reference.is_file() else ""
    if other and other != pack.commit and _usable(storage / "snapshots" / other):
        by_commit = f"{pack.repository}@{pack.commit}"
        note = (
            f"This machine has {pack.repository} at another commit ({printable(other[:8])}) already, which was left "
            f"as it is. The pack's is chosen as {by_commit}."
        )
        return Imported(pack, by_commit, place, note)
    write_text(reference, pack.commit)
    return Imported(pack, name, place)


def _usable(snapshot: Path) -> bool:
    return snapshot.is_dir() and bool(hub.weight_files(snapshot))


@contextmanager
def _copied(pack: Pack, folder: Path, beside: Path, on_progress: Progress) -> Iterator[Path]:
    """The pack's files, checked, in a folder on the disk where they are to lie; it is gone afterwards."""
    beside.mkdir(parents=True, exist_ok=True)
    check_room(beside, pack.size)
    staged = Path(tempfile.mkdtemp(dir=beside, prefix=".import-"))
    try:
        done = 0
        for file in pack.files:
            copy = staged / file.name
            check_hash(file, copy_hashed(folder / file.name, copy, done, pack.size, on_progress), folder)
            check_content(copy, file.name)
            done += file.size
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _place(pack: Pack, staged: Path, place: Path) -> None:
    """Move the files in; one that is there already must be the same."""
    for file in pack.files:
        there = place / file.name
        if there.exists() and copy_hashed(there, None, 0, 0, lambda done, total: None) != file.sha256:
            raise ValueError(
                f"{printable(str(there))} is here already and is not the {printable(file.name)} of the pack. Nothing "
                "was replaced. Move it away to import the pack's."
            )
    place.mkdir(parents=True, exist_ok=True)
    for file in pack.files:
        if not (place / file.name).exists():
            (staged / file.name).replace(place / file.name)
