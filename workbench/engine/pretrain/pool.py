"""Which images are learnt from, and which are only looked at: validation and test stay unseen, with their copies.

Excluding them by content is VTAB's rule. An image that is a copy, exact or near, of one in the validation or the test
part is left out too, wherever it lies, and so is an unlabelled one of the same group (patient, lot, video).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from workbench.engine.evals.items import LabelledItems
from workbench.engine.jobs.embed import settled_reading
from workbench.pixels.decode import Stamp
from workbench.pixels.histogram import largest
from workbench.pixels.overlap import seen_alike
from workbench.records.curation import Curation
from workbench.records.files import read_document
from workbench.records.index import ImageIndex
from workbench.records.leaks import in_pool
from workbench.records.pretrain_job import PretrainJob
from workbench.records.project import CURATION_VERSION, counting_index
from workbench.records.spec import Reading
from workbench.records.splits import Split, SplitPlan, make_split
from workbench.records.text import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """N images, from the data set and from the folder of unlabelled ones, in this order.

    Attributes:
        files, pages, stamps: (N,) where each is and how it was when it was indexed.
        shapes: (N, 2) int64, width and height, px. digests: (N, 16) uint8, of the files' bytes.
        learn: (N,) bool, learnt from. label: (N,) int64, class code of those that are looked at, else -1.
        part: (N,) int8, 0 train and 1 validation of those that are looked at, else -1. None is of the test part,
            unless everything is learnt from.
        left_out: images at hand that are neither learnt from nor looked at, or validation.
        overlap: unlabelled images that were left out because they are copies of validation or test images, or of
            the same group.
    """

    files: list[Path]
    pages: list[int]
    stamps: list[Stamp]
    shapes: np.ndarray
    digests: np.ndarray
    learn: np.ndarray
    label: np.ndarray
    part: np.ndarray
    classes: tuple[str, ...]
    left_out: int
    overlap: int
    reading: Reading
    max_pixels: int
    index_hash: str
    split: Split | None

    def take(self, places: np.ndarray) -> Pool:
        """The images at `places` alone, in that order."""
        some = {name: [getattr(self, name)[i] for i in places] for name in ("files", "pages", "stamps")}
        columns = {
            name: getattr(self, name)[places] for name in ("shapes", "digests", "learn", "label", "part")
        }
        return replace(self, **some, **columns)

    def learnt_hash(self) -> str:
        """Names the set of images that are learnt from, in their order."""
        return hashlib.blake2b(self.digests[self.learn].tobytes(), digest_size=16).hexdigest()


def find_pool(job: PretrainJob) -> Pool:
    """Raises ValueError where nothing is left to learn from."""
    index = counting_index(Path(job.index), job.curation, job.roots)
    extra = _extra(job)
    rows = index.labelled()
    items = LabelledItems.of(index, rows)
    split = None
    part = np.full(len(index), -1, dtype=np.int8)
    if len(items.classes) >= 2:
        official = index.part[rows]
        split = make_split(
            items.ids, items.labels, items.groups, seed=job.split_seed, plan=index.plan, official=official
        )
        part[rows] = split.part
    hidden = part >= 1
    learn, overlap = _learn(job.learn_from, index, part, hidden, extra)
    label = np.full(len(index), -1, dtype=np.int64)
    if split is not None:
        looked = (part == 0) | (part == 1)
        label[rows] = items.labels
        label[~looked] = -1
        part[~looked] = -1
    learn_extra = learn[len(index) :]
    kept = np.flatnonzero(learn[: len(index)] | (label >= 0))
    more = np.flatnonzero(learn_extra)
    if not learn.any():
        raise ValueError(_nothing(job, index, extra))
    both = [(index, kept)] + ([(extra, more)] if extra is not None else [])
    return Pool(
        files=[source.file(int(i)) for source, places in both for i in places],
        pages=[int(source.page[i]) for source, places in both for i in places],
        stamps=[
            Stamp(int(source.file_size[i]), int(source.mtime_ns[i]))
            for source, places in both
            for i in places
        ],
        shapes=np.concatenate(
            [np.stack([source.width[places], source.height[places]], axis=1) for source, places in both]
        ).astype(np.int64),
        digests=np.concatenate([source.digest[places] for source, places in both]),
        learn=np.concatenate([learn[: len(index)][kept], np.ones(len(more), dtype=bool)]),
        label=np.concatenate([label[kept], np.full(len(more), -1, dtype=np.int64)]),
        part=np.concatenate([part[kept], np.full(len(more), -1, dtype=np.int8)]),
        classes=items.classes if split is not None else (),
        left_out=len(learn) - int(learn.sum()),
        overlap=overlap,
        reading=settled_reading(index),
        max_pixels=max(largest(source) for source, _ in both),
        index_hash=index.content_hash(),
        split=split,
    )


def _learn(
    which: str, index: ImageIndex, part: np.ndarray, hidden: np.ndarray, extra: ImageIndex | None
) -> tuple[np.ndarray, int]:
    """(images of both,) bool, and how many unlabelled ones were left out as copies of what must stay unseen."""
    num_extra = len(extra) if extra is not None else 0
    if which == "all":
        return np.ones(len(index) + num_extra, dtype=bool), 0
    unlabelled = index.label < 0
    learn = unlabelled.copy()
    if which == "safe":
        learn |= part == 0
        if not (part >= 0).any():
            learn[:] = True  # without a split there is nothing that must stay unseen
    digests = np.ascontiguousarray(index.digest).view("V16").ravel()
    copies = np.isin(digests, digests[hidden])
    sets = np.unique(index.copies[hidden & (index.copies >= 0)])
    copies |= np.isin(index.copies, sets) & (index.copies >= 0)
    copies |= np.isin(index.group, np.unique(index.group[hidden & (index.group >= 0)])) & unlabelled
    overlap = int((copies & unlabelled & learn).sum())
    learn &= ~copies
    if extra is None:
        return learn, overlap
    unseen = replace(index.take(np.flatnonzero(hidden)), plan=SplitPlan())
    seen = in_pool(unseen, extra, seen_alike)
    learn_extra = np.ones(num_extra, dtype=bool)
    learn_extra[seen] = False
    return np.concatenate([learn, learn_extra]), overlap + len(seen)


def _extra(job: PretrainJob) -> ImageIndex | None:
    """The folder of unlabelled images, without those that the expert took out of it."""
    if not job.pool_index:
        return None
    extra = ImageIndex.load(Path(job.pool_index))
    if job.pool_roots:
        extra.roots = dict(zip(extra.roots, job.pool_roots, strict=True))
    if job.curation:
        decided = Curation.from_json(read_document(Path(job.curation), "curation", CURATION_VERSION))
        kept = [place for place, name in enumerate(extra.names()) if name not in decided.pool_left_out]
        extra = extra.take(np.asarray(kept, dtype=np.int64))
    return extra if len(extra) else None


def _nothing(job: PretrainJob, index: ImageIndex, extra: ImageIndex | None) -> str:
    if not len(index) and extra is None:
        return "There is no image to learn from. Choose a folder that holds some."
    if job.learn_from == "unlabelled":
        return (
            f"All {count(len(index), 'image')} have labels and there is no folder of unlabelled ones, so with "
            '"unlabelled" there is nothing to learn from. Add such a folder, or learn from "safe": the training '
            "part too."
        )
    return (
        "Every image is a copy of one in the validation or the test part, so there is nothing to learn from."
    )
