"""The `estimate` job: what a pretraining would take, measured with its own network on a few of its own images."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from workbench.engine.control import Control
from workbench.engine.device import memory
from workbench.engine.pretrain import compiling
from workbench.engine.pretrain.asked import Asked
from workbench.engine.pretrain.assemble import Ready, assemble, cache_folder
from workbench.engine.pretrain.fit import kept_bytes, largest_fit, parts_for
from workbench.engine.pretrain.store import free_bytes, store_bytes
from workbench.engine.pretrain.warnings import warnings
from workbench.records.pretrain_job import EstimateJob
from workbench.records.pretrain_plans import ESTIMATE, Estimate
from workbench.records.results import Finding
from workbench.records.runs import RunFolder
from workbench.records.text import data_size

SAMPLE = 256  # pictures that are decoded for it
CPU_IMAGES = 16  # of a step on a CPU, where memory and time grow in proportion
STEPS = 3  # that are timed, after one that isn't
_GIB = 1 << 30


def run(job: EstimateJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError for what can't be trained, in words."""
    wanted = replace(Asked.read(Path(job.pretrain)).job(), device=job.device, processes=1)
    ready = assemble(wanted, control, sample=SAMPLE, scratch=run.path / "pixels")
    control.progress(0, STEPS + 1, unit="steps", detail="Timing a few steps")
    measured = _measure(ready, control)
    plan = ready.plan
    rate = measured.images / measured.seconds
    stored = store_bytes(ready.stored, ready.store.pixels.shape[1], ready.store.channels)
    stored *= ready.store.pixels.itemsize
    steps = ready.end
    available = memory(str(ready.device))
    total = available[1] if available else psutil.virtual_memory().total
    free = free_bytes(cache_folder(wanted))
    estimate = Estimate(
        images=plan.images,
        left_out=ready.pool.left_out,
        batch_size=plan.batch_size,
        accumulate=ready.trainer.accumulate,
        steps_per_epoch=plan.steps_per_epoch,
        epochs=plan.epochs,
        images_per_second=rate,
        seconds_per_epoch=plan.steps_per_epoch * plan.batch_size / rate,
        seconds=steps * plan.batch_size / rate,
        peak_bytes=measured.peak,
        memory_bytes=total,
        store_bytes=stored,
        stored_size=int(ready.store.pixels.shape[1]),
        free_bytes=free,
        device=str(ready.device),
        rules=ready.rules,
        findings=(*_room(measured.peak, total, stored, free), *warnings(ready)),
    )
    estimate.save(run.path / ESTIMATE)
    return {
        "estimate": ESTIMATE,
        **{k: v for k, v in asdict(estimate).items() if isinstance(v, (int, float))},
    }


@dataclass(frozen=True, slots=True)
class _Measured:
    images: int
    seconds: float
    peak: int  # bytes, of a batch in as many parts as fit


def _measure(ready: Ready, control: Control) -> _Measured:
    """Find what fits, then time real steps: of the whole batch on a GPU, of a few images on a CPU, where memory and
    time grow in proportion."""
    cuda = ready.device.type == "cuda"
    whole = ready.plan.batch_size
    num = whole if cuda else min(whole, CPU_IMAGES)
    places = np.resize(ready.learn, num)
    pixels, shapes = ready.store.take(places).to(ready.device), ready.pool.shapes[places]

    def step(size: int) -> None:
        control.checkpoint()
        ready.trainer.step(0, pixels[:size], shapes[:size], slice(0, size))

    asked = ready.job.accumulate
    ready.trainer.accumulate = 1
    if cuda and not asked:
        fit = largest_fit(step, whole, ready.device, smallest=2)
        parts, peak = fit.accumulate, fit.peak_bytes
    else:
        peak = round(kept_bytes(step, num, ready.device) * whole / num)
        parts = asked or parts_for(peak, whole, ready.device)
        peak //= parts
    ready.trainer.accumulate = parts if cuda else 1
    if compiling.pays(ready, ready.end):
        compiling.compile_blocks(ready)
    seconds = []
    for number in range(STEPS + 1):
        control.progress(number, STEPS + 1, unit="steps", detail="Timing a few steps")
        began = time.perf_counter()
        step(num)
        if cuda:
            torch.cuda.synchronize(ready.device)
        seconds.append(time.perf_counter() - began)
    ready.trainer.accumulate = parts
    return _Measured(num, float(np.median(seconds[1:])), peak)


def _room(peak: int, total: int, stored: int, free: int) -> list[Finding]:
    found = []
    if peak > 0.95 * total:
        found.append(
            Finding(
                name="too little memory",
                severity="bad",
                advice=f"It would take about {data_size(peak)} of memory, and there are {data_size(total)}. Take a "
                "smaller batch, image size or architecture.",
            )
        )
    if stored + _GIB > free:
        found.append(
            Finding(
                name="too little room on the disk",
                severity="bad",
                advice=f"The decoded pixels take {data_size(stored)}, and the disk has {data_size(free)} left. Free "
                "some space, or take a smaller stored size.",
            )
        )
    return found
