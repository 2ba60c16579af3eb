"""Which images a backbone has learnt from, by the content of their files: what lies beside its weights.

Whoever tests such a backbone looks here whether the test images were among them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from workbench.records.files import DocumentError, whole_file

VERSION = 1
POOL = "pool.npz"
_BYTES = 16  # of a digest, as `ImageIndex.digest` has it


@dataclass(frozen=True, eq=False, slots=True)
class LearntImages:
    """A set of images. `digests`: (N, 16) uint8, each once, in the order of their bytes."""

    digests: np.ndarray

    @classmethod
    def of(cls, digests: np.ndarray) -> LearntImages:
        """Of (M, 16) uint8 in any order, copies among them."""
        return cls(np.unique(_keys(digests)).view(np.uint8).reshape(-1, _BYTES))

    def __len__(self) -> int:
        return len(self.digests)

    def content_hash(self) -> str:
        """Changes when any image comes or goes; not with their order, names or labels."""
        return hashlib.blake2b(self.digests.tobytes(), digest_size=16).hexdigest()

    def holds(self, digests: np.ndarray) -> np.ndarray:
        """(M,) bool of (M, 16) uint8: whether each image was learnt from."""
        return np.isin(_keys(digests), _keys(self.digests))

    def save(self, path: Path) -> None:
        with whole_file(path) as stream:
            np.savez_compressed(stream, digests=self.digests, version=np.asarray(VERSION))

    @classmethod
    def load(cls, path: Path) -> LearntImages:
        """Raises DocumentError when there is none that this program reads."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if int(arrays["version"]) > VERSION:
                    raise DocumentError(f"{path} was written by a newer program. Update the workbench.")
                digests = arrays["digests"]
                if digests.dtype != np.uint8 or digests.ndim != 2 or digests.shape[1] != _BYTES:
                    raise ValueError("it holds something else")
                return cls.of(digests)
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(
                f"{path} doesn't tell which images were learnt from ({error}). Copy the whole folder again."
            ) from None


def _keys(digests: np.ndarray) -> np.ndarray:
    """One sortable value a row."""
    rows = np.ascontiguousarray(digests, dtype=np.uint8).reshape(-1, _BYTES)
    return rows.view(f"V{_BYTES}").ravel()
