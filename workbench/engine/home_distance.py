"""How far a data set lies from the world of a public backbone, without an image of that world.

Measured by `activation_shift` on a few images, and kept beside the cached vectors: torch is imported only where it
has not been measured before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from workbench.engine.control import Control
from workbench.engine.loader import BatchLoader
from workbench.pixels.histogram import largest
from workbench.pixels.source import Stamp
from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.home import EVERYDAY, LEAST, SAMPLE
from workbench.records.index import ImageIndex
from workbench.records.spec import FeatureSpec

BATCH = 16
VERSION = 1


def home_distance(
    index: ImageIndex,
    kept: np.ndarray,
    spec: FeatureSpec,
    cache: Path,
    device: str,
    control: Control,
    load: Callable[[FeatureSpec, str], Any],
) -> float | None:
    """The shift of up to `SAMPLE` images over that of everyday photographs; 1 is at home.

    None for a backbone of which nobody has measured the latter, and for fewer than `LEAST` images.

    Args:
        kept: positions of the images that could be read. cache: folder of the cached vectors, where the answer for
            the same images is kept too. device: as a job asks for it.
        load: gives what a spec names on a device; asked only where it has not been measured before.

    Raises:
        StopRequested: nothing was kept.
    """
    reference = EVERYDAY.get(spec.backbone)
    rows = np.ascontiguousarray(index.digest[kept]).view("V16").ravel()
    _, first = np.unique(rows, return_index=True)  # digests are as good as drawn
    chosen = kept[first[:SAMPLE]]
    if reference is None or len(chosen) < LEAST:
        return None
    path = cache / f"shift-{hashlib.blake2b(index.digest[chosen].tobytes(), digest_size=8).hexdigest()}.json"
    try:
        return float(read_document(path, "shift", VERSION)["shift"]) / reference
    except (DocumentError, KeyError, TypeError, ValueError):
        pass  # not measured yet, or by another version
    # Here, because torch takes seconds and what is kept needs none.
    from workbench.engine.activation_shift import shift
    from workbench.engine.backbones.base import TorchBackbone
    from workbench.engine.device import pick_device

    backbone = load(spec, pick_device(device))
    if not isinstance(backbone, TorchBackbone):
        return None
    found = shift(backbone.module, backbone, _batches(index, chosen, spec, control))
    if found is None:
        return None
    write_document(path, "shift", VERSION, {"shift": found, "images": len(chosen)})
    return found / reference


def _batches(
    index: ImageIndex, chosen: np.ndarray, spec: FeatureSpec, control: Control
) -> Iterator[np.ndarray]:
    loader = BatchLoader(
        [index.file(int(i)) for i in chosen],
        spec.preprocess,
        batch_size=BATCH,
        threads=2,
        decode=spec.decode,
        reading=spec.reading,
        pages=index.page[chosen].tolist(),
        max_pixels=largest(index),
        stamps=[Stamp(int(index.file_size[i]), int(index.mtime_ns[i])) for i in chosen],
    )
    batches, done = iter(loader), 0
    try:
        for batch in batches:
            if len(batch.indices):
                yield batch.images
            done += len(batch.indices) + len(batch.refused)
            control.progress(
                done, len(chosen), detail="Holding the images to those of the backbone's training"
            )
    finally:
        batches.close()
