"""Losses between a network and its slowly moving copy: TiCo, MMCR, MSN, PMSN."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import torch
from lightly.loss import MMCRLoss, MSNLoss, PMSNLoss, TiCoLoss
from torch import nn
from torch.nn import functional

from ssl_workbench_lightly import views
from ssl_workbench_lightly.base import GATHERED, LossMethod, whole
from ssl_workbench_lightly.masks import hidden_patches, shown
from ssl_workbench_lightly.settings import Told, hidden, hidden_share, momentum, output, settings
from workbench.engine.api import (
    Augmentation,
    Batch,
    Draw,
    Encoder,
    Outcome,
    Plan,
    Recipe,
    byol_views,
    copy_of,
    cosine,
    mlp,
    move,
    param,
    spread,
)


class Followed(LossMethod):
    """A network with a head, and a copy of both that follows slowly."""

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.projector = mlp((encoder.width, config.hidden, config.output), norm=True)
        self.slow_encoder = copy_of(encoder)
        self.slow_projector = copy_of(self.projector)

    @classmethod
    def views(cls) -> Augmentation:
        return byol_views()

    def slow(self, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            told: torch.Tensor = self.slow_projector(self.slow_encoder(images))
        return told

    def after_step(self, step: int) -> None:
        kept = cosine(self.config.momentum, 1.0, step, self.plan.steps)
        move(self.slow_encoder, self.encoder, kept)
        move(self.slow_projector, self.projector, kept)


class TiCo(Followed):
    name = "lightly_tico"
    title = "TiCo (lightly)"
    family = "decorrelation"
    summary = "A picture is to be like its copy's view of it, and unlike the directions that all share."
    when = "Batches from 64, and pictures that are much alike: nothing is pushed apart."
    when_not = "Classes that colour tells apart, for the views change colour."
    source = "Zhu et al. 2022 (arXiv 2206.10698), lightly TiCoLoss"
    loss = TiCoLoss
    held = GATHERED
    decay, rule = 1.5e-6, "lightly's benchmark of TiCo"
    Config = settings(
        TiCoLoss,
        {
            "beta": Told("How slowly the shared directions are forgotten.", 0, 1),
            "rho": Told("How much it counts that pictures leave the shared directions.", 0, 1000),
        },
        momentum=momentum(0.99),
        hidden=hidden(4096),
        output=output(256),
    )

    covariance: torch.Tensor

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        # lightly keeps it where no checkpoint would find it.
        self.register_buffer("covariance", torch.zeros(config.output, config.output))

    def forward(self, batch: Batch) -> Outcome:
        vectors = self.encoder(batch.views[0])
        a = self.projector(vectors)
        b = self.slow(batch.views[1])
        with self.counting(batch):
            self.criterion.C = self.covariance.clone()
            loss = self.criterion(whole(a), whole(b))
            self.covariance.copy_(self.criterion.C)
        return Outcome(loss=loss, vectors=vectors.detach(), numbers={"output_spread": spread(a)})


class MMCR(Followed):
    name = "lightly_mmcr"
    title = "MMCR (lightly)"
    family = "decorrelation"
    summary = "Views of a picture lie close together, and the centres of all pictures fill their space."
    when = "Batches from 64, and pictures that are much alike."
    when_not = "Classes that colour tells apart, and GPUs that are slow at singular values."
    source = "Yerxa et al. 2023 (arXiv 2303.03307), lightly MMCRLoss"
    loss = MMCRLoss
    Config = settings(
        MMCRLoss,
        {"lmda": Told("How much it counts that views of a picture lie close together.", 0, 10)},
        momentum=momentum(0.99),
        hidden=hidden(),
        output=output(128),
    )

    def forward(self, batch: Batch) -> Outcome:
        vectors = self.encoder(batch.views[0])
        first, second = self.projector(vectors), self.projector(self.encoder(batch.views[1]))
        slow = [self.slow(view) for view in batch.views]
        with self.counting(batch):
            online, followed = (
                torch.stack([functional.normalize(whole(one), dim=1) for one in each], dim=1)
                for each in ((first, second), slow)
            )
            loss = self.criterion(online, followed)
        return Outcome(loss=loss, vectors=vectors.detach(), numbers={"output_spread": spread(first)})


class MSN(Followed):
    name = "lightly_msn"
    title = "MSN (lightly)"
    family = "distillation"
    summary = "A view with hidden patches, and small crops, are put among the same prototypes as the whole."
    when = "Transformers, and few labels later on."
    when_not = "Few patches, and classes of very different sizes: prototypes are filled evenly."
    source = "Assran et al. 2022 (arXiv 2204.07141), lightly MSNLoss"
    tokens_only = True
    loss: ClassVar[type[nn.Module]] = MSNLoss
    held = GATHERED
    TOLD: ClassVar[dict[str, Told]] = {
        "temperature": Told("How sharply prototypes are told apart.", 0.01, 2),
        "sinkhorn_iterations": Told("Rounds in which prototypes are filled evenly.", 0, 100, True),
        "regularization_weight": Told("How much it counts that all prototypes are used.", 0, 100),
    }
    OWN: ClassVar[dict[str, Any]] = {
        "prototypes": param(
            512,
            help="Prototypes; published are 1,024 for a million pictures.",
            minimum=2,
            maximum=65_536,
        ),
        "mask_ratio": hidden_share(0.15),
        "target_temperature": param(
            0.25, help="How sharply the copy decides.", minimum=0.01, maximum=1, advanced=True
        ),
        "momentum": momentum(0.996),
        "hidden": hidden(),
        "output": output(256),
    }
    Config = settings(MSNLoss, TOLD, **OWN)

    def __init__(self, encoder: Encoder, config: Any, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        self.prototypes = nn.Parameter(torch.empty(config.prototypes, config.output))
        nn.init.uniform_(self.prototypes, -(config.output**-0.5), config.output**-0.5)

    @classmethod
    def views(cls) -> Augmentation:
        return views.focal(10)

    @classmethod
    def recipe(cls, config: Any, plan: Plan, tokens: bool) -> Recipe:
        if not tokens:
            raise ValueError(f"{cls.title} hides patches, so it needs a transformer (vit_*). Choose one.")
        return super().recipe(config, plan, tokens)

    @classmethod
    def hidden(cls, config: Any, draw: Draw, num: int, grid: int, view: int) -> torch.Tensor | None:
        return hidden_patches(draw, grid, config.mask_ratio, view) if view == 1 else None

    def forward(self, batch: Batch) -> Outcome:
        target, masked, *crops = batch.views
        grid = masked.shape[-1] // self.encoder.patch
        mask = self.hidden(self.config, batch.draw, len(masked), grid, 1)
        assert mask is not None
        with torch.no_grad():
            vectors = self.slow_encoder(target)
            targets = self.slow_projector(vectors)
        seen = [self.encoder.vector_of(self.encoder.visible_tokens(masked, shown(mask).to(masked.device)))]
        if crops:
            seen.append(self.encoder(torch.cat(crops)))
        anchors = self.projector(torch.cat(seen)).chunk(1 + len(crops))
        with self.counting(batch):
            loss = self.criterion(
                torch.cat([whole(one) for one in anchors]),
                whole(targets),
                self.prototypes.float(),
                self.config.target_temperature,
            )
        return Outcome(
            loss=loss,
            vectors=vectors.detach(),
            numbers={"output_spread": spread(anchors[0])},
            uniform_loss=math.log(self.config.prototypes),
        )

    @property
    def backbone(self) -> Encoder:
        return self.slow_encoder


class PMSN(MSN):
    name = "lightly_pmsn"
    title = "PMSN (lightly)"
    summary = "Like MSN, with prototypes filled as unevenly as classes often are: by a power law."
    when = "Transformers, and classes of very different sizes."
    when_not = "Few patches, and classes that are all about as large."
    source = "Assran et al. 2022 (arXiv 2210.07277), lightly PMSNLoss"
    loss = PMSNLoss
    Config = settings(
        PMSNLoss,
        {
            **MSN.TOLD,
            "power_law_exponent": Told("How uneven prototypes are filled; 0 fills them evenly.", 0, 4),
        },
        **MSN.OWN,
    )
