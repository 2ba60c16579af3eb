"""The `pretrain` job: images in, checkpoints and a backbone out. See `records/pretraining.py` for what a run leaves.

A run that was stopped or killed goes on from its newest checkpoint, bit for bit on a CPU: the same job is run again
in the same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from workbench.engine.control import Control, StopRequested
from workbench.engine.device import device_name, is_out_of_memory
from workbench.engine.methods import across
from workbench.engine.methods.mae import MAE
from workbench.engine.methods.mae_hf import whole_mae
from workbench.engine.pretrain import compiling, state, together
from workbench.engine.pretrain.assemble import Ready, assemble
from workbench.engine.pretrain.export import save_backbone
from workbench.engine.pretrain.feed import Feed
from workbench.engine.pretrain.fit import parts_on_processor
from workbench.engine.pretrain.loop import Keeper, Progress, learn
from workbench.engine.pretrain.others import Others
from workbench.engine.pretrain.train import NotFinite
from workbench.engine.pretrain.warnings import warnings
from workbench.engine.pretrain.watch import Watch
from workbench.records.learnt_images import LearntImages
from workbench.records.pretrain_job import MAY_CHANGE, PretrainJob
from workbench.records.pretraining import BACKBONE, CHECKPOINTS, RESULT, PretrainResult
from workbench.records.results import Finding
from workbench.records.runs import RunFolder
from workbench.records.text import count

SMALL_WORK = 1 << 23  # pixels of all views of a batch that no processor's memory is too small for
THINNED = 2000  # losses in the result; metrics.jsonl has them all


def run(job: PretrainJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError for what can't be trained, and when a loss was no number."""
    others = Others(job.processes if _alone() else 1, run.path, control)
    try:
        return train(job, run, control, others.lost)
    except RuntimeError as error:
        lost = others.lost(patience=2.0)
        if not lost:
            raise
        raise ValueError(lost) from error
    finally:
        together.leave()
        others.end()


def train(
    job: PretrainJob, run: RunFolder, control: Control, lost: Callable[[], str] = str
) -> dict[str, Any]:
    """One process's part; rank 0 writes. `lost` says whether another process has died."""
    ready = assemble(job, control, lost=lost)
    first = across.rank() == 0
    key = _key(ready)
    folder = run.path / CHECKPOINTS
    progress = Progress()
    source = state.latest(folder) or (Path(job.branch) if job.branch else None)
    facts: dict[str, Any] | None = None
    if source is not None:
        facts = _go_on(source, ready, run, key, branch=source.parent != folder)
        _note_other_images(source, ready, run, control)
        progress = Progress(int(facts["step"]), float(facts["seconds"]), int(facts["images"]))
    ready.trainer.accumulate = int(facts["accumulate"]) if facts is not None else _parts(ready)
    if compiling.pays(ready, ready.end - progress.step):
        compiling.compile_blocks(ready)
    feed = Feed(ready.store, ready.pool.shapes, ready.order, ready.rows, ready.device)
    watch = Watch(ready, run, feed, control, progress.step) if first else None
    if watch is not None:
        _provenance(ready, run, key, source)
        if facts is not None:
            watch.restore(facts["watch"])
        for finding in warnings(ready):
            watch.add(finding)
    own = source is not None and source.parent == folder
    keeper = Keeper(ready, folder, key, watch, control, kept=progress.step if own else -1)
    try:
        while True:
            try:
                learn(ready, feed, watch, keeper, progress, control)
                break
            except RuntimeError as error:
                if not is_out_of_memory(error) or watch is None:
                    raise
                progress = _in_more_parts(ready, watch, keeper, control)
        return _finish(ready, run, watch, progress) if watch is not None else {}
    except NotFinite as error:
        if watch is None:  # it is so on all processes, and the first one says it
            return {}
        raise _rolled_back(error, ready, run, watch, folder) from None
    except StopRequested:
        if watch is not None:
            _finish(ready, run, watch, progress)
        raise
    finally:
        feed.close()
        if watch is not None:
            watch.close()


def _parts(ready: Ready) -> int:
    """As asked for; else on a processor as few as fit its memory. A GPU says itself when it is full."""
    asked, plan = ready.job.accumulate, ready.plan
    small = plan.batch_size * plan.image_size**2 * ready.augmentation.num_views < SMALL_WORK
    if asked or small or ready.device.type != "cpu" or across.processes() > 1:
        return max(asked, 1)
    places = ready.order.batch(0)
    pixels, shapes = ready.store.take(places[:16]), ready.pool.shapes[places[:16]]

    def step(size: int) -> None:
        ready.trainer.step(0, pixels[:size], shapes[:size], slice(0, size))

    return parts_on_processor(ready.method, ready.trainer.optimiser, step, plan.batch_size)


def _in_more_parts(ready: Ready, watch: Watch, keeper: Keeper, control: Control) -> Progress:
    """After a full memory: the last checkpoint again, and each batch in twice as many parts. Raises ValueError where
    that is no way out."""
    each = -(-ready.plan.batch_size // ready.trainer.accumulate)
    if each < 4 or across.processes() > 1 or ready.job.accumulate:
        raise ValueError(
            f"The memory of {ready.device} was full with {count(each, 'image')} in one pass. Take a smaller batch, "
            "image size or architecture, or more parts a batch."
        )
    ready.trainer.accumulate *= 2
    if ready.device.type == "cuda":
        torch.cuda.empty_cache()
    control.note(
        f"The memory of {ready.device} was full with {count(each, 'image')} in one pass. Each batch is now computed "
        f"in {ready.trainer.accumulate} parts; batch norms and negatives see one part at a time."
    )
    good = state.latest(keeper.folder)
    if good is None:
        raise ValueError("The first checkpoint could not be written. Free some space on the disk.")
    facts = state.read_facts(good)
    state.restore(good, ready.method, ready.trainer.optimiser, ready.device)
    watch.go_back(int(facts["step"]))
    watch.restore(facts["watch"])
    for finding in warnings(ready):  # of smaller parts
        watch.add(finding)
    return Progress(int(facts["step"]), float(facts["seconds"]), int(facts["images"]))


def _go_on(source: Path, ready: Ready, run: RunFolder, key: str, *, branch: bool) -> dict[str, Any]:
    """Raises ValueError where the checkpoint is of another run than the one that was asked for."""
    facts = state.read_facts(source)
    if not branch and facts["key"] != key:
        before = run.document()["provenance"]
        learnt = (before.get("inputs") or {}).get("pool")
        same = learnt in (None, _learnt(ready).content_hash())
        was, now = before.get("images", 0), len(ready.learn)
        numbers = f" ({count(was, 'image')} then, {now:,} now)" if was != now else ""
        what = "settings or start weights" if same else f"images{numbers}"
        raise ValueError(
            f"The run in {source.parent.parent} was made with other {what}, so it can't go on with these. Give the "
            "same ones, or begin a new run in another folder, which may branch from a checkpoint of this one."
        )
    state.restore(source, ready.method, ready.trainer.optimiser, ready.device)
    return facts


def _note_other_images(source: Path, ready: Ready, run: RunFolder, control: Control) -> None:
    """A run goes on though some files can't be read any more, or can be again; then it is no longer the same run."""
    before = (run.document()["provenance"].get("inputs") or {}).get("pool")
    if source.parent == run.path / CHECKPOINTS and before not in (None, _learnt(ready).content_hash()):
        control.note(
            "Other images than before can be read now, so that the run goes on with these, and not exactly as it "
            "would have. Look whether the folder is whole.",
            "warn",
        )


def _finish(ready: Ready, run: RunFolder, watch: Watch, progress: Progress) -> dict[str, Any]:
    """Write result and backbone of the network as it is."""
    watch.flush()
    result = _result(ready, run, watch, progress)
    learnt = _learnt(ready)
    whole = whole_mae(ready.method) if isinstance(ready.method, MAE) else None
    with compiling.uncompiled(ready):
        save_backbone(run.path / BACKBONE, ready.method.backbone, ready.built, result, learnt, whole=whole)
    result.save(run.path / RESULT)
    return {
        "result": RESULT,
        "backbone": BACKBONE,
        "checkpoint": result.checkpoint,
        "steps": result.steps,
        "knn": result.looks[-1].knn if result.looks else None,
        "seconds": result.seconds,
    }


def _rolled_back(
    error: NotFinite, ready: Ready, run: RunFolder, watch: Watch | None, folder: Path
) -> ValueError:
    """Put the last good checkpoint back, keep its backbone, and say what to do."""
    good = state.latest(folder)
    advice = (
        f"The {error.what} of step {error.step + 1:,} was no finite number, so training stopped before that step "
        "changed anything, and the last good checkpoint was put back. Take a third of the learning rate, a longer "
        "warm-up or fp32, and branch from that checkpoint."
    )
    if watch is not None and good is not None:
        facts = state.read_facts(good)
        state.restore(good, ready.method, ready.trainer.optimiser, ready.device)
        watch.add(Finding(name=f"{error.what} is not a number", severity="bad", advice=advice))
        progress = Progress(int(facts["step"]), float(facts["seconds"]), int(facts["images"]))
        _finish(ready, run, watch, progress)
    return ValueError(advice)


def _result(ready: Ready, run: RunFolder, watch: Watch, progress: Progress) -> PretrainResult:
    losses = [line["loss"] for line in run.metrics() if "loss" in line and line["step"] <= progress.step]
    each = max(1, -(-len(losses) // THINNED))
    job, built = ready.job, ready.built
    start = f"from {built.start_title}" if built.start_title else "from nothing"
    return PretrainResult(
        run=run.id,
        method=job.method,
        title=f"{ready.method.title}, {built.title}, {start}",
        backbone=built.architecture,
        start=job.start,
        image_size=built.image_size,
        patch_size=built.patch_size,
        images=len(ready.learn),
        left_out=ready.pool.left_out,
        index=ready.pool.index_hash,
        pool=_learnt(ready).content_hash(),
        steps=progress.step,
        epochs=round(ready.plan.epoch_at(progress.step), 4),
        planned_epochs=ready.plan.epochs,
        batch_size=ready.plan.batch_size,
        loss=tuple(losses[::each]),
        looks=tuple(watch.looks),
        images_per_second=progress.images / progress.seconds if progress.seconds else 0.0,
        rules=ready.rules,
        augmentation=ready.augmentation,
        settings=asdict(ready.config),
        findings=watch.health.findings if watch.health is not None else watch.findings,
        checkpoint=str(state.checkpoint_path(Path(CHECKPOINTS), progress.step)),
        seed=job.seed,
        device=str(ready.device),
        precision=ready.precision,
        seconds=progress.seconds,
    )


def _provenance(ready: Ready, run: RunFolder, key: str, source: Path | None) -> None:
    """Seeds, hashes and what the published rules gave; what holds now, where a run goes on."""
    refused = {str(ready.pool.files[row]): reason for row, reason in sorted(ready.store.refused.items())}
    split = ready.pool.split
    run.add_provenance(
        {
            "inputs": {
                "index": ready.pool.index_hash,
                "pool": _learnt(ready).content_hash(),
            },
            "seeds": {"run": ready.job.seed, "split": ready.job.split_seed},
            "split": split.hash if split is not None else "",
            "device": str(ready.device),
            "device_name": device_name(str(ready.device)),
            "threads": torch.get_num_threads(),
            "precision": ready.precision,
            "compiled": ready.compiled,
            "key": key,
            "architecture": ready.built.architecture,
            "patch_size": ready.built.patch_size,
            "images": len(ready.learn),
            "batch_size": ready.plan.batch_size,
            "steps_per_epoch": ready.plan.steps_per_epoch,
            "augmentation": ready.augmentation.to_json(),
            "rules": [asdict(rule) for rule in ready.rules],
            "settings": asdict(ready.config),
            "goes_on_from": str(source) if source is not None else "",
            "refused": refused,
        }
    )


def _learnt(ready: Ready) -> LearntImages:
    return LearntImages.of(ready.pool.digests[ready.learn])


def _key(ready: Ready) -> str:
    """Names everything that could change a number of the run, but for how long it is."""
    values = {name: value for name, value in asdict(ready.job).items() if name not in MAY_CHANGE}
    values["batch_size"] = ready.plan.batch_size
    body = [ready.pool.learnt_hash(), ready.built.start_digest, values]
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=12).hexdigest()


def _alone() -> bool:
    return across.processes() == 1
