"""The `finetune` job: labelled images and a backbone in, finetune.json, predictions.npz and a checkpoint out.

Splits, seeds, metrics and the search for leaks are those of the `evaluate` job. What a stopped or killed run has done
stands in a folder that is named by everything that could change a number; the same job goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path

from workbench.decide.statistics import mean_interval
from workbench.engine.backbones import catalogue, marks
from workbench.engine.backbones.base import TorchBackbone
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.plugged import refuse_plugged
from workbench.engine.backbones.resolve import Resolved, resolve
from workbench.engine.control import Control
from workbench.engine.device import pick_device
from workbench.engine.evals.findings import of_splits
from workbench.engine.evals.items import LabelledItems
from workbench.engine.evals.leaks import find_leaks
from workbench.engine.evals.metrics import confusion, primary_metric
from workbench.engine.evals.seen import of_model
from workbench.engine.finetune.export import export
from workbench.engine.finetune.feed import Feed, Kept
from workbench.engine.finetune.findings import find
from workbench.engine.finetune.head import Head
from workbench.engine.finetune.inputs import MIRRORINGS, Inputs, gather
from workbench.engine.finetune.network import Network
from workbench.engine.finetune.state import Keeper
from workbench.engine.finetune.train import Learner, Recipe, facts_of, merit, score, train_seed
from workbench.engine.finetune.trainable import DECAY, Trainable, choose
from workbench.engine.jobs.embed import settled_reading
from workbench.records.files import write_document
from workbench.records.finetunes import STATE, FinetuneResult, SeedTuned
from workbench.records.index import ImageIndex
from workbench.records.jobs import FinetuneJob, job_to_json
from workbench.records.project import append_ledger, counting_index
from workbench.records.results import Finding, Predictions
from workbench.records.runs import RunFolder
from workbench.records.scores import METRICS, Score
from workbench.records.splits import Split, make_split
from workbench.records.text import count, printable

CACHE = "finetune"
VERSION = 1  # of the numbers: raise when the same job would give others
_SMALL = 4  # images that the cut is tried on
# Parameters that change no number.
_PLACES = (
    "index",
    "curation",
    "roots",
    "seeds",
    "ledger",
    "cache",
    "threads",
    "allow_download",
    "device",
    "backbone",
)


def run(job: FinetuneJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError for a backbone that can't learn, and for images that can't be split."""
    began = time.perf_counter()
    index = counting_index(Path(job.index), job.curation, job.roots)
    rows = index.labelled()
    named = {index.classes[code] for code in np.unique(index.label[rows])}
    if len(named) < 2:
        raise ValueError(
            f"There {'is' if len(named) == 1 else 'are'} {count(len(named), 'labelled class', 'labelled classes')}. "
            "Fine-tuning needs two or more: index a folder that has one folder a class."
        )
    device = pick_device(job.device)
    control.progress(0, 1, unit="images", detail=f"Loading {job.backbone}", device=device)
    resolved = _resolve(job, index, device)
    spec = resolved.spec
    key = _key(job, index, spec.fingerprint(), device)
    keeper = Keeper((Path(job.cache) if job.cache else user_cache_path("ssl-workbench") / CACHE) / key)
    run.add_provenance(
        {
            "inputs": {"index": index.content_hash(), "roots": dict(index.roots)},
            "spec": spec.to_json(),
            "fingerprint": spec.fingerprint(),
            "seeds": {"splits": list(range(job.seeds))},
            "device": device,
            STATE: key,
        }
    )
    backbone = load_backbone(spec, device, trainable=True)
    assert isinstance(backbone, TorchBackbone)
    with torch.random.fork_rng(devices=[]):
        trainable = choose(backbone.module, job.blocks, job.lora, printable(job.backbone))
    network = Network(backbone, trainable.entry, device)
    inputs, kept = _inputs(index, rows, resolved, network, trainable, keeper.folder, job, device, control)
    items = LabelledItems.of(index, inputs.rows)
    splits = [
        make_split(
            items.ids,
            items.labels,
            items.groups,
            seed=seed,
            plan=index.plan,
            official=index.part[inputs.rows],
        )
        for seed in range(job.seeds)
    ]
    _check(splits)
    for split in splits:
        split.save(run.path / "splits" / f"seed-{split.seed}.json")
    metric = primary_metric(items.labels) if job.metric == "auto" else job.metric
    recipe = Recipe(
        epochs=job.epochs,
        batch_size=job.batch_size,
        learning_rate=job.learning_rate,
        layer_decay=job.layer_decay or DECAY["convolutional" if _convolutional(backbone) else "tokens"],
        weight_decay=job.weight_decay,
        patience=job.patience,
        metric=metric,
    )
    head = Head(backbone.dimensions[spec.feature], len(items.classes)).to(network.device)
    feed = Feed(network, inputs, kept, job.augment)
    learner = Learner(network, head, feed, trainable, recipe, control.note, control.checkpoint)
    tuned, said = _all_seeds(learner, items, splits, keeper, job, run, control)
    best = max(tuned, key=lambda seed: (*merit(seed.at(seed.chosen), metric), -seed.seed))
    weights = keeper.best(best.seed, best.chosen)
    if weights is None:
        raise ValueError(f"The weights of seed {best.seed} kept in {keeper.folder} are gone. Start again.")
    learner.restore(weights)
    scores = {}
    for name in METRICS:
        values = tuple(seed.test[name] for seed in tuned)
        n_train, n_test = (round(np.mean([seed.counts[part] for seed in tuned])) for part in (0, 2))
        scores[name] = Score(name, values, mean_interval(values, n_train, n_test))
    leaks, leaked = find_leaks(items.copies, splits, near=bool(index.signature.any()))
    result = FinetuneResult(
        run=run.id,
        backbone=job.backbone,
        title=resolved.title,
        feature=spec.feature,
        image_size=spec.preprocess.size,
        trained=trainable.words,
        blocks=job.blocks,
        lora=job.lora,
        trainable_parameters=trainable.trained + sum(value.numel() for value in head.parameters()),
        total_parameters=trainable.total + sum(value.numel() for value in head.parameters()),
        augment=job.augment,
        metric=metric,
        classes=items.classes,
        index=index.content_hash(),
        grouped=splits[0].grouped,
        plan="" if index.plan.kind == "shares" else index.plan.told(),
        seeds=tuple(tuned),
        scores=scores,
        confusion=_confusions(items, said),
        findings=(
            *leaked,
            *_unread(inputs),
            *_seen(resolved, index.digest[inputs.rows], [split.part for split in splits], items.copies),
            *of_splits(items.labels, items.groups, [s.part for s in splits], items.classes),
            *find(tuned, metric, job.epochs, job.augment),
        ),
        leaks=leaks,
        checkpoint_seed=best.seed,
        device=device,
    )
    total = sum(seed.counts[0] for seed in tuned) * job.epochs
    control.progress(total, total, unit="images", detail="Writing the checkpoint")
    form = export(run.path / result.checkpoint, resolved, network, head, trainable, result)
    result = replace(result, checkpoint_form=form, seconds=time.perf_counter() - began)
    title = f"{resolved.title}, {trainable.words} fine-tuned"
    Predictions(
        items=np.asarray(items.ids, dtype=str),
        truth=items.labels.astype(np.int32),
        predicted=said[None],
        models=(title,),
    ).save(run.path / result.predictions)
    refused = [{"path": index.paths[i], "reason": reason} for i, reason in sorted(inputs.refused.items())]
    write_document(run.path / "refused.json", "refused", 1, {"refused": refused})
    result.save(run.path / "finetune.json")
    del inputs, feed, learner  # the mapped file is closed before it is removed
    keeper.remove()
    return {
        "result": "finetune.json",
        "checkpoint": result.checkpoint,
        "metric": metric,
        "mean": scores[metric].mean,
        "seconds": result.seconds,
    }


def _resolve(job: FinetuneJob, index: ImageIndex, device: str) -> Resolved:
    if job.backbone.strip() == catalogue.HISTOGRAM:
        raise ValueError(
            f"{catalogue.title_of(catalogue.HISTOGRAM)} is counted and not learnt, so there is nothing to fine-tune. "
            "Choose another backbone."
        )
    reading = settled_reading(index)
    if reading.num_channels != 3:
        raise ValueError(
            f"Fine-tuning takes pictures of three channels, and these have {reading.num_channels}: what would learn "
            "could not be loaded by other programs as it was. Pick three channels, or take their mean."
        )
    precision = "fp32" if job.precision == "auto" and not device.startswith("cuda") else job.precision
    found = resolve(
        job.backbone,
        image_size=job.image_size or None,
        precision=precision,  # type: ignore[arg-type]
        device=device,
        reading=reading,
        allow_download=job.allow_download,
    )
    refuse_plugged(found.kind, found.title, "what would be learnt could not be written for other programs")
    return found


def _key(job: FinetuneJob, index: ImageIndex, fingerprint: str, device: str) -> str:
    """Names everything that could change a number of one seed."""
    config = {name: value for name, value in job_to_json(job).items() if name not in _PLACES}
    body = [VERSION, torch.__version__, device.partition(":")[0], fingerprint, index.content_hash(), config]
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()


def _inputs(
    index: ImageIndex,
    rows: np.ndarray,
    resolved: Resolved,
    network: Network,
    trainable: Trainable,
    folder: Path,
    job: FinetuneJob,
    device: str,
    control: Control,
) -> tuple[Inputs, Kept]:
    """What is kept of every image: features for the head alone, activations where a frozen part is worth skipping."""
    kept: Kept = "features" if trainable.first is None else "activations" if trainable.entry else "pixels"
    size, channels = resolved.spec.preprocess.size, resolved.spec.reading.num_channels or 3
    if kept == "activations":
        noise = torch.rand(_SMALL, size, size, channels, generator=torch.Generator().manual_seed(0))
        if not network.agrees(noise.to(network.device)):
            kept = "pixels"
    if job.augment == "crops":
        if kept != "pixels":
            control.note("Every crop is another picture, so the frozen part is computed anew in every epoch.")
        kept = "pixels"

    def frozen(pixels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return network.features(pixels) if kept == "features" else network.to_cut(pixels)

    inputs = gather(
        index,
        rows,
        resolved.spec,
        folder,
        mirrorings=MIRRORINGS[job.augment],
        make=None if kept == "pixels" else frozen,
        device=device,
        threads=job.threads,
        control=control,
    )
    return inputs, kept


def _all_seeds(
    learner: Learner,
    items: LabelledItems,
    splits: list[Split],
    keeper: Keeper,
    job: FinetuneJob,
    run: RunFolder,
    control: Control,
) -> tuple[list[SeedTuned], np.ndarray]:
    """Every seed's outcome, and what each said of its test images: (seeds, N) int32, -1 outside the test part."""
    said = np.full((len(splits), len(items.ids)), -1, dtype=np.int32)
    total = sum(split.counts()[0] for split in splits) * job.epochs
    tuned: list[SeedTuned] = []
    frozen: torch.Tensor | None = None
    opened = False
    base = 0
    for row, split in enumerate(splits):
        test = np.flatnonzero(split.part == 2)
        done = keeper.finished(split.seed)
        if done is None or done["split"] != split.hash:
            if frozen is None:
                frozen = _frozen(learner, keeper, len(items.ids), control)
            name = f"seed {row + 1} of {len(splits)}"

            def report(images: int, what: str, base: int = base, name: str = name) -> None:
                control.progress(base + images, total, unit="images", detail=f"{name}, {what}".capitalize())

            found = train_seed(learner, items.labels, split.part, split.seed, frozen, keeper, report)
            if job.ledger and not opened:
                append_ledger(
                    Path(job.ledger),
                    {"run": run.id, "splits": [s.hash for s in splits[row:]], "kind": "fine-tune"},
                )
            opened = True
            predicted, scores = score(learner.logits(test), items.labels[test])
            done = {
                **facts_of(found),
                "seed": split.seed,
                "split": split.hash,
                "counts": split.counts(),
                "test": scores,
                "predicted": predicted.tolist(),
            }
            keeper.finish(split.seed, done)
            for point in done["curve"]:
                run.add_metric({"seed": split.seed, **point})
        said[row, test] = done["predicted"]
        tuned.append(SeedTuned.from_json({name: done[name] for name in SeedTuned.__dataclass_fields__}))
        base += split.counts()[0] * job.epochs
    return tuned, said


def _frozen(learner: Learner, keeper: Keeper, num: int, control: Control) -> torch.Tensor:
    """(N, D) features of the backbone as it came, from which every seed's head starts."""
    known = keeper.table("frozen")
    if known is not None and len(known) == num:
        return known
    parts = []
    learner.begin(0)
    step = learner.recipe.batch_size
    for start in range(0, num, step):
        control.progress(start, num, unit="images", detail="Features of the frozen backbone")
        parts.append(learner.plain_features(np.arange(start, min(start + step, num))))
    table = torch.cat(parts)
    keeper.save_table("frozen", table)
    return table


def _confusions(items: LabelledItems, said: np.ndarray) -> tuple[tuple[int, ...], ...]:
    total = np.zeros((len(items.classes),) * 2, dtype=np.int64)
    for row in said:
        total += confusion(items.labels[row >= 0], row[row >= 0], len(items.classes))
    return tuple(tuple(row) for row in total.tolist())


def _check(splits: list[Split]) -> None:
    for split in splits:
        for number, name in zip(split.counts(), ("training", "validation", "test"), strict=True):
            if not number:
                raise ValueError(
                    f"The {name} part of seed {split.seed} is empty: there are too few labelled images, or too few "
                    "groups. Three or more of every class are needed."
                )


def _convolutional(backbone: TorchBackbone) -> bool:
    return any(isinstance(part, torch.nn.BatchNorm2d) for part in backbone.module.modules())


def _seen(
    resolved: Resolved, digests: np.ndarray, parts: list[np.ndarray], copies: list[str]
) -> tuple[Finding, ...]:
    if marks.pretrained_here(resolved) is None:
        return ()
    learnt = marks.learnt_images(resolved)
    known = learnt.holds(digests) if learnt is not None else None
    return (of_model(printable(resolved.title), known, parts, copies),)


def _unread(inputs: Inputs) -> tuple[Finding, ...]:
    number = len(inputs.refused)
    if not number:
        return ()
    advice = (
        f"{count(number, 'image')} could not be read (gone, changed or damaged since the folder was indexed) and "
        "took no part. Look at the folder again."
    )
    return (Finding(name="images not read", severity="warn", advice=advice),)
