"""Which parameters learn, and how fast, over the kinds of architecture that there are."""

from __future__ import annotations

import pytest
import timm
import torch
import transformers
from timm.optim import param_groups_layer_decay
from torch import nn

from workbench.engine.finetune.adapters import merge_adapters, product
from workbench.engine.finetune.layers import layers_of
from workbench.engine.finetune.trainable import choose, parameter_groups, scale_of, training_mode

_SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2}
_SIZES = {**_SMALL, "patch_size": 16, "image_size": 64, "intermediate_size": 64}
_STAGES = {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]}


def _timm(name: str, **more: object) -> nn.Module:
    return timm.create_model(name, num_classes=0, **more)


# What is made, how many blocks it has, and what the last block's names begin with.
MODELS = {
    "timm ViT": (
        lambda: _timm("vit_tiny_patch16_224", depth=3, embed_dim=32, num_heads=2, img_size=64),
        3,
        "blocks.2.",
    ),
    "EfficientNet": (lambda: _timm("tf_efficientnet_lite0"), 16, "blocks.6.0."),
    "timm ResNet": (lambda: _timm("resnet10t"), 4, "layer4.0."),
    "timm ConvNeXt": (lambda: _timm("convnext_atto", depths=(1, 1, 2, 1)), 5, "stages.3.blocks.0."),
    "Swin": (
        lambda: _timm(
            "swin_tiny_patch4_window7_224", depths=(1, 1, 1, 1), embed_dim=12, num_heads=(1, 1, 1, 1)
        ),
        4,
        "layers.3.blocks.0.",
    ),
    "HF ViT": (
        lambda: transformers.ViTModel(transformers.ViTConfig(**_SIZES), add_pooling_layer=False),
        3,
        ".2.",
    ),
    "HF Dinov2": (
        lambda: transformers.Dinov2Model(
            transformers.Dinov2Config(**_SMALL, patch_size=14, image_size=56, mlp_ratio=2)
        ),
        3,
        ".2.",
    ),
    "HF CLIP": (lambda: transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**_SIZES)), 3, ".2."),
    "HF ConvNeXt": (
        lambda: transformers.ConvNextModel(transformers.ConvNextConfig(**_STAGES)),
        5,
        ".3.layers.0.",
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_the_last_blocks_learn_and_nothing_before_them(kind: str) -> None:
    make, number, last = MODELS[kind]
    module = make()
    layers = layers_of(module)
    assert len(layers.blocks) == number
    assert last in f"{layers.blocks[-1]}."
    assert set(layers.depth.values()) <= set(range(number + 2))
    assert layers.depth[next(iter(dict(module.named_parameters())))] == 0, (
        "the embedding or stem stands first"
    )
    one, two, everything = (set(choose(module, blocks, 0, kind).names) for blocks in ("1", "2", "all"))
    assert not choose(module, "0", 0, kind).names
    assert one < two < everything == {name for name, _ in module.named_parameters()}
    inside = {name for name in everything if name.startswith(f"{layers.blocks[-1]}.")}
    assert inside and inside <= one
    chosen = choose(module, "1", 0, kind)
    assert {name for name, value in module.named_parameters() if value.requires_grad} == one
    assert chosen.trained == sum(value.numel() for value in module.parameters() if value.requires_grad)
    assert chosen.total == sum(value.numel() for value in module.parameters())
    before = [name for name, _ in module.named_parameters() if name.startswith(f"{layers.blocks[-2]}.")]
    assert not one & set(before)
    assert chosen.entry in dict(module.named_modules())


def test_layer_decay_is_timms_own_but_for_the_last_norm() -> None:
    """timm counts the norm to the last block; here as in the masked autoencoder's code it stands with the head."""
    module = timm.create_model("vit_tiny_patch16_224", depth=3, embed_dim=32, num_heads=2, num_classes=5)
    theirs = {
        id(value): group["lr_scale"]
        for group in param_groups_layer_decay(module, layer_decay=0.65)
        for value in group["params"]
    }
    layers = layers_of(module)
    for name, value in module.named_parameters():
        wanted = 1.0 if name.startswith("norm.") else theirs[id(value)]
        assert scale_of(name, layers, 0.65) == pytest.approx(wanted), name


def test_layer_decay_in_a_closed_form_and_no_weight_decay_of_vectors() -> None:
    module, head = MODELS["HF ViT"][0](), nn.Linear(32, 3)
    trainable = choose(module, "all", 0, "ViT")
    groups = parameter_groups(module, head, trainable, decay=0.5, weight_decay=0.05, rate=1e-4)
    rates = {
        id(value): (group["peak"], group["weight_decay"]) for group in groups for value in group["params"]
    }
    named = dict(module.named_parameters())
    for name, value in named.items():
        peak, weight_decay = rates[id(value)]
        steps = 4  # 3 blocks: the embedding is 4 steps below the final norm
        for block, stage in enumerate(trainable.layers.blocks):
            if name.startswith(f"{stage}."):
                steps = 3 - block
        if name.startswith("layernorm"):
            steps = 0
        assert peak == pytest.approx(1e-4 * 0.5**steps), name
        assert weight_decay == (0.05 if value.ndim > 1 else 0), name
    assert rates[id(head.weight)] == (pytest.approx(1e-3), 0.05)


def test_batch_normalisation_and_frozen_blocks_stay_in_evaluation() -> None:
    module = _timm("tf_efficientnet_lite0")
    switch = training_mode(module, choose(module, "1", 0, "EfficientNet"))
    switch(True)
    assert module.blocks[6][0].training and not module.blocks[5][0].training
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    before = [norm.running_mean.clone() for norm in norms]
    module.forward_features(torch.rand(2, 3, 64, 64))
    assert all(torch.equal(norm.running_mean, old) for norm, old in zip(norms, before, strict=True))
    switch(False)
    assert not any(part.training for part in module.modules())


@pytest.mark.parametrize("kind", ["timm ViT", "HF Dinov2", "EfficientNet"])
def test_merged_adapters_give_what_they_gave_beside_the_weights(kind: str) -> None:
    module = MODELS[kind][0]().eval()
    names = set(module.state_dict())
    pictures = torch.rand(2, 3, 56 if kind == "HF Dinov2" else 64, 56 if kind == "HF Dinov2" else 64)

    def out() -> torch.Tensor:
        with torch.no_grad():
            found = module(pictures)
        return found if torch.is_tensor(found) else found.last_hidden_state

    plain = out()
    chosen = choose(module, "2", 4, kind)
    assert "LoRA of rank 4 in the last 2 blocks" in chosen.words
    assert all(".lora_" in name for name in chosen.names)
    torch.testing.assert_close(out(), plain, msg="adapters start as nothing")
    first = next(part for part in module.modules() if hasattr(part, "get_delta_weight"))
    with torch.no_grad():
        for name, value in module.named_parameters():
            if ".lora_B" in name:
                value.normal_(0, 0.05)
    added = product(first)
    slowly = first.lora_B["default"].weight.flatten(1) @ first.lora_A["default"].weight.flatten(1) * 2
    torch.testing.assert_close(added.flatten(1), slowly)
    adapted = out()
    assert not torch.allclose(adapted, plain, atol=1e-3)
    merge_adapters(module)
    torch.testing.assert_close(out(), adapted, atol=2e-5, rtol=1e-4)
    assert set(module.state_dict()) == names


def test_what_makes_no_sense_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="LoRA needs blocks"):
        choose(_timm("resnet10t"), "0", 8, "ResNet")
    with pytest.raises(ValueError, match="blocks of an odd one are not known"):
        choose(nn.Linear(3, 3), "1", 0, "an odd one")
