"""The quick forward pass must be the same forward pass."""

from __future__ import annotations

import platform

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional

from workbench.engine.backbones.cpu import OneDnnAttention, PackedLinear, _works, quicken

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or not _works(torch.float32),
    reason="this processor or torch build has no oneDNN linear operators",
)


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_packed_linear_is_linear(gelu, bias):
    torch.manual_seed(0)
    linear = nn.Linear(48, 80, bias=bias)
    values = torch.randn(3, 7, 48)
    with torch.inference_mode():
        expected = functional.gelu(linear(values)) if gelu else linear(values)
        torch.testing.assert_close(
            PackedLinear(linear, torch.float32, gelu)(values), expected, rtol=1e-5, atol=1e-5
        )


def test_fp32_stays_fp32_through_a_whole_vit():
    torch.manual_seed(0)
    model = timm.create_model("vit_tiny_patch16_224", num_classes=0, depth=3).eval()
    pixels = torch.randn(2, 3, 224, 224)
    with torch.inference_mode():
        expected = model.forward_features(pixels)
        assert quicken(model, torch.float32)
        assert sum(isinstance(layer, PackedLinear) for layer in model.modules()) == 3 * 4
        torch.testing.assert_close(model.forward_features(pixels), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["eva02_tiny_patch14_224", "beit_base_patch16_224", "convit_tiny"])
def test_models_that_read_the_weight_themselves_go_on(name):
    torch.manual_seed(0)
    model = timm.create_model(name, num_classes=0, depth=2 if "convit" not in name else 12).eval()
    pixels = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected = model(pixels)
        assert quicken(model, torch.float32)
        torch.testing.assert_close(model(pixels), expected, rtol=1e-4, atol=1e-5)
        assert expected.std() > 1e-3


def test_only_an_exact_gelu_is_fused():
    class Block(nn.Module):
        def __init__(self, act: nn.Module) -> None:
            super().__init__()
            self.fc1, self.act = nn.Linear(8, 8), act

        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return self.act(self.fc1(values))

    values = torch.randn(4, 8)
    for act, fused in ((nn.GELU(), True), (nn.GELU(approximate="tanh"), False), (nn.SiLU(), False)):
        block = Block(act)
        with torch.inference_mode():
            expected = block(values)
            quicken(block, torch.float32)
            assert isinstance(block.act, nn.Identity) == fused
            torch.testing.assert_close(block(values), expected, rtol=1e-5, atol=1e-5)


def test_attention_is_scaled_dot_product_attention():
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 50, 16) for _ in range(3))
    exact = functional.scaled_dot_product_attention(query, key, value, scale=0.3)
    half = [part.bfloat16() for part in (query, key, value)]
    seen: list[bool] = []

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append("scaled_dot_product" in str(func))
            return func(*args, **(kwargs or {}))

    with torch.inference_mode(), Watch(), OneDnnAttention():
        got = functional.scaled_dot_product_attention(*half, scale=0.3)
    assert not any(seen), "torch's own kernel was used"
    torch.testing.assert_close(got.float(), exact, rtol=0.05, atol=0.03)


def test_masked_attention_is_left_to_torch():
    query, key, value = (torch.randn(1, 2, 9, 8).bfloat16() for _ in range(3))
    mask = torch.ones(9, 9, dtype=torch.bool).tril()
    expected = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    causal = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    with torch.inference_mode(), OneDnnAttention():
        assert torch.equal(
            functional.scaled_dot_product_attention(query, key, value, attn_mask=mask), expected
        )
        assert torch.equal(functional.scaled_dot_product_attention(query, key, value, is_causal=True), causal)
