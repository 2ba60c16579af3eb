"""MAE: three quarters of a picture's patches are hidden and painted in from the rest.

He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners"; recipe as told in the paper (appendix A.1) and in
facebookresearch/mae (PRETRAIN.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from workbench.engine.methods.base import Batch, Draw, Method, Outcome, Plan, Recipe
from workbench.engine.methods.decoder import Decoder, begin
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.masks import STREAM, random_mask
from workbench.engine.methods.positions import grid_positions
from workbench.engine.methods.recipes import linear_rate, warm_up
from workbench.engine.transfer import sent
from workbench.records.augmentation import Augmentation, View
from workbench.records.params import param
from workbench.records.pretraining import Rule

LARGE = 1024  # width of ViT-L
PUBLISHED_WIDTH = 512  # of the decoder, half of ViT-L's
HEAD_WIDTH = 32  # of the decoder's attention, as published: 512 / 16


class MAE(Method):
    name = "mae"
    title = "MAE"
    family = "reconstruction"
    summary = "Three quarters of a picture's patches are hidden and painted in from the rest."
    when = "Colour, scale or fine texture is the signal, and the network will be fine-tuned."
    when_not = "A probe or k-NN on frozen vectors is the goal: the other families give better ones."
    source = "He et al. 2022 (arXiv 2111.06377), facebookresearch/mae PRETRAIN.md"
    tokens_only = True

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Config:
        mask_ratio: float = param(
            0.75, help="Share of the patches that is hidden.", minimum=0.05, maximum=0.95
        )
        norm_pixels: bool = param(
            True,
            help="Paint each patch in units of its own mean and contrast: better vectors, less faithful pictures.",
        )
        decoder_depth: int = param(8, help="Blocks of the decoder.", minimum=1, maximum=64, advanced=True)
        decoder_width: int = param(
            0,
            help="Width of the decoder; 0 takes half the encoder's and at most the published 512.",
            minimum=0,
            at_minimum="half the encoder's",
            maximum=4096,
            advanced=True,
        )
        decoder_heads: int = param(
            0,
            help="Attention heads of the decoder; 0 takes one for every 32 of its width, as published.",
            minimum=0,
            at_minimum="as published",
            maximum=64,
            advanced=True,
        )

    Config: ClassVar[type]

    def __init__(self, encoder: Encoder, config: Config, plan: Plan) -> None:
        super().__init__(encoder, config, plan)
        module = encoder.module
        if module.pos_embed is None:
            raise ValueError(
                "MAE needs a transformer with a position for each patch, and this one has none. Choose another vit_*."
            )
        if encoder.fresh:
            _begin(encoder)
        self.channels = int(module.patch_embed.proj.in_channels)
        width = config.decoder_width or _decoder_width(encoder.width)
        heads = config.decoder_heads or max(width // HEAD_WIDTH, 1)
        if width % 4 or width % heads:
            raise ValueError(
                f"The decoder's width must be a multiple of 4 and of its number of heads, and {width} isn't one of "
                f"4 and {heads}."
            )
        self.decoder = Decoder(
            encoded=encoder.width,
            prefix=encoder.prefix,
            grid=plan.image_size // encoder.patch,
            outputs=encoder.patch**2 * self.channels,
            depth=config.decoder_depth,
            width=width,
            heads=heads,
        )

    @classmethod
    def views(cls) -> Augmentation:
        return Augmentation(views=(View(name="view", crop_min=0.2, mirror=0.5),))

    @classmethod
    def recipe(cls, config: Config, plan: Plan, tokens: bool) -> Recipe:
        if not tokens:
            raise ValueError(
                "MAE hides patches, so it needs a transformer (vit_*). Choose one, or another method for this "
                "architecture."
            )
        rate, about_rate = linear_rate(1.5e-4, plan, "AdamW; MAE, table 8")
        steps, about_steps = warm_up(plan, 40, 800)
        width = f"{config.decoder_width}" if config.decoder_width else "half the encoder's, at most 512"
        return Recipe(
            optimiser="adamw",
            learning_rate=rate,
            warm_up=steps,
            weight_decay=0.05,
            betas=(0.9, 0.95),
            told=(
                about_rate,
                about_steps,
                Rule(
                    name="decoder",
                    value=f"{config.decoder_depth} blocks, width {width}",
                    rule="published are 8 blocks of 512, half of ViT-L's width; narrower for smaller encoders "
                    "(ours), for else the decoder is most of the work",
                ),
            ),
        )

    @property
    def compiles(self) -> bool:
        """Few patches are visible, so that a GPU waits for what it is asked, and compiled blocks are asked for more
        slowly: 3,900 images/s with, 4,400 without (ViT-S/16, 224 px, batches of 256, NVIDIA H200). A ViT-L has ten
        times the work."""
        return self.encoder.width >= LARGE

    @classmethod
    def hidden(cls, config: Config, draw: Draw, num: int, grid: int, view: int) -> torch.Tensor | None:
        return random_mask(draw.uniform(STREAM + view, grid * grid), config.mask_ratio)

    def forward(self, batch: Batch) -> Outcome:
        """`vectors` are of the visible patches alone: the whole picture would have to be encoded for them."""
        (images,) = batch.views
        grid = images.shape[-1] // self.encoder.patch
        hidden = self.hidden(self.config, batch.draw, len(images), grid, 0)
        assert hidden is not None
        painted, tokens = self._painted(images, hidden)
        target = cut(images, self.encoder.patch).float()
        if self.config.norm_pixels:
            target = normed(target)
        errors = (painted.float() - target).square().mean(-1)
        mask = sent(hidden, errors.device)
        return Outcome(
            loss=(errors * mask).sum() / mask.sum(),
            vectors=self.encoder.vector_of(tokens).detach(),
            numbers={"mask_ratio": float(hidden.float().mean())},
        )

    def reconstruct(self, images: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """What the network paints in every patch.

        Args:
            images: (B, C, S, S) normalised, of the size that was trained with.
            hidden: (B, N) bool, as many True in every picture.

        Returns:
            (B, N, patch * patch * C) as `cut` gives it, in the units of `images`; with `norm_pixels` in units of each
            patch's own deviation from its own mean, which a hidden patch doesn't tell.

        Raises:
            ValueError: pictures with different numbers of hidden patches, or with none that is visible.
        """
        visible = (~hidden).sum(1)
        if int(visible.min()) != int(visible.max()) or int(visible.min()) == 0:
            raise ValueError(
                "As many patches must be visible in every picture that is reconstructed, and one at least."
            )
        return self._painted(images, hidden)[0]

    def _painted(self, images: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Every patch as painted, (B, N, patch * patch * C), and the encoder's tokens (B, prefix + M, width)."""
        kept = sent((~hidden).nonzero()[:, 1].reshape(len(hidden), -1), images.device)
        tokens = self.encoder.visible_tokens(images, kept)
        return self.decoder(self.encoder.normed(tokens), kept), tokens


def cut(images: torch.Tensor, patch: int) -> torch.Tensor:
    """(B, C, S, S) -> (B, N, patch * patch * C): patches row by row, their pixels row by row, then channels."""
    return (
        images.unfold(2, patch, patch)
        .unfold(3, patch, patch)
        .permute(0, 2, 3, 4, 5, 1)
        .flatten(3)
        .flatten(1, 2)
    )


def normed(patches: torch.Tensor) -> torch.Tensor:
    """(B, N, P) in units of each patch's own mean and deviation (MAE, section 3, "Reconstruction target")."""
    variance, mean = torch.var_mean(patches, dim=-1, keepdim=True)
    return (patches - mean) / (variance + 1e-6).sqrt()


def _decoder_width(encoded: int) -> int:
    return min(max(HEAD_WIDTH * round(encoded / 2 / HEAD_WIDTH), HEAD_WIDTH), PUBLISHED_WIDTH)


@torch.no_grad()
def _begin(encoder: Encoder) -> None:
    """As published: Xavier's weights, a small class token, and fixed positions of sines and cosines."""
    module = encoder.module
    begin(module)
    if module.cls_token is not None:
        nn.init.normal_(module.cls_token, std=0.02)
    grid = module.patch_embed.grid_size[0]
    module.pos_embed.zero_()  # also of the tokens before the patches
    module.pos_embed[:, -grid * grid :] = grid_positions(grid, encoder.width)
    module.pos_embed.requires_grad_(False)
