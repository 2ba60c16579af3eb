"""The extraction loop: decode ahead in threads, one forward pass a batch, a chunk to the cache now and then."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.engine.backbones.base import Backbone
from workbench.engine.control import Control, StopRequested
from workbench.engine.device import is_out_of_memory, memory, pick_device
from workbench.engine.loader import BatchLoader
from workbench.pixels.histogram import largest
from workbench.pixels.source import Stamp
from workbench.records.features import FeatureStore
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob
from workbench.records.runs import RunFolder
from workbench.records.spec import FeatureSpec

CHUNK_IMAGES = 1024
CHUNK_SECONDS = 15.0  # what a kill can cost
BATCH = {"cpu": 16, "mps": 64, "cuda": 256}


def extract(
    index: ImageIndex,
    missing: np.ndarray,
    spec: FeatureSpec,
    job: EmbedJob,
    store: FeatureStore,
    run: RunFolder,
    control: Control,
    load: Callable[[FeatureSpec, str], Backbone],
) -> tuple[dict[str, Any], dict[int, str]]:
    """Embed the images at positions `missing` into `store`.

    Args:
        load: gives what a spec names on a device.

    Returns:
        facts (images a second, share of the time spent waiting for data, device, batch size), and the
        reason for every position that could not be read.

    Raises:
        StopRequested: what was embedded so far is in the store.
    """
    device = pick_device(job.device)
    control.progress(0, len(missing), detail=f"Loading {spec.backbone}", device=device)
    backbone = load(spec, device)
    loader = BatchLoader(
        [index.file(int(i)) for i in missing],
        spec.preprocess,
        batch_size=job.batch_size or BATCH[device.partition(":")[0]],
        threads=job.threads or os.cpu_count() or 2,
        decode=spec.decode,
        reading=spec.reading,
        pages=index.page[missing].tolist(),
        max_pixels=largest(index),
        stamps=[Stamp(int(index.file_size[i]), int(index.mtime_ns[i])) for i in missing],
    )
    pending = _Pending(store, run.id)
    refused: dict[int, str] = {}
    done = 0
    waited = 0.0
    began = time.perf_counter()
    batches = iter(loader)
    try:
        for batch in batches:
            waited += batch.wait
            for position, reason in batch.refused:
                refused[int(missing[position])] = reason
            if len(batch.indices):
                vectors = _forward(backbone, batch.images, loader, control)
                pending.add(index.digest[missing[batch.indices]], vectors)
            done += len(batch.indices) + len(batch.refused)
            control.progress(done, len(missing), memory=memory(device))
    except StopRequested:
        pending.flush()
        raise
    finally:
        batches.close()
    pending.flush()
    seconds = time.perf_counter() - began
    return {
        "images_per_second": done / seconds,
        "data_wait": waited / seconds,
        "device": device,
        "batch_size": loader.batch_size,
    }, refused


def _forward(
    backbone: Any, images: np.ndarray, loader: BatchLoader, control: Control
) -> dict[str, np.ndarray]:
    """One batch, in halves where the device's memory doesn't hold it whole."""
    size = len(images)
    while True:
        try:
            parts = [
                backbone.pooled_features(images[start : start + size])
                for start in range(0, len(images), size)
            ]
        except RuntimeError as error:
            if not is_out_of_memory(error) or size == 1:
                raise
        else:
            break
        # Outside the except block: there the traceback still holds the tensors that filled the memory.
        backbone.release_memory()
        size = max(size // 2, 1)
        loader.batch_size = size
        control.note(f"The device's memory was full. Going on with {size} images in one pass.", "warn")
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class _Pending:
    """Vectors on their way to the store."""

    def __init__(self, store: FeatureStore, run_id: str) -> None:
        self._store, self._run = store, run_id
        self._digests: list[np.ndarray] = []
        self._vectors: list[dict[str, np.ndarray]] = []
        self._since = time.monotonic()

    def add(self, digests: np.ndarray, vectors: dict[str, np.ndarray]) -> None:
        self._digests.append(digests)
        self._vectors.append(vectors)
        full = sum(map(len, self._digests)) >= CHUNK_IMAGES
        if full or time.monotonic() - self._since > CHUNK_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._digests:
            names = self._vectors[0]
            joined = {name: np.concatenate([part[name] for part in self._vectors]) for name in names}
            self._store.append(np.concatenate(self._digests), joined, self._run)
        self._digests, self._vectors = [], []
        self._since = time.monotonic()
