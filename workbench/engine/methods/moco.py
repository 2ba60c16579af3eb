"""MoCo: a view is found again among many others by the keys that a slowly moving copy of the network makes of them.

For convolutional networks MoCo v2 (He et al. 2019, arXiv 1911.05722; Chen et al. 2020, arXiv 2003.04297; recipe as
in facebookresearch/moco, `main_moco.py`, `moco/builder.py`): the others are a queue of earlier keys. For transformers
MoCo v3 (Chen, Xie, He 2021, arXiv 2104.02057; facebookresearch/moco-v3, `main_moco.py`, `moco/builder.py`): the
others are those of the batch, there is a predictor, and the patch embedding stays as it is.

One thing is not as published: MoCo v2 shuffles the keys' pictures between GPUs, each with batch norms' statistics of
its own. Here the statistics are those of the whole batch, as in SimSiam and MoCo v3, and nothing is shuffled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from workbench.engine.methods import across, ema, recipes
from workbench.engine.methods.base import Batch, Group, Method, Outcome, Plan, Recipe, cosine
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.heads import mlp
from workbench.engine.methods.likeness import scaled_cosines, unit
from workbench.engine.methods.positions import grid_positions
from workbench.engine.methods.published_views import byol_views, coloured_view
from workbench.records.augmentation import Augmentation
from workbench.records.params import param
from workbench.records.pretraining import Rule

LONGEST_QUEUE = 65_536


class MoCo(Method):
    name = "moco"
    title = "MoCo"
    family = "contrast"
    summary = (
        "A view is found again among many others by what a slowly moving copy of the network says of them."
    )
    when = "Many different pictures, batches of any size; of the contrasting methods the steadiest on transformers."
    when_not = "Sets of alike pictures, which it pushes apart, and classes that colour tells apart."
    source = (
        "Chen et al. 2020 (arXiv 2003.04297), facebookresearch/moco; for transformers Chen, Xie, He 2021 "
        "(arXiv 2104.02057), facebookresearch/moco-v3"
    )

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        temperature: float = param(
            0.2, help="How sharply near pictures count more than far ones.", minimum=0.01, maximum=2
        )
        momentum: float = param(
            0.0,
            help="How much of itself the copy keeps at each step; 0 takes the published 0.999, or for a transformer "
            "0.99 rising to 1.",
            minimum=0,
            at_minimum="as published",
            maximum=1,
        )
        queue: int = param(
            0,
            help="Earlier pictures that each view is told from, for convolutional networks; 0 takes as many as the "
            "set allows up to 65,536.",
            minimum=0,
            at_minimum="as the set allows",
            unit="pictures",
        )
        hidden: int = param(
            0,
            help="Width of the heads' inner layers; 0 takes the published, the backbone's or 4096 for a transformer.",
            minimum=0,
            at_minimum="as published",
            advanced=True,
        )
        output: int = param(
            0,
            help="Width of the heads' output; 0 takes the published 128, or 256 for a transformer.",
            minimum=0,
            at_minimum="as published",
            advanced=True,
        )

    queue: torch.Tensor
    place: torch.Tensor

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.pending: list[torch.Tensor] = []  # of the step that is going on
        self.step = -1
        if encoder.tokens:
            hold_patches_still(encoder)
            hidden, output = config.hidden or 4096, config.output or 256
            self.projector = mlp((encoder.width, hidden, hidden, output), norm=True, learnt_norm=False)
            self.predictor: nn.Module = mlp((output, hidden, output), norm=True, learnt_norm=False)
        else:
            hidden, output = config.hidden or encoder.width, config.output or 128
            self.projector = nn.Sequential(
                nn.Linear(encoder.width, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, output)
            )
            self.register_buffer("queue", strangers(queue_length(config, plan), output))
            self.register_buffer("place", torch.zeros((), dtype=torch.int64))
        self.key_encoder = ema.copy_of(encoder)
        self.key_projector = ema.copy_of(self.projector)

    @classmethod
    def views(cls) -> Augmentation:
        return byol_views()

    @classmethod
    def views_for(cls, tokens: bool) -> Augmentation:
        if tokens:
            return byol_views()
        names = ("first view", "second view")
        return Augmentation(
            views=tuple(coloured_view(name, crop_min=0.2, blur=0.5, saturation=0.4) for name in names)
        )

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        recipes.need_two(plan, "MoCo")
        how = "as was set" if config.momentum else "as published"
        first = f"{first_momentum(config, tokens):g}"
        if tokens:
            return recipes.for_transformers(
                plan,
                "MoCo v3",
                told=(
                    Rule(
                        name="momentum of the copy",
                        value=first,
                        rule=f"{how}; rises to 1 along half a cosine",
                    ),
                    Rule(name="patch embedding", value="held still", rule="for stability, as published"),
                ),
            )
        rate, about_rate = recipes.linear_rate(0.03, plan, "SGD; MoCo v2")
        return Recipe(
            optimiser="sgd",
            learning_rate=rate,
            warm_up=0,
            weight_decay=1e-4,
            told=(
                about_rate,
                Rule(name="momentum of the copy", value=first, rule=f"{how}; constant"),
                Rule(name="queue", value=f"{queue_length(config, plan):,}", rule=about_queue(config, plan)),
            ),
        )

    def groups(self) -> list[Group]:
        """Everything decays, as published."""
        return [Group(parameters=[value for _, value in self.learning()])]

    def momentum_at(self, step: int) -> float:
        first = first_momentum(self.config, self.encoder.tokens)
        return cosine(first, 1.0, step, self.plan.steps) if self.encoder.tokens else first

    def forward(self, batch: Batch) -> Outcome:
        numbers = {"temperature": self.config.temperature, "momentum": self.momentum_at(batch.step)}
        if self.encoder.tokens:
            loss, vectors, uniform = self._among_batch(batch)
        else:
            loss, vectors, uniform = self._among_queue(batch)
        return Outcome(loss=loss, vectors=vectors.detach(), numbers=numbers, uniform_loss=uniform)

    def after_step(self, step: int) -> None:
        momentum = self.momentum_at(step)
        ema.move(self.key_encoder, self.encoder, momentum)
        ema.move(self.key_projector, self.projector, momentum)
        if self.pending:
            self._remember(torch.cat(self.pending))
            self.pending = []

    def _among_batch(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, float]:
        first, second = batch.views
        # One after the other, as published, so that each view has batch norms' statistics of its own.
        vectors = self.encoder(first)
        a = self.predictor(self.projector(vectors))
        b = self.predictor(self.projector(self.encoder(second)))
        with torch.no_grad():
            key_a = self.key_projector(self.key_encoder(first))
            key_b = self.key_projector(self.key_encoder(second))
        temperature = self.config.temperature
        loss = find_in_batch(a, key_b, temperature) + find_in_batch(b, key_a, temperature)
        uniform = 4 * temperature * math.log(len(first) * across.processes())
        return loss, vectors, uniform

    @property
    def queue_size(self) -> int | None:
        return None if self.encoder.tokens else len(self.queue)

    def negatives(self, together: int) -> int | None:
        """The key of every other picture, where there is no queue."""
        return together - 1 if self.encoder.tokens else None

    def _among_queue(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, float]:
        first, second = batch.views
        vectors = self.encoder(first)
        with torch.no_grad():
            keys = unit(self.key_projector(self.key_encoder(second)))
        loss = find_before_queue(self.projector(vectors), keys, self.queue, self.config.temperature)
        if batch.step != self.step:  # a step whose update was left out leaves no keys behind
            self.pending, self.step = [], batch.step
        # They enter the queue after the update: not while the gradient still needs it.
        self.pending.append(across.gather(keys))
        return loss, vectors, math.log(len(self.queue) + 1)

    @torch.no_grad()
    def _remember(self, keys: torch.Tensor) -> None:
        """The newest keys take the places of the oldest; of more keys than the queue is long, the last."""
        length = len(self.queue)
        newest = keys[-length:]
        places = (self.place + torch.arange(len(newest), device=keys.device)) % length
        self.queue[places] = newest
        self.place.add_(len(newest)).remainder_(length)


def find_in_batch(queries: torch.Tensor, keys: torch.Tensor, temperature: float) -> torch.Tensor:
    """MoCo v3's loss of (B, D) queries whose own keys (B, D) are to be found among those of every process: the mean
    cross-entropy, times 2 x temperature."""
    queries, everyone = unit(queries), across.gather(unit(keys))
    own = torch.arange(len(queries), device=queries.device) + across.rank() * len(queries)
    logits = scaled_cosines(queries, everyone, temperature)
    return functional.cross_entropy(logits, own) * (2 * temperature)


def find_before_queue(
    queries: torch.Tensor, keys: torch.Tensor, queue: torch.Tensor, temperature: float
) -> torch.Tensor:
    """MoCo's loss of (B, D) queries, each to be told by its own key, of (B, D) of length 1, from the queue (K, D)."""
    queries = unit(queries)
    own = (queries * keys).sum(1, keepdim=True) / temperature
    logits = torch.cat([own, scaled_cosines(queries, queue, temperature)], dim=1)
    return functional.cross_entropy(
        logits, torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    )


def queue_length(config: MoCo.Config, plan: Plan) -> int:
    """How long the queue is. It must never hold what the batch itself shows, so it is shorter than the set without a
    batch: the largest multiple of the batch that is, as the authors' code wants it (`builder.py`).

    Raises:
        ValueError: no queue, or not the one that was asked for, is short enough.
    """
    room = plan.images - plan.batch_size
    if room < 1:
        raise ValueError(
            f"MoCo tells a batch of {plan.batch_size:,} pictures from others, and there are only {plan.images:,} "
            f"pictures. Take a batch of {max(2, plan.images // 4):,} or fewer."
        )
    if config.queue > room:
        raise ValueError(
            f"MoCo's queue of {config.queue:,} would hold pictures of the batch itself. With {plan.images:,} "
            f"pictures in batches of {plan.batch_size:,} it may hold {room:,}."
        )
    longest = min(LONGEST_QUEUE, room)
    return config.queue or longest // plan.batch_size * plan.batch_size or longest


def about_queue(config: MoCo.Config, plan: Plan) -> str:
    room = plan.images - plan.batch_size
    if config.queue:
        return "as was set"
    if room < plan.batch_size:
        return (
            f"{plan.images:,} pictures - {plan.batch_size:,}, less than a batch: a smaller batch finds more"
        )
    if room >= LONGEST_QUEUE:
        return f"the published {LONGEST_QUEUE:,}, in whole batches of {plan.batch_size:,}"
    return (
        f"whole batches of {plan.batch_size:,} in {plan.images:,} pictures - {plan.batch_size:,}, so that a batch is "
        f"not told from itself; published for more pictures: {LONGEST_QUEUE:,}"
    )


def first_momentum(config: MoCo.Config, tokens: bool) -> float:
    return config.momentum or (0.99 if tokens else 0.999)


def strangers(num: int, width: int) -> torch.Tensor:
    """(num, width) random directions, which fill the queue until there are keys. The same in every run, for they are
    forgotten within an epoch."""
    directions = np.random.default_rng(0x55D1).standard_normal((num, width), dtype=np.float32)
    return unit(torch.from_numpy(directions))


def hold_patches_still(encoder: Encoder) -> None:
    """The patch embedding never learns; in a network that begins from nothing it is random and positions are fixed
    sines and cosines (`moco-v3/vits.py`)."""
    module = encoder.module
    projection = module.patch_embed.proj
    if encoder.fresh:
        reach = math.sqrt(6 / (projection.weight[0].numel() + encoder.width))
        nn.init.uniform_(projection.weight, -reach, reach)
        if projection.bias is not None:
            nn.init.zeros_(projection.bias)
        if module.pos_embed is not None:
            positions = grid_positions(module.patch_embed.grid_size[0], encoder.width)
            with torch.no_grad():
                module.pos_embed.zero_()
                module.pos_embed[0, -len(positions) :] = positions
            module.pos_embed.requires_grad_(False)
    module.patch_embed.requires_grad_(False)
