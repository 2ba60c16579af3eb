"""A map put into an .h5ad file that is there already: whole or not at all, and all else as it was.

obsm  X_umap, X_pca or X_tsne   (N, 2 or 3) float32
uns   workbench                 of our own files: its provenance gets an entry `maps`; of files of other programs,
                                which have none, `maps` stands there alone. JSON: {"X_umap": {...}}
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from workbench.records.anndata_elements import as_text, encode, member, write_array
from workbench.records.embeddings import PROJECTIONS
from workbench.records.files import DocumentError, whole_path
from workbench.records.text import printable

MAPS = "maps"
Stamp = tuple[int, int]


def stamp(path: Path) -> Stamp:
    """What tells whether a file has changed: size and time. Raises DocumentError when there is none."""
    try:
        facts = path.stat()
    except OSError:
        raise DocumentError(f"{path} does not exist.") from None
    return facts.st_size, facts.st_mtime_ns


def write_map(
    path: Path,
    key: str,
    positions: np.ndarray,
    facts: dict[str, Any],
    *,
    read: Stamp,
    target: Path | None = None,
) -> None:
    """Put `positions` (N, 2 or 3) as obsm[key] into a copy of `path`, which then takes its place, or is `target`.

    Args:
        facts: JSON-able; how the map was drawn.
        read: the file's `stamp` before its vectors were read.

    Raises:
        DocumentError: the file has changed since, has another number of items, or can't be written as it is.
        ValueError: `key` is not the name of a map.
    """
    if key not in PROJECTIONS:
        raise ValueError(f"{key!r} is not the name of a map; those are {', '.join(PROJECTIONS)}.")
    try:
        with whole_path(target or path) as temporary:
            shutil.copyfile(path, temporary)
            with h5py.File(temporary, "r+") as file:
                _put(path, file, key, np.ascontiguousarray(positions, dtype=np.float32))
                _tell(file, key, facts)
            if stamp(path) != read:
                raise DocumentError(
                    f"{path} changed while its map was drawn, and keeps what it has now. Draw the map again."
                )
    except DocumentError:
        raise
    except FileNotFoundError:
        raise DocumentError(f"{path} is no longer there. Draw the map again where it is now.") from None
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk is full, or may not be written to: said as such
        raise DocumentError(f"{path} can't take a map: {printable(str(error))}") from None


def _put(path: Path, file: Any, key: str, positions: np.ndarray) -> None:
    obs = member(file, "obs")
    index = member(obs, as_text(obs.attrs.get("_index", "_index")))
    if len(index) != len(positions):
        raise DocumentError(
            f"{path} holds {len(index):,} items, and the map {len(positions):,}. Draw the map again."
        )
    group = _group(file, "obsm")
    before = member(group, key)
    if isinstance(before, h5py.Dataset) and (before.shape, before.dtype) == (
        positions.shape,
        positions.dtype,
    ):
        before[...] = positions  # where a thing is deleted, HDF5 leaves a hole
        return
    if before is not None:
        del group[key]
    write_array(group, key, positions, None)


def _tell(file: Any, key: str, facts: dict[str, Any]) -> None:
    ours = _group(_group(file, "uns"), "workbench")
    text = member(ours, "provenance")
    if isinstance(text, h5py.Dataset):
        provenance = json.loads(as_text(text[()]))
        known = provenance.get(MAPS)
        provenance[MAPS] = {**(known if isinstance(known, dict) else {}), key: facts}
        text[()] = json.dumps(provenance, allow_nan=False)
        return
    alone = member(ours, MAPS)
    known = json.loads(as_text(alone[()])) if isinstance(alone, h5py.Dataset) else {}
    if alone is not None:
        del ours[MAPS]
    written = json.dumps({**known, key: facts}, allow_nan=False)
    ours.create_dataset(MAPS, data=written, dtype=h5py.string_dtype())
    encode(ours[MAPS], "string", "0.2.0")


def _group(file: Any, name: str) -> Any:
    """The group of that name, made where there is none."""
    found = member(file, name)
    if found is None:
        found = file.create_group(name)
        encode(found, "dict", "0.1.0")
    if not isinstance(found, h5py.Group):
        raise ValueError(f"{name} is not a group.")
    return found
