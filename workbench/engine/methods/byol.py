"""BYOL: a network learns to predict what a slowly moving copy of itself makes of the other view.

Grill et al. 2020, "Bootstrap your own latent" (arXiv 2006.07733); recipe as in google-deepmind/deepmind-research
(`byol/configs/byol.py`, `byol/byol_experiment.py`, `byol/utils/augmentations.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from workbench.engine.methods import ema, recipes
from workbench.engine.methods.base import Batch, Method, Outcome, Plan, Recipe, cosine
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.heads import mlp
from workbench.engine.methods.likeness import mean_cosine, spread
from workbench.engine.methods.published_views import byol_views
from workbench.records.augmentation import Augmentation
from workbench.records.params import param
from workbench.records.pretraining import Rule

# The published presets for lengths of a run: epochs, rate for 256 pictures, weight decay, momentum of the copy.
PRESETS = (
    (40, 0.45, 1e-6, 0.97),
    (100, 0.45, 1e-6, 0.99),
    (300, 0.3, 1e-6, 0.99),
    (1000, 0.2, 1.5e-6, 0.996),
)


class BYOL(Method):
    name = "byol"
    title = "BYOL"
    family = "distillation"
    summary = "A network learns to predict what a slowly moving copy of itself makes of another view of the picture."
    when = (
        "Sets of many alike pictures, which negatives would push apart; batches may be smaller than SimCLR's."
    )
    when_not = "Runs of few steps, in which the slow copy hardly moves, and classes that colour tells apart."
    source = "Grill et al. 2020 (arXiv 2006.07733), google-deepmind/deepmind-research, byol"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        momentum: float = param(
            0.0,
            help="How much of itself the copy keeps at each step at first, rising to 1; 0 takes the published value "
            "for this many epochs.",
            minimum=0,
            at_minimum="as published",
            maximum=1,
        )
        hidden: int = param(
            4096, help="Width of the inner layer of projection head and predictor.", minimum=16, advanced=True
        )
        output: int = param(
            256, help="Width of the output of projection head and predictor.", minimum=8, advanced=True
        )

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        # The last layers have no bias (`byol/utils/networks.py`).
        self.projector = mlp((encoder.width, config.hidden, config.output), bias=False)
        self.predictor = mlp((config.output, config.hidden, config.output), bias=False)
        self.target_encoder = ema.copy_of(encoder)
        self.target_projector = ema.copy_of(self.projector)

    @classmethod
    def views(cls) -> Augmentation:
        return byol_views()

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        recipes.need_two(plan, "BYOL")
        length, base, decay, _ = preset_of(plan)
        momentum = Rule(
            name="momentum of the copy",
            value=f"{first_momentum(config, plan):g}",
            rule="rises to 1 along half a cosine; "
            + ("as was set" if config.momentum else f"the published preset for {length} epochs"),
        )
        if tokens:
            return recipes.for_transformers(
                plan, "for BYOL on transformers: MoCo v3, table 4", told=(momentum,)
            )
        rate, about_rate = recipes.linear_rate(base, plan, f"LARS; BYOL's preset for {length} epochs")
        warm_up, about_warm_up = recipes.warm_up(plan, 10, 100)
        about_decay = Rule(name="weight decay", value=f"{decay:g}", rule=f"BYOL's preset for {length} epochs")
        return Recipe(
            optimiser="lars",
            learning_rate=rate,
            warm_up=warm_up,
            weight_decay=decay,
            told=(about_rate, about_warm_up, about_decay, momentum),
        )

    def momentum_at(self, step: int) -> float:
        return cosine(first_momentum(self.config, self.plan), 1.0, step, self.plan.steps)

    def forward(self, batch: Batch) -> Outcome:
        first, second = batch.views
        # One after the other, as published, so that each view has batch norms' statistics of its own.
        vectors = self.encoder(first)
        a = self.predictor(self.projector(vectors))
        b = self.predictor(self.projector(self.encoder(second)))
        with torch.no_grad():
            wanted_a = self.target_projector(self.target_encoder(second))
            wanted_b = self.target_projector(self.target_encoder(first))
        return Outcome(
            loss=4 - 2 * mean_cosine(a, wanted_a) - 2 * mean_cosine(b, wanted_b),
            vectors=vectors.detach(),
            numbers={"momentum": self.momentum_at(batch.step), "output_spread": spread(wanted_b)},
        )

    def after_step(self, step: int) -> None:
        momentum = self.momentum_at(step)
        pairs: tuple[tuple[nn.Module, nn.Module], ...] = (
            (self.target_encoder, self.encoder),
            (self.target_projector, self.projector),
        )
        for target, source in pairs:
            ema.move(target, source, momentum)


def preset_of(plan: Plan) -> tuple[int, float, float, float]:
    """The published preset of the shortest run that is as long as this one, or the longest."""
    return next((preset for preset in PRESETS if plan.epochs <= preset[0]), PRESETS[-1])


def first_momentum(config: BYOL.Config, plan: Plan) -> float:
    return config.momentum or preset_of(plan)[3]
