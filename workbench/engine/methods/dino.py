"""DINO: a student learns to say of small crops what its slowly moving teacher says of large ones.

Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers"; recipe as in facebookresearch/dino
(`main_dino.py`, README). Left out is the student's stochastic depth of 0.1, for it draws random numbers that depend
on how a batch is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from workbench.engine.methods import teaching
from workbench.engine.methods.base import Batch, Outcome
from workbench.engine.methods.published_views import crop_views
from workbench.engine.methods.taught import Taught, TaughtConfig, prototypes
from workbench.records.augmentation import Augmentation

PROTOTYPES = 65_536


class DINO(Taught):
    name = "dino"
    title = "DINO"
    family = "distillation"
    summary = "A student learns to say of small crops what its slowly moving teacher says of large ones."
    when = "Transformers, batches from 64, and pictures with one subject that small parts give away."
    when_not = "Pictures whose label hangs on a small spot, which most crops don't show."
    source = "Caron et al. 2021 (arXiv 2104.14294), facebookresearch/dino main_dino.py"

    published = PROTOTYPES

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(TaughtConfig):
        prototypes: int = prototypes("pictures", PROTOTYPES)

    Config: ClassVar[type]

    @classmethod
    def views(cls) -> Augmentation:
        return crop_views(global_min=0.4, local_max=0.4, num_local=8)

    @classmethod
    def views_for(cls, tokens: bool) -> Augmentation:
        """Of a convolutional network the local crops are smaller than all global ones, as for ResNet-50."""
        return cls.views() if tokens else crop_views(global_min=0.14, local_max=0.14, num_local=8)

    def forward(self, batch: Batch) -> Outcome:
        whole, parts = batch.views[: teaching.NUM_GLOBAL], batch.views[teaching.NUM_GLOBAL :]
        temperature = self.temperature_at(batch.step, self.config.teacher_temperature)
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
                "momentum": self.momentum_at(batch.step),
                "temperature": temperature,
                "entropy": teaching.entropy(targets[0]),
                "centre_norm": self.centre.value.norm(),
            },
            uniform_loss=self.uniform_loss,
            outputs=targets[0],
        )
