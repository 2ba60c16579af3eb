"""Trainings as the collapse doctor sees them, made up: what a step's loss, gradient, vectors and outputs would be, in
health or with one fault from a given step on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from workbench.engine.methods.base import Outcome
from workbench.engine.pretrain.doctor import Doctor
from workbench.records.pretraining import Health

PEAK = 1e-3


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A training in health, unless `fault` says otherwise."""

    seed: int = 0
    width: int = 96
    batch: int = 32
    steps: int = 400
    warm_up: int = 50
    decay: float = 1.0  # the spectrum of the vectors: singular value i is (i + 1) ** -decay
    mean: float = 1.0  # length of what all vectors share, over the length of what they don't
    kind: str = "contrast"  # or "queue", "distillation", "cosine", "reconstruction"
    noise: float = 0.05  # of the loss, relative
    prototypes: int = 256
    rounded: bool = False  # to bf16
    pictures: int = 0  # that there are in all; 0: never the same again
    learnt: float = 0.0  # share that was learnt before: a start from public weights
    fault: str = ""
    onset: int = 200
    size: float = 0.0  # of the fault

    @property
    def family(self) -> str:
        return {"queue": "contrast", "cosine": "distillation"}.get(self.kind, self.kind)

    @property
    def uniform(self) -> float | None:
        return {
            "contrast": math.log(2 * self.batch - 1),
            "queue": math.log(4097),
            "distillation": math.log(self.prototypes),
        }.get(self.kind)

    def doctor(self) -> Doctor:
        outputs = self.prototypes if self.kind == "distillation" else None
        return Doctor(
            width=self.width,
            outputs=outputs,
            learning_rate=PEAK,
            family=self.family,
            images=self.pictures,
        )


@dataclass(kw_only=True)
class Step:
    loss: float
    gradient: float
    rate: float
    outcome: Outcome
    warming: bool


def run(stream: Stream, doctor: Doctor | None = None) -> Iterator[tuple[int, Health, dict[str, float]]]:
    """Every check of a training."""
    doctor = doctor or stream.doctor()
    for number, step in enumerate(steps(stream), start=1):
        doctor.see(
            number,
            loss=step.loss,
            gradient_norm=step.gradient,
            learning_rate=step.rate,
            outcome=step.outcome,
            warming=step.warming,
        )
        if doctor.due(number):
            yield number, *doctor.check(number)


def steps(stream: Stream) -> Iterator[Step]:
    rng = np.random.default_rng(stream.seed)
    basis = np.linalg.qr(rng.normal(size=(stream.width, stream.width)))[0]
    scales = np.arange(1, stream.width + 1) ** -stream.decay
    centre = rng.normal(size=stream.width)
    centre *= stream.mean * np.linalg.norm(scales) / np.linalg.norm(centre)
    few = np.linalg.qr(rng.normal(size=(stream.width, max(int(stream.size), 1))))[0]
    album = rng.normal(size=(stream.pictures, stream.width))
    for number in range(stream.steps):
        learnt = 1 - (1 - stream.learnt) * math.exp(-max(number - stream.warm_up / 2, 0) / 150)
        # An untrained network's vectors lie closer and use fewer directions than they will.
        now = scales ** (1.3 - 0.3 * learnt) * (0.5 + 0.5 * learnt)
        drawn = rng.normal(size=(stream.batch, stream.width))
        if stream.pictures:  # the same few, and little that the views add
            drawn = 0.05 * drawn + album[rng.integers(0, stream.pictures, stream.batch)]
        vectors = centre + (drawn * now) @ basis.T
        step = Step(
            loss=_healthy_loss(stream, learnt, number) + 0.0,
            gradient=float(2 * rng.lognormal(0, 0.3)),
            rate=PEAK * min(1.0, (number + 1) / max(stream.warm_up, 1)),
            outcome=Outcome(loss=torch.zeros(()), vectors=torch.empty(0), uniform_loss=stream.uniform),
            warming=number < stream.warm_up,
        )
        step.loss *= 1 + stream.noise * float(rng.normal())
        outputs = _outputs(stream, rng, 0.3 + 3 * learnt) if stream.kind == "distillation" else None
        if stream.fault and number >= stream.onset:
            age = number - stream.onset
            vectors, outputs = _FAULTS[stream.fault](stream, step, vectors, outputs, rng, age, few, centre)
        made = torch.from_numpy(vectors.astype(np.float32))
        step.outcome.vectors = made.bfloat16() if stream.rounded else made
        step.outcome.outputs = outputs
        yield step


def _healthy_loss(stream: Stream, learnt: float, number: int) -> float:
    if stream.kind == "contrast":  # begins above a guess
        return (stream.uniform or 0.0) * (1.25 - 0.7 * learnt)
    if stream.kind == "queue":  # begins with a queue of random vectors, which are easily told apart
        return min(6 + number / 10, (stream.uniform or 0.0) * 0.99) * (1 - 0.3 * learnt)
    if stream.kind == "distillation":
        return (stream.uniform or 0.0) * (1 - 0.5 * learnt)
    return -0.9 * learnt if stream.kind == "cosine" else 1 - 0.6 * learnt


def _outputs(stream: Stream, rng: np.random.Generator, sharpness: float, shared: float = 0.0) -> torch.Tensor:
    logits = rng.normal(size=(stream.batch, stream.prototypes)) * sharpness
    logits += shared * rng.normal(size=1) + shared * np.eye(1, stream.prototypes, 7)
    return torch.from_numpy(logits.astype(np.float32)).softmax(1)


Fault = Callable[..., tuple[np.ndarray, torch.Tensor | None]]


def _point(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """All vectors alike: what they don't share shrinks to `size` of what it was."""
    left = max(stream.size, math.exp(-age / 10))
    middle = centre + few[:, 0]  # so that there is a point, even where vectors share nothing
    if stream.kind == "cosine":
        step.loss = -1.0
    return middle + left * (vectors - middle), outputs


def _dimensions(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """Vectors in `size` directions; the others fade."""
    inside = (vectors - centre) @ few @ few.T
    inside *= np.linalg.norm(vectors - centre) / np.linalg.norm(inside)
    return centre + inside + math.exp(-age / 5) * (vectors - centre - inside), outputs


def _uniform(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    share = math.exp(-age / 10)
    step.loss = share * step.loss + (1 - share) * (stream.uniform or 0) * (1 + 0.002 * float(rng.normal()))
    return vectors, _outputs(stream, rng, 0.1) if outputs is not None else None


def _peaked(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    step.loss *= math.exp(-age / 10)
    return vectors, _outputs(stream, rng, 0.3, shared=stream.size * min(1, age / 20))


def _nan_loss(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    step.loss = math.nan
    return vectors, outputs


def _nan_gradient(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    step.gradient = math.inf
    return vectors, outputs


def _nan_vectors(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    vectors[0, 0] = math.nan
    return vectors, outputs


def _exploding(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """`size`: steps in which the loss grows by its first value (or 1)."""
    step.loss += max(abs(_healthy_loss(stream, 0, 0)), 1.0) * age / stream.size
    return vectors, outputs


def _gradient(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """Grows by `size` each step, to a million times; the loss is back at its start."""
    step.gradient *= min(stream.size**age, 1e6)
    step.loss = _healthy_loss(stream, 0, 0) * (1 + stream.noise * float(rng.normal()))
    return vectors, outputs


def _rising(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """Falls back to nearly its start."""
    start = _healthy_loss(stream, 0, 0)
    back = 1 - math.exp(-age / 15)
    step.loss = (1 - back) * step.loss + back * (0.92 * start if start else -0.05)
    return vectors, outputs


def _no_gradient(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    step.gradient = 0.0
    step.loss = _healthy_loss(stream, 0.3, 30) * (1 + stream.noise * float(rng.normal()))
    return vectors, outputs


def _frozen(stream, step, vectors, outputs, rng, age, few, centre):  # type: ignore[no-untyped-def]
    """From the first step on, nothing is learnt: a learning rate that is far too low."""
    start = _healthy_loss(stream, 0, 0) or 0.03
    step.loss = start * (1 + stream.noise * float(rng.normal()))
    return vectors, outputs


_FAULTS: dict[str, Fault] = {
    "point collapse": _point,
    "dimensional collapse": _dimensions,
    "uniform output": _uniform,
    "peaked output": _peaked,
    "nan loss": _nan_loss,
    "nan gradient": _nan_gradient,
    "nan vectors": _nan_vectors,
    "exploding loss": _exploding,
    "exploding gradient": _gradient,
    "loss rising": _rising,
    "no gradient": _no_gradient,
    "frozen": _frozen,
}


def named(stream: Stream, within: int = 200) -> tuple[str, int] | None:
    """The first cause that is named after the onset, first of its findings, and how many steps later; None where
    none is within so many. What is named before the onset counts as wrong: ("too early: ...", step)."""
    for number, health, _ in run(replace(stream, steps=stream.onset + within)):
        if health.findings and number <= stream.onset:
            return f"too early: {health.findings[0].name}", number
        if health.findings:
            return health.findings[0].name, number - stream.onset
    return None
