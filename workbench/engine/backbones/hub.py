"""Where the caches of this machine are, and what the Hugging Face one holds.

No torch and no network. The layout read here is huggingface_hub's
(`models--ORG--NAME/refs/REVISION`, `snapshots/COMMIT/FILE`), so that models fetched by any other program count.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from workbench.records.text import printable

CONFIG = "config.json"
PROCESSOR = "preprocessor_config.json"
# In the order in which transformers prefers them; an index lists the parts of weights too large for one file.
WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
# What may stand as one part of a path: revisions, commits and file names come from outside.
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
_REPOSITORY = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}/[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)


def cache_folder() -> Path:
    """huggingface_hub's own rule, read now: the variables may have been set after the program started."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return Path(os.environ[name]).expanduser()
    home = os.environ.get("HF_HOME")
    if home:
        return Path(home).expanduser() / "hub"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base).expanduser() if base else Path.home() / ".cache") / "huggingface" / "hub"


def torch_hub() -> Path:
    """Where torch.hub keeps checkpoints (torch.hub.get_dir, without importing torch)."""
    home = os.environ.get("TORCH_HOME")
    base = Path(home) if home else Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "torch"
    return base.expanduser() / "hub" / "checkpoints"


def split_revision(identifier: str) -> tuple[str, str]:
    """ "org/name@revision" -> ("org/name", "revision"); the revision is "main" where none is named."""
    name, _, revision = identifier.partition("@")
    return name, revision or "main"


def storage_folder(name: str, cache: Path) -> Path:
    """Where the cache keeps everything of "org/name". Raises ValueError for what is no name of a model."""
    if not _REPOSITORY.fullmatch(name) or ".." in name or "--" in name:
        raise ValueError(
            f"{printable(name)!r} is no name of a model at the Hugging Face hub, such as facebook/dinov2-base."
        )
    return cache / f"models--{name.replace('/', '--')}"


def pack_advice(name: str) -> str:
    """How a model gets to a machine without a network, as the end of a sentence."""
    return (
        "bring it as a model pack: a machine that has it writes one with "
        f"`workbench pack export {name} --out FOLDER`, or by Export as a model pack… in Models; import it here."
    )


def snapshot(identifier: str, cache: Path | None = None) -> Path | None:
    """The folder of a model's files in the cache, or None where there is none."""
    name, revision = split_revision(identifier)
    if name.count("/") != 1 or ".." in identifier or "\\" in identifier or "/" in revision:
        return None
    folder = (cache or cache_folder()) / f"models--{name.replace('/', '--')}"
    reference = folder / "refs" / revision
    commit = reference.read_text().strip() if reference.is_file() else revision
    found = folder / "snapshots" / commit
    return found if found.is_dir() else None


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The files that hold a model folder's weights, empty where there are none or a part is missing."""
    for name in WEIGHTS:
        path = folder / name
        if not path.is_file():
            continue
        if not name.endswith(".index.json"):
            return (path,)
        parts = tuple(folder / part for part in sorted(set(read_json(path).get("weight_map", {}).values())))
        if any(part.parent != folder for part in parts):
            raise ValueError(f"{path} points to weights outside its folder. Fetch the model again.")
        return parts if all(part.is_file() for part in parts) else ()
    return ()


def read_json(path: Path) -> dict[str, Any]:
    """Raises ValueError, naming the file, when it is not a JSON object."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{printable(str(path))} can't be read as JSON ({error}). Fetch the model again."
        ) from None
    if not isinstance(body, dict):
        raise ValueError(f"{printable(str(path))} is not a JSON object. Fetch the model again.")
    return body


def tensor_names(files: tuple[Path, ...]) -> set[str] | None:
    """Names of the tensors in safetensors files, from their headers; None for other formats."""
    names: set[str] = set()
    for path in files:
        if path.suffix != ".safetensors":
            return None
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if not 0 < length < 100_000_000:
                raise ValueError(f"{printable(str(path))} is not a safetensors file. Fetch the model again.")
            try:
                names |= set(json.loads(stream.read(length)))
            except ValueError:
                raise ValueError(f"{printable(str(path))} is damaged. Fetch the model again.") from None
    return names - {"__metadata__"}
