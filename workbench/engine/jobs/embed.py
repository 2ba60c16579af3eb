"""The `embed` job: an index and a frozen backbone in, embeddings.h5ad out.

What was embedded before is taken from the cache; torch is imported only when something is missing.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from workbench.engine.backbones import marks
from workbench.engine.backbones.catalogue import catalogue
from workbench.engine.backbones.choice import shortfalls
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.engine.control import Control
from workbench.engine.device import likely_device
from workbench.engine.home_distance import home_distance
from workbench.engine.look_alikes import find_look_alikes
from workbench.pixels.decode import ImageError, settled
from workbench.pixels.histogram import largest
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.feature_lock import lock_facts
from workbench.records.features import FeatureStore
from workbench.records.files import write_document
from workbench.records.index import ImageIndex
from workbench.records.jobs import EmbedJob
from workbench.records.project import counting_index
from workbench.records.runs import RunFolder
from workbench.records.spec import FeatureSpec, Reading
from workbench.records.splits import PARTS, make_split
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.engine.backbones.base import Backbone

CACHE = "features"


def run(job: EmbedJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError for a backbone that is not at hand, and when not one image could be read."""
    began = time.perf_counter()
    index = counting_index(Path(job.index), job.curation, job.roots)
    device = likely_device(job.device)
    resolved = resolve(
        job.backbone,
        image_size=job.image_size or None,
        feature=job.feature or None,
        layers=job.layers,
        nearest=job.nearest,
        precision=job.precision,
        device=device,
        decode=job.decode,
        reading=settled_reading(index),
        allow_download=job.allow_download,
        on_fetch=lambda done, total: control.progress(done, total, unit="bytes", detail="Downloading"),
    )
    spec = resolved.spec
    for sentence in _shortfalls(job, resolved):
        control.note(sentence)
    cache = Path(job.cache) if job.cache else user_cache_path("ssl-workbench") / CACHE
    store = FeatureStore(cache / spec.extraction_fingerprint())
    run.add_provenance(
        {
            "inputs": {"index": index.content_hash(), "roots": dict(index.roots)},
            "spec": spec.to_json(),
            "fingerprint": spec.fingerprint(),
            "seeds": {"split": job.split_seed},
            "device": device,
            "in_channels": spec.reading.num_channels,
        }
    )
    missing = _first_of_each(index, store.missing(index.digest))
    opened = _Opened()
    facts: dict[str, Any] = {}
    refused: dict[int, str] = {}
    if len(missing):
        from workbench.engine.extract import extract

        facts, refused = extract(index, missing, spec, job, store, run, control, opened)
    still = set(store.missing(index.digest).tolist())
    kept = np.asarray([i for i in range(len(index)) if i not in still], dtype=np.int64)
    if not len(kept):
        first = next((f" The first, {printable(index.name(i))}: {refused[i]}" for i in sorted(refused)), "")
        raise ValueError(
            f"Not one of the {count(len(index), 'image')} could be read.{first} Is the folder still where it was?"
        )
    vectors = store.rows(index.digest[kept], spec.feature.split("+"))
    _require_numbers(vectors, resolved, control)
    embeddings = _assemble(index, kept, vectors, job, resolved, run)
    embeddings.provenance["unread"] = len(index) - len(kept)
    _mark(embeddings, resolved, index.digest[kept])
    if resolved.own_size:
        far = home_distance(index, kept, spec, store.folder, job.device, control, opened)
        embeddings.provenance |= {} if far is None else {"distance": far}
    del opened  # the device's memory may be needed for what follows
    write_h5ad(run.path / "embeddings.h5ad", embeddings)
    looked = find_look_alikes(
        embeddings,
        run.path,
        store.folder,
        device,
        lambda done, total: control.progress(done, total, detail="Looking for look-alikes"),
    )
    if not looked:
        control.note("Look-alikes were not looked for: there are too many images to compare each with each.")
    rejected = [{"path": index.paths[i], "reason": reason} for i, reason in sorted(refused.items())]
    write_document(run.path / "refused.json", "refused", 1, {"refused": rejected})
    if rejected:
        control.note(
            f"{count(len(rejected), 'image')} could not be read and {'is' if len(rejected) == 1 else 'are'} left out."
        )
    return {
        "images": len(kept),
        "dimension": int(vectors.shape[1]),
        "computed": len(missing) - len(rejected),
        "refused": len(rejected),
        "fingerprint": spec.fingerprint(),
        "embeddings": "embeddings.h5ad",
        "seconds": time.perf_counter() - began,
        **facts,
    }


class _Opened:
    """The job's backbone, opened where it is first asked for: that may be never, and is never twice."""

    def __init__(self) -> None:
        self._backbone: Backbone | None = None

    def __call__(self, spec: FeatureSpec, device: str) -> Backbone:
        if self._backbone is None:
            from workbench.engine.backbones import load

            self._backbone = load.load_backbone(spec, device)
        return self._backbone


def _require_numbers(vectors: np.ndarray, resolved: Resolved, control: Control) -> None:
    """Say where vectors (N, D) hold what is no number. Raises ValueError where all do: then the weights are bad."""
    bad = int((~np.isfinite(vectors).all(axis=1)).sum())
    if bad == len(vectors):
        raise ValueError(
            f"Every vector of {printable(resolved.title)} holds NaN or infinite numbers: its weights are damaged, or "
            "come from a training that broke down. Copy or fetch them again, or choose another checkpoint."
        )
    if bad:
        control.note(
            f"NaN or infinite numbers in {count(bad, 'vector')} of {len(vectors):,}, which can't be compared. Embed "
            "with --precision fp32, or leave these images out.",
            "warn",
        )


def _mark(embeddings: Embeddings, resolved: Resolved, digests: np.ndarray) -> None:
    """Say what the backbone had seen before: labels, or images without them. `digests`: (N, 16) of the images."""
    listed = next((facts for facts in catalogue() if facts.id == resolved.spec.backbone), None)
    if listed is not None:
        embeddings.provenance["weights"] = {"source": listed.source, "training_data": listed.training_data}
    tuned, pretrained = marks.trained_on_labels(resolved), marks.pretrained_here(resolved)
    if tuned is not None:
        embeddings.provenance |= {"trained_on_labels": tuned, "title": marks.title_of(tuned)}
    if pretrained is not None:
        embeddings.provenance["pretrained"] = pretrained
        learnt = marks.learnt_images(resolved)
        embeddings.pretrained = learnt.holds(digests) if learnt is not None else None


def _shortfalls(job: EmbedJob, resolved: Resolved) -> list[str]:
    if not job.nearest:
        return []
    spec = resolved.spec
    return shortfalls(
        job.feature,
        job.layers,
        job.image_size,
        title=printable(resolved.title),
        given=spec.feature,
        depth=resolved.depth,
        given_size=spec.preprocess.size,
    )


def settled_reading(index: ImageIndex) -> Reading:
    """The data set's, with the number of channels that most of its images have, where it takes all of them."""
    if index.reading.num_channels is not None or not len(index):
        return index.reading
    for place in np.flatnonzero(index.mode == np.bincount(index.mode).argmax()).tolist():
        try:
            return settled(
                index.reading, index.file(place), page=int(index.page[place]), max_pixels=largest(index)
            )
        except ImageError:
            continue  # it will be listed among those that can't be read
    raise ValueError("No image could be read to count its channels. Is the folder still where it was?")


def _first_of_each(index: ImageIndex, missing: np.ndarray) -> np.ndarray:
    """Copies of one image are embedded once."""
    _, first = np.unique(np.ascontiguousarray(index.digest[missing]).view("V16").ravel(), return_index=True)
    return missing[np.sort(first)]


def _assemble(
    index: ImageIndex,
    kept: np.ndarray,
    vectors: np.ndarray,
    job: EmbedJob,
    resolved: Resolved,
    run: RunFolder,
) -> Embeddings:
    spec = resolved.spec
    ids = [index.ids[i] for i in kept]
    labels, groups = index.label[kept], index.group[kept]
    split = make_split(ids, labels, groups, seed=job.split_seed, plan=index.plan, official=index.part[kept])
    return Embeddings(
        X=vectors,
        ids=ids,
        paths=[index.name(i) for i in kept],
        labels=[index.classes[code] if code >= 0 else "" for code in labels],
        splits=split.names(),
        groups=[index.groups[code] if code >= 0 else "" for code in groups],
        copies=[f"set {code + 1}" if code >= 0 else "" for code in index.copies[kept].tolist()],
        official=[PARTS[code] if code >= 0 else "" for code in index.part[kept].tolist()],
        provenance={
            "backbone": spec.backbone,
            "title": resolved.title,
            **lock_facts(
                feature=spec.feature,
                layer=spec.layer,
                depth=resolved.depth,
                own_feature=resolved.default,
                features=resolved.features,
                own_size=resolved.own_size,
            ),
            "fingerprint": spec.fingerprint(),
            "spec": spec.to_json(),
            "index": index.content_hash(),
            "near_copies": bool(index.signature.any()),
            "split": {
                "seed": split.seed,
                "hash": split.hash,
                "grouped": split.grouped,
                "plan": index.plan.to_json(),
            },
            "run": run.id,
        },
    )
