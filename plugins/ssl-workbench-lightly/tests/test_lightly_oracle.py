"""The workbench's own methods are the oracle: the same network and batch have the same loss."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from ssl_workbench_lightly import pairs, taught
from ssl_workbench_vicreg.barlow_twins import BarlowTwins
from ssl_workbench_vicreg.vicreg import VICReg

from tests.engine.methods.made import batch_of, encoder_of, method_of, plan_of
from workbench.engine.api import Method
from workbench.records.params import build

WIDE = {"hidden": 32, "output": 32}


def house(name: str, kind: str, **settings: Any) -> Callable[[], Method]:
    return lambda: method_of(name, kind, **settings)


def plugin(cls: type[Method], **settings: Any) -> Callable[[], Method]:
    return lambda: cls(encoder_of("conv"), build(cls.Config, settings), plan_of()).train()


CASES: dict[str, tuple[Callable[[], Method], type[Method], dict[str, Any], tuple[str, ...]]] = {
    "ntxent": (house("simclr", "conv"), pairs.NTXent, {**WIDE, "temperature": 0.1}, ("projector",)),
    "negative_cosine": (
        house("simsiam", "conv", bottleneck=8),
        pairs.NegativeCosine,
        WIDE,
        ("projector", "predictor"),
    ),
    "barlow_twins": (
        plugin(BarlowTwins, width=32),
        pairs.BarlowTwins,
        {**WIDE, "lambda_param": 0.0051},
        ("projector",),
    ),
    "vicreg": (plugin(VICReg, width=32), pairs.VICReg, WIDE, ("projector",)),
    "dino": (house("dino", "vit"), taught.DINO, {"hidden": 32, "prototypes": 32}, ("head", "teacher_head")),
    "ibot": (
        house("ibot", "vit", patch_temperature=0.04, masked_views=1.0),
        taught.IBOT,
        {"hidden": 32, "prototypes": 32},
        ("head", "teacher_head"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_the_loss_of_the_house(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, cls, settings, heads = CASES[name]
    own = make()
    other: Any = cls(copy.deepcopy(own.encoder), build(cls.Config, settings), own.plan).train()
    for head in heads:
        getattr(other, head).load_state_dict(getattr(own, head).state_dict())
    if cls.tokens_only:
        other.encoder.mask_token.data.normal_(generator=torch.Generator().manual_seed(3))
        for where in (own.encoder, own.teacher, other.teacher):
            where.mask_token.data.copy_(other.encoder.mask_token.data)  # type: ignore[union-attr]
        monkeypatch.setattr(
            other,
            "hidden",
            lambda config, draw, num, grid, view: own.hidden(own.config, draw, num, grid, view),
        )
    batch = batch_of(other, 0, alike=0.5)
    expected, loss = own(batch).loss, other(batch).loss
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
