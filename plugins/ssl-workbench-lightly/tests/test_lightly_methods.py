"""Every method once around, and what the README and the manifest say of them."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path
from typing import Any

import lightly.loss
import pytest
import ssl_workbench_lightly
import timm
import torch
from lightly.loss import EMPSSLLoss
from lightly.loss.hypersphere_loss import HypersphereLoss
from ssl_workbench_lightly.masks import hidden_patches, shown
from ssl_workbench_lightly.pairs import WMSE
from ssl_workbench_lightly.plugin import METHODS, register
from torch import nn

from tests.engine.methods.made import batch_of, one_step, optimiser_of, plan_of, small_settings
from workbench.engine.api import Draw, Encoder, House, Method
from workbench.records.params import build

ROOT = Path(__file__).resolve().parents[1]
MANIFEST = tomllib.loads(Path(ssl_workbench_lightly.__file__).with_name("workbench_plugin.toml").read_text())
each_method = pytest.mark.parametrize("cls", METHODS, ids=[method.name for method in METHODS])


def made(cls: type[Method], **settings: Any) -> Method:
    arguments: dict[str, Any] = {"num_classes": 0}
    if cls.tokens_only:
        arguments |= {"img_size": 32, "patch_size": 8, "dynamic_img_size": True}
    torch.manual_seed(0)
    encoder = Encoder(timm.create_model("test_vit" if cls.tokens_only else "test_resnet", **arguments))
    return cls(encoder, build(cls.Config, {**small_settings(cls), **settings}), plan_of()).train()


@each_method
def test_a_step_is_finite_has_a_gradient_and_can_be_gone_on_from(cls: type[Method]) -> None:
    method, again = made(cls), made(cls)
    before = torch.get_rng_state()
    outcome = one_step(method, optimiser_of(method), batch_of(method, 0, alike=0.5))
    assert torch.equal(torch.get_rng_state(), before), "it draws from torch's own generator"
    assert outcome.loss.ndim == 0 and outcome.loss.dtype == torch.float32 and torch.isfinite(outcome.loss)
    learnt = [value.grad for value in method.encoder.parameters() if value.grad is not None]
    assert sum(float(value.abs().max()) > 0 for value in learnt) > len(learnt) / 3
    for name, value in method.named_parameters():
        assert value.requires_grad or value.grad is None, name
        assert value.grad is None or torch.isfinite(value.grad).all(), name

    again.load_state_dict(method.state_dict())
    later = batch_of(method, 1, alike=0.5)
    with torch.no_grad():
        assert torch.equal(method(later).loss, again(later).loss), "it remembers what no checkpoint has"


@each_method
def test_a_form_has_every_argument_of_the_loss_with_its_own_default(cls: Any) -> None:
    arguments = inspect.signature(cls.loss).parameters
    assert set(arguments) <= set(cls.Config.of_loss) | set(cls.held)
    config = build(cls.Config, {})
    for name in cls.Config.of_loss:
        assert getattr(config, name) == arguments[name].default


def test_the_manifest_tells_what_is_registered() -> None:
    house = House()
    register(house)
    assert MANIFEST["methods"] == {method.name: method.summary for method in METHODS}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert MANIFEST["version"] == project["version"]


def test_the_readme_says_of_every_loss_whether_it_is_offered() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:-1]] for line in readme.splitlines() if "|" in line
    ]
    told = {row[0]: row[1] for row in rows if row and row[0].isidentifier()}
    losses = {
        name
        for name, what in vars(lightly.loss).items()
        if inspect.isclass(what) and issubclass(what, nn.Module)
    }
    assert losses | {HypersphereLoss.__name__} <= set(told)
    offered = {name for name in told.values() if name.startswith("lightly_")}
    assert offered == {method.name for method in METHODS}


def test_emp_ssl_is_least_for_pictures_that_are_told_apart() -> None:
    """lightly's own sum is least where all pictures get one vector, which is why it isn't taken as it is."""
    apart = nn.functional.normalize(torch.randn(16, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    same = apart[:1].expand(16, 8)
    method: Any = made(next(method for method in METHODS if method.loss is EMPSSLLoss))
    assert method.compared([apart, apart]) < method.compared([same, same])
    assert EMPSSLLoss()([apart, apart]) > EMPSSLLoss()([same, same])


def test_w_mse_says_what_batch_it_needs() -> None:
    method = made(WMSE)
    with pytest.raises(ValueError, match="whitens 4 entries and needs 8 pictures"):
        method(batch_of(method, 0, num=6))


def test_as_many_patches_are_hidden_in_every_picture_however_the_batch_is_shared() -> None:
    everything = hidden_patches(Draw(3, 5, 6, slice(0, 6)), 4, 0.3, 1)
    assert everything.sum(1).tolist() == [5] * 6
    assert torch.equal(hidden_patches(Draw(3, 5, 6, slice(2, 4)), 4, 0.3, 1), everything[2:4])
    kept = shown(everything)
    assert kept.shape == (6, 11) and not everything.gather(1, kept).any()
    with pytest.raises(ValueError, match="one patch"):
        hidden_patches(Draw(3, 5, 6, slice(0, 6)), 1, 0.3, 1)
