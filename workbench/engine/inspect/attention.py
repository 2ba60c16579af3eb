"""Where a vision transformer looks: attention of every layer and head, rollout, and the patches that hold most of it.

Every library ends in torch's `scaled_dot_product_attention`, and what is handed to it is watched on the way: the very
queries and keys of the usual forward pass, behind rotary positions, norms of queries and whatever else a family has.
No model is switched to a slower attention and none has to be put back. Of T tokens, T x T numbers a head are made
only where a question needs them; a row for one query is a single product.

Shapes: B pictures, L layers, H heads, T tokens of which P stand before the N patches, D numbers a head.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from workbench.engine.inspect.vision import Vision
from workbench.records.text import count

Query = (
    int | Literal["cls"] | None
)  # a patch counted row by row from 0, the class token, or the mean over all patches
Fusion = Literal["mean", "max", "min"]
_CLS = "cls"


@dataclass(frozen=True, slots=True)
class _Layer:
    """What one block's attention was computed from; scores are queries keys' scale + bias."""

    queries: torch.Tensor  # (B, H, T, D)
    keys: torch.Tensor  # (B, H, T, D)
    scale: float
    bias: torch.Tensor | None  # broadcasts to (B, H, T, T)

    def weights(self, head: int) -> torch.Tensor:
        """(B, T, T) float32: row i is how token i looks at each token; rows sum to 1."""
        scores = self.queries[:, head].float() @ self.keys[:, head].float().transpose(1, 2) * self.scale
        if self.bias is not None:
            scores = scores + self.bias.expand(-1, self.queries.shape[1], -1, -1)[:, head]
        return scores.softmax(dim=-1)

    def row(self, token: int) -> torch.Tensor:
        """(B, H, T) float32: how one token looks at each token."""
        scores = self.keys.float() @ self.queries[:, :, token, :, None].float()
        scores = scores[..., 0] * self.scale
        if self.bias is not None:
            scores = scores + self.bias.expand(-1, -1, self.queries.shape[2], -1)[:, :, token]
        return scores.softmax(dim=-1)


@dataclass(frozen=True, slots=True)
class Rows:
    """How one query looks at each token; `patches` and `prefix` sum to 1 together."""

    patches: np.ndarray  # (B, L, H, N) float32, row by row of the picture
    prefix: np.ndarray  # (B, L, H, P) float32: the class token first, then the registers
    grid: tuple[int, int]  # rows and columns of the N patches


@dataclass(frozen=True, slots=True)
class Attention:
    """The attention of B pictures in every layer, from one forward pass; any row is computed when it is asked for.

    It holds 2 L T H D numbers a picture on the model's device: 9 MB for a ViT-S/14 at 224 px, 270 MB for a ViT-L/14
    at 518 px. So read few pictures at a time.
    """

    layers: tuple[_Layer, ...]
    title: str
    grid: tuple[int, int]
    has_cls: bool
    prefix: int
    norms: np.ndarray | None  # (B, h, w), as `artefacts.token_norms`; None of models without a final norm

    @property
    def depth(self) -> int:
        return len(self.layers)

    @property
    def heads(self) -> int:
        return self.layers[0].queries.shape[1]

    @property
    def nbytes(self) -> int:
        """That are held for the rows which may yet be asked for."""
        return sum(layer.queries.nbytes + layer.keys.nbytes for layer in self.layers)

    def rows(self, query: Query, layers: Sequence[int] | None = None) -> Rows:
        """How `query` looks at each patch in `layers`, counted from 0 (None: all of them).

        None as the query is the mean of what all patches do, for models without a class token.

        Raises:
            ValueError: there is no such query or layer.
        """
        token = self._token(query)
        chosen = self._chosen(layers)
        with torch.inference_mode():
            each = [self._mean_row(layer) if token is None else layer.row(token) for layer in chosen]
            whole = torch.stack(each, dim=1).cpu().numpy()
        return Rows(whole[..., self.prefix :], whole[..., : self.prefix], self.grid)

    def rollout(self, query: Query, *, fusion: Fusion = "mean", through: int | None = None) -> np.ndarray:
        """Attention followed through all layers up to `through` (counted from 0; None: the last), (B, N) float32.

        Abnar & Zuidema 2020 (Quantifying Attention Flow in Transformers): a layer passes on 0.5 A + 0.5 I, its rows
        brought to sum 1, and the layers are multiplied. A is the mean of the heads; "max" and "min" take the largest
        or smallest of them, place by place. Only the row of `query` is followed, from the last layer to the first,
        which is the same product in T^2 instead of T^3 steps. The share that ends in tokens other than patches is
        left out.

        Raises:
            ValueError: there is no such query or layer.
        """
        token = self._token(query)
        layers = self.layers if through is None else self.layers[: self._place(through) + 1]
        batch, _, length, _ = layers[0].queries.shape
        with torch.inference_mode():
            row = torch.zeros(batch, 1, length, device=layers[0].queries.device)
            if token is None:
                row[..., self.prefix :] = 1 / (length - self.prefix)
            else:
                row[..., token] = 1
            for layer in reversed(layers):
                fused = _fuse(layer, fusion)
                sums = 0.5 * fused.sum(dim=-1) + 0.5
                # row @ (0.5 A + 0.5 I) with its rows divided by their sums, without making that matrix
                row = row / sums[:, None]
                row = 0.5 * (row @ fused) + 0.5 * row
            return row[:, 0, self.prefix :].cpu().numpy()

    def _mean_row(self, layer: _Layer) -> torch.Tensor:
        """(B, H, T): the mean of the patches' rows, head by head, so that T x T numbers exist once."""
        each = [layer.weights(head)[:, self.prefix :].mean(dim=1) for head in range(self.heads)]
        return torch.stack(each, dim=1)

    def _token(self, query: Query) -> int | None:
        if query is None:
            return None
        if query == _CLS:
            if not self.has_cls:
                raise ValueError(
                    f"{self.title} has no class token. Ask for the mean over all patches, or for one patch."
                )
            return 0
        number = self.grid[0] * self.grid[1]
        if not isinstance(query, (int, np.integer)) or not 0 <= query < number:
            raise ValueError(f"There is no patch {query}: {self.title} has {number}, counted from 0.")
        return self.prefix + int(query)

    def _chosen(self, layers: Sequence[int] | None) -> list[_Layer]:
        return [
            self.layers[self._place(layer)] for layer in (range(self.depth) if layers is None else layers)
        ]

    def _place(self, layer: int) -> int:
        if not 0 <= layer < self.depth:
            raise ValueError(
                f"{self.title} has {count(self.depth, 'layer')}, and layer {layer + 1} was asked for. "
                f"Choose from 1 to {self.depth}."
            )
        return layer


def read_attention(vision: Vision, pictures: np.ndarray) -> Attention:
    """(B, S, S, n) pictures as `vision.prepare` gives them -> their attention, from one forward pass.

    Raises:
        ValueError: the model has no attention between all of its patches, or computes it in a way of its own.
    """
    if not vision.attends:
        raise ValueError(
            f"{vision.title} has no attention to show: it looks by convolutions or in windows, and no patch looks at "
            "all others. Its patch maps can be shown. For attention, choose a vision transformer such as DINOv2."
        )
    length = vision.prefix + vision.grid[0] * vision.grid[1]
    watch = _Watch(length)
    raw = vision.catching_raw() if vision.final_norm is not None else contextlib.nullcontext([])
    with torch.inference_mode(), _fused(vision.backbone.module), raw as caught, watch:
        vision.run(vision.pixels(pictures))
    if not watch.layers or (vision.depth and len(watch.layers) != vision.depth):
        raise ValueError(
            f"{vision.title} computes its attention in a way of its own, which can't be read here. Its patch maps "
            "can be shown. For attention, choose a usual vision transformer such as DINOv2."
        )
    norms = caught[0].norm(dim=-1).reshape(-1, *vision.grid).cpu().numpy() if caught else None
    return Attention(tuple(watch.layers), vision.title, vision.grid, vision.has_cls, vision.prefix, norms)


class _Watch(TorchFunctionMode):
    """Inside, keeps the queries and keys of every attention of `length` tokens to themselves."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.layers: list[_Layer] = []
        self._length = length

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.scaled_dot_product_attention:
            self._keep(*args, **kwargs)
        return func(*args, **kwargs)

    def _keep(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> None:
        if query.ndim != 4 or query.shape != key.shape or query.shape[2] != self._length or is_causal:
            return
        bias = attn_mask
        if bias is not None and bias.dtype == torch.bool:
            bias = torch.zeros(bias.shape, device=bias.device).masked_fill(~bias, -torch.inf)
        if bias is not None:
            bias = bias.float()[(None,) * (4 - bias.ndim)]
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        # Contiguous, because a view of queries, keys and values in one would keep all three.
        self.layers.append(_Layer(query.contiguous(), key.contiguous(), scale, bias))


@contextlib.contextmanager
def _fused(module: torch.nn.Module) -> Iterator[None]:
    """timm's layers that would multiply by hand go through torch's attention meanwhile."""
    by_hand = [part for part in module.modules() if getattr(part, "fused_attn", True) is False]
    try:
        for part in by_hand:
            part.fused_attn = True
        yield
    finally:
        for part in by_hand:
            part.fused_attn = False


def _fuse(layer: _Layer, fusion: Fusion) -> torch.Tensor:
    """(B, T, T): all heads of a layer as one."""
    fused = layer.weights(0)
    for head in range(1, layer.queries.shape[1]):
        one = layer.weights(head)
        if fusion == "mean":
            fused += one
        elif fusion == "max":
            fused = torch.maximum(fused, one)
        else:
            fused = torch.minimum(fused, one)
    return fused / layer.queries.shape[1] if fusion == "mean" else fused
