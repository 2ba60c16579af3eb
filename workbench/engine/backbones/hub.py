"""Where the Hugging Face cache of this machine is, what it holds, and the one function that downloads.

No torch and no network unless `fetch` is called. The layout read here is huggingface_hub's
(`models--ORG--NAME/refs/REVISION`, `snapshots/COMMIT/FILE`), so that models fetched by any other program count.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from workbench.records.text import printable

CONFIG = "config.json"
PROCESSOR = "preprocessor_config.json"
# In the order in which transformers prefers them; an index lists the parts of weights too large for one file.
_WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)


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


def split_revision(identifier: str) -> tuple[str, str]:
    """ "org/name@revision" -> ("org/name", "revision"); the revision is "main" where none is named."""
    name, _, revision = identifier.partition("@")
    return name, revision or "main"


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
    for name in _WEIGHTS:
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


def fetch(identifier: str, cache: Path | None = None, extra: tuple[str, ...] = ()) -> Path:
    """Download a model's configuration and weights into the cache; files already there are not fetched again.

    No Python file of the repository is fetched. `extra` names weight files outside the usual names.

    Raises:
        ValueError: no network, no such model, or one that needs a licence accepted; the sentence says which.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    # The base is the error of the HTTP library underneath, which has changed from one release to the next.
    failures = (OSError, *HfHubHTTPError.__bases__)
    name, revision = split_revision(identifier)
    try:
        present = set(HfApi().list_repo_files(name, revision=revision))
        weights = next((w for w in (*extra, *_WEIGHTS) if w in present), None)
        if weights is None:
            raise ValueError(
                f"{name} on the Hugging Face hub holds no weights in a format that is read here."
            )
        wanted = [CONFIG, PROCESSOR, weights]
        if weights.endswith(".index.json"):
            wanted.append(weights.replace(".index.json", "").replace(".", "-*."))
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=wanted, cache_dir=cache or cache_folder()
            )
        )
    except GatedRepoError:
        raise ValueError(
            f"{name} asks for its licence to be accepted. Accept it on the model's page at the Hugging Face hub, "
            "log in with `hf auth login`, and try again."
        ) from None
    except RepositoryNotFoundError:
        raise ValueError(f"The Hugging Face hub has no model {name!r}. Check the spelling.") from None
    except failures as error:
        raise ValueError(
            f"{name} could not be fetched from the Hugging Face hub ({type(error).__name__}: {error}). Check the "
            f"connection, or copy the model's folder into {cache or cache_folder()} from a machine that has it."
        ) from None
