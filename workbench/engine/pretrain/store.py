"""Decoded pixels on disk, mapped into memory: every picture is decoded once, for all epochs, runs and methods.

Each picture is squashed to one square, so that the file is one array and a batch is one gather; the crops know the
true shape and undo the squash (`engine/augment`). Grey pictures keep one channel, and 8 bits stay 8 bits: the file
begins with the least that its first pictures need and is widened when a later one needs more. `filled.json` says how
far it is, so that a killed job goes on from there; deleting the folder costs the time to fill it again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock

from workbench.engine.control import Control
from workbench.engine.loader import BatchLoader
from workbench.engine.pretrain.pool import Pool
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.spec import PREPROCESSING_VERSION, Preprocess
from workbench.records.text import count, data_size, printable

VERSION = 1
FACTOR = 2  # of the image size: a crop of a quarter of the area is then still as sharp as the view
STEP = 32  # px: stored sizes are multiples
SHARE = 0.5  # of the free disk that the file may take before the stored size is lowered
_ROOM = 1 << 30  # bytes that stay free on the disk
_BATCH = 64
_SAVE_SECONDS = 15.0
_WIDE = {"uint8": 255.0, "uint16": 65535.0}


@dataclass(slots=True)
class PixelStore:
    """`pixels[places[i]]` is picture i of the pool, (P, P, C) uint8 or uint16; C is 1 where all are grey."""

    pixels: np.ndarray  # (M, P, P, C), mapped
    good: np.ndarray  # (N,) int64, which pictures of the pool could be read
    refused: dict[int, str]  # by position in the pool

    @property
    def channels(self) -> int:
        return int(self.pixels.shape[3])

    def take(self, places: np.ndarray) -> torch.Tensor:
        """(B, P, P, C) on the CPU, of the pictures at these positions of the pool."""
        return torch.from_numpy(self.pixels[places])


def stored_size(pool: Pool, image_size: int, wanted: int, folder: Path) -> int:
    """Side at which pictures are kept, px: `wanted`, or up to twice the image size, not above what the pictures
    themselves have, and less where the disk is small. Never below the image size."""
    if wanted:
        return max(wanted, image_size)
    own = int(np.median(pool.shapes.max(axis=1)))
    size = min(FACTOR * image_size, -(-own // STEP) * STEP)
    size = max(size, image_size)
    free = free_bytes(folder)
    while size > image_size and store_bytes(len(pool.files), size, 3) > SHARE * free:
        size = max(size - STEP, image_size)
    return size


def store_bytes(num: int, size: int, channels: int) -> int:
    """What the file of `num` 8-bit pictures takes on the disk."""
    return num * size * size * channels


def fill(pool: Pool, size: int, folder: Path, threads: int, control: Control) -> PixelStore:
    """Decode what isn't there yet, and try again what could not be read the last time.

    Raises:
        ValueError: no room on the disk, or not one picture could be read. StopRequested: what is done is kept.
    """
    place = folder / _key(pool, size)
    place.mkdir(parents=True, exist_ok=True)
    with FileLock(place / "lock"):
        store = _Store(place, len(pool.files), size)
        done, refused = store.resume()
        if done < len(pool.files) or refused:  # a disk or a network that was away may be there again
            _decode(pool, size, threads, control, store, done, refused)
    if len(refused) == len(pool.files) or store.data is None:
        raise ValueError(
            f"Not one of the {count(len(pool.files), 'image')} could be read. Is the folder still where it was?"
        )
    bad = np.asarray(sorted(refused), dtype=np.int64)
    good = np.setdiff1d(np.arange(len(pool.files), dtype=np.int64), bad)
    if refused:
        are = "is" if len(bad) == 1 else "are"
        control.note(
            f"{count(len(bad), 'image')} of {len(pool.files):,} could not be read and {are} left out. "
            f"The first, {printable(str(pool.files[bad[0]]))}: {refused[int(bad[0])]}",
            "warn",
        )
    return PixelStore(store.data, good, refused)


def _decode(
    pool: Pool,
    size: int,
    threads: int,
    control: Control,
    store: _Store,
    done: int,
    refused: dict[int, str],
) -> None:
    places = np.asarray([*sorted(refused), *range(done, len(pool.files))], dtype=np.int64)
    again, first = len(refused), done
    loader = BatchLoader(
        [pool.files[i] for i in places],
        Preprocess(
            resize="squash", resize_to=size, size=size, interpolation="bicubic", mean=(0, 0, 0), std=(1, 1, 1)
        ),
        batch_size=_BATCH,
        threads=threads or os.cpu_count() or 2,
        reading=pool.reading,
        pages=[pool.pages[i] for i in places],
        max_pixels=pool.max_pixels,
        stamps=[pool.stamps[i] for i in places],
    )
    batches = iter(loader)
    tried = 0
    try:
        for batch in batches:
            refused.update({int(places[row]): reason for row, reason in batch.refused})
            if len(batch.indices):
                store.write(places[batch.indices], batch.images)
            for place in places[batch.indices].tolist():
                refused.pop(place, None)
            tried += len(batch.indices) + len(batch.refused)
            done = first + max(tried - again, 0)
            store.filled(done, refused)
            control.progress(
                done, len(pool.files), unit="images", detail="Decoding images, once for all epochs and runs"
            )
    finally:
        batches.close()
        store.filled(done, refused, now=True)


class _Store:
    def __init__(self, folder: Path, num: int, size: int) -> None:
        self._folder, self._num, self._size = folder, num, size
        self._head = folder / "filled.json"
        self.data: np.ndarray | None = None
        self._saved = time.monotonic()

    def resume(self) -> tuple[int, dict[int, str]]:
        """How many pictures are done, and which of them can't be read."""
        try:
            head = read_document(self._head, "pixels", VERSION)
        except DocumentError:
            return 0, {}
        path = self._path(head["type"], head["channels"])
        shape = (self._num, self._size, self._size, int(head["channels"]))
        wide = np.dtype(head["type"]).itemsize
        if not path.is_file() or path.stat().st_size != int(np.prod(shape, dtype=np.int64)) * wide:
            return 0, {}
        self.data = np.memmap(path, dtype=head["type"], mode="r+", shape=shape)
        return int(head["done"]), {int(row): reason for row, reason in head["refused"].items()}

    def write(self, places: np.ndarray, images: np.ndarray) -> None:
        """Args: images (B, P, P, C) uint8, or float32 in 0..1 where one of them holds more than 8 bits."""
        grey = images.shape[3] == 1 or all(
            np.array_equal(images[..., 0], images[..., c]) for c in range(1, images.shape[3])
        )
        channels = 1 if grey else images.shape[3]
        data = self._room_for(images.dtype == np.uint8, channels)
        data[places] = _as(images[..., : data.shape[3]] if not grey else images[..., :1], data.dtype)

    def _room_for(self, narrow: bool, channels: int) -> np.ndarray:
        old = self.data
        kind = "uint8" if narrow else "uint16"
        if old is not None:
            kind = max(kind, str(old.dtype), key=lambda name: np.dtype(name).itemsize)
            channels = max(channels, old.shape[3])
            if old.dtype == kind and old.shape[3] == channels:
                return old
        shape = (self._num, self._size, self._size, channels)
        path = self._path(kind, channels)
        self._check_room(int(np.prod(shape, dtype=np.int64)) * np.dtype(kind).itemsize)
        new = np.memmap(path, dtype=kind, mode="w+", shape=shape)
        if old is not None:
            for start in range(0, self._num, 256):
                new[start : start + 256] = _as(old[start : start + 256], new.dtype)
            before = self._path(str(old.dtype), old.shape[3])
            self.data = old = None
            before.unlink(missing_ok=True)
        self.data = new
        return new

    def _check_room(self, needed: int) -> None:
        free = free_bytes(self._folder)
        if needed + _ROOM > free:
            raise ValueError(
                f"The decoded pixels take {data_size(needed)} in {self._folder}, and the disk has {data_size(free)} "
                f"left, of which {data_size(_ROOM)} must stay free. Free some space, or take a smaller stored size."
            )

    def filled(self, done: int, refused: dict[int, str], *, now: bool = False) -> None:
        if self.data is None or not (now or time.monotonic() - self._saved > _SAVE_SECONDS):
            return
        self._saved = time.monotonic()
        if isinstance(self.data, np.memmap):
            self.data.flush()
        head: dict[str, Any] = {
            "type": str(self.data.dtype),
            "channels": self.data.shape[3],
            "size": self._size,
            "done": done,
            "refused": refused,
        }
        write_document(self._head, "pixels", VERSION, head)

    def _path(self, kind: str, channels: int) -> Path:
        return self._folder / f"pixels.{kind}.{channels}"


def _as(images: np.ndarray, kind: np.dtype[Any]) -> np.ndarray:
    """uint8, uint16 or float32 in 0..1 as `kind`, which is at least as wide."""
    if images.dtype == kind:
        return images
    if images.dtype == np.uint8:  # 255 becomes 65535
        return images.astype(np.uint16) * np.uint16(257)
    return np.rint(images * np.float32(_WIDE[str(kind)])).astype(kind)


def _key(pool: Pool, size: int) -> str:
    """Names what the file holds: these pictures in this order, read so, at this size."""
    state = hashlib.blake2b(pool.digests.tobytes(), digest_size=12)
    reading = pool.reading.to_json()
    state.update(json.dumps([VERSION, PREPROCESSING_VERSION, size, pool.pages, reading]).encode())
    return state.hexdigest()


def free_bytes(folder: Path) -> int:
    """Of the disk that `folder` is or will be on."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
