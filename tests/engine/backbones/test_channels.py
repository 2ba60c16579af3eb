"""Backbones that get n channels: timm's own adaptation is the oracle, and a picture whose colours come twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import timm
import torch
from safetensors.torch import save_file

from tests.engine.backbones.conftest import KINDS, fill
from workbench.engine.backbones.channels import adapt
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.loader import BatchLoader
from workbench.pixels.prepare import prepare
from workbench.records.spec import Reading


def all_of(channels: int) -> Reading:
    return Reading(channels=f"all:{channels}")


@pytest.fixture
def bare(tmp_path: Path):
    """`architecture:file` of a small timm model with weights that are not those of a fresh one."""

    def make(name: str) -> tuple[str, Path]:
        path = tmp_path / f"{name}.safetensors"
        save_file(
            {key: value.contiguous() for key, value in fill(timm.create_model(name)).state_dict().items()},
            path,
        )
        return f"{name}:{path}", path

    return make


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "resnet10t"])
@pytest.mark.parametrize("channels", [1, 2, 5, 7])
def test_the_weights_are_those_that_timm_would_give(bare, memo: Path, name: str, channels: int) -> None:
    identifier, path = bare(name)
    found = resolve(identifier, image_size=64, reading=all_of(channels), memo=memo)
    size = found.spec.preprocess.size
    images = np.random.default_rng(channels).integers(0, 256, (2, size, size, channels), np.uint8)
    ours = load_backbone(found.spec, "cpu", memo=memo).encode(images)

    sized = {"img_size": size} if name.startswith("vit") else {}
    model = timm.create_model(
        name,
        pretrained=True,
        pretrained_cfg_overlay={"file": str(path)},
        in_chans=channels,
        num_classes=0,
        **sized,
    ).eval()
    places = np.arange(channels) % 3
    mean, std = (
        np.asarray(values, np.float32)[places]
        for values in (found.spec.preprocess.mean, found.spec.preprocess.std)
    )
    pixels = torch.from_numpy((images / np.float32(255) - mean) / std).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(pixels), pre_logits=True)
    key = "cls" if name.startswith("vit") else "pooled"
    assert torch.allclose(ours[key], expected, atol=1e-3, rtol=1e-3)


def assert_colours_twice_change_nothing(identifier: str, photographs: list[np.ndarray], memo: Path) -> None:
    """Six channels that are the three colours twice, each weight half: the same sums."""
    usual = resolve(identifier, memo=memo)
    twice = resolve(identifier, reading=all_of(6), memo=memo)
    images = np.stack([prepare(image, usual.spec.preprocess) for image in photographs])
    expected = load_backbone(usual.spec, "cpu", memo=memo).pooled_features(images)
    found = load_backbone(twice.spec, "cpu", memo=memo).pooled_features(
        np.concatenate([images, images], axis=3)
    )
    for name, values in expected.items():
        assert np.allclose(found[name], values, atol=1e-3, rtol=1e-3), name
    assert twice.spec.fingerprint() != usual.spec.fingerprint()
    assert twice.title == f"{usual.title} (patch embedding adapted to 6 channels)"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_published_model_takes_n_channels(
    published, photographs, memo: Path, kind: str
) -> None:
    assert_colours_twice_change_nothing(str(published(kind).folder), photographs, memo)


@pytest.mark.parametrize("identifier", ["efficientnet_lite0", "random_vit"])
def test_the_backbones_that_are_always_there_take_n_channels(
    photographs, memo: Path, identifier: str
) -> None:
    assert_colours_twice_change_nothing(identifier, photographs[:2], memo)


def test_three_channels_are_no_adaptation(memo: Path) -> None:
    assert resolve("random_vit", reading=all_of(3), memo=memo).title == resolve("random_vit", memo=memo).title


def test_what_can_t_take_n_channels_says_so(memo: Path) -> None:
    with pytest.raises(ValueError, match="can't take 5 channels"):
        resolve("histogram", reading=all_of(5), memo=memo)
    resolve("histogram", reading=Reading(channels="mean"), memo=memo)
    with pytest.raises(ValueError, match="no convolution that takes three colours"):
        adapt(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 5)), 4, "A model")
    unsettled = resolve("random_vit", reading=Reading(channels="all"), memo=memo).spec
    with pytest.raises(ValueError, match="how many there are"):
        load_backbone(unsettled, "cpu", memo=memo)


def test_files_with_other_channels_are_refused_on_the_way_to_the_backbone(tmp_path: Path, memo: Path) -> None:
    rng = np.random.default_rng(3)
    paths = [tmp_path / f"{place}.tif" for place in range(4)]
    for path, channels in zip(paths, (5, 5, 4, 5), strict=True):
        values = rng.integers(0, 65536, (40, 50, channels), np.uint16)
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    spec = resolve("random_vit", image_size=32, reading=all_of(5), memo=memo).spec
    (batch,) = BatchLoader(paths, spec.preprocess, batch_size=4, threads=2, reading=spec.reading)
    assert batch.indices.tolist() == [0, 1, 3] and batch.images.shape == (3, 32, 32, 5)
    assert batch.refused == [(2, "It has 4 channels where the others of the data set have 5.")]
    assert load_backbone(spec, "cpu", memo=memo).pooled_features(batch.images)["cls"].shape == (3, 192)
