"""Model packs: a backbone as a folder with hashes, to carry to a machine that has no network.

    NAME.workbench-pack/
        pack.json                   what it is, where from, under which licence; each file with size and SHA-256
        config.json, preprocessor_config.json, model.safetensors, ...

A pack is written whole or not at all. Every byte of it is checked before anything of it is used, and what is unlike
`pack.json` is refused: a changed, missing or further file, a link, a name that leads elsewhere, a pickle that holds
more than weights. `imports.py` puts what has been checked where every program finds it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from workbench.engine.backbones import catalogue, hub, marks
from workbench.engine.backbones.plugged import refuse_plugged
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.learnt_images import POOL
from workbench.records.text import data_size, printable

Progress = Callable[[int, int], None]  # bytes done, bytes in all; may raise to stop

SUFFIX = ".workbench-pack"
DOCUMENT = "pack.json"
VERSION = 1
WEIGHTS = (".safetensors", ".bin", ".pth", ".pt", ".ckpt", ".npz", ".tar")
_CHUNK = 1 << 22
_MOST = 1_000_000  # bytes of pack.json
_LONGEST = 1000  # characters of what a pack says of itself
_HEX = re.compile(r"[0-9a-f]{64}")
# Where a pack's files belong: the Hugging Face cache, torch.hub's folder (a timm model that isn't at the hub), or a
# folder of the program (a model with its configuration, or bare weights of a named architecture).
Kind = Literal["hub", "torch", "folder", "file"]
_KINDS = ("hub", "torch", "folder", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedFile:
    name: str
    size: int  # bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """What `pack.json` says. `id` is what the backbone was called where the pack was made."""

    id: str
    title: str
    kind: Kind
    repository: str  # "org/name", of kind "hub"
    revision: str
    commit: str
    architecture: str  # timm's name, of kind "file"
    licence: str
    source: str  # where the weights are published, or that they are somebody's own
    files: tuple[PackedFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


def export_pack(
    backbone: str,
    out: Path,
    *,
    cache: Path | None = None,
    memo: Path | None = None,
    on_progress: Progress = lambda done, total: None,
) -> Path:
    """Copy a backbone of this machine into a new pack in the folder `out`; returns the pack.

    Raises:
        ValueError: the backbone is not here, needs no pack, or a pack of that name is there already.
    """
    found = resolve(backbone, cache=cache, memo=memo)
    facts, sources = _describe(backbone, found, cache)
    target = out / f"{_plain(facts['id'])}{SUFFIX}"
    if target.exists():
        raise ValueError(f"{printable(str(target))} is there already. Remove it, or choose another folder.")
    for source in sources:
        check_content(source, source.name)
    sizes = [source.stat().st_size for source in sources]
    out.mkdir(parents=True, exist_ok=True)
    check_room(out, sum(sizes))
    temporary = Path(tempfile.mkdtemp(dir=out, prefix=".", suffix=".part"))
    try:
        files, done = [], 0
        for source, size in zip(sources, sizes, strict=True):
            digest = copy_hashed(source, temporary / source.name, done, sum(sizes), on_progress)
            files.append(PackedFile(name=source.name, size=size, sha256=digest))
            done += size
        pack = Pack(**facts, files=tuple(files))
        body = {**asdict(pack), "made": time.time(), "program": f"ssl-workbench {version('ssl-workbench')}"}
        write_document(temporary / DOCUMENT, "pack", VERSION, body)
        temporary.chmod(0o755)
        temporary.rename(target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return target


def verify_pack(folder: Path, on_progress: Progress = lambda done, total: None) -> Pack:
    """Check every byte of a pack.

    Raises:
        ValueError: it isn't exactly what it says of itself; the sentence names the file.
    """
    pack = read_pack(folder)
    done = 0
    for file in pack.files:
        check_hash(file, copy_hashed(folder / file.name, None, done, pack.size, on_progress), folder)
        check_content(folder / file.name, file.name)
        done += file.size
    return pack


def read_pack(folder: Path) -> Pack:
    """What a pack says of itself, with its list of files compared with the folder; the bytes are not read.

    Raises:
        ValueError: not a pack, a newer one, or the list and the folder differ.
    """
    shown = printable(str(folder))
    document = folder / DOCUMENT
    if not _is_plain(document):
        raise ValueError(f"{shown} is not a model pack: it holds no {DOCUMENT}. Choose a folder {SUFFIX}.")
    if document.stat().st_size > _MOST:
        raise ValueError(f"{shown} is not a model pack: its {DOCUMENT} is far too large. Make it again.")
    pack = _parse(read_document(document, "pack", VERSION), shown)
    listed = {file.name: file for file in pack.files}
    there = {entry.name for entry in os.scandir(folder)} - {DOCUMENT}
    for name in sorted(there - set(listed)):
        raise ValueError(
            f"{shown} holds {printable(name)}, which its {DOCUMENT} doesn't list. Nothing was imported. Remove that "
            "file if you know where it comes from, or make the pack again."
        )
    for name, file in listed.items():
        if name not in there:
            raise _broken(shown, name, "is missing")
        if not _is_plain(folder / name):
            raise _broken(shown, name, "is a link or no plain file")
        if (folder / name).stat().st_size != file.size:
            raise _broken(shown, name, "has another size than when the pack was made")
    return pack


def check_hash(file: PackedFile, digest: str, folder: Path) -> None:
    if digest != file.sha256:
        raise _broken(printable(str(folder)), file.name, "was changed since the pack was made")


def check_content(path: Path, name: str) -> None:
    """Weights are nothing but weights, and settings are settings. Raises ValueError, naming the file."""
    if name.endswith(".json"):
        hub.read_json(path)
    elif name.endswith(".safetensors"):
        hub.tensor_names((path,))
    else:
        from workbench.engine.backbones.checkpoints import check_weights_only

        check_weights_only(path, Path(name).suffix)


def copy_hashed(source: Path, target: Path | None, done: int, total: int, on_progress: Progress) -> str:
    """The SHA-256 of `source`, of exactly the bytes that were written to `target` where there is one."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, (target or Path(os.devnull)).open("wb") as writing:
        while chunk := reading.read(_CHUNK):
            digest.update(chunk)
            if target is not None:
                writing.write(chunk)
            done += len(chunk)
            on_progress(min(done, total), total)
        if target is not None:
            writing.flush()
            os.fsync(writing.fileno())
    return digest.hexdigest()


def check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"The model takes {data_size(needed)}, and the disk of {printable(str(folder))} has {data_size(free)} "
            "free. Free some space, or choose a folder on another disk."
        )


def _describe(backbone: str, found: Resolved, cache: Path | None) -> tuple[dict[str, Any], list[Path]]:
    """What `pack.json` says of a backbone, and the files to copy."""
    listed = next((facts for facts in catalogue.catalogue(cache) if facts.id == backbone), None)
    mark = marks.pretrained_here(found)
    terms = str((mark or {}).get("licence") or "not stated here: see where the weights are published")
    if mark is not None and not mark.get("start"):
        terms = "your own"
    facts: dict[str, Any] = {
        "id": backbone if found.repository or found.official else Path(backbone).name,
        "title": found.title,
        "repository": "",
        "revision": "",
        "commit": "",
        "architecture": "",
        "licence": listed.licence if listed else terms,
        "source": "weights of this machine",
    }
    if found.repository:
        folder = hub.snapshot(found.repository, cache)
        assert folder is not None
        name, revision = hub.split_revision(found.repository)
        facts |= {"kind": "hub", "repository": name, "revision": revision, "commit": folder.name}
        facts["source"] = f"https://huggingface.co/{name}"
        return facts, _model_files(folder, found.files)
    if found.official:
        return {**facts, "kind": "torch", "source": "timm's own list"}, list(found.files)
    if found.folder is not None and catalogue.starter_folder(backbone) is None:
        return {**facts, "kind": "folder"}, _model_files(found.folder, found.files)
    refuse_plugged(found.kind, found.title, "the other machine needs the plugin and its files")
    if found.kind == "timm":
        return {**facts, "kind": "file", "architecture": found.architecture}, list(found.files)
    raise ValueError(f"{printable(found.title)} is part of the program: it is on every machine that has it.")


def _model_files(folder: Path, weights: tuple[Path, ...]) -> list[Path]:
    index = (
        [folder / name for name in hub.WEIGHTS if name.endswith(".index.json")] if len(weights) > 1 else []
    )
    settings = [folder / hub.CONFIG, folder / hub.PROCESSOR, folder / POOL, *index]
    return [path for path in settings if path.is_file()] + list(weights)


def _parse(body: dict[str, Any], shown: str) -> Pack:
    try:
        files = tuple(
            PackedFile(name=str(item["name"]), size=int(item["size"]), sha256=str(item["sha256"]))
            for item in body["files"]
        )
        names = [name for name in Pack.__dataclass_fields__ if name != "files"]
        words = {name: printable(str(body[name]))[:_LONGEST] for name in names}
        pack = Pack(**words, files=files)  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DocumentError(f"{shown}: its {DOCUMENT} is damaged. Make the pack again.") from None
    if pack.kind not in _KINDS or not files or not any(file.name.endswith(WEIGHTS) for file in files):
        raise DocumentError(f"{shown} is of a kind that this program doesn't know. Make the pack again.")
    names = [file.name.casefold() for file in files]
    for file in files:
        if not _may_be_packed(file.name) or names.count(file.name.casefold()) > 1:
            raise _broken(shown, file.name, "is no file of a model")
        if not _HEX.fullmatch(file.sha256) or file.size < 0:
            raise _broken(shown, file.name, "has no proper hash")
    if pack.kind == "hub":
        hub.storage_folder(pack.repository, Path())  # refuses what is no name
        if not hub.PLAIN.fullmatch(pack.commit) or not hub.PLAIN.fullmatch(pack.revision):
            raise DocumentError(
                f"{shown} names no commit of {printable(pack.repository)}. Make the pack again."
            )
    if pack.kind == "file" and not hub.PLAIN.fullmatch(pack.architecture):
        raise DocumentError(f"{shown} names no architecture. Make the pack again.")
    if pack.kind == "torch" and not hub.PLAIN.fullmatch(pack.id.removeprefix("timm/")):
        raise DocumentError(f"{shown} names no model of timm's. Make the pack again.")
    if pack.kind in ("torch", "file") and len(files) != 1:
        raise DocumentError(f"{shown} should hold one file of weights. Make the pack again.")
    return pack


def _may_be_packed(name: str) -> bool:
    if not hub.PLAIN.fullmatch(name) or name == DOCUMENT:
        return False
    return name in (hub.CONFIG, hub.PROCESSOR, POOL) or name.endswith((*WEIGHTS, ".index.json"))


def _is_plain(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def _broken(shown: str, name: str, what: str) -> ValueError:
    return ValueError(
        f"{printable(name)} in {shown} {what}. Nothing was imported. Copy the pack again, or make it again on the "
        "machine that it comes from."
    )


def _plain(name: str) -> str:
    """A backbone's name as a folder's: "facebook--dinov2-small"."""
    return re.sub(r"[^A-Za-z0-9._@-]", "_", name.replace("/", "--")).strip(".") or "model"
