"""MAE's decoder: paints hidden patches from the tokens of the visible ones. Not used after pretraining."""

from __future__ import annotations

import functools

import torch
from torch import nn

from workbench.engine.methods.positions import grid_positions

EPSILON = 1e-6  # of the layer norms, as published


class Decoder(nn.Module):
    """A transformer over all patches, in which a learnt token stands for each hidden one.

    Args:
        encoded: width of the encoder's tokens.
        prefix: tokens before the patches (class token, registers); they are decoded along, without a position.
        grid: patches along a side.
        outputs: numbers that a patch consists of.
    """

    positions: torch.Tensor

    def __init__(
        self, *, encoded: int, prefix: int, grid: int, outputs: int, depth: int, width: int, heads: int
    ) -> None:
        from timm.models.vision_transformer import Block

        super().__init__()
        norm = functools.partial(nn.LayerNorm, eps=EPSILON)
        self.prefix = prefix
        self.enter = nn.Linear(encoded, width)
        self.mask_token = nn.Parameter(torch.zeros(width))
        self.register_buffer("positions", grid_positions(grid, width))
        self.blocks = nn.Sequential(
            *(
                Block(width, heads, mlp_ratio=4, qkv_bias=True, norm_layer=norm)  # type: ignore[arg-type]
                for _ in range(depth)
            )
        )
        self.norm = norm(width)
        self.paint = nn.Linear(width, outputs)
        begin(self)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(self, tokens: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """
        Args:
            tokens: (B, prefix + M, encoded) of the visible patches.
            kept: (B, M) int64, which patches they are.

        Returns:
            (B, N, outputs), of every patch.
        """
        tokens = self.enter(tokens)
        first, visible = tokens[:, : self.prefix], tokens[:, self.prefix :]
        num, width = len(tokens), tokens.shape[-1]
        everywhere = self.mask_token.to(tokens.dtype).expand(num, len(self.positions), width)
        patches = everywhere.scatter(1, kept.unsqueeze(-1).expand(-1, -1, width), visible)
        tokens = self.blocks(torch.cat([first, patches + self.positions], dim=1))
        painted: torch.Tensor = self.paint(self.norm(tokens[:, self.prefix :]))
        return painted


def begin(module: nn.Module) -> None:
    """As MAE begins (`models_mae.py`, `initialize_weights`): Xavier's uniform weights, also of convolutions
    seen as matrices, and no biases."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight.data.view(len(part.weight), -1))
            if part.bias is not None:
                nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LayerNorm):
            nn.init.ones_(part.weight)
            nn.init.zeros_(part.bias)
