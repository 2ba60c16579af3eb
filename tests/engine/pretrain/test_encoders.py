"""What learns: of every kind, from nothing and from weights, against the libraries' own models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import timm
import torch

from tests.engine.finetune.tuning import small_vit
from tests.engine.pretrain.made import new_run, pretrain_job
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.methods.dino import DINO
from workbench.engine.methods.encoder import Encoder
from workbench.engine.methods.simclr import SimCLR
from workbench.engine.pretrain.assemble import assemble
from workbench.engine.pretrain.encoders import Built, build_encoder, check, check_views
from workbench.records.spec import Reading

VIT = {"architecture": "vit_tiny_patch16_224", "image_size": 32, "patch_size": 8}


def build(architecture: str = "", **more: Any) -> Built:
    values = {"start": "", "image_size": 0, "patch_size": 0, "channels": 3, "seed": 0, **more}
    return build_encoder(architecture, **values)


@pytest.mark.parametrize(
    ("architecture", "title", "patch"),
    [
        ("vit_tiny_patch16_224", "ViT tiny, patch 16", 16),
        ("vit_small_patch14_reg4_dinov2", "ViT small, patch 14, 4 registers", 14),
        ("resnet18", "ResNet-18", 0),
        ("resnet50", "ResNet-50", 0),
        ("convnext_atto", "ConvNeXt atto", 0),
        ("tf_efficientnet_lite0", "EfficientNet lite0", 0),
    ],
)
def test_from_nothing_it_can_be_built_again_and_takes_crops(
    architecture: str, title: str, patch: int
) -> None:
    size = 98 if patch == 14 else 0
    made = build(architecture, image_size=size)
    assert (made.title, made.patch_size, made.image_size) == (title, patch, size or 224)
    assert made.encoder.fresh and not made.start_title
    again = timm.create_model(made.architecture, num_classes=0, **made.arguments)
    again.load_state_dict(made.encoder.module.state_dict())
    for side in (made.image_size, 42 if patch == 14 else 96):
        pictures = torch.randn(2, 3, side, side)
        with torch.no_grad():
            found = made.encoder.eval()(pictures)
            torch.testing.assert_close(found, Encoder(again.eval())(pictures))
        assert found.shape == (2, made.encoder.width)


def test_a_seed_is_a_network_and_nothing_else_is_drawn() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, again, other = (build(**VIT, seed=seed).encoder.state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["module.pos_embed"], other["module.pos_embed"])
    torch.testing.assert_close(first["module.blocks.0.attn.qkv.weight"].std().item(), 0.02, rtol=0.05, atol=0)


@pytest.mark.parametrize("kind", ["dinov2", "registers", "vit", "vit_mae"])
def test_weights_of_transformers_go_on_as_they_were(
    kind: str, published: Callable[[str], SimpleNamespace], memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.backbones.digest.memo_folder", lambda: memo)
    folder = str(published(kind).folder)
    for size in (0, 112):
        made = build("resnet18", start=folder, image_size=size)
        found = resolve(folder, image_size=size or None)
        assert made.image_size == found.spec.preprocess.size
        assert (made.mean, made.std) == (found.spec.preprocess.mean, found.spec.preprocess.std)
        assert (made.start_title, made.start_digest) == (found.title, found.spec.weights)
        assert not made.encoder.fresh
        backbone = load_backbone(found.spec, "cpu")
        pictures = np.random.default_rng(0).random((2, made.image_size, made.image_size, 3), np.float32)
        named = backbone.encode(pictures)
        with torch.no_grad():
            tokens = made.encoder.eval().all_tokens(backbone.normalise(torch.from_numpy(pictures)))  # type: ignore[attr-defined]
        torch.testing.assert_close(tokens[:, 0], named["cls"], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(made.encoder.patches_of(tokens), named["patches"], rtol=1e-4, atol=1e-4)
        assert all(value.requires_grad for value in made.encoder.parameters())


def test_weights_of_timm_go_on_as_they_were_with_more_channels(
    tmp_path: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.backbones.digest.memo_folder", lambda: memo)
    folder = str(small_vit(tmp_path / "small"))
    made = build(start=folder, image_size=48, channels=5)
    assert made.title == "ViT of width 32 and depth 3, patch 8"
    assert made.mean == (0.5,) * 5
    again = timm.create_model(made.architecture, num_classes=0, **made.arguments)
    again.load_state_dict(made.encoder.module.state_dict())
    found = resolve(folder, image_size=48, reading=Reading(channels="all:5"))
    backbone = load_backbone(found.spec, "cpu")
    pictures = np.random.default_rng(0).random((2, 48, 48, 5), np.float32)
    with torch.no_grad():
        vectors = Encoder(again.eval())(backbone.normalise(torch.from_numpy(pictures)))  # type: ignore[attr-defined]
    torch.testing.assert_close(vectors, backbone.encode(pictures)["cls"], rtol=1e-5, atol=1e-5)


def test_the_bundled_network_goes_on_and_the_random_floor_is_nothing() -> None:
    made = build(start="efficientnet_lite0", image_size=64)
    assert (made.title, made.start_licence) == ("EfficientNet lite0", "Apache-2.0")
    assert made.start_title == "EfficientNet-Lite0"
    floor = build(**VIT, start="random_vit", seed=3)
    assert floor.encoder.fresh and not floor.start
    assert build("resnet18", channels=1).mean == (0.449,)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"architecture": "vit_enormous"}, "no architecture 'vit_enormous'. Choose a vit_"),
        ({"architecture": "vit_tinny_patch16_224"}, "Did you mean vit_tiny_patch16_224"),
        ({"architecture": "swin_tiny_patch4_window7_224"}, "neither a plain vision transformer"),
        ({"architecture": "resnet18", "patch_size": 8}, "has no patches"),
        ({**VIT, "image_size": 36}, "36 px is no multiple"),
        ({**VIT, "image_size": 24}, "too small"),
        ({"start": "histogram"}, "counted and not learnt"),
        ({"start": "efficientnet_lite0", "patch_size": 8}, "has no patches"),
    ],
)
def test_what_can_not_learn_is_refused_in_words(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build(**values)


@pytest.mark.parametrize(
    ("architecture", "size", "least", "needed"),
    [("convnext_atto", 64, 32, 74), ("densenet121", 64, 29, 67)],
)
def test_crops_that_a_network_leaves_nothing_of_are_refused_with_the_way_out(
    architecture: str, size: int, least: int, needed: int
) -> None:
    """The least side is the first for which the network itself answers."""
    crops = DINO.views_for(tokens=False).views
    with pytest.raises(
        ValueError, match=f"from {least} px.*local crops of .* size of {needed} px or more"
    ) as told:
        check_views(build(architecture, image_size=size), crops)
    assert "SimCLR" in str(told.value) and "stride" not in str(told.value)
    made = build(architecture, image_size=needed)
    check_views(made, crops)
    assert made.encoder.training
    smallest = min(view.pixels(needed, 1) for view in crops)
    assert smallest == least
    with torch.no_grad():
        made.encoder.eval()(torch.zeros(1, 3, least, least))
        with pytest.raises(RuntimeError):
            made.encoder(torch.zeros(1, 3, least - 1, least - 1))


def test_such_crops_are_refused_before_a_picture_is_decoded(picture_folder: Path, tmp_path: Path) -> None:
    job = pretrain_job(
        picture_folder, tmp_path / "work", "dino", backbone="convnext_atto", image_size=64, patch_size=0
    )
    _, control = new_run(job, tmp_path / "runs")
    with pytest.raises(ValueError, match="local crops of 27 px"):
        assemble(job, control)
    assert not Path(job.cache).exists()


def test_whole_views_may_be_too_small_and_padded_networks_take_any() -> None:
    with pytest.raises(ValueError, match=r"two views of 16 px are too small.* size of 32 px") as told:
        check_views(replace(build("convnext_atto", image_size=32), image_size=16), SimCLR.views().views)
    assert "local" not in str(told.value)
    check_views(build("resnet18", image_size=32), DINO.views_for(tokens=False).views)
    check_views(build(**VIT), DINO.views().views)


def test_no_crop_is_larger_than_the_image_or_smaller_than_two_patches() -> None:
    local = DINO.views().views[-1]
    assert [local.pixels(size, 16) for size in (16, 32, 48, 64, 224)] == [16, 32, 32, 32, 96]


def test_other_layouts_and_other_patches_are_refused_in_words(
    published: Callable[[str], SimpleNamespace], tmp_path: Path, memo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workbench.engine.backbones.digest.memo_folder", lambda: memo)
    for kind in ("convnext", "clip", "siglip"):
        with pytest.raises(ValueError, match=r"can't go on learning here\. Start from a ViT"):
            build(start=str(published(kind).folder))
    with pytest.raises(ValueError, match="patches of 8 px, and weights can't change theirs to 16 px"):
        build(start=str(small_vit(tmp_path / "small")), patch_size=16)


def test_a_method_that_hides_patches_needs_a_transformer() -> None:
    class Hides(SimCLR):
        title = "MAE"
        tokens_only = True

    check(Hides, build(**VIT).encoder)
    network = build("resnet18").encoder
    check(SimCLR, network)
    with pytest.raises(ValueError, match=r"MAE hides patches .* ResNet-18 has none"):
        check(Hides, network)
