"""DINO: a student learns to say of small crops what its slowly moving teacher says of large ones.

Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers"; recipe as in facebookresearch/dino
(`main_dino.py`, README). Left out is the student's stochastic depth of 0.1, for it draws random numbers that depend
on how a batch is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from workbench.engine.methods import ema, teaching
from workbench.engine.methods.base import Batch, Method, Outcome, Plan, Recipe, cosine
from workbench.engine.methods.centre import Centre
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.prototypes import PrototypeHead
from workbench.records.augmentation import Augmentation
from workbench.records.params import param

PROTOTYPES = 65_536


class DINO(Method):
    name = "dino"
    title = "DINO"
    family = "distillation"
    summary = "A student learns to say of small crops what its slowly moving teacher says of large ones."
    when = "Transformers, batches from 64, and pictures with one subject that small parts give away."
    when_not = "Pictures whose label hangs on a small spot, which most crops don't show."
    source = "Caron et al. 2021 (arXiv 2104.14294), facebookresearch/dino main_dino.py"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        prototypes: int = param(
            0,
            help="Outputs that the teacher spreads pictures over; 0 takes the published 65,536, and 4,096 for fewer "
            "than 50,000 images.",
            minimum=0,
            at_minimum="as published",
        )
        teacher_temperature: float = param(
            0.04,
            help="How sharply the teacher decides; published are 0.04, and 0.07 for long runs.",
            minimum=0.005,
            maximum=1,
        )
        first_temperature: float = param(
            0.04,
            help="The teacher's temperature in the first epoch. Lower it where the loss doesn't fall.",
            minimum=0.005,
            maximum=1,
            advanced=True,
        )
        warming_epochs: int = param(
            30,
            help="Epochs from the first temperature to the teacher's, three tenths of the run at most.",
            minimum=0,
            unit="epochs",
            advanced=True,
        )
        student_temperature: float = param(
            0.1, help="How sharply the student decides.", minimum=0.01, maximum=1, advanced=True
        )
        momentum: float = param(
            0.0,
            help="How slowly the teacher follows at first; 0 takes the published rule, by batch size.",
            minimum=0,
            at_minimum="by the published rule",
            maximum=1,
            advanced=True,
        )
        centre_momentum: float = param(
            0.9, help="How slowly the centre follows.", minimum=0, maximum=1, advanced=True
        )
        hidden: int = param(
            2048, help="Width of the head's inner layers.", minimum=16, maximum=16_384, advanced=True
        )
        frozen_epochs: int = param(
            1,
            help="Epochs in which the prototypes don't learn yet. Raise it where the loss doesn't fall.",
            minimum=0,
            unit="epochs",
            advanced=True,
        )

    Config: ClassVar[type]

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        prototypes = teaching.num_prototypes(config.prototypes, PROTOTYPES, plan)
        self.head = PrototypeHead(encoder.width, prototypes, config.hidden)
        self.teacher = ema.copy_of(encoder)
        self.teacher_head = ema.copy_of(self.head)
        self.centre = Centre(prototypes, config.centre_momentum)
        self.uniform_loss = teaching.uniform_loss(prototypes)

    @classmethod
    def views(cls) -> Augmentation:
        return teaching.crops(global_min=0.4, local_max=0.4, num_local=8)

    @classmethod
    def views_for(cls, tokens: bool) -> Augmentation:
        """Of a convolutional network the local crops are smaller than all global ones, as for ResNet-50."""
        return cls.views() if tokens else teaching.crops(global_min=0.14, local_max=0.14, num_local=8)

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        return teaching.recipe(
            plan,
            tokens,
            published=PROTOTYPES,
            prototypes=config.prototypes,
            momentum=config.momentum,
        )

    def forward(self, batch: Batch) -> Outcome:
        whole, parts = batch.views[: teaching.NUM_GLOBAL], batch.views[teaching.NUM_GLOBAL :]
        temperature = teaching.temperature_at(
            self.config.first_temperature,
            self.config.teacher_temperature,
            teaching.warming_epochs(self.config.warming_epochs, self.plan),
            self.plan,
            batch.step,
        )
        with torch.no_grad():
            vectors = self.teacher(torch.cat(whole))
            told = self.teacher_head(vectors)
        targets = self.centre.probabilities(told, temperature).chunk(len(whole))
        self.centre.note(told.float().mean(0))

        # Crops of one size go through the network together.
        seen = torch.cat([self.encoder(torch.cat(views)) for views in (whole, parts) if views])
        outputs = (self.head(seen).float() / self.config.student_temperature).chunk(len(batch.views))
        return Outcome(
            loss=teaching.crossed(outputs, targets),
            vectors=vectors[: len(whole[0])],
            numbers={
                "momentum": self._momentum(batch.step),
                "temperature": temperature,
                "entropy": teaching.entropy(targets[0]),
                "centre_norm": self.centre.value.norm(),
            },
            uniform_loss=self.uniform_loss,
            outputs=targets[0],
        )

    def after_backward(self, step: int) -> None:
        if step < self.config.frozen_epochs * self.plan.steps_per_epoch:
            self.head.hold_prototypes()

    def after_step(self, step: int) -> None:
        momentum = self._momentum(step)
        ema.move(self.teacher, self.encoder, momentum)
        ema.move(self.teacher_head, self.head, momentum)
        self.centre.move()

    @property
    def backbone(self) -> Encoder:
        return self.teacher

    @property
    def num_outputs(self) -> int:
        return len(self.centre.value)

    def _momentum(self, step: int) -> float:
        return cosine(teaching.first_momentum(self.config.momentum, self.plan), 1.0, step, self.plan.steps)
