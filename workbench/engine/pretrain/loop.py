"""The steps of a run, and what surrounds them: checkpoints, looks, stopping, and going back when a number is none."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from workbench.engine.control import Control, StopRequested
from workbench.engine.pretrain import state
from workbench.engine.pretrain.assemble import Ready
from workbench.engine.pretrain.feed import Feed
from workbench.engine.pretrain.train import Stepped, Upcoming
from workbench.engine.pretrain.watch import Watch

EPOCH_SECONDS = 60.0  # an epoch that took longer ends with a checkpoint


@dataclass(slots=True)
class Progress:
    """How far a run is. `seconds` counts those of the steps alone, over all interruptions."""

    step: int = 0
    seconds: float = 0.0
    images: int = 0


class Keeper:
    """Writes checkpoints, rank 0 alone. A failed write is told once and tried again at the next turn."""

    def __init__(
        self,
        ready: Ready,
        folder: Path,
        key: str,
        watch: Watch | None,
        control: Control,
        kept: int = -1,
    ) -> None:
        """`kept`: the step that `folder` has a checkpoint of already, where the run goes on from it."""
        self.folder = folder
        self._ready, self._key, self._watch, self._control = ready, key, watch, control
        self._last = time.monotonic()
        self._last_step = kept
        self._failed = False

    def due(self, step: int) -> bool:
        job, since = self._ready.job, time.monotonic() - self._last
        if job.checkpoint_steps:
            return step % job.checkpoint_steps == 0
        at_epoch = step % self._ready.plan.steps_per_epoch == 0
        return since > 60 * job.checkpoint_minutes or (at_epoch and since > EPOCH_SECONDS)

    def save(self, progress: Progress, *, must: bool = False) -> None:
        """Raises OSError where it fails and `must` be."""
        if self._watch is None or progress.step == self._last_step:
            return
        facts: dict[str, Any] = {
            "key": self._key,
            "seconds": progress.seconds,
            "images": progress.images,
            "accumulate": self._ready.trainer.accumulate,
            "watch": self._watch.to_json(),
        }
        self._last = time.monotonic()
        self._watch.flush()
        try:
            state.save(self.folder, progress.step, facts, self._ready.method, self._ready.trainer.optimiser)
        except OSError as error:
            if must:
                raise
            if not self._failed:
                self._control.note(
                    f"A checkpoint could not be written ({error.strerror or error}). The one before is kept, and "
                    "training goes on; free some space on the disk."
                )
            self._failed = True
            return
        self._failed = False
        self._last_step = progress.step
        state.forget_old(self.folder, self._ready.end)


def learn(
    ready: Ready, feed: Feed, watch: Watch | None, keeper: Keeper, progress: Progress, control: Control
) -> None:
    """Step until the end. `watch` is None on every process but the first.

    Raises:
        StopRequested: the user stopped; a checkpoint is written.
        NotFinite: nothing was changed by the step that was none.
        OSError: the last checkpoint could not be written.
    """
    end, batch = ready.end, ready.plan.batch_size
    batches = Batches(feed, end)
    if watch is not None and progress.step == 0 and not watch.looks:
        watch.look(0)
    keeper.save(progress)
    if ready.compiled and watch is not None:
        with contextlib.suppress(StopRequested):  # answered after a step
            control.progress(progress.step, end, unit="steps", detail="Compiling the network for this device")
    while progress.step < end:
        began = time.perf_counter()
        stepped = ready.trainer.step(
            progress.step,
            *batches.of(progress.step),
            ready.rows,
            stop=control.stopping,
            upcoming=batches.after(progress.step),
        )
        progress.seconds += time.perf_counter() - began
        progress.images += batch
        if watch is not None:
            watch.step(progress.step, stepped)
        progress.step += 1
        if stepped.stop:
            keeper.save(progress, must=True)
            raise StopRequested
        if watch is not None:
            _tell(ready, watch, progress, stepped, control)
            if watch.due(progress.step) or progress.step == end:
                watch.look(progress.step)
        if keeper.due(progress.step) or progress.step == end:
            keeper.save(progress, must=progress.step == end)


class Batches:
    """The feed's, each asked for once, though a step may ask for the next one's."""

    def __init__(self, feed: Feed, end: int) -> None:
        self._feed, self._end = feed, end
        self._held: tuple[int, tuple[torch.Tensor, np.ndarray]] | None = None

    def of(self, step: int) -> tuple[torch.Tensor, np.ndarray]:
        held, self._held = self._held, None
        if held is not None and held[0] == step:
            return held[1]
        return self._feed.batch(step, last=step + 1 == self._end)

    def after(self, step: int) -> Upcoming | None:
        return partial(self._keep, step + 1) if step + 1 < self._end else None

    def _keep(self, step: int) -> tuple[torch.Tensor, np.ndarray]:
        batch = self.of(step)
        self._held = step, batch
        return batch


def _tell(ready: Ready, watch: Watch, progress: Progress, stepped: Stepped, control: Control) -> None:
    plan = ready.plan
    epoch = min(progress.step // plan.steps_per_epoch + 1, plan.epochs)
    look = f", k-NN on validation {watch.looks[-1].knn:.3f}" if watch.looks else ""
    more = {"memory": watch.memory} if watch.memory is not None else {}
    # A wish to stop is not answered here: all processes must stop after the same step, and the next one tells them.
    with contextlib.suppress(StopRequested):
        control.progress(
            progress.step * plan.batch_size,
            ready.end * plan.batch_size,
            unit="images",
            detail=f"Epoch {epoch} of {plan.epochs}, loss {stepped.loss:.4g}{look}",
            device=str(ready.device),
            **more,
        )
