"""What all methods of this plugin have in common: how the loss is built and called, and how is optimised.

A loss sees the vectors of every process, gathered by the workbench, and is counted by each process in full, in
float32. So no loss needs lightly's own `gather_distributed`, and those that have none work on many GPUs too.
"""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import nn

from workbench.engine.api import (
    Batch,
    Encoder,
    Method,
    Outcome,
    Plan,
    Recipe,
    Rule,
    for_transformers,
    gather,
    linear_rate,
    need_two,
    spread,
    warm_up,
)

GATHERED = {
    "gather_distributed": "the workbench gathers the vectors of all processes itself"
}  # `held` by most
STREAM = 0x11C7  # of the draws for what a loss draws itself


class LossMethod(Method):
    """A method around one loss of lightly. `base`: its rate for 256 pictures; `rule`: where that is from."""

    loss: ClassVar[type[nn.Module]]
    held: ClassVar[dict[str, str]] = {}  # arguments of the loss that can't be set, and why
    draws: ClassVar[bool] = False  # whether the loss draws random numbers
    optimiser: ClassVar[str] = "lars"
    base: ClassVar[float] = 0.2
    decay: ClassVar[float] = 1e-6
    criterion: Any  # the loss, of a class of lightly's
    rule: ClassVar[str] = "our choice: that of Barlow Twins"

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.criterion = self.loss(**self.arguments(config, plan))

    @classmethod
    def arguments(cls, config: Any, plan: Plan) -> dict[str, Any]:
        """Of the loss."""
        return {name: getattr(config, name) for name in config.of_loss}

    @classmethod
    def told(cls, config: Any, plan: Plan) -> tuple[Rule, ...]:
        """What else the rules gave."""
        return ()

    @classmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        """MoCo v3's for transformers; else that of lightly's benchmark (imagenet/resnet50) where it has one.

        Raises:
            ValueError: a batch of one picture.
        """
        need_two(plan, cls.title)
        told = cls.told(config, plan)
        if tokens:
            return for_transformers(plan, "MoCo v3's for transformers; our choice", told=told)
        rate, about_rate = linear_rate(cls.base, plan, f"{cls.optimiser.upper()}; {cls.rule}")
        return cls.convolutional(plan, rate, (about_rate, *told))

    @classmethod
    def convolutional(cls, plan: Plan, rate: float, told: tuple[Rule, ...]) -> Recipe:
        steps, about_steps = warm_up(plan, 10, 100)
        decay = Rule(name="weight decay", value=f"{cls.decay:g}", rule=cls.rule)
        return Recipe(
            optimiser=cls.optimiser,
            learning_rate=rate,
            warm_up=steps,
            weight_decay=cls.decay,
            told=(about_steps, decay, *told),
        )

    @contextlib.contextmanager
    def counting(self, batch: Batch) -> Iterator[None]:
        """In float32, and with random numbers that depend on seed and step alone, alike in every process; torch's own
        are as before afterwards."""
        device = batch.views[0].device
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.autocast(device.type, enabled=False))
            if self.draws:
                stack.enter_context(torch.random.fork_rng([device] if device.type == "cuda" else []))
                torch.manual_seed(int(batch.draw.generator(STREAM).integers(2**62)))
            yield


class OneNetwork(LossMethod):
    """One network and its head see every view, and the loss compares what comes out."""

    def forward(self, batch: Batch) -> Outcome:
        vectors, each = self.projected(batch)
        with self.counting(batch):
            every = [whole(one) for one in each]
            loss = self.compared(every)
        return Outcome(
            loss=loss.reshape(()),
            vectors=vectors.detach(),
            numbers={"output_spread": spread(each[0])},
            uniform_loss=self.uniform(len(every[0])),
        )

    @abstractmethod
    def projected(self, batch: Batch) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(B, D) of the first view, and what the head makes of every view, (B, W) each."""

    @abstractmethod
    def compared(self, each: list[torch.Tensor]) -> torch.Tensor:
        """The loss of (P * B, W) of each view, with the vectors of all P processes."""

    def uniform(self, num: int) -> float | None:
        """The loss where nothing is known of `num` pictures; None where it has no such value."""
        return None


def whole(vectors: torch.Tensor) -> torch.Tensor:
    """(B, ...) of each process -> (P * B, ...) float32 of all."""
    return gather(vectors.float())
