"""The head that says how near a vector is to each of many prototypes (DINO, `vision_transformer.py`, `DINOHead`)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

BOTTLENECK = 256  # numbers of the vectors that are compared with prototypes


class PrototypeHead(nn.Module):
    """(..., width) -> (..., K): three layers, a vector of length 1, and its cosine with each of K prototypes.

    The prototypes' length is fixed at 1 (`norm_last_layer`). Can be copied deeply, unlike with torch's old
    `weight_norm`.
    """

    def __init__(self, width: int, prototypes: int, hidden: int = 2048) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.GELU(),
            nn.Linear(hidden, BOTTLENECK),
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        self.last = weight_norm(nn.Linear(BOTTLENECK, prototypes, bias=False))
        length = self.last.parametrizations.weight.original0
        nn.init.ones_(length)
        length.requires_grad_(False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.outputs(self.bottleneck(vectors))

    def bottleneck(self, vectors: torch.Tensor) -> torch.Tensor:
        """(..., width) -> (..., bottleneck) of length 1."""
        return functional.normalize(self.layers(vectors), dim=-1)

    def outputs(self, short: torch.Tensor) -> torch.Tensor:
        """(..., bottleneck) -> (..., K)."""
        outputs: torch.Tensor = self.last(short)
        return outputs

    @torch.no_grad()
    def mean_output(self, short: torch.Tensor) -> torch.Tensor:
        """(K,) float32, the mean of the outputs of (M, bottleneck). The last layer is linear, so it is the output of
        the mean, and the outputs of M patches needn't be held."""
        with torch.autocast(short.device.type, enabled=False):
            return functional.linear(short.float().mean(0), self.last.weight.float())

    def hold_prototypes(self) -> None:
        """The prototypes don't learn in this step (DINO, `cancel_gradients_last_layer`)."""
        for value in self.last.parameters():
            value.grad = None
