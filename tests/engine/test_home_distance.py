"""The distance from a backbone's own world: against slow sums, kept, and far for what nobody photographs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.indices import counted
from workbench.engine import home_distance as module
from workbench.engine.activation_shift import shift
from workbench.engine.backbones import load
from workbench.engine.control import Control
from workbench.engine.jobs import embed
from workbench.records.embeddings import read_provenance
from workbench.records.home import EVERYDAY, LEAST, SAMPLE
from workbench.records.jobs import EmbedJob
from workbench.records.runs import RunFolder


def network() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 2, 1), nn.BatchNorm2d(2)
    )
    for layer in made:
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-1, 1)
            layer.running_var.uniform_(0.5, 2)
    return made.eval()


def encoder(net: nn.Module) -> SimpleNamespace:
    def encode(images: np.ndarray) -> torch.Tensor:
        with torch.no_grad():
            return net(torch.from_numpy(images).permute(0, 3, 1, 2).float())

    return SimpleNamespace(encode=encode)


IMAGES = np.random.default_rng(0).normal(size=(7, 6, 5, 3))


def by_hand(net: nn.Sequential, last: int) -> float:
    """One value at a time."""
    x = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        values = net[:last](x).double().numpy()
    layer, total = net[last], 0.0
    for channel in range(values.shape[1]):
        seen = [v for image in values for row in image[channel] for v in row]
        mean = sum(seen) / len(seen)
        sd = (sum((v - mean) ** 2 for v in seen) / len(seen)) ** 0.5
        kept, variance = float(layer.running_mean[channel]), float(layer.running_var[channel]) + layer.eps
        total += ((mean - kept) ** 2 + (sd - variance**0.5) ** 2) / variance
    return (total / values.shape[1]) ** 0.5


def test_the_shift_is_the_slow_sum_however_the_images_are_cut() -> None:
    net = network()
    wanted = float(np.median([by_hand(net, 1), by_hand(net, 4)]))
    for cut in ([7], [3, 4], [1] * 7):
        batches = np.split(IMAGES, np.cumsum(cut)[:-1])
        assert shift(net, encoder(net), batches) == pytest.approx(wanted, rel=1e-5)
    assert not any(layer._forward_pre_hooks for layer in net), "nothing stays hooked"


def test_the_images_that_a_network_was_trained_on_are_at_home() -> None:
    net = network().train()
    for layer in net:
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the mean over all that came
            layer.reset_running_stats()
    encoder(net).encode(IMAGES)
    net.eval()
    assert shift(net, encoder(net), [IMAGES]) == pytest.approx(0, abs=0.02)  # the variance is kept unbiased
    assert shift(net, encoder(net), [IMAGES + 3]) > 0.5  # type: ignore[operator]


def test_without_batch_normalisations_or_images_there_is_no_shift() -> None:
    assert shift(nn.Conv2d(3, 2, 1), encoder(nn.Conv2d(3, 2, 1)), [IMAGES]) is None
    assert shift(network(), encoder(network()), []) is None


def noise(root: Path, number: int) -> None:
    rng = np.random.default_rng(0)
    for place in range(number):
        path = root / "ab"[place % 2] / f"{place:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)


def embedded(folder: Path, index: Path, **more: object) -> dict:
    job = EmbedJob(index=str(index), cache=str(folder / "cache"), backbone="efficientnet_lite0", **more)  # type: ignore[arg-type]
    run = RunFolder.create(folder / "runs", job, name=f"run-{len(list(folder.glob('runs/*')))}")
    embed.run(job, run, Control(run))
    return read_provenance(run.path / "embeddings.h5ad")


def test_an_embedding_says_how_far_its_images_lie_and_measures_once(tmp_path: Path, monkeypatch) -> None:
    few = 8
    monkeypatch.setattr(module, "LEAST", few)
    noise(tmp_path / "images", few)
    counted(tmp_path / "images").save(tmp_path / "index.npz")
    opened, open_ = [], load.load_backbone

    def once(spec, device, **how):
        opened.append(spec.backbone)
        return open_(spec, device, **how)

    monkeypatch.setattr(load, "load_backbone", once)
    far = embedded(tmp_path, tmp_path / "index.npz")["distance"]
    assert opened == ["efficientnet_lite0"], "the one that has embedded them"
    assert far > 2, "noise is farther than twice everyday photographs"

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("it was measured before")

    monkeypatch.setattr(load, "load_backbone", refuse)
    assert embedded(tmp_path, tmp_path / "index.npz")["distance"] == far


def test_it_is_not_told_of_few_images_other_sizes_or_backbones_that_nobody_measured(
    tmp_path: Path, monkeypatch
) -> None:
    noise(tmp_path / "images", 4)
    counted(tmp_path / "images").save(tmp_path / "index.npz")
    assert "distance" not in embedded(tmp_path, tmp_path / "index.npz")
    monkeypatch.setattr(module, "LEAST", 4)
    assert "distance" not in embedded(tmp_path, tmp_path / "index.npz", image_size=64)
    monkeypatch.setattr(module, "EVERYDAY", {})
    assert "distance" not in embedded(tmp_path, tmp_path / "index.npz")
    assert set(EVERYDAY) == {"efficientnet_lite0"} and LEAST <= SAMPLE
