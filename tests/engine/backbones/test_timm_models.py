"""timm itself is the oracle: its transform, its forward_features and forward_head, on the same pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.data import create_transform, resolve_data_config
from timm.models import save_for_hf
from torch.nn.functional import cosine_similarity

from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.pixels.prepare import prepare


@pytest.fixture
def squares(photographs: list[np.ndarray]) -> list[np.ndarray]:
    """Where (length - size) is odd, torchvision's crop lies a pixel beside transformers', which is followed here."""
    return [image[:edge, :edge] for image, edge in zip(photographs, (400, 420, 160, 200), strict=True)]


def filled(name: str, seed: int = 0, **arguments) -> torch.nn.Module:
    """With statistics and weights that are not those of a fresh model."""
    torch.manual_seed(seed)
    model = timm.create_model(name, **arguments)
    for value in model.state_dict().values():
        if value.ndim == 1 and value.dtype == torch.float32:
            value.add_(torch.rand(value.shape) * 0.1)
    for key in ("cls_token", "pos_embed", "reg_token"):
        if isinstance(getattr(model, key, None), torch.nn.Parameter):
            torch.nn.init.normal_(getattr(model, key), std=0.3)
    return model.eval()


def ours(identifier: str, photographs: list[np.ndarray], memo: Path, **choices):
    found = resolve(identifier, memo=memo, **choices)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    return found, load_backbone(found.spec, "cpu", memo=memo).encode(images)


def pixels_of(model: torch.nn.Module, photographs: list[np.ndarray], **over) -> torch.Tensor:
    transform = create_transform(**{**resolve_data_config({}, model=model), **over}, is_training=False)
    return torch.stack([transform(Image.fromarray(image)) for image in photographs])


def assert_alike(got: torch.Tensor, expected: torch.Tensor) -> None:
    assert got.shape == expected.shape
    assert cosine_similarity(got, expected, dim=-1).min() >= 0.9999


def test_a_vit_from_bare_files_of_every_kind(squares, tmp_path, memo):
    model = filled("vit_tiny_patch16_224")
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    torch.save(state, tmp_path / "w.pth")
    wrapped = {"model": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}
    torch.save(wrapped, tmp_path / "wrapped.pt")
    with torch.no_grad():
        tokens = model.forward_features(pixels_of(model, squares[:2]))
    for name in ("w.safetensors", "w.pth", "wrapped.pt"):
        found, named = ours(f"vit_tiny_patch16_224:{tmp_path / name}", squares[:2], memo)
        assert (found.spec.feature, found.features) == ("cls", ("cls", "mean", "cls+mean"))
        assert_alike(named["cls"], tokens[:, 0])
        assert_alike(named["patches"], tokens[:, 1:])


def test_a_vit_at_another_size(squares, tmp_path, memo):
    model = filled("vit_tiny_patch16_224", dynamic_img_size=True)
    save_file(model.state_dict(), tmp_path / "w.safetensors")
    _, named = ours(f"vit_tiny_patch16_224:{tmp_path / 'w.safetensors'}", squares[:2], memo, image_size=128)
    with torch.no_grad():
        tokens = model.forward_features(pixels_of(model, squares[:2], input_size=(3, 128, 128)))
    assert_alike(named["cls"], tokens[:, 0])
    assert_alike(named["patches"], tokens[:, 1:])


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_050"])
def test_a_convolutional_network_gives_what_its_classifier_would_get(name, photographs, tmp_path, memo):
    model = filled(name)
    torch.save(model.state_dict(), tmp_path / "w.pth")
    found, named = ours(f"{name}:{tmp_path / 'w.pth'}", photographs, memo)
    images = np.stack([prepare(image, found.spec.preprocess) for image in photographs])
    mean, std = (np.array(model.pretrained_cfg[key]) for key in ("mean", "std"))
    pixels = torch.from_numpy((images / 255 - mean) / std).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        maps = model.forward_features(pixels)
        expected = model.forward_head(maps, pre_logits=True)
    assert found.features == ("pooled",)
    assert_alike(named["pooled"], expected)
    assert_alike(named["patches"], maps.flatten(2).transpose(1, 2))
    assert not torch.equal(named["pooled"][0], named["pooled"][1])


def test_windows_whose_tables_are_not_weights(squares, tmp_path, memo):
    """Swin keeps index tables outside its weights, and its maps have the channels last."""
    arguments = {"depths": (1, 1, 1, 1), "embed_dim": 24, "num_heads": (1, 2, 2, 4)}
    model = filled("swin_tiny_patch4_window7_224", **arguments)
    save_for_hf(model, tmp_path / "swin", model_args=arguments)
    found, named = ours(str(tmp_path / "swin"), squares[:2], memo)
    with torch.no_grad():
        maps = model.forward_features(pixels_of(model, squares[:2]))
        expected = model.forward_head(maps, pre_logits=True)
    assert found.features == ("pooled",)
    assert_alike(named["pooled"], expected)
    assert_alike(named["patches"], maps.flatten(1, 2))


def test_a_folder_that_timm_saved_keeps_its_arguments(squares, tmp_path, memo):
    arguments = {"reg_tokens": 4, "global_pool": "avg", "depth": 2}
    model = filled("vit_tiny_patch16_224", **arguments)
    save_for_hf(model, tmp_path / "mine", model_args=arguments)
    found, named = ours(str(tmp_path / "mine"), squares[:2], memo)
    with torch.no_grad():
        tokens = model.forward_features(pixels_of(model, squares[:2]))
        pooled = model.forward_head(tokens, pre_logits=True)
    assert found.spec.feature == "pooled"
    assert_alike(named["cls"], tokens[:, 0])
    assert_alike(named["registers"], tokens[:, 1:5])
    assert_alike(named["patches"], tokens[:, 5:])
    assert_alike(named["pooled"], pooled)


def test_a_timm_name_comes_from_the_cache_and_dinov2_at_224(squares, tmp_path, memo):
    name = "vit_small_patch14_dinov2.lvd142m"
    model = filled("vit_small_patch14_dinov2", depth=12, dynamic_img_size=True, num_classes=0)
    repository = tmp_path / f"models--timm--{name}"
    (repository / "snapshots" / "c").mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c")
    save_file(model.state_dict(), repository / "snapshots" / "c" / "model.safetensors")
    found = resolve(f"timm/{name}", cache=tmp_path, memo=memo)
    assert found.spec.preprocess.size == 224 and found.official
    images = np.stack([prepare(image, found.spec.preprocess) for image in squares[:2]])
    named = load_backbone(found.spec, "cpu", cache=tmp_path, memo=memo).encode(images)
    with torch.no_grad():
        tokens = model.forward_features(pixels_of(model, squares[:2], input_size=(3, 224, 224)))
    assert_alike(named["cls"], tokens[:, 0])
    assert_alike(named["patches"], tokens[:, 1:])


def test_weights_of_another_architecture_are_refused(tmp_path, memo):
    torch.save(filled("resnet18").state_dict(), tmp_path / "w.pth")
    found = resolve(f"resnet34:{tmp_path / 'w.pth'}", memo=memo)
    with pytest.raises(ValueError, match="doesn't hold the weights of the architecture resnet34"):
        load_backbone(found.spec, "cpu", memo=memo)


def test_a_bare_file_needs_its_architecture(tmp_path, memo):
    torch.save({"a": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(ValueError, match="without the architecture"):
        resolve(str(tmp_path / "w.pth"), memo=memo)


def test_a_projector_is_never_part_of_a_feature(squares, tmp_path, memo):
    """What self-supervised training hangs behind the backbone is dropped, whatever it is called."""
    names = ("projector.0.weight", "projection_head.layers.0.weight", "head.mlp.0.weight", "decoder.bias")
    heads = {name: torch.randn(192, 192) for name in names}
    model = filled("vit_tiny_patch16_224", num_classes=0)
    with torch.no_grad():
        expected = model.forward_features(pixels_of(model, squares[:2]))
    save_file({**model.state_dict(), **heads}, tmp_path / "flat.safetensors")
    inside = {f"backbone.{key}": value for key, value in {**model.state_dict(), **heads}.items()}
    torch.save({"state_dict": {**inside, **heads}}, tmp_path / "nested.pth")
    for file in ("flat.safetensors", "nested.pth"):
        found, named = ours(f"vit_tiny_patch16_224:{tmp_path / file}", squares[:2], memo)
        assert found.features == ("cls", "mean", "cls+mean")
        assert set(named) == {"cls", "patches"}
        assert_alike(named["cls"], expected[:, 0])
        assert_alike(named["patches"], expected[:, 1:])
