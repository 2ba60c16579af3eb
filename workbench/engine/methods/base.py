"""What a self-supervised method is: its views, its recipe, its loss, and what it does after a step.

A method is one file in this folder. It is a torch module that holds everything that it learns and remembers (queues
and centres are buffers), so that its `state_dict` and the optimiser's are all that there is to keep. It draws no
random number of its own: what it needs comes from the batch's `Draw`, which depends on the seed, the step and the
place in the batch alone. So a step is the same however it is come to, and however many processes share the batch.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from workbench.engine.methods.encoder import Encoder
from workbench.records.augmentation import Augmentation
from workbench.records.methods import MethodFacts
from workbench.records.params import describe
from workbench.records.pretraining import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much there is to learn from, and for how long. A recipe is made of it by the published rule."""

    images: int
    batch_size: int  # of one optimiser step: over all processes and accumulated parts
    epochs: int
    steps_per_epoch: int
    image_size: int  # px

    @property
    def steps(self) -> int:
        return self.epochs * self.steps_per_epoch

    def epoch_at(self, step: int) -> float:
        return step / self.steps_per_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to optimise. Rates and decays are at their peak; `schedule.py` says what they are at a step."""

    optimiser: str  # "adamw", "sgd" or "lars"
    learning_rate: float
    warm_up: int  # steps, from (nearly) 0 to the peak in a line
    weight_decay: float
    final_rate: float = 0.0  # where the cosine ends
    final_decay: float | None = None  # None: the decay is constant; else along half a cosine to this
    betas: tuple[float, float] = (0.9, 0.999)  # of AdamW
    momentum: float = 0.9  # of SGD and LARS
    clip: float = 0.0  # largest norm of the gradient; 0: none
    clip_each: bool = (
        False  # whether `clip` bounds each tensor's own gradient (DINO), not the norm of them all
    )
    told: tuple[Rule, ...] = ()  # the numbers that the published rule gave here


@dataclass(slots=True, kw_only=True)
class Group:
    """Parameters that are optimised alike."""

    parameters: list[nn.Parameter]
    scale: float = 1.0  # of the learning rate
    decays: bool = True  # whether weight decay (and LARS's adaptation) applies
    constant: bool = False  # keeps its rate while the others follow the schedule (SimSiam's predictor)


class Draw:
    """Random numbers of one step, for the images of this process out of the whole batch.

    `stream` keeps the draws of different purposes apart. Every array is drawn for the whole batch and cut, so that
    it doesn't depend on how many processes share it.
    """

    def __init__(self, seed: int, step: int, whole: int, rows: slice) -> None:
        self.seed, self.step, self.whole, self.rows = seed, step, whole, rows

    def generator(self, stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.step, stream, 0x55D1])

    def uniform(self, stream: int, *shape: int) -> torch.Tensor:
        """(B, *shape) float32 in [0, 1), on the CPU."""
        numbers = self.generator(stream).random((self.whole, *shape), dtype=np.float32)
        return torch.from_numpy(numbers[self.rows].copy())


@dataclass(slots=True, kw_only=True)
class Batch:
    """What a method gets for one step.

    views: a tensor (B, C, S, S) for each view, normalised, on the device, in the augmentation's order: every view of
    the first kind, then of the second...
    """

    views: list[torch.Tensor]
    draw: Draw
    step: int  # counted from 0
    plan: Plan


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of a step, before the update."""

    loss: torch.Tensor  # scalar, with its graph
    vectors: (
        torch.Tensor
    )  # (B, D) detached: the backbone's own vectors of the first view, for the collapse doctor
    # Scalars to be plotted, detached. A method whose head can collapse alone (SimSiam, BYOL) tells `output_spread`:
    # the standard deviation of its head's outputs at length 1 over the batch, times the root of their width.
    numbers: dict[str, torch.Tensor | float] = field(default_factory=dict)
    # The loss of a network whose output is uniform (ln K), and the logarithm of the number of outputs; None where the
    # method has neither.
    uniform_loss: float | None = None
    # (B, K) detached probabilities of the teacher's output, where the method has prototypes.
    outputs: torch.Tensor | None = None


class Method(nn.Module, ABC):
    """Base of every method. Subclasses set the class variables and implement what is abstract."""

    name: ClassVar[str]
    title: ClassVar[str]
    family: ClassVar[str]
    summary: ClassVar[str]
    when: ClassVar[str]
    when_not: ClassVar[str]
    source: ClassVar[str]
    tokens_only: ClassVar[bool] = False
    Config: ClassVar[type]

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = config
        self.plan = plan

    @classmethod
    @abstractmethod
    def views(cls) -> Augmentation:
        """The published views."""

    @classmethod
    def views_for(cls, tokens: bool) -> Augmentation:
        """The published views for a transformer (`tokens`) or a convolutional network, where they differ; then
        as many kinds for both, so that a change of "2.blur" means the same."""
        return cls.views()

    @classmethod
    @abstractmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        """The published recipe for `plan`; `tokens`: whether the backbone is a transformer. Raises ValueError where
        the method can't work so."""

    @classmethod
    def hidden(cls, config: Any, draw: Draw, num: int, grid: int, view: int) -> torch.Tensor | None:
        """Which patches of a view the network isn't shown, as a step draws them and as a preview shows them.

        Args:
            num: images of this process, as many as `draw` has rows.
            grid: patches along a side of the view.
            view: number of the view, from 0.

        Returns:
            (num, grid * grid) bool on the CPU, True where hidden, row by row; None where nothing is.
        """
        return None

    @abstractmethod
    def forward(self, batch: Batch) -> Outcome:
        """Loss and diagnostics of one batch. Must be called once a step, in training mode."""

    @property
    def compiles(self) -> bool:
        """Whether its steps are faster with compiled blocks on a GPU, in what has been measured."""
        return True

    @property
    def num_outputs(self) -> int | None:
        """Prototypes that a teacher spreads pictures over; None where there are none."""
        return None

    @property
    def queue_size(self) -> int | None:
        """Earlier keys that are kept; None where there is no queue."""
        return None

    def negatives(self, together: int) -> int | None:
        """What each view is told from where `together` images pass through the network as one; None where that is
        nothing of the same batch."""
        return None

    def after_backward(self, step: int) -> None:
        """Called when the gradients are there, before they are clipped and used."""

    def after_step(self, step: int) -> None:
        """Called after the optimiser's update of `step`: moving averages, queues, centres."""

    def groups(self) -> list[Group]:
        """Everything that learns. By default matrices decay, biases and norms don't."""
        return split_by_decay(self.learning())

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        return ((name, value) for name, value in self.named_parameters() if value.requires_grad)

    @property
    def backbone(self) -> Encoder:
        """What is kept when all is learnt: the encoder without its heads; of teacher and student what the authors
        evaluate."""
        return self.encoder

    @classmethod
    def facts(cls) -> MethodFacts:
        conv = cls.views_for(tokens=False)
        return MethodFacts(
            name=cls.name,
            title=cls.title,
            family=cls.family,
            summary=cls.summary,
            when=cls.when,
            when_not=cls.when_not,
            source=cls.source,
            tokens_only=cls.tokens_only,
            params=describe(cls.Config),
            published=cls.views_for(tokens=True),
            published_conv=conv if conv != cls.views_for(tokens=True) else None,
        )


def split_by_decay(named: Iterator[tuple[str, nn.Parameter]] | list[tuple[str, nn.Parameter]]) -> list[Group]:
    """Two groups: what has two or more axes decays; biases, norms and single tokens don't."""
    decays: list[nn.Parameter] = []
    stays: list[nn.Parameter] = []
    for name, value in named:
        alone = value.ndim < 2 or name.endswith(".bias") or name.rpartition(".")[2] in _TOKENS
        (stays if alone else decays).append(value)
    groups = [Group(parameters=decays), Group(parameters=stays, decays=False)]
    return [group for group in groups if group.parameters]


def constant_rate_of(method: Method, part: nn.Module) -> list[Group]:
    """Two groups, as SimSiam is published: everything decays, biases and norms too, and `part` of the method keeps
    its rate while the others follow the schedule."""
    steady = list(part.parameters())
    known = {id(value) for value in steady}
    moving = [value for _, value in method.learning() if id(value) not in known]
    return [Group(parameters=moving), Group(parameters=steady, constant=True)]


_TOKENS = ("cls_token", "pos_embed", "mask_token", "reg_token", "decoder_pos_embed")


def cosine(start: float, end: float, step: int, steps: int) -> float:
    """Along half a cosine from `start` at step 0 to `end` at step `steps`."""
    share = min(step / max(steps, 1), 1.0)
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))
