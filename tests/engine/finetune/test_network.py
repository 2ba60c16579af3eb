"""The cut: what is computed once an image gives the features, loss and gradients of the plain way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.backbones.conftest import fill
from workbench.engine.backbones.load import load_backbone
from workbench.engine.backbones.resolve import resolve
from workbench.engine.finetune.feed import Feed, Views, crop
from workbench.engine.finetune.inputs import Inputs
from workbench.engine.finetune.network import Network
from workbench.engine.finetune.trainable import choose


def network(identifier: str, blocks: str, size: int, memo: Path, rank: int = 0) -> Network:
    spec = resolve(identifier, image_size=size, memo=memo).spec
    backbone = load_backbone(spec, "cpu", memo=memo, trainable=True)
    return Network(backbone, choose(backbone.module, blocks, rank, identifier).entry, "cpu")


@pytest.fixture
def identifier(request: pytest.FixtureRequest, published: Callable[[str], SimpleNamespace]) -> str:
    name: str = request.param
    return name if name in ("random_vit", "efficientnet_lite0") else str(published(name).folder)


@pytest.mark.parametrize(
    "identifier",
    [
        "random_vit",
        "efficientnet_lite0",
        "dinov2",
        "registers",
        "vit",
        "vit_mae",
        "clip",
        "siglip",
        "convnext",
    ],
    indirect=True,
)
@pytest.mark.parametrize(("blocks", "rank"), [("1", 0), ("2", 0), ("1", 2)])
def test_the_cut_changes_neither_loss_nor_gradient(
    identifier: str, blocks: str, rank: int, tmp_path: Path
) -> None:
    size = 56 if "dinov2" in identifier or "registers" in identifier else 64
    net = network(identifier, blocks, size, tmp_path, rank)
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 255, (3, size, size, 3), dtype=np.uint8))
    assert net.agrees(pixels)
    kept = net.to_cut(pixels)
    assert not kept.requires_grad
    target = torch.tensor([0, 1, 2])
    head = fill(nn.Linear(net.features(pixels[:1]).shape[1], 3))

    def learnt(features: torch.Tensor) -> tuple[float, dict[str, torch.Tensor]]:
        net.module.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(head(features), target)
        loss.backward()
        return float(loss.detach()), {
            name: value.grad.clone() for name, value in net.learning() if value.grad is not None
        }

    plain, by_plain = learnt(net.features(pixels))
    cut, by_cut = learnt(net.from_cut(kept))
    assert cut == pytest.approx(plain, rel=1e-5)
    assert by_plain and by_plain.keys() == by_cut.keys()
    for name, gradient in by_plain.items():
        torch.testing.assert_close(by_cut[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_an_architecture_that_goes_around_the_cut_is_noticed(tmp_path: Path) -> None:
    net = network("random_vit", "1", 64, tmp_path)
    read = net._backbone.read

    def around(pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: value + pixels.mean() for name, value in read(pixels).items()}

    net._backbone.read = around
    assert not net.agrees(torch.rand(2, 64, 64, 3))


def test_views_are_those_that_they_say(tmp_path: Path) -> None:
    net = network("random_vit", "all", 64, tmp_path)
    pixels = torch.rand(1, 4, 64, 64, 3)
    feed = Feed(net, Inputs(pixels, np.arange(4), np.arange(4), {}), "pixels", "flips")
    shown = feed._shown(pixels[0], Views(np.array([0, 1, 2, 3]), None)).numpy()
    given = pixels[0].numpy()
    np.testing.assert_array_equal(shown[0], given[0])
    np.testing.assert_array_equal(shown[1], given[1][:, ::-1])
    np.testing.assert_array_equal(shown[2], given[2][::-1])
    np.testing.assert_array_equal(shown[3], given[3][::-1, ::-1])
    rng = np.random.default_rng(0)
    assert set(feed.views(200, rng).mirrored) == {0, 1, 2, 3}
    assert not feed.views(9, None).mirrored.any()
    crops = Feed(net, Inputs(pixels, np.arange(4), np.arange(4), {}), "pixels", "crops").views(500, rng).boxes
    assert crops is not None
    side, centres = crops[:, :1], crops[:, 1:]
    assert side.min() ** 2 >= 0.5 and side.max() <= 1
    assert (np.abs(centres) + side <= 1 + 1e-6).all(), "a crop stays inside the picture"


def test_a_crop_of_everything_is_the_picture_and_a_quarter_is_that_quarter() -> None:
    ramp = torch.linspace(0, 1, 64)
    picture = torch.stack([ramp.expand(64, 64), ramp[:, None].expand(64, 64), torch.zeros(64, 64)], 2)[None]
    whole = crop(picture, torch.tensor([[1.0, 0.0, 0.0]]))
    torch.testing.assert_close(whole, picture)
    quarter = crop(picture, torch.tensor([[0.5, 0.5, -0.5]]))[0]
    assert quarter[..., 0].min() == pytest.approx(0.5, abs=0.01), "the right half"
    assert quarter[..., 1].max() == pytest.approx(0.5, abs=0.01), "the upper half"
