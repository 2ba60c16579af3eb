"""Small models with random weights in the published layouts, and pictures to show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from sklearn.datasets import load_sample_images

torch.set_num_threads(2)
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}


def fill(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    """Weights under which every patch and its place matter: the usual initialisation hardly looks at the picture."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in module.named_parameters():
        scale = (
            0.3
            if "embed" in name or "token" in name
            else (1 / value[0].numel()) ** 0.5
            if value.ndim > 1
            else 0.1
        )
        with torch.no_grad():
            value.copy_(
                torch.randn(value.shape, generator=generator) * scale + ("norm" in name and value.ndim == 1)
            )
    return module.eval()


@pytest.fixture
def memo(tmp_path: Path) -> Path:
    return tmp_path / "memo"


@pytest.fixture(scope="session")
def photographs() -> list[np.ndarray]:
    """Two real photographs and parts of them, of different shapes; (H, W, 3) uint8."""
    china, flower = load_sample_images().images
    return [china, flower, china[:300, 100:260], flower[60:260, 200:600]]


def _bit(**sizes: Any) -> Any:
    return transformers.BitImageProcessor(resample=3, **IMAGENET, **sizes)


def _square(edge: int, **more: Any) -> Any:
    return transformers.ViTImageProcessor(
        size={"height": edge, "width": edge}, resample=2, **{**IMAGENET, **more}
    )


_SMALL = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
_DINO = {**_SMALL, "patch_size": 14, "image_size": 70, "mlp_ratio": 2}
_VIT = {**_SMALL, "patch_size": 16, "image_size": 64, "intermediate_size": 128}


def _dinov2() -> tuple[Any, Any]:
    model = transformers.Dinov2Model(transformers.Dinov2Config(**_DINO))
    return model, _bit(size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56})


def _registers() -> tuple[Any, Any]:
    config = transformers.Dinov2WithRegistersConfig(**_DINO, num_register_tokens=4)
    return transformers.Dinov2WithRegistersModel(config), _dinov2()[1]


def _vit() -> tuple[Any, Any]:
    return transformers.ViTModel(transformers.ViTConfig(**_VIT)), _square(
        64, image_mean=[0.5] * 3, image_std=[0.5] * 3
    )


def _vit_mae() -> tuple[Any, Any]:
    # The published checkpoints hold the pretraining model, decoder and all.
    decoder = {"decoder_hidden_size": 32, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    config = transformers.ViTMAEConfig(**_VIT, **decoder, decoder_intermediate_size=64)
    return transformers.ViTMAEForPreTraining(config), _square(64)


def _clip() -> tuple[Any, Any]:
    config = transformers.CLIPVisionConfig(**{**_VIT, "projection_dim": 32})
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}
    )
    return transformers.CLIPVisionModel(config), processor


def _siglip() -> tuple[Any, Any]:
    processor = transformers.SiglipImageProcessor(size={"height": 64, "width": 64}, resample=3)
    return transformers.SiglipVisionModel(transformers.SiglipVisionConfig(**_VIT)), processor


def _convnext() -> tuple[Any, Any]:
    config = transformers.ConvNextConfig(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 1, 1])
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": 64}, crop_pct=0.875, **IMAGENET)
    return transformers.ConvNextModel(config), processor


def _dinov3() -> tuple[Any, Any]:
    config = transformers.DINOv3ViTConfig(**_VIT, num_register_tokens=4)
    return transformers.DINOv3ViTModel(config), _square(64)


def _msn() -> tuple[Any, Any]:
    return transformers.ViTMSNModel(transformers.ViTMSNConfig(**_VIT)), _square(64)


_TEXT = {**_SMALL, "intermediate_size": 64, "vocab_size": 32, "projection_dim": 32}


def _clip_pair() -> tuple[Any, Any]:
    """With the text model beside the tower, as CLIP is published."""
    config = transformers.CLIPConfig(
        text_config=_TEXT, vision_config={**_VIT, "projection_dim": 32}, projection_dim=32
    )
    return transformers.CLIPModel(config), _clip()[1]


def _siglip_pair() -> tuple[Any, Any]:
    config = transformers.SiglipConfig(text_config=_TEXT, vision_config=_VIT)
    return transformers.SiglipModel(config), _siglip()[1]


KINDS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "dinov2": _dinov2,
    "registers": _registers,
    "vit": _vit,
    "vit_mae": _vit_mae,
    "clip": _clip,
    "siglip": _siglip,
    "dinov3": _dinov3,
    "msn": _msn,
    "clip_pair": _clip_pair,
    "siglip_pair": _siglip_pair,
    "convnext": _convnext,
}


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], SimpleNamespace]:
    """By kind: `folder` as save_pretrained writes it, and the `model` and `processor` that were saved."""
    made: dict[str, SimpleNamespace] = {}

    def make(kind: str) -> SimpleNamespace:
        if kind not in made:
            folder = tmp_path_factory.mktemp(kind) / f"tiny-{kind}"
            model, processor = KINDS[kind]()
            fill(model)
            model.save_pretrained(folder)
            processor.save_pretrained(folder)
            made[kind] = SimpleNamespace(folder=folder, model=model, processor=processor)
        return made[kind]

    return make
