"""The network that learns: a timm model, seen as vectors and patch tokens, of the whole picture or of parts of it."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Encoder(nn.Module):
    """A timm model without its classifier.

    `tokens`: whether it is a plain transformer (timm's VisionTransformer), which is what masking needs. `width`: of
    its vectors. `patch`: px, 1 for a convolutional network. `fresh`: whether nothing has been learnt yet, so that a
    method may begin it in its own way.

    A transformer that is shown pictures of several sizes must be built with timm's `dynamic_img_size`.
    """

    def __init__(self, module: Any, fresh: bool = True) -> None:
        super().__init__()
        self.module = module
        self.fresh = fresh
        self.tokens = is_plain_transformer(module)
        self.width = int(
            module.num_features if self.tokens else (module.head_hidden_size or module.num_features)
        )
        self.patch = int(module.patch_embed.patch_size[0]) if self.tokens else 1
        self.prefix = int(module.num_prefix_tokens) if self.tokens else 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, S, S) normalised -> (B, width): the class token of a transformer that has one (else the mean of its
        patches), the pooled map of a convolutional network."""
        if self.tokens:
            return self.vector_of(self.all_tokens(images))
        vectors: torch.Tensor = self.module.forward_head(
            self.module.forward_features(images), pre_logits=True
        )
        return vectors.flatten(1)

    def all_tokens(self, images: torch.Tensor, hidden: torch.Tensor | None = None) -> torch.Tensor:
        """(B, prefix + N, width) after the last norm.

        Args:
            hidden: (B, N) bool; patches whose embedding is replaced by the mask token before the positions are added
                (iBOT). Needs `add_mask_token`.
        """
        module = self.module
        patches = module.patch_embed(images)
        if hidden is not None:
            flat = patches.flatten(1, 2) if patches.ndim == 4 else patches
            flat = torch.where(hidden.unsqueeze(-1), self.mask_token.to(flat.dtype), flat)
            patches = flat.view_as(patches)
        tokens = module.norm_pre(module.patch_drop(module._pos_embed(patches)))
        for block in module.blocks:
            tokens = block(tokens)
        return module.norm(tokens)

    def visible_tokens(self, images: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """(B, prefix + M, width): only the patches `kept` (B, M) int64 are encoded, at their own positions (MAE)."""
        module = self.module
        tokens = module._pos_embed(module.patch_embed(images))
        first, patches = tokens[:, : self.prefix], tokens[:, self.prefix :]
        some = patches.gather(1, kept.unsqueeze(-1).expand(-1, -1, patches.shape[-1]))
        tokens = module.norm_pre(torch.cat([first, some], dim=1))
        for block in module.blocks:
            tokens = block(tokens)
        return module.norm(tokens)

    def vector_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, width) of (B, prefix + N, width)."""
        return tokens[:, 0] if self.module.cls_token is not None else tokens[:, self.prefix :].mean(1)

    def patches_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, N, width)."""
        return tokens[:, self.prefix :]

    def num_patches(self, image_size: int) -> int:
        return (image_size // self.patch) ** 2

    def add_mask_token(self) -> None:
        """A learnt token for hidden patches, zeros at first (iBOT, `vision_transformer.py`)."""
        self.mask_token = nn.Parameter(torch.zeros(self.width))


def is_plain_transformer(module: nn.Module) -> bool:
    """timm's VisionTransformer, which DINOv2's and most others are too."""
    from timm.models.vision_transformer import VisionTransformer

    return isinstance(module, VisionTransformer)
