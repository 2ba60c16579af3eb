"""What DINO and iBOT are both: a student with a head of prototypes, and its teacher, which follows it slowly.

Here is what they set alike and what they do after a step alike; views and losses are in their own files, and the
rules as functions in `teaching.py`. Caron et al. 2021 (DINO), `main_dino.py`; Zhou et al. 2022 (iBOT),
`main_ibot.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from workbench.engine.methods import ema, teaching
from workbench.engine.methods.base import Method, Plan, Recipe, cosine
from workbench.engine.methods.centre import Centre
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.prototypes import PrototypeHead
from workbench.records.params import param


def prototypes(what: str, published: int) -> int:
    """The field of that name, in the words of a method that spreads `what` over `published` outputs."""
    made: int = param(
        0,
        help=f"Outputs that the teacher spreads {what} over; 0 takes the published {published:,}, and "
        f"{teaching.SMALL_PROTOTYPES:,} for fewer than {teaching.SMALL_SET:,} images.",
        minimum=0,
        at_minimum="as published",
    )
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtConfig:
    """What can be set of both; a method puts its own words to a field by declaring it again."""

    prototypes: int = param(
        0,
        help="Outputs that the teacher spreads pictures over; 0 takes the published number.",
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


class Taught(Method):
    """Student (`encoder`, `head`) and teacher (`teacher`, `teacher_head`), and the centre of what the latter says."""

    published: ClassVar[int]  # number of prototypes

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        number = teaching.num_prototypes(config.prototypes, self.published, plan)
        self.head = PrototypeHead(encoder.width, number, config.hidden)
        self.teacher = ema.copy_of(encoder)
        self.teacher_head = ema.copy_of(self.head)
        self.centre = Centre(number, config.centre_momentum)
        self.uniform_loss = teaching.uniform_loss(number)

    @classmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        return teaching.recipe(
            plan,
            tokens,
            published=cls.published,
            prototypes=config.prototypes,
            momentum=config.momentum,
        )

    def temperature_at(self, step: int, end: float) -> float:
        """Of the teacher, on its way from the first to `end`."""
        epochs = teaching.warming_epochs(self.config.warming_epochs, self.plan)
        return teaching.temperature_at(self.config.first_temperature, end, epochs, self.plan, step)

    def momentum_at(self, step: int) -> float:
        first = teaching.first_momentum(self.config.momentum, self.plan)
        return cosine(first, 1.0, step, self.plan.steps)

    def after_backward(self, step: int) -> None:
        if step < self.config.frozen_epochs * self.plan.steps_per_epoch:
            self.head.hold_prototypes()

    def after_step(self, step: int) -> None:
        momentum = self.momentum_at(step)
        ema.move(self.teacher, self.encoder, momentum)
        ema.move(self.teacher_head, self.head, momentum)
        self.centre.move()

    @property
    def backbone(self) -> Encoder:
        return self.teacher

    @property
    def num_outputs(self) -> int:
        return len(self.centre.value)
