"""The `estimate` job: what a pretraining would take, measured with its own network on a few of its own images."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from workbench.engine.control import Control
from workbench.engine.device import is_out_of_memory, memory
from workbench.engine.pretrain.assemble import Ready, assemble, cache_folder
from workbench.engine.pretrain.store import free_bytes, store_bytes
from workbench.engine.pretrain.warnings import warnings
from workbench.records.params import build
from workbench.records.pretrain_job import EstimateJob, PretrainJob
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
    asked = json.loads(Path(job.pretrain).read_text("utf-8"))["config"]
    wanted = build(PretrainJob, {**asked, "device": job.device, "processes": 1})
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
        rules=ready.recipe.told,
        findings=(*_room(measured.peak, total, stored, free), *warnings(ready)),
    )
    estimate.save(run.path / ESTIMATE)
    return {
        "estimate": ESTIMATE,
        **{k: v for k, v in asdict(estimate).items() if isinstance(v, (int, float))},
    }


class _Measured:
    def __init__(self, images: int, seconds: float, peak: int | None) -> None:
        self.images, self.seconds, self.peak = images, seconds, peak


def _measure(ready: Ready, control: Control) -> _Measured:
    """Time real steps of the whole batch on a GPU, in as many parts as fit; of a few images on a CPU."""
    cuda = ready.device.type == "cuda"
    whole = ready.plan.batch_size
    num = whole if cuda else min(whole, CPU_IMAGES)
    while True:
        try:
            return _steps(ready, control, num, whole)
        except RuntimeError as error:
            parts = ready.trainer.accumulate
            if not cuda or not is_out_of_memory(error) or whole // parts < 4 or ready.job.accumulate:
                raise
            ready.trainer.accumulate = parts * 2
            ready.trainer.optimiser.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()


def _steps(ready: Ready, control: Control, num: int, whole: int) -> _Measured:
    cuda = ready.device.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats(ready.device)
    places = np.resize(ready.learn, num)
    pixels = ready.store.take(places).to(ready.device)
    shapes = ready.pool.shapes[places]
    peak = _Peak()
    seconds = []
    with peak:
        for step in range(STEPS + 1):
            control.progress(step, STEPS + 1, unit="steps", detail="Timing a few steps")
            began = time.perf_counter()
            ready.trainer.step(step, pixels, shapes, slice(0, num))
            if cuda:
                torch.cuda.synchronize(ready.device)
            seconds.append(time.perf_counter() - began)
    best = float(np.median(seconds[1:]))
    if cuda:
        return _Measured(num, best, int(torch.cuda.max_memory_allocated(ready.device)))
    return _Measured(num, best, peak.before + round(peak.grown * whole / num))


class _Peak:
    """The largest resident set while a block runs, looked at a hundred times a second."""

    def __enter__(self) -> _Peak:
        self._process = psutil.Process()
        self.before = self._process.memory_info().rss
        self._most = self.before
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()

    @property
    def grown(self) -> int:
        return self._most - self.before

    def _look(self) -> None:
        while not self._end.wait(0.01):
            self._most = max(self._most, self._process.memory_info().rss)


def _room(peak: int | None, total: int, stored: int, free: int) -> list[Finding]:
    found = []
    if peak is not None and peak > 0.95 * total:
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
