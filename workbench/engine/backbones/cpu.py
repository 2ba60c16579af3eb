"""The same forward pass, quicker on an x86 processor.

torch multiplies fp32 matrices by MKL, which on AMD runs a quarter slower than oneDNN, and converts and repacks bf16
weights on every call. Here every `nn.Linear` keeps its weights packed for oneDNN, with the exact GELU that follows
applied on the way out, and bf16 attention goes through oneDNN's batched products, a third quicker than torch's fused
kernel, which computes in fp32. The operators are those that torch.compile's freezing uses; no compiler is needed.
Where they are absent or give another answer, the model stays as it is.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_X86 = ("x86_64", "AMD64")
_LONGEST = 600  # tokens; beyond, nothing is gained: the score matrices no longer fit the caches


class PackedLinear(nn.Module):
    """`nn.Linear`, optionally with GELU behind it, on weights packed for oneDNN. Inference only.

    (..., K) -> (..., N) in `dtype`; K and N are the linear's.
    """

    def __init__(self, linear: nn.Linear, dtype: torch.dtype, gelu: bool = False) -> None:
        super().__init__()
        self.in_features, self.out_features, self._dtype = linear.in_features, linear.out_features, dtype
        self._weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach().to(dtype), None)
        self._bias = None if linear.bias is None else linear.bias.detach().to(dtype)
        self._after = ("gelu", "none") if gelu else ("none", "")
        self._dense: torch.Tensor | None = None

    @property
    def weight(self) -> torch.Tensor:
        """(N, K) in `dtype`, for models that multiply by it themselves (timm's BEiT, EVA and ConViT)."""
        if self._dense is None:
            self._dense = self._weight.to_dense()
        return self._dense

    @property
    def bias(self) -> torch.Tensor | None:
        return self._bias

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        name, algorithm = self._after
        return torch.ops.mkldnn._linear_pointwise(
            values.to(self._dtype), self._weight, self._bias, name, [], algorithm
        )


class OneDnnAttention(TorchFunctionMode):
    """Inside, `scaled_dot_product_attention` of bf16 tokens is two batched products and a softmax.

    Masked, causal, grouped and very long attention is left to torch.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **kwargs)
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        query, key, value = given["query"], given["key"], given["value"]
        plain = given.get("attn_mask") is None and not given.get("dropout_p") and not given.get("is_causal")
        alike = query.ndim == 4 and query.shape[:2] == key.shape[:2] and value.shape == key.shape
        if not (plain and alike and query.dtype == torch.bfloat16 and key.shape[2] <= _LONGEST):
            return func(*args, **kwargs)
        return _attend(query, key, value, given.get("scale"))


def _attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
    """(B, H, N, D) each -> (B, H, N, D): softmax(Q K' / sqrt(D)) V."""
    batch, heads, length, width = query.shape
    query, key, value = (t.reshape(batch * heads, t.shape[2], t.shape[3]) for t in (query, key, value))
    scale = width**-0.5 if scale is None else scale
    scores = torch.baddbmm(query.new_empty(1), query, key.transpose(1, 2), beta=0, alpha=scale)
    return torch.bmm(torch.softmax(scores, dim=-1), value).view(batch, heads, length, value.shape[2])


def quicken(module: nn.Module, dtype: torch.dtype) -> bool:
    """Replace the linear layers of a model that is only run forward, in place. True when it was done."""
    if platform.machine() not in _X86 or not torch.backends.mkldnn.is_available() or not _works(dtype):
        return False
    for parent in list(module.modules()):
        first, name = getattr(parent, "fc1", None), _gelu_of(parent)
        if name and type(first) is nn.Linear:
            parent.fc1 = PackedLinear(first, dtype, gelu=True)
            setattr(parent, name, nn.Identity())
    for parent in list(module.modules()):
        if isinstance(parent, nn.MultiheadAttention):
            continue  # reads the weight of its projection itself
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child, dtype))
    return True


def _gelu_of(block: nn.Module) -> str:
    """The name under which transformers ("activation_fn") and timm ("act") keep a feed-forward block's exact GELU."""
    for name in ("activation_fn", "act"):
        activation = getattr(block, name, None)
        if type(activation) is nn.GELU and activation.approximate == "none":
            return name
        if type(activation).__name__ == "GELUActivation" and activation.act is functional.gelu:
            return name
    return ""


def _works(dtype: torch.dtype) -> bool:
    """Whether this torch has the operators, and they agree with torch's own on a small example."""
    generator = torch.Generator().manual_seed(0)
    linear = nn.Linear(32, 16)
    values = torch.randn(8, 32, generator=generator)
    with torch.inference_mode():
        linear.weight.copy_(torch.randn(16, 32, generator=generator))
        linear.bias.copy_(torch.randn(16, generator=generator))
        expected = functional.gelu(linear(values))
        try:
            got = PackedLinear(linear, dtype, gelu=True)(values).float()
        except (AttributeError, RuntimeError, NotImplementedError, TypeError):
            return False
    return bool(torch.allclose(got, expected, rtol=0.02, atol=0.15 if dtype == torch.bfloat16 else 1e-4))
