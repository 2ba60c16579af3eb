"""The heads of the two-view methods, against lightly's with the same weights."""

from __future__ import annotations

import pytest
import torch
from lightly.models.modules import heads as oracle
from torch import nn

from tests.engine.methods.made import encoder_of
from tests.engine.methods.made import plan_of as plan
from workbench.engine.methods.base import Method
from workbench.engine.methods.registry import method_class

WIDTH = {"vit": 192, "conv": 64}


def published(name: str, kind: str) -> Method:
    """With heads as wide as published."""
    cls = method_class(name)
    return cls(encoder_of(kind), cls.Config(), plan()).train()


def same(own: nn.Module, theirs: nn.Module, width: int) -> None:
    """`theirs` is given the weights of `own`, which may lack only biases that the published code lacks."""
    weights = {f"layers.{key}": value for key, value in own.state_dict().items()}
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert not unexpected
    for key in missing:
        assert key.endswith(".bias"), key
        nn.init.zeros_(theirs.get_parameter(key))
    values = torch.randn(16, width, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(own(values), theirs(values), atol=1e-6, rtol=1e-6)
    counted = [isinstance(layer, nn.BatchNorm1d) and layer.affine for layer in own.modules()]
    assert counted.count(True) == [
        isinstance(layer, nn.BatchNorm1d) and layer.affine for layer in theirs.modules()
    ].count(True)


@pytest.mark.parametrize("kind", ["vit", "conv"])
def test_simclr(kind: str) -> None:
    width = WIDTH[kind]
    same(published("simclr", kind).projector, oracle.SimCLRProjectionHead(width, 2048, 128), width)


def test_byol() -> None:
    method = published("byol", "conv")
    same(method.projector, oracle.BYOLProjectionHead(64, 4096, 256), 64)
    same(method.predictor, oracle.BYOLPredictionHead(256, 4096, 256), 256)
    assert method.projector[-1].bias is None


def test_simsiam() -> None:
    method = published("simsiam", "conv")
    same(method.projector, oracle.SimSiamProjectionHead(64, 2048, 2048), 64)
    same(method.predictor, oracle.SimSiamPredictionHead(2048, 512, 2048), 2048)
    assert method.predictor[-1].bias is not None


def test_moco_of_convolutional_networks() -> None:
    same(published("moco", "conv").projector, oracle.MoCoProjectionHead(64, 64, 128, 2, False), 64)


def test_moco_of_transformers() -> None:
    """lightly's last norms learn a scale; the authors' don't."""
    method = published("moco", "vit")
    projector = oracle.MoCoProjectionHead(192, 4096, 256, 3, True)
    predictor = oracle.MoCoProjectionHead(256, 4096, 256, 2, True)
    for head in (projector, predictor):
        head.layers[-1] = nn.BatchNorm1d(256, affine=False)
    same(method.projector, projector, 192)
    same(method.predictor, predictor, 256)
