"""Real networks small enough to be trained in a test, with faults built in where they happen."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan
from workbench.engine.methods.simclr import SimCLR
from workbench.engine.pretrain.doctor import Doctor
from workbench.records.pretraining import Health

PLAN = Plan(images=256, batch_size=32, epochs=10, steps_per_epoch=25, image_size=12)
WIDTH = 64


class Encoder(nn.Module):
    """Pictures of 12 px -> (B, 64); through `rank` directions, or the same whatever is shown (`constant`)."""

    def __init__(self, rank: int = 0, constant: bool = False, norm: bool = True) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.width, self.constant = WIDTH, constant
        norms = [nn.BatchNorm2d(32), nn.BatchNorm2d(64)] if norm else [nn.Identity(), nn.Identity()]
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1),
            norms[0],
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, 2, 1),
            norms[1],
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(256, WIDTH),
        )
        self.tail = nn.Sequential(nn.Linear(WIDTH, rank), nn.Linear(rank, WIDTH)) if rank else nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.tail(self.body(images))
        return vectors * 0 + 1 if self.constant else vectors


def simclr(encoder: Any) -> Method:
    return SimCLR(encoder, SimCLR.Config(hidden=64, output=32), PLAN)


class Siamese(nn.Module):
    """SimSiam, or what it becomes without its stop of the gradient and its batch norms."""

    def __init__(self, encoder: Encoder, stop: bool) -> None:
        super().__init__()
        self.encoder, self.stop, self.plan = encoder, stop, PLAN
        norm = [nn.BatchNorm1d(WIDTH) if stop else nn.Identity() for _ in range(2)]
        self.projector = nn.Sequential(
            nn.Linear(WIDTH, WIDTH), norm[0], nn.ReLU(), nn.Linear(WIDTH, WIDTH), norm[1]
        )
        self.predictor = nn.Sequential(nn.Linear(WIDTH, 16), nn.ReLU(), nn.Linear(16, WIDTH))

    def forward(self, batch: Batch) -> Outcome:
        first, second = batch.views
        vectors = self.encoder(torch.cat([first, second]))
        z = self.projector(vectors)
        p, target = self.predictor(z), z.detach() if self.stop else z
        (p1, p2), (z1, z2) = p.chunk(2), target.chunk(2)
        loss = -(functional.cosine_similarity(p1, z2) + functional.cosine_similarity(p2, z1)).mean() / 2
        apart = functional.normalize(z[: len(first)].detach(), dim=1).std(0).mean() * math.sqrt(WIDTH)
        return Outcome(loss=loss, vectors=vectors[: len(first)].detach(), numbers={"output_spread": apart})


class Distilled(nn.Module):
    """DINO's loss with 32 prototypes; without a centre, and at any temperature of the teacher."""

    def __init__(self, encoder: Encoder, temperature: float, centred: bool) -> None:
        super().__init__()
        self.student = nn.ModuleList([encoder, nn.Sequential(nn.Linear(WIDTH, 64), nn.GELU())])
        self.last = nn.Linear(64, 32, bias=False)
        self.teacher = copy.deepcopy(nn.ModuleList([self.student, self.last])).requires_grad_(False)
        self.temperature, self.centred, self.plan = temperature, centred, PLAN
        self.register_buffer("centre", torch.zeros(32))

    def forward(self, batch: Batch) -> Outcome:
        first, second = batch.views
        vectors = self.student[0](torch.cat([first, second]))
        said = functional.log_softmax(self._logits(self.student, self.last, vectors) / 0.1, 1)
        with torch.no_grad():
            body, last = self.teacher
            logits = self._logits(body, last, body[0](torch.cat([first, second])))
            taught = ((logits - self.centre) / self.temperature).softmax(1)
            if self.centred:
                self.centre.mul_(0.9).add_(0.1 * logits.mean(0))
        a, b = said.chunk(2)
        c, d = taught.chunk(2)
        loss = -((c * b).sum(1).mean() + (d * a).sum(1).mean()) / 2
        return Outcome(
            loss=loss,
            vectors=vectors[: len(first)].detach(),
            outputs=taught,
            uniform_loss=math.log(32),
        )

    def after_step(self, step: int) -> None:
        with torch.no_grad():
            mine = [*self.student.parameters(), *self.last.parameters()]
            for old, new in zip(self.teacher.parameters(), mine, strict=True):
                old.lerp_(new, 0.02)

    @staticmethod
    def _logits(body: Any, last: Any, vectors: torch.Tensor) -> torch.Tensor:
        inner = functional.normalize(body[1](vectors), dim=1)
        return functional.linear(inner, functional.normalize(last.weight, dim=1))


class Repainted(nn.Module):
    """Paints the picture from its vector: a loss without a bound, which a high learning rate blows up."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.plan = encoder, PLAN
        self.decoder = nn.Linear(WIDTH, 3 * 12 * 12)

    def forward(self, batch: Batch) -> Outcome:
        vectors = self.encoder(batch.views[0])
        loss = (self.decoder(vectors) - batch.views[0].flatten(1)).square().mean()
        return Outcome(loss=loss, vectors=vectors.detach())


def pictures(kind: str, count: int, rng: np.random.Generator) -> torch.Tensor:
    """(N, 3, 16, 16): coloured blocks, grey ones, stripes, or nearly the same noise again and again."""
    if kind == "stripes":
        y, x = np.mgrid[:16, :16]
        turn, shift = rng.uniform(0.2, 2.5, (2, count, 1, 1, 1)), rng.uniform(0, 6, (count, 1, 1, 1))
        made = np.sin(turn[0] * x + turn[1] * y + shift) * rng.uniform(0.2, 1, (count, 3, 1, 1))
    elif kind == "alike":
        made = rng.normal(size=(1, 3, 16, 16)) + 0.1 * rng.normal(size=(count, 3, 16, 16))
    else:
        channels = 1 if kind == "grey" else 3
        made = rng.normal(size=(count, channels, 4, 4)).repeat(4, 2).repeat(4, 3)
        made = np.broadcast_to(made, (count, 3, 16, 16))
    return torch.from_numpy(made.astype(np.float32))


def view(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """(B, 3, 16, 16) -> (B, 3, 12, 12): a crop, perhaps mirrored, of another contrast and brightness."""
    count = len(images)
    rows = torch.from_numpy(rng.integers(0, 5, count)[:, None] + np.arange(12))
    columns = rng.integers(0, 5, count)[:, None] + np.arange(12)
    mirrored = rng.random(count) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    every = torch.arange(count)[:, None, None]
    crop = images[every, :, rows[:, :, None], torch.from_numpy(columns)[:, None]].permute(0, 3, 1, 2)
    contrast, light = rng.uniform(0.7, 1.3, count), 0.2 * rng.normal(size=count)
    made = torch.from_numpy(np.stack([contrast, light]).astype(np.float32))[:, :, None, None, None]
    return crop * made[0] + made[1]


@dataclass(kw_only=True)
class Training:
    method: Any
    kind: str = "blocks"
    images: int = 256
    batch: int = 16
    steps: int = 150
    rate: float = 1e-3
    warm_up: int = 25
    clip: float = 1e9
    plain: bool = False  # SGD with momentum, else AdamW
    seed: int = 0
    doctor: Doctor = field(default_factory=lambda: Doctor(width=WIDTH, outputs=None, learning_rate=1e-3))

    def checks(self) -> Iterator[tuple[int, Health]]:
        rng = np.random.default_rng(self.seed)
        torch.manual_seed(self.seed)
        images = pictures(self.kind, self.images, rng)
        values = [value for value in self.method.parameters() if value.requires_grad]
        optimiser: torch.optim.Optimizer = torch.optim.AdamW(values, self.rate, weight_decay=0.01)
        if self.plain:
            optimiser = torch.optim.SGD(values, self.rate, momentum=0.9)
        for step in range(1, self.steps + 1):
            rate = self.rate * min(1.0, step / self.warm_up)
            for group in optimiser.param_groups:
                group["lr"] = rate
            some = images[rng.permutation(self.images)[: self.batch]]
            draw = Draw(self.seed, step, self.batch, slice(0, self.batch))
            views = [view(some, rng), view(some, rng)]
            outcome = self.method(Batch(views=views, draw=draw, step=step - 1, plan=PLAN))
            optimiser.zero_grad()
            outcome.loss.backward()
            norm = float(nn.utils.clip_grad_norm_(values, self.clip))
            optimiser.step()
            if hasattr(self.method, "after_step"):
                self.method.after_step(step - 1)
            self.doctor.see(
                step,
                loss=outcome.loss.item(),
                gradient_norm=norm,
                learning_rate=rate,
                outcome=outcome,
                warming=step <= self.warm_up,
            )
            if self.doctor.due(step):
                yield step, self.doctor.check(step)[0]


def first_named(training: Training) -> tuple[str, int] | None:
    """The first cause and the step at which it is named."""
    for step, health in training.checks():
        if health.findings:
            return health.findings[0].name, step
    return None
