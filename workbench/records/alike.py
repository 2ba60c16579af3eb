"""Which images a model finds alike: the pairs of highest cosine, kept by item id beside the run that embedded them.

What copies are for the eye, these are for the model: the same object taken twice, a frame of the same film. Whether
that is a leak is the expert's to say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from workbench.records.files import DocumentError, whole_file

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """P pairs of images, most alike first.

    Raises:
        ValueError: as many cosines as pairs there are not, or a pair names an image that isn't in `ids`.
    """

    ids: tuple[str, ...]  # item ids of the images that are in a pair, each once
    pairs: np.ndarray  # (P, 2) int64, positions in `ids`
    cosine: np.ndarray  # (P,) float32
    fingerprint: str  # of the features
    threshold: float  # the lowest cosine that was looked for
    neighbours: int  # of each image, at most, that were looked at

    def __post_init__(self) -> None:
        if self.pairs.shape != (len(self.cosine), 2):
            raise ValueError(f"{len(self.cosine)} cosines don't fit pairs of shape {self.pairs.shape}.")
        if len(self.pairs) and not 0 <= self.pairs.min() <= self.pairs.max() < len(self.ids):
            raise ValueError("a pair names an image that is not in the list.")

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        pairs: np.ndarray,
        cosine: np.ndarray,
        *,
        fingerprint: str,
        threshold: float,
        neighbours: int,
    ) -> Alike:
        """From pairs of positions in `ids`, the ids of everything that was embedded."""
        named, within = np.unique(pairs, return_inverse=True)
        return cls(
            ids=tuple(ids[position] for position in named.tolist()),
            pairs=within.reshape(-1, 2).astype(np.int64),
            cosine=np.asarray(cosine, dtype=np.float32),
            fingerprint=fingerprint,
            threshold=threshold,
            neighbours=neighbours,
        )

    def among(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """(Q, 2) int64 positions in `ids` and (Q,) cosines of the pairs of which both images are there."""
        place = {name: position for position, name in enumerate(ids)}
        positions = np.asarray([place.get(name, -1) for name in self.ids], dtype=np.int64)
        pairs = positions[self.pairs]
        there = (pairs >= 0).all(axis=1)
        return pairs[there], self.cosine[there]

    def save(self, path: Path) -> None:
        head = {
            "format": "workbench.alike",
            "version": VERSION,
            "ids": self.ids,
            "fingerprint": self.fingerprint,
            "threshold": self.threshold,
            "neighbours": self.neighbours,
        }
        with whole_file(path) as stream:
            np.savez(
                stream,
                head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
                pairs=self.pairs,
                cosine=self.cosine,
            )

    @classmethod
    def load(cls, path: Path) -> Alike:
        """Raises DocumentError when the file is missing, damaged, something else or newer than this program."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                head = json.loads(arrays["head"].tobytes())
                if head["format"] != "workbench.alike" or head["version"] > VERSION:
                    raise DocumentError(
                        f"{path} is not a list of look-alikes that this program reads. Embed the images again."
                    )
                return cls(
                    ids=tuple(head["ids"]),
                    pairs=arrays["pairs"],
                    cosine=arrays["cosine"],
                    fingerprint=head["fingerprint"],
                    threshold=head["threshold"],
                    neighbours=head["neighbours"],
                )
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(
                f"{path} can't be read as a list of look-alikes ({error}). Embed the images again."
            ) from None
