"""The encoder: as timm computes it, for one size and for several, of the whole picture and of parts."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch

from tests.engine.methods.tiny import IMAGE, vit
from workbench.engine.methods.encoder import Encoder

KINDS: dict[str, dict[str, Any]] = {
    "one size": {"dynamic_img_size": False},
    "several sizes": {},
    "registers": {"reg_tokens": 3},
    "registers without positions": {"reg_tokens": 3, "no_embed_class": True},
    "no class token": {"class_token": False, "global_pool": "avg"},
    "norm before": {"pre_norm": True},
    "no positions": {"pos_embed": "none"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_timm(kind: str) -> None:
    encoder = vit(**KINDS[kind])
    images = torch.randn(2, 3, IMAGE, IMAGE)
    theirs = encoder.module(images)
    torch.testing.assert_close(encoder(images), theirs)
    assert encoder.patches_of(encoder.all_tokens(images)).shape == (2, 16, 32)


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "one size"])
def test_positions_of_another_size_are_timms_and_learn_alike(kind: str) -> None:
    encoder = vit(**KINDS[kind])
    with torch.no_grad():  # a class token of nearly nothing, as it begins, has gradients that rounding drowns
        for value in encoder.parameters():
            value.add_(torch.randn_like(value), alpha=0.1)
    images = torch.randn(2, 3, 16, 24)
    own = encoder(images)
    theirs = encoder.module(images)
    torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-5)
    learning = [value for value in encoder.parameters() if value.requires_grad]
    weights = torch.randn_like(own)
    for ours, timms in zip(
        torch.autograd.grad((own * weights).sum(), learning, allow_unused=True),
        torch.autograd.grad((theirs * weights).sum(), learning, allow_unused=True),
        strict=True,
    ):
        if timms is not None:
            torch.testing.assert_close(ours, timms, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [*KINDS])
def test_all_patches_visible_is_the_whole_picture(kind: str) -> None:
    encoder = vit(**KINDS[kind])
    images = torch.randn(2, 3, IMAGE, IMAGE)
    kept = torch.stack([torch.randperm(16), torch.randperm(16)])
    some = encoder.visible_tokens(images, kept)
    whole = encoder.all_tokens(images)
    patches = whole[:, encoder.prefix :].gather(1, kept.unsqueeze(-1).expand(-1, -1, 32))
    torch.testing.assert_close(some[:, encoder.prefix :], patches, rtol=1e-4, atol=1e-5)
    assert encoder.visible_tokens(images, kept[:, :4]).shape[1] == encoder.prefix + 4


@pytest.mark.parametrize("several", [True, False])
def test_hidden_patches_tell_nothing_of_what_they_show(several: bool) -> None:
    encoder = vit(dynamic_img_size=several)
    encoder.add_mask_token()
    torch.nn.init.normal_(encoder.mask_token)
    images = torch.randn(2, 3, IMAGE, IMAGE)
    hidden = torch.zeros(2, 16, dtype=torch.bool)
    hidden[:, 5] = True  # second row, second column
    changed = images.clone()
    changed[:, :, 8:16, 8:16] = 7
    torch.testing.assert_close(encoder.all_tokens(changed, hidden), encoder.all_tokens(images, hidden))
    assert not torch.allclose(encoder.all_tokens(changed), encoder.all_tokens(images))
    nothing = torch.zeros_like(hidden)
    torch.testing.assert_close(encoder.all_tokens(images, nothing), encoder.all_tokens(images))


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "efficientnet_lite0", "vit_tiny_patch16_224"])
def test_widths_are_what_comes_out(name: str) -> None:
    encoder = Encoder(timm.create_model(name, num_classes=0).eval())
    size = 224 if encoder.tokens else 64
    with torch.no_grad():
        assert encoder(torch.randn(1, 3, size, size)).shape == (1, encoder.width)


@pytest.mark.parametrize("several", [False, True])
def test_patches_are_embedded_as_by_timms_convolution(several: bool) -> None:
    module: Any = timm.create_model(
        "test_vit", num_classes=0, img_size=32, patch_size=8, dynamic_img_size=several
    )
    encoder, embed = Encoder(module), module.patch_embed
    torch.manual_seed(0)
    images = torch.randn(3, 3, 32, 48 if several else 32, requires_grad=True)
    given = (images, embed.proj.weight, embed.proj.bias)
    ours, theirs = encoder._embedded(images), embed(images)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    pull = torch.randn_like(theirs)
    for mine, other in zip(
        torch.autograd.grad(ours, given, pull), torch.autograd.grad(theirs, given, pull), strict=True
    ):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-4)
    with pytest.raises(AssertionError, match=r"divisible by patch size|doesn't match model"):
        encoder._embedded(torch.zeros(1, 3, 30, 32))
