"""What is written down while a network learns: a line a step, looks at validation, health, TensorBoard's files.

Rank 0 alone watches. Lines are gathered and written a few times a second; a run that goes on from a checkpoint drops
the lines of the steps that it does again.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict
from typing import Any

import numpy as np

from workbench.engine.control import Control, StopRequested
from workbench.engine.device import memory
from workbench.engine.evals.metrics import primary_metric
from workbench.engine.pretrain.assemble import Ready
from workbench.engine.pretrain.boards import EventFile
from workbench.engine.pretrain.compiling import uncompiled
from workbench.engine.pretrain.doctor import Doctor
from workbench.engine.pretrain.feed import Feed
from workbench.engine.pretrain.looks import Looker, features, settled
from workbench.engine.pretrain.train import Stepped
from workbench.records.files import whole_file
from workbench.records.pretraining import HEALTH, Health, Look
from workbench.records.results import Finding
from workbench.records.runs import RunFolder

FLUSH_SECONDS = 0.5
LOOKS = 20  # over a run, where nothing else is asked for
_BATCH = 256  # pictures of a look in one pass


class Watch:
    """The eyes of one run."""

    def __init__(self, ready: Ready, run: RunFolder, feed: Feed, control: Control, start: int) -> None:
        """`start`: updates that are done."""
        self._ready, self._run, self._feed, self._control = ready, run, feed, control
        self._path = run.path / "metrics.jsonl"
        _keep_until(run, start)
        self._waiting: list[str] = []
        self._flushed = self._line_at = time.monotonic()
        self._images = 0
        self._augment = 0.0
        self._board = EventFile(run.path / "tensorboard", start + 1 if start else None, control.note)
        encoder = ready.method.encoder
        self.doctor = Doctor(
            width=encoder.width,
            outputs=ready.method.num_outputs,
            learning_rate=ready.recipe.learning_rate,
            family=ready.method.family,
            images=ready.plan.images,
            clip=ready.recipe.clip,
            trained=bool(ready.job.branch),
        )
        self.memory: tuple[int, int] | None = None  # bytes used and in all, of a GPU, after the last step
        self.looks: list[Look] = []
        self.health: Health | None = None
        self.findings: tuple[Finding, ...] = ()
        self._looker, self._looked = _looker(ready)
        every = ready.job.evaluate_every or max(1, ready.plan.epochs // LOOKS)
        self._every = every * ready.plan.steps_per_epoch

    def to_json(self) -> dict[str, Any]:
        """What goes into a checkpoint."""
        return {"doctor": self.doctor.to_json(), "looks": [asdict(look) for look in self.looks]}

    def restore(self, body: dict[str, Any]) -> None:
        self.doctor.restore(body["doctor"])
        self.looks = [Look(**look) for look in body["looks"]]

    def go_back(self, step: int) -> None:
        """Drop what was written of the steps after `step`: they will be done again."""
        self.flush()
        _keep_until(self._run, step)

    def step(self, step: int, stepped: Stepped) -> None:
        """Take down the step that has just been made, counted from 0."""
        done, now = step + 1, time.monotonic()
        took = max(now - self._line_at, 1e-9)
        self._line_at = now
        numbers = {
            "step": done,
            "epoch": round(self._ready.plan.epoch_at(done), 4),
            "loss": stepped.loss,
            "learning_rate": stepped.learning_rate,
            "weight_decay": stepped.weight_decay,
            "gradient_norm": stepped.gradient_norm,
            "images_per_second": round(self._ready.plan.batch_size / took, 2),
            "data_wait": round(min(self._feed.waited / took, 1.0), 4),
            "augment_share": round(min(stepped.augment_seconds / took, 1.0), 4),
            **{name: float(value) for name, value in stepped.outcome.numbers.items()},
        }
        self._feed.waited = 0.0
        self.memory = memory(str(self._ready.device))
        if self.memory is not None:
            numbers["memory"] = self.memory[0]
        self.doctor.see(
            done,
            loss=stepped.loss,
            gradient_norm=stepped.gradient_norm,
            learning_rate=stepped.learning_rate,
            outcome=stepped.outcome,
            warming=step < self._ready.recipe.warm_up,
        )
        if self.doctor.due(done):
            health, found = self.doctor.check(done)
            numbers |= found
            self._tell(health)
        self._write(numbers)

    def due(self, step: int) -> bool:
        """Whether validation is to be looked at after `step` updates."""
        return self._looker is not None and step % self._every == 0

    def look(self, step: int) -> None:
        """k-NN and probe on the validation part, with the network as it is."""
        if self._looker is None or (self.looks and self.looks[-1].step == step):
            return
        ready = self._ready
        places = self._looked
        # A wish to stop is answered by the next step, after which there is a checkpoint to go on from.
        with contextlib.suppress(StopRequested):
            self._control.progress(
                step, ready.end, unit="steps", detail=f"Looking at validation after {step:,} steps"
            )

        def batches(places: np.ndarray) -> Any:
            for start in range(0, len(places), _BATCH):
                pixels = self._feed.pictures(places[start : start + _BATCH])
                yield ready.trainer.augmenter.plain(pixels)

        how: Any = {"precision": ready.precision, "device": ready.device}
        encoder = ready.method.backbone
        with uncompiled(ready):
            if step == 0 and ready.built.encoder.fresh:
                encoder = settled(encoder, batches(places[self._looker.train]), **how)
            vectors = features(encoder, batches(places), **how)
        knn, probe = self._looker.look(vectors)
        look = Look(
            step=step,
            epoch=round(ready.plan.epoch_at(step), 4),
            metric=self._looker.metric,
            knn=knn,
            probe=probe,
        )
        self.looks.append(look)
        told = {key: value for key, value in asdict(look).items() if value is not None}
        self._write(told)
        self._line_at = time.monotonic()

    def add(self, finding: Finding) -> None:
        """A finding that the doctor doesn't make, such as a loss that is no number; in the place of an earlier one of
        its name."""
        self.findings = (*(item for item in self.findings if item.name != finding.name), finding)
        if self.health is not None:
            self._tell(self.health)

    def flush(self) -> None:
        if self._waiting:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write("".join(self._waiting))
            self._waiting.clear()
        self._board.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        self.flush()
        self._board.close()

    def _tell(self, health: Health) -> None:
        self.health = Health(
            step=health.step,
            every=health.every,
            rows=health.rows,
            findings=(*self.findings, *health.findings),
        )
        self.health.save(self._run.path / HEALTH)

    def _write(self, numbers: dict[str, Any]) -> None:
        self._waiting.append(json.dumps(numbers) + "\n")
        self._board.add(
            numbers["step"], {key: float(value) for key, value in numbers.items() if _plottable(key, value)}
        )
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()


def _plottable(key: str, value: Any) -> bool:
    return key not in ("step", "metric") and isinstance(value, (int, float))


def _looker(ready: Ready) -> tuple[Looker | None, np.ndarray]:
    """None where there are no labels to look with; and the positions in the pool of the images looked at."""
    pool = ready.pool
    places = np.intersect1d(np.flatnonzero(pool.part >= 0), ready.store.good)
    part = pool.part[places]
    if len(pool.classes) < 2 or not (part == 0).any() or not (part == 1).any():
        return None, places
    labels = pool.label[places]
    looker = Looker(labels, part, len(pool.classes), primary_metric(labels), ready.device)
    return looker, places


def _keep_until(run: RunFolder, step: int) -> None:
    """Drop the lines of steps that will be done again; a look at `step` itself stays."""
    path = run.path / "metrics.jsonl"
    if not path.exists():
        return
    kept = [line for line in run.metrics() if line.get("step", 0) <= step]
    with whole_file(path) as stream:
        stream.write("".join(json.dumps(line) + "\n" for line in kept).encode())
