"""The cache of extracted vectors: an image that was embedded once is never embedded again.

One folder a feature spec (its extraction fingerprint), one file a chunk. A chunk is written whole, so
that a killed job loses at most the images of the chunk that it was filling. Rows are found by the
image's content hash: renamed, moved and copied files are known.
"""

from __future__ import annotations

import re
import secrets
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from workbench.records.files import DocumentError, whole_file

DIGEST_BYTES = 16


class FeatureStore:
    """Vectors by content hash. `open` reads the keys only; `rows` reads what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._where: dict[bytes, tuple[int, int]] = {}
        self._chunks: list[Path] = []
        for chunk in sorted(folder.glob("chunk-*.npz")) if folder.is_dir() else []:
            self._add(chunk)

    def __len__(self) -> int:
        return len(self._where)

    def missing(self, digests: np.ndarray) -> np.ndarray:
        """Positions in `digests` (N, 16) uint8 whose image is not in the store."""
        return np.asarray(
            [i for i, key in enumerate(_keys(digests)) if key not in self._where], dtype=np.int64
        )

    def append(self, digests: np.ndarray, vectors: dict[str, np.ndarray], run: str = "") -> None:
        """Add a chunk: `vectors[name]` is (n, D) float32 for the n images of `digests`.

        `run` is kept in the chunk's name, so that `discard` can take back what a run added.
        """
        name = f"chunk-{len(self._chunks):06d}-{_safe(run)}-{secrets.token_hex(3)}.npz"
        path = self.folder / name
        arrays: dict[str, Any] = {
            f"x_{key}": np.asarray(value, dtype=np.float32) for key, value in vectors.items()
        }
        with whole_file(path) as stream:
            np.savez(stream, digest=np.ascontiguousarray(digests, dtype=np.uint8), **arrays)
        self._add(path)

    def rows(self, digests: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """(N, D) float32: the vectors `names` of each image, side by side.

        Raises:
            KeyError: an image is not in the store, or a vector of that name was never made.
            DocumentError: a chunk is damaged; it is removed, so that its images are made again the next time.
        """
        places = [self._where[key] for key in _keys(digests)]
        by_chunk: dict[int, list[tuple[int, int]]] = {}
        for target, (chunk, row) in enumerate(places):
            by_chunk.setdefault(chunk, []).append((target, row))
        out: np.ndarray | None = None
        for chunk, pairs in by_chunk.items():
            block = self._block(self._chunks[chunk], names)
            if out is None:
                out = np.empty((len(places), block.shape[1]), dtype=np.float32)
            targets, rows = np.asarray(pairs, dtype=np.int64).T
            out[targets] = block[rows]
        return out if out is not None else np.zeros((0, 0), dtype=np.float32)

    def _block(self, path: Path, names: Sequence[str]) -> np.ndarray:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return np.concatenate([arrays[f"x_{name}"] for name in names], axis=1)
        except (ValueError, EOFError, BadZipFile, zlib.error) as error:
            path.unlink(missing_ok=True)
            raise DocumentError(
                f"Vectors that were kept in {path} are damaged ({error}), and were removed. Run the same again: only "
                "their images are embedded anew."
            ) from None

    def _add(self, path: Path) -> None:
        try:
            with np.load(path, allow_pickle=False) as arrays:
                digests = arrays["digest"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            path.unlink(missing_ok=True)  # not one of ours, or damaged by the disk: its images are made again
            return
        number = len(self._chunks)
        self._chunks.append(path)
        for row, key in enumerate(_keys(digests)):
            self._where.setdefault(key, (number, row))


def discard_run(cache: Path, run: str, trash: Path) -> int:
    """Move every chunk that `run` added, in any store below `cache`, to `trash`. Returns how many."""
    moved = 0
    for chunk in list(cache.glob(f"*/chunk-*-{_safe(run)}-*.npz")):
        target = trash / "features" / chunk.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.move(chunk, target / chunk.name)
        moved += 1
    return moved


def restore_run(cache: Path, trash: Path) -> None:
    """Bring back what `discard_run` moved."""
    for chunk in list((trash / "features").glob("*/chunk-*.npz")):
        target = cache / chunk.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.move(chunk, target / chunk.name)


def _keys(digests: np.ndarray) -> list[bytes]:
    block = np.ascontiguousarray(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES)
    data = block.tobytes()
    return [data[i : i + DIGEST_BYTES] for i in range(0, len(data), DIGEST_BYTES)]


def _safe(run: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", run) or "none"
