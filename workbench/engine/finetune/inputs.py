"""What training reads, for all seeds and epochs: pixels, activations at the cut, or features, in one mapped file.

Decoding and the frozen part of the network are done once for each image and each of its mirrorings. The file stands
in the fine-tune's own folder until it is done; deleting it costs the time to fill it again. `filled.json` says how
far it is, so that a killed job goes on from there.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.engine.control import Control
from workbench.engine.loader import BatchLoader
from workbench.pixels.histogram import largest
from workbench.pixels.source import Stamp
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.index import ImageIndex
from workbench.records.spec import FeatureSpec
from workbench.records.text import count, data_size

# Left-right, up-down: what each mirroring turns round. Training draws one for an image and an epoch.
MIRRORINGS: dict[str, tuple[tuple[int, ...], ...]] = {
    "none": ((),),
    "mirror": ((), (2,)),
    "flips": ((), (2,), (1,), (1, 2)),
    "crops": ((), (2,)),
}
_SAVE_SECONDS = 15.0
_ROOM = 1 << 30  # bytes that stay free on the disk
_BATCH = {"cpu": 16, "mps": 64, "cuda": 128}

Make = Callable[[torch.Tensor], torch.Tensor]


@dataclass(slots=True)
class Inputs:
    """`store[v, places[i]]` is what is kept of image `rows[i]` of the index under mirroring v."""

    store: torch.Tensor  # (V, M, ...), M images of which N could be read
    places: np.ndarray  # (N,) positions in `store`
    rows: np.ndarray  # (N,) positions in the index
    refused: dict[int, str]  # by position in the index

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: np.ndarray, mirrored: np.ndarray, device: torch.device) -> torch.Tensor:
        """(B, ...) on the device, of the images at `places` in `rows`, each under its own mirroring."""
        chosen = self.store[torch.from_numpy(mirrored), torch.from_numpy(self.places[places])]
        if device.type == "cuda":
            return chosen.pin_memory().to(device, non_blocking=True)
        return chosen.to(device)


def gather(
    index: ImageIndex,
    rows: np.ndarray,
    spec: FeatureSpec,
    folder: Path,
    *,
    mirrorings: Sequence[tuple[int, ...]],
    make: Make | None,
    device: str,
    threads: int,
    control: Control,
) -> Inputs:
    """Read the images at `rows` and keep what training needs of them.

    Args:
        mirrorings: axes of (B, S, S, n) that each turns round.
        make: pixels on the device -> what is kept of them; None keeps the pixels themselves, under no mirroring.

    Raises:
        ValueError: the disk has no room for it. StopRequested: what was done so far is kept.
    """
    store = _Store(folder, len(rows), 1 if make is None else len(mirrorings))
    done, refused = store.resume()
    loader = BatchLoader(
        [index.file(int(i)) for i in rows[done:]],
        spec.preprocess,
        batch_size=_BATCH[device.partition(":")[0]],
        threads=threads or os.cpu_count() or 2,
        decode=spec.decode,
        reading=spec.reading,
        pages=index.page[rows[done:]].tolist(),
        max_pixels=largest(index),
        stamps=[Stamp(int(index.file_size[i]), int(index.mtime_ns[i])) for i in rows[done:]],
    )
    first = done
    what = "Reading images" if make is None else "Frozen part of the backbone"
    batches = iter(loader)
    try:
        for batch in batches:
            refused.update({first + place: reason for place, reason in batch.refused})
            if len(batch.indices):
                pixels = torch.from_numpy(batch.images)
                if make is None:
                    kept = [pixels]
                else:
                    pixels = pixels.to(device)
                    kept = [make(torch.flip(pixels, axes) if axes else pixels) for axes in mirrorings]
                store.write(first + batch.indices, kept)
            done += len(batch.indices) + len(batch.refused)
            store.filled(done, refused)
            control.progress(done, len(rows), unit="images", detail=what)
    finally:
        batches.close()
        store.filled(done, refused, now=True)
    return store.inputs(rows, refused)


class _Store:
    def __init__(self, folder: Path, num: int, variants: int) -> None:
        self._folder, self._num, self._variants = folder, num, variants
        self._head = folder / "filled.json"
        self._data: torch.Tensor | None = None
        self._saved = time.monotonic()

    def resume(self) -> tuple[int, dict[int, str]]:
        """How many images are done, and which of them can't be read."""
        try:
            head = read_document(self._head, "inputs", 1)
        except DocumentError:
            return 0, {}
        path = self._path(head["dtype"])
        shape = tuple(head["shape"])
        if shape[:2] != (self._variants, self._num) or not path.is_file():
            return 0, {}
        self._data = _mapped(path, shape, getattr(torch, head["dtype"]))
        return head["done"], {int(place): reason for place, reason in head["refused"].items()}

    def write(self, places: np.ndarray, kept: list[torch.Tensor]) -> None:
        """`kept[v]` is (B, ...) under mirroring v."""
        data = self._room_for(kept[0])
        for variant, values in enumerate(kept):
            values = values.detach().cpu()
            if values.dtype == torch.uint8 and data.dtype != torch.uint8:
                values = values.float() / 255
            data[variant, torch.from_numpy(places)] = values.to(data.dtype)

    def _room_for(self, like: torch.Tensor) -> torch.Tensor:
        """The file, made anew in floats when 8 bits turn out not to hold the pixels of all images."""
        old = self._data
        if old is not None and (old.dtype == like.dtype or old.dtype != torch.uint8):
            return old
        shape = (self._variants, self._num, *like.shape[1:])
        needed = int(np.prod(shape)) * like.element_size()
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        if needed + _ROOM > free:
            raise ValueError(
                f"Fine-tuning keeps {data_size(needed)} of intermediate results in {self._folder}, and the disk has "
                f"{data_size(free)} left, of which {data_size(_ROOM)} must stay free. Free some space, take a "
                "smaller image size, or augment less."
            )
        self._data = _mapped(self._path(_name(like.dtype)), shape, like.dtype)
        if old is not None:
            for start in range(0, self._num, 1024):
                self._data[:, start : start + 1024] = old[:, start : start + 1024].float() / 255
        return self._data

    def filled(self, done: int, refused: dict[int, str], *, now: bool = False) -> None:
        if self._data is None or not (now or time.monotonic() - self._saved > _SAVE_SECONDS):
            return
        self._saved = time.monotonic()
        head: dict[str, Any] = {
            "shape": list(self._data.shape),
            "dtype": _name(self._data.dtype),
            "done": done,
            "refused": refused,
        }
        write_document(self._head, "inputs", 1, head)

    def inputs(self, rows: np.ndarray, refused: dict[int, str]) -> Inputs:
        if self._data is None or len(refused) == len(rows):
            raise ValueError(
                f"Not one of the {count(len(rows), 'labelled image')} could be read. Is the folder still where it "
                "was?"
            )
        good = np.asarray([i for i in range(len(rows)) if i not in refused], dtype=np.int64)
        told = {int(rows[place]): reason for place, reason in refused.items()}
        return Inputs(self._data, good, rows[good], told)

    def _path(self, dtype: str) -> Path:
        return self._folder / f"inputs.{dtype}"


def _mapped(path: Path, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    size = int(np.prod(shape))
    return torch.from_file(str(path), shared=True, size=size, dtype=dtype).view(shape)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
