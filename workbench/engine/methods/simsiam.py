"""SimSiam: what is predicted from one view is to be like the other view, which is held still meanwhile.

Chen and He 2020, "Exploring Simple Siamese Representation Learning" (arXiv 2011.10566); recipe as in
facebookresearch/simsiam (`main_simsiam.py`, `simsiam/builder.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from workbench.engine.methods import recipes
from workbench.engine.methods.base import Batch, Group, Method, Outcome, Plan, Recipe, constant_rate_of
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.heads import mlp
from workbench.engine.methods.likeness import mean_cosine, spread
from workbench.engine.methods.published_views import simsiam_views
from workbench.records.augmentation import Augmentation
from workbench.records.params import param
from workbench.records.pretraining import Rule


class SimSiam(Method):
    name = "simsiam"
    title = "SimSiam"
    family = "distillation"
    summary = (
        "What is predicted from one view of a picture is to be like the other, without negatives or a copy."
    )
    when = "Small batches and little memory: it keeps neither a queue nor a second network."
    when_not = (
        "Transformers, for which no recipe is published, and very small sets, where it collapses most easily."
    )
    source = "Chen and He 2020 (arXiv 2011.10566), facebookresearch/simsiam"

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        hidden: int = param(
            2048, help="Width of the projection head's two inner layers.", minimum=16, advanced=True
        )
        output: int = param(2048, help="Width of the projection head's output.", minimum=8, advanced=True)
        bottleneck: int = param(
            512,
            help="Width of the predictor's inner layer, a quarter of its output.",
            minimum=8,
            advanced=True,
        )

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        widths = (encoder.width, config.hidden, config.hidden, config.output)
        self.projector = mlp(widths, norm=True, learnt_norm=False)
        self.predictor = mlp((config.output, config.bottleneck, config.output))

    @classmethod
    def views(cls) -> Augmentation:
        return simsiam_views()

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        recipes.need_two(plan, "SimSiam")
        constant = Rule(
            name="predictor's learning rate",
            value="constant",
            rule="it doesn't follow the schedule, as published",
        )
        if tokens:
            source = "MoCo v3's for transformers; our choice, for SimSiam published none"
            return recipes.for_transformers(plan, source, told=(constant,))
        rate, about_rate = recipes.linear_rate(0.05, plan, "SGD; main_simsiam.py")
        return Recipe(
            optimiser="sgd", learning_rate=rate, warm_up=0, weight_decay=1e-4, told=(about_rate, constant)
        )

    def groups(self) -> list[Group]:
        return constant_rate_of(self, self.predictor)

    def forward(self, batch: Batch) -> Outcome:
        # One after the other, as published, so that each view has batch norms' statistics of its own.
        (vectors, a), (_, b) = (self._projected(view) for view in batch.views)
        predicted_a, predicted_b = self.predictor(a), self.predictor(b)
        alike = mean_cosine(predicted_a, b.detach()) + mean_cosine(predicted_b, a.detach())
        return Outcome(loss=-alike / 2, vectors=vectors.detach(), numbers={"output_spread": spread(a)})

    def _projected(self, view: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        vectors = self.encoder(view)
        return vectors, self.projector(vectors)
