"""The network that learns: a timm model, seen as vectors and patch tokens, of the whole picture or of parts of it."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Encoder(nn.Module):
    """A timm model without its classifier.

    `tokens`: whether it is a plain transformer (timm's VisionTransformer), which is what masking needs. `width`: of
    its vectors. `patch`: px, 1 for a convolutional network. `stride`: px from a place of the last map to the next.
    `fresh`: whether nothing has been learnt yet, so that a method may begin it in its own way.

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
        self.stride = self.patch if self.tokens else int(module.feature_info[-1]["reduction"])
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
        """(B, prefix + N, width) after the last block and the norm that the model has there.

        Args:
            hidden: (B, N) bool; patches whose embedding is replaced by the mask token before the positions are added
                (iBOT). Needs `add_mask_token`.
        """
        module = self.module
        patches = self._embedded(images)
        if hidden is not None:
            flat = patches.flatten(1, 2) if patches.ndim == 4 else patches
            flat = torch.where(hidden.unsqueeze(-1), self.mask_token.to(flat.dtype), flat)
            patches = flat.view_as(patches)
        return self._through(module.patch_drop(self._placed(patches)))

    def visible_tokens(self, images: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        """(B, prefix + M, width): only the patches `kept` (B, M) int64 are encoded, at their own positions (MAE)."""
        tokens = self._placed(self._embedded(images))
        first, patches = tokens[:, : self.prefix], tokens[:, self.prefix :]
        some = patches.gather(1, kept.unsqueeze(-1).expand(-1, -1, patches.shape[-1]))
        return self._through(torch.cat([first, some], dim=1))

    def vector_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, width) of (B, prefix + N, width)."""
        pooled = tokens[:, 0] if self.module.cls_token is not None else tokens[:, self.prefix :].mean(1)
        return self.normed(pooled)

    def patches_of(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, N, width)."""
        return self.normed(tokens[:, self.prefix :])

    def normed(self, tokens: torch.Tensor) -> torch.Tensor:
        """With the last norm of models that have it behind the pooling (timm's `fc_norm`); others are unchanged."""
        normed: torch.Tensor = self.module.fc_norm(tokens)
        return normed

    def add_mask_token(self) -> None:
        """A learnt token for hidden patches, zeros at first (iBOT, `vision_transformer.py`)."""
        beside = next(self.module.parameters())
        self.mask_token = nn.Parameter(torch.zeros(self.width, device=beside.device))

    def positions(self, grid: tuple[int, int]) -> torch.Tensor:
        """(H * W, width) float32, the positions of a grid of H x W patches, row by row.

        For another grid than the model's own they are interpolated as timm does it (bicubic, antialiased), but by a
        product with fixed weights: the gradient of torch's interpolation adds up in no fixed order on a GPU, so that
        a resumed run would not be the same run.
        """
        own = tuple(self.module.patch_embed.grid_size)
        positions: torch.Tensor = self.module.pos_embed[0, -own[0] * own[1] :].float()
        if grid == own:
            return positions
        with torch.autocast(positions.device.type, enabled=False):
            return _interpolation(own, grid, positions.device) @ positions

    def _embedded(self, images: torch.Tensor) -> torch.Tensor:
        """What `patch_embed` makes of pictures, by one product of matrices where its convolution neither overlaps nor
        pads: cuDNN's own way for three channels and large strides took a tenth of a training step of ViT-S."""
        embed, side = self.module.patch_embed, self.patch
        height, width = images.shape[-2:]
        odd = height % side or width % side or (embed.strict_img_size and (height, width) != embed.img_size)
        if odd or not _cuts(embed):
            embedded: torch.Tensor = embed(images)  # says what is wrong, where a size is
            return embedded
        cut = images.unflatten(3, (width // side, side)).unflatten(2, (height // side, side))
        cut = cut.permute(0, 2, 4, 1, 3, 5).flatten(
            3
        )  # (B, H, W, channels * side * side), as the kernel lies
        patches = functional.linear(cut, embed.proj.weight.flatten(1), embed.proj.bias)
        normed: torch.Tensor = embed.norm(patches.flatten(1, 2) if embed.flatten else patches)
        return normed

    def _through(self, tokens: torch.Tensor) -> torch.Tensor:
        """The blocks, and the norms before and after them."""
        tokens = self.module.norm_pre(tokens)
        for block in self.module.blocks:
            tokens = block(tokens)
        return self.module.norm(tokens)

    def _placed(self, patches: torch.Tensor) -> torch.Tensor:
        """Patch embeddings, (B, H, W, width) of a model of many sizes or else (B, N, width), as tokens
        (B, prefix + N, width): with positions, behind the class token and the registers."""
        module = self.module
        own = tuple(module.patch_embed.grid_size)
        if patches.ndim == 3 or module.pos_embed is None or tuple(patches.shape[1:3]) == own:
            tokens: torch.Tensor = module._pos_embed(patches)
            return tokens
        # The tokens before the patches are put there and placed by the model itself, of whatever kind they are.
        nothing = patches.new_zeros(1, *own, patches.shape[-1])
        first = module._pos_embed(nothing)[:, : self.prefix]
        placed = patches.flatten(1, 2) + self.positions((patches.shape[1], patches.shape[2]))
        return torch.cat([first.expand(len(patches), -1, -1).to(placed.dtype), placed], dim=1)


@functools.lru_cache(maxsize=32)
def _interpolation(old: tuple[int, int], new: tuple[int, int], device: torch.device) -> torch.Tensor:
    """(new N, old N) float32: what each old position gives to each new one."""
    from timm.layers import resample_abs_pos_embed

    with torch.inference_mode(False), torch.no_grad():  # kept, so it must serve training whoever asks first
        each = torch.eye(old[0] * old[1]).unsqueeze(0)
        weights: torch.Tensor = resample_abs_pos_embed(
            each, new_size=list(new), old_size=list(old), num_prefix_tokens=0
        )[0].to(device)
    return weights


def _cuts(embed: Any) -> bool:
    """Whether this is timm's own convolution of patches side by side, which come out as tokens."""
    from timm.layers import PatchEmbed

    if type(embed) is not PatchEmbed or type(embed.proj) is not nn.Conv2d:
        return False
    plain = embed.proj.kernel_size == embed.proj.stride and embed.proj.groups == 1
    return plain and (embed.flatten or embed.output_fmt == "NHWC")


def is_plain_transformer(module: nn.Module) -> bool:
    """timm's VisionTransformer, which DINOv2's and most others are too."""
    from timm.models.vision_transformer import VisionTransformer

    return isinstance(module, VisionTransformer)
