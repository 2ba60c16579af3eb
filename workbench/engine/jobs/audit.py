"""The `audit` job: labelled images, a frozen backbone and the views that a pretraining would draw in, audit.json out.

A network that learns to overlook a change can't tell apart what only that change tells apart. So each kind of change
is done to every image, and a probe on the frozen backbone is asked what it can still tell: it is fitted on changed
images and scored on changed images. What it loses against unchanged ones is the cost.

The test part of the pretraining's own split takes no part at all. The other labelled images are divided anew for
every seed; the probe's strength is chosen on images that are held out of its training part, as in the `evaluate` job.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.decide.statistics import corrected_interval
from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.backbones.base import Backbone
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.engine.control import Control
from workbench.engine.device import pick_device
from workbench.engine.evals import metrics
from workbench.engine.evals.items import LabelledItems
from workbench.engine.evals.one_model import run_model, tables
from workbench.engine.evals.protocol import Meter, Protocol
from workbench.engine.extract import BATCH
from workbench.engine.jobs.embed import settled_reading
from workbench.engine.methods.base import Draw
from workbench.engine.methods.registry import method_class
from workbench.engine.pretrain.asked import Asked
from workbench.engine.pretrain.encoders import build_encoder
from workbench.engine.pretrain.pool import Pool
from workbench.engine.pretrain.store import PixelStore, fill, stored_size
from workbench.pixels.decode import Stamp
from workbench.pixels.histogram import largest
from workbench.records.augmentation import Augmentation, View, changed, under_preset
from workbench.records.index import ImageIndex
from workbench.records.pretrain_job import AuditJob, PretrainJob
from workbench.records.pretrain_plans import AUDIT, Audit, AuditRow
from workbench.records.project import counting_index
from workbench.records.runs import RunFolder
from workbench.records.scores import METRIC_NAMES
from workbench.records.splits import make_split
from workbench.records.text import count, printable
from workbench.records.view_trials import STILL, Option, Trial, changes, trials

DESTROYS = 2.0  # points: what a change may cost
# Strengths of the probe. Stronger ones leave weights so small that a class with one image more outvotes them once the
# probe is fitted again with the images that it was chosen by: one seed of five lost a third of its score to that.
GRID = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
_TEST = 2


def run(job: AuditJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError for images without labels, and for a backbone that is not at hand."""
    began = time.perf_counter()
    config = Asked.read(Path(job.pretrain)).job()
    index = counting_index(Path(config.index), config.curation, config.roots)
    sample = _sample(index, config, job.images)
    device = pick_device(job.device)
    control.progress(0, 1, unit="images", detail=f"Loading {job.backbone}", device=device)
    augmentation = _views(config, settled_reading(index).num_channels or 3)
    resolved = resolve(job.backbone, precision="auto", device=device, reading=settled_reading(index))
    backbone = load_backbone(resolved.spec, device)
    with tempfile.TemporaryDirectory(dir=run.path, prefix="pixels-", ignore_cleanup_errors=True) as folder:
        size = stored_size(sample.pool, resolved.spec.preprocess.size, config.stored_size, Path(folder))
        store = fill(sample.pool, size, Path(folder), config.threads, control)
        measure = _Measure(sample, store, backbone, resolved, job, config.seed, device, control)
        tried = trials(augmentation, coloured=store.channels == 3)
        measure.total = (len(tried) + 1) * len(store.good)
        unchanged = measure.scores(STILL, "unchanged pictures", whole=True)
        rows = [_row(trial, augmentation, measure, unchanged) for trial in tried]
        del store, measure.store
    rows.sort(key=lambda row: -row.cost)
    metric = measure.protocol.metric
    audit = Audit(
        metric=metric,
        backbone=resolved.title,
        unchanged=float(unchanged.mean()),
        seeds=job.seeds,
        images=len(measure.protocol.labels),
        rows=tuple(rows),
        sentence=_sentence(rows, METRIC_NAMES[metric]),
    )
    run.add_provenance({"inputs": {"index": index.content_hash()}})
    audit.save(run.path / AUDIT)
    return {
        "result": AUDIT,
        "destroys": [row.change for row in rows if row.destroys],
        "seconds": time.perf_counter() - began,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Labelled images of the training and the validation part of the pretraining's split."""

    pool: Pool
    items: LabelledItems
    groups: np.ndarray  # (N,) codes: the images of a group stay together, and so do copies


def _views(config: PretrainJob, channels: int) -> Augmentation:
    """Those of the network that would learn: a method may show others to a convolutional one."""
    built = build_encoder(
        config.backbone,
        start=config.start,
        image_size=config.image_size,
        patch_size=config.patch_size,
        channels=channels,
        seed=config.seed,
    )
    published = method_class(config.method).views_for(built.encoder.tokens)
    return changed(under_preset(published, config.preset), config.augment)


def _sample(index: ImageIndex, config: PretrainJob, most: int) -> _Sample:
    """A stratified sample. Raises ValueError where there are too few labels."""
    rows = index.labelled()
    items = LabelledItems.of(index, rows)
    if len(items.classes) < 2:
        raise ValueError(
            f"There {'is' if len(items.classes) == 1 else 'are'} "
            f"{count(len(items.classes), 'labelled class', 'labelled classes')}. What a change destroys shows in the "
            "labels of two or more."
        )
    split = make_split(
        items.ids,
        items.labels,
        items.groups,
        seed=config.split_seed,
        plan=index.plan,
        official=index.part[rows],
    )
    rows = rows[_some_of_each(items.labels, np.flatnonzero((split.part >= 0) & (split.part != _TEST)), most)]
    items = LabelledItems.of(index, rows)
    if len(items.classes) < 2:
        raise ValueError("All images outside the test part are of one class. Label some of another.")
    copies = index.copies[rows]
    first = items.groups.max(initial=-1) + 1
    groups = np.where(items.groups >= 0, items.groups, np.where(copies >= 0, copies + first, -1))
    pool = Pool(
        files=[index.file(int(i)) for i in rows],
        pages=index.page[rows].tolist(),
        stamps=[Stamp(int(index.file_size[i]), int(index.mtime_ns[i])) for i in rows],
        shapes=np.stack([index.width[rows], index.height[rows]], axis=1).astype(np.int64),
        digests=index.digest[rows],
        learn=np.zeros(len(rows), dtype=bool),
        label=items.labels,
        part=np.zeros(len(rows), dtype=np.int8),
        classes=items.classes,
        left_out=0,
        overlap=0,
        reading=settled_reading(index),
        max_pixels=largest(index),
        index_hash=index.content_hash(),
        split=split,
    )
    return _Sample(pool=pool, items=items, groups=groups)


def _some_of_each(labels: np.ndarray, rows: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of the `rows`, in order, of each class about its share."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(rows)
    place = np.empty(len(rows))  # where each stands within its class, as a share
    for code in np.unique(labels[rows]):
        own = np.flatnonzero(labels[rows] == code)
        place[own] = np.arange(len(own)) / len(own)
    return np.sort(rows[np.argsort(place, kind="stable")[:most]])


class _Measure:
    """Scores of a probe that sees nothing but pictures drawn by one view."""

    def __init__(
        self,
        sample: _Sample,
        store: PixelStore,
        backbone: Backbone,
        resolved: Resolved,
        job: AuditJob,
        seed: int,
        device: str,
        control: Control,
    ) -> None:
        self.store, self._backbone, self._spec = store, backbone, resolved.spec
        self._shapes, self._seed, self._device, self._control = sample.pool.shapes, seed, device, control
        self.done, self.total = 0, 0
        good = store.good
        labels, groups = sample.items.labels[good], sample.groups[good]
        ids = [sample.items.ids[place] for place in good]
        splits = [make_split(ids, labels, groups, seed=number) for number in range(job.seeds)]
        for split in splits:
            if not all(split.counts()):
                raise ValueError(
                    "There are too few labelled images outside the test part to audit anything. Three or more of "
                    "every class are needed."
                )
        self.protocol = Protocol(
            labels=labels,
            groups=groups,
            parts=tuple(split.part for split in splits),
            seeds=tuple(range(job.seeds)),
            num_classes=len(sample.items.classes),
            grid=GRID,
            ks=(1,),
            metric=metrics.primary_metric(labels),
            device=device if device.startswith("cuda") else "cpu",
        )
        fitted, scored = np.mean([(sum(split.counts()[:2]), split.counts()[2]) for split in splits], axis=0)
        self.sizes = round(fitted), round(scored)

    def scores(self, view: View, title: str, *, whole: bool) -> np.ndarray:
        """(J,) of the metric. `whole`: every picture is shown whole, squashed to a square, as when validation is
        looked at."""
        vectors = np.concatenate(list(self._vectors(view, title, whole)))
        meter = Meter(lambda *_: self._control.checkpoint(), self.protocol.steps)
        said = run_model(vectors, self.protocol, meter, title).probe
        return np.asarray(
            [metrics.SCORES[self.protocol.metric](table) for table in tables(said, self.protocol)]
        )

    def _vectors(self, view: View, title: str, whole: bool) -> Iterator[np.ndarray]:
        augmenter = Augmenter(
            Augmentation(views=(replace(view, count=1),)),
            image_size=self._spec.preprocess.size,
            patch=1,
            channels=self._spec.reading.num_channels or 3,
            mean=(0.0,),
            std=(1.0,),
            device=torch.device("cpu"),
        )
        good = self.store.good
        batch = BATCH[self._device.partition(":")[0]]
        for start in range(0, len(good), batch):
            rows = slice(start, min(start + batch, len(good)))
            shapes = np.ones((rows.stop - start, 2)) * self.store.pixels.shape[1]
            if not whole:
                shapes = self._shapes[good[rows]]
            draw = Draw(self._seed, 0, len(good), rows)
            [made] = augmenter.views(self.store.take(good[rows]), shapes, draw)
            pixels = made.clamp_(0, 1).permute(0, 2, 3, 1).contiguous().numpy()
            found = self._backbone.pooled_features(pixels)
            yield np.concatenate([found[name] for name in self._spec.feature.split("+")], axis=1)
            self.done += rows.stop - start
            self.total = max(self.total, self.done)
            self._control.progress(self.done, self.total, unit="images", detail=f"Probing {title}")


def _row(trial: Trial, augmentation: Augmentation, measure: _Measure, unchanged: np.ndarray) -> AuditRow:
    cost, interval = _cost(
        unchanged, measure.scores(trial.view, trial.title, whole=not trial.crops), measure.sizes
    )
    row = AuditRow(
        change=trial.change, title=trial.title, cost=cost, interval=interval, destroys=_destroys(interval)
    )
    if not row.destroys:
        return row
    option, told = _milder(trial, measure, unchanged)
    return replace(row, instead=changes(augmentation, trial.kinds, option), advice=told)


def _milder(trial: Trial, measure: _Measure, unchanged: np.ndarray) -> tuple[Option, str]:
    """The least weakened form that keeps the label, and a sentence; the weakest, where none keeps it."""
    option: Option = {}
    for option in trial.milder:
        measure.total += len(measure.store.good)
        view = replace(trial.view, **option)
        cost, interval = _cost(
            unchanged, measure.scores(view, f"weaker {trial.title}", whole=not trial.crops), measure.sizes
        )
        if not _destroys(interval):
            return option, f"With {_told(option)} it costs {cost:.1f} points."
    if trial.off is not None:
        return trial.off, f"No weaker form that was tried keeps the label. Leave it out: {_told(trial.off)}."
    return option, (
        f"Even {_told(option)} costs more than {DESTROYS:g} points. A method that hides parts instead of cropping "
        "may suit these images."
        if option
        else "No weaker form was left to try."
    )


def _told(option: Option) -> str:
    return " and ".join(f"{name} {value:g}" for name, value in option.items())


def _cost(
    unchanged: np.ndarray, scores: np.ndarray, sizes: tuple[int, int]
) -> tuple[float, tuple[float, float] | None]:
    """Points lost, and their 95 % interval over the seeds, paired: never narrower than half an image either way."""
    lost = 100 * (unchanged - scores)
    mean = float(lost.mean())
    if len(lost) < 2:
        return mean, None
    low, high = corrected_interval(lost, *sizes)
    least = 100 * 0.5 / sizes[1]
    return mean, (min(low, mean - least), max(high, mean + least))


def _destroys(interval: tuple[float, float] | None) -> bool:
    return interval is not None and interval[0] > DESTROYS


def _sentence(rows: list[AuditRow], metric: str) -> str:
    """The whole in one sentence, the costliest first."""
    if not rows:
        return "The views change nothing, so they cost nothing."
    costs = ", ".join(f"{row.title} {row.cost:.1f}" for row in rows)
    bad = [row.title for row in rows if row.destroys]
    unsure = [row.title for row in rows if not row.destroys and not _spares(row.interval)]
    ends = []
    if bad:
        ends.append(f"the labels do not survive {_joined(bad)}")
    if unsure:
        ends.append(f"there are too few labels to acquit {_joined(unsure)}")
    if not ends:
        ends.append("the labels survive each of them")
    text = "; ".join(ends)
    return printable(f"What the views cost on this data, in points of {metric}: {costs}; {text}.")


def _spares(interval: tuple[float, float] | None) -> bool:
    return interval is not None and interval[1] <= DESTROYS


def _joined(titles: list[str]) -> str:
    return " and ".join([", ".join(titles[:-1]), titles[-1]] if len(titles) > 1 else titles)
