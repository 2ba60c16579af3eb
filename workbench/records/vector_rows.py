"""The vectors of an embedding file without all of them in memory: block by block, or some rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from workbench.records.anndata_elements import member
from workbench.records.embeddings import PROJECTIONS, unreadable
from workbench.records.files import DocumentError

BLOCK = 1 << 14  # rows at a time


def vector_blocks(path: Path, rows: int = BLOCK) -> Iterator[tuple[int, np.ndarray]]:
    """Each block's first row, and its vectors (n, D) float32.

    Raises:
        DocumentError: the file is gone, damaged, or holds no vectors.
    """
    try:
        with h5py.File(path, "r") as file:
            vectors = _vectors(path, file)
            for start in range(0, len(vectors), rows):
                yield start, vectors[start : start + rows].astype(np.float32, copy=False)
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        if isinstance(error, DocumentError):
            raise
        raise unreadable(path, error) from None


def _vectors(path: Path, file: Any) -> Any:
    """X, or the only obsm entry that is no map, as `embeddings.read_h5ad` takes them."""
    found = member(file, "X")
    if isinstance(found, h5py.Dataset) and found.ndim == 2 and found.dtype.kind in "fiu":
        return found
    group = member(file, "obsm")
    names = [key for key in group if key not in PROJECTIONS] if isinstance(group, h5py.Group) else []
    entries = [member(group, key) for key in names]
    fit = [entry for entry in entries if isinstance(entry, h5py.Dataset) and entry.ndim == 2]
    if len(fit) != 1:
        raise DocumentError(f"{path} has no dense X to take as vectors. Embed the images again.")
    return fit[0]
