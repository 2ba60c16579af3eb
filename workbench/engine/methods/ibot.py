"""iBOT: DINO, and a student that sees a picture with blocks of it hidden learns what the teacher sees there.

Zhou et al. 2022, "iBOT: Image BERT Pre-Training with Online Tokenizer"; recipe as in bytedance/ibot (`main_ibot.py`,
`loader.py`, README: one head for class token and patches). Left out is the student's stochastic depth of 0.1, for it
draws random numbers that depend on how a batch is shared out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn import functional

from workbench.engine.methods import teaching
from workbench.engine.methods.base import Batch, Draw, Outcome, Plan, Recipe
from workbench.engine.methods.centre import Centre
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.masks import STREAM, block_masks
from workbench.engine.methods.published_views import crop_views
from workbench.engine.methods.taught import Taught, TaughtConfig, prototypes
from workbench.engine.transfer import sent
from workbench.records.augmentation import Augmentation
from workbench.records.params import param

PROTOTYPES = 8192


class IBOT(Taught):
    name = "ibot"
    title = "iBOT"
    family = "distillation"
    summary = "Like DINO, and what the teacher sees in hidden blocks of a picture is guessed from the rest."
    when = "Transformers, and labels that hang on parts and textures as much as on the whole."
    when_not = "Few patches: below about 8 x 8 a hidden block leaves too little to guess it from."
    source = "Zhou et al. 2022 (arXiv 2111.07832), bytedance/ibot main_ibot.py"
    tokens_only = True

    published = PROTOTYPES

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config(TaughtConfig):
        prototypes: int = prototypes("pictures and patches", PROTOTYPES)
        teacher_temperature: float = param(
            0.04, help="How sharply the teacher decides about a picture.", minimum=0.005, maximum=1
        )
        patch_temperature: float = param(
            0.07, help="How sharply the teacher decides about a patch.", minimum=0.005, maximum=1
        )
        first_temperature: float = param(
            0.04,
            help="Both temperatures in the first epoch. Lower it where the loss doesn't fall.",
            minimum=0.005,
            maximum=1,
            advanced=True,
        )
        centre_momentum: float = param(
            0.9, help="How slowly both centres follow.", minimum=0, maximum=1, advanced=True
        )
        mask_ratio: float = param(
            0.3, help="Share of a masked view's patches that is hidden.", minimum=0, maximum=0.9
        )
        mask_spread: float = param(
            0.2, help="How far that share varies, either way.", minimum=0, maximum=0.5, advanced=True
        )
        masked_views: float = param(
            0.5, help="How often a view is masked at all.", minimum=0, maximum=1, advanced=True
        )
        picture_weight: float = param(
            1.0, help="Weight of the loss of whole pictures.", minimum=0, maximum=100, advanced=True
        )
        patch_weight: float = param(
            1.0, help="Weight of the loss of hidden patches.", minimum=0, maximum=100, advanced=True
        )

    Config: ClassVar[type]

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        encoder.add_mask_token()  # before the teacher is copied
        super().__init__(encoder, config, plan)
        self.patch_centre = Centre(self.num_outputs, config.centre_momentum)

    @classmethod
    def views(cls) -> Augmentation:
        return crop_views(global_min=0.25, local_max=0.25, num_local=10)

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        if not tokens:
            raise ValueError(
                "iBOT hides patches, so it needs a transformer (vit_*). Choose one, or DINO for this architecture."
            )
        return super().recipe(config, plan, tokens)

    @classmethod
    def hidden(cls, config: Config, draw: Draw, num: int, grid: int, view: int) -> torch.Tensor | None:
        if view >= teaching.NUM_GLOBAL:
            return None
        masks = block_masks(
            draw.generator(STREAM + view),
            draw.whole,
            grid,
            config.masked_views,
            config.mask_ratio,
            config.mask_spread,
        )
        return torch.from_numpy(masks[draw.rows].reshape(num, grid * grid))

    def forward(self, batch: Batch) -> Outcome:
        config = self.config
        whole, parts = batch.views[: teaching.NUM_GLOBAL], batch.views[teaching.NUM_GLOBAL :]
        first = whole[0]
        num, grid = len(first), first.shape[-1] // self.encoder.patch
        drawn = [self.hidden(config, batch.draw, num, grid, view) for view in range(len(whole))]
        hidden = torch.cat([mask for mask in drawn if mask is not None])  # (views * B, N), on the CPU
        where = sent(hidden.flatten().nonzero().flatten(), first.device)
        temperature = self.temperature_at(batch.step, config.teacher_temperature)
        patch_temperature = self.temperature_at(batch.step, config.patch_temperature)

        images = torch.cat(whole)
        with torch.no_grad():
            tokens = self.teacher.all_tokens(images)
            vectors = self.teacher.vector_of(tokens)
            told = self.teacher_head(vectors)
            short = self.teacher_head.bottleneck(self.teacher.patches_of(tokens).flatten(0, 1))
            patches_told = self.teacher_head.outputs(short.index_select(0, where))
        targets = self.centre.probabilities(told, temperature).chunk(len(whole))
        patch_targets = self.patch_centre.probabilities(patches_told, patch_temperature)
        self.centre.note(told.float().mean(0))
        self.patch_centre.note(
            self.teacher_head.mean_output(short)
        )  # of hidden and visible patches, as published

        tokens = self.encoder.all_tokens(images, sent(hidden, first.device))
        seen = self.encoder.vector_of(tokens)
        if parts:
            seen = torch.cat([seen, self.encoder(torch.cat(parts))])
        outputs = (self.head(seen).float() / config.student_temperature).chunk(len(batch.views))
        guessed = self.head(self.encoder.patches_of(tokens).flatten(0, 1).index_select(0, where))
        picture_loss = teaching.crossed(outputs, targets)
        patch_loss = hidden_loss(guessed.float() / config.student_temperature, patch_targets, hidden)
        masked = float(hidden.any(1).float().mean())  # views without a hidden patch add nothing to the loss
        return Outcome(
            loss=config.picture_weight * picture_loss + config.patch_weight * patch_loss,
            vectors=vectors[:num],
            numbers={
                "momentum": self.momentum_at(batch.step),
                "temperature": temperature,
                "patch_temperature": patch_temperature,
                "picture_loss": picture_loss.detach(),
                "patch_loss": patch_loss.detach(),
                "mask_ratio": float(hidden.float().mean()),
                "entropy": teaching.entropy(targets[0]),
                "centre_norm": self.centre.value.norm(),
            },
            uniform_loss=self.uniform_loss * (config.picture_weight + config.patch_weight * masked),
            outputs=targets[0],
        )

    def after_step(self, step: int) -> None:
        super().after_step(step)
        self.patch_centre.move()


def hidden_loss(outputs: torch.Tensor, targets: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of hidden patches: the mean over those of a view, then over all views, also those in which
    none is hidden and which count as 0 (`main_ibot.py`, `iBOTLoss`).

    Args:
        outputs: (M, K) of the student for the M hidden patches, view by view, divided by its temperature.
        targets: (M, K) probabilities of the teacher.
        hidden: (V, N) bool on the CPU, with M that are True.
    """
    counts = hidden.sum(1)
    weights = (1 / counts.clamp(min=1)).repeat_interleave(counts) / len(hidden)
    each = functional.cross_entropy(outputs, targets, reduction="none")
    return (each * sent(weights, each.device)).sum()
