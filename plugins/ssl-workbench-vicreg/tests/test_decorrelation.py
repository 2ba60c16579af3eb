"""Both losses against lightly's and against loops, and the recipes against the numbers that were published."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import pytest
import ssl_workbench_vicreg
import timm
import torch
from lightly.loss import BarlowTwinsLoss, VICRegLoss
from ssl_workbench_vicreg import barlow_twins, vicreg
from ssl_workbench_vicreg.barlow_twins import BarlowTwins
from ssl_workbench_vicreg.plugin import register
from ssl_workbench_vicreg.shared import PUBLISHED_WIDTH, WIDTH
from ssl_workbench_vicreg.vicreg import VICReg

from workbench.engine.api import Batch, Draw, Encoder, Method, Plan

ROOT = Path(__file__).resolve().parents[1]
METHODS = (BarlowTwins, VICReg)


def outputs(rows: int, width: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Of two views that agree in part, whose entries are related and of unequal size."""
    generator = torch.Generator().manual_seed(seed)
    shared = (
        torch.randn(rows, width, generator=generator) @ torch.randn(width, width, generator=generator) / 3
    )
    noise = (0.3 * torch.randn(rows, width, generator=generator) for _ in range(2))
    first, second = (shared + each for each in noise)
    first[:, 0] *= 0.01  # hardly varies
    return first.requires_grad_(), second.requires_grad_()


def plan(epochs: int = 100, batch: int = 512, size: int = 32) -> Plan:
    return Plan(images=51_200, batch_size=batch, epochs=epochs, steps_per_epoch=100, image_size=size)


def weighted(kind: type[Method], a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """The loss with the weights that are the defaults of the settings."""
    config = kind.Config()
    if kind is VICReg:
        weights = (config.invariance_weight, config.variance_weight, config.covariance_weight)
        terms = vicreg.terms(a, b)
    else:
        weights, terms = (1.0, config.redundancy_weight), barlow_twins.terms(a, b)
    return sum((weight * term for weight, term in zip(weights, terms, strict=True)), torch.zeros(()))


@pytest.mark.parametrize("rows", [4, 8, 200])
@pytest.mark.parametrize(
    ("kind", "theirs"), [(BarlowTwins, BarlowTwinsLoss(lambda_param=0.0051)), (VICReg, VICRegLoss())]
)
def test_losses_and_their_gradients_are_those_of_lightly(
    kind: type[Method], theirs: torch.nn.Module, rows: int
) -> None:
    mine = outputs(rows, 24)
    other = outputs(rows, 24)
    found, wanted = weighted(kind, *mine), theirs(*other)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
    found.backward()
    wanted.backward()
    for one, two in zip(mine, other, strict=True):
        assert one.grad is not None and one.grad.abs().max() > 0
        torch.testing.assert_close(one.grad, two.grad, rtol=1e-4, atol=1e-5)


def test_terms_of_vicreg_are_those_of_the_paper() -> None:
    """Section 4.1, in loops and in double precision."""
    a, b = (each.detach().double() for each in outputs(9, 4))
    rows, width = a.shape
    variance = covariance = 0.0
    for z in (a, b):
        mean = [sum(float(z[i, j]) for i in range(rows)) / rows for j in range(width)]
        for j in range(width):
            spread = sum((float(z[i, j]) - mean[j]) ** 2 for i in range(rows)) / (rows - 1)
            variance += max(0.0, 1 - math.sqrt(spread + 1e-4)) / width / 2
            for k in range(width):
                if k != j:
                    together = sum(
                        (float(z[i, j]) - mean[j]) * (float(z[i, k]) - mean[k]) for i in range(rows)
                    )
                    covariance += (together / (rows - 1)) ** 2 / width
    invariance = float((a - b).square().sum()) / rows / width
    found = [float(term) for term in vicreg.terms(a, b)]
    assert found == pytest.approx([invariance, variance, covariance], rel=1e-5)


def test_what_collapses_costs_more() -> None:
    a = outputs(64, 16)[0].detach()
    alike = torch.ones(64, 16)
    assert weighted(VICReg, alike, alike) == pytest.approx(25 * (1 - 0.01), rel=1e-5)
    assert weighted(BarlowTwins, alike, alike) == pytest.approx(16)
    repeated = a[:, :1].expand(-1, 16)
    apart = torch.linalg.qr(a - a.mean(0))[0] * 63**0.5
    for kind in METHODS:
        assert weighted(kind, apart, apart) < 0.1 < weighted(kind, repeated, repeated)


def test_low_precision_counts_in_full() -> None:
    a, b = (each.detach() for each in outputs(32, 16))
    for kind in METHODS:
        full = weighted(kind, a, b)
        with torch.autocast("cpu", torch.bfloat16):
            torch.testing.assert_close(weighted(kind, a, b), full)


def test_recipes_are_the_published_ones() -> None:
    """vicreg/README.md: 100 epochs at 0.3, 1000 at 0.2. barlowtwins/main.py: weights 0.2, biases 0.0048."""
    for kind, epochs, base in ((VICReg, 100, 0.3), (VICReg, 1000, 0.2), (BarlowTwins, 1000, 0.2)):
        made = kind.recipe(kind.Config(), plan(epochs), tokens=False)
        assert (made.optimiser, made.weight_decay, made.warm_up) == ("lars", 1e-6, 1000)
        assert made.learning_rate == pytest.approx(base * 2)
        assert made.final_rate == pytest.approx(base * 2 / 1000)
        width = next(rule for rule in made.told if rule.name == "layers behind the backbone")
        assert f"{WIDTH:,}" in width.value and f"{PUBLISHED_WIDTH:,}" in width.rule
    with pytest.raises(ValueError, match="two pictures in a batch"):
        VICReg.recipe(VICReg.Config(), plan(batch=1), tokens=False)


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("tokens", [True, False])
def test_a_step_reaches_all_that_learns(kind: type[Method], tokens: bool) -> None:
    torch.manual_seed(0)
    arguments = {"img_size": 32, "patch_size": 8} if tokens else {"zero_init_last": False}
    module = timm.create_model("test_vit" if tokens else "test_resnet", num_classes=0, **arguments)
    made = kind(Encoder(module), kind.Config(width=32), plan(batch=8)).train()
    views = [torch.randn(8, 3, 32, 32) for _ in range(2)]
    outcome = made(Batch(views=views, draw=Draw(0, 0, 8, slice(0, 8)), step=0, plan=made.plan))
    outcome.loss.backward()
    for name, value in made.learning():
        assert value.grad is not None and torch.isfinite(value.grad).all(), name
        assert value.ndim < 2 or value.grad.abs().max() > 0, name
    groups = made.groups()
    assert sorted(id(value) for group in groups for value in group.parameters) == sorted(
        id(value) for _, value in made.learning()
    )
    biases = next(group for group in groups if not group.decays)
    slower = kind is BarlowTwins and not tokens
    assert biases.scale == pytest.approx(0.0048 / 0.2 if slower else 1.0)
    assert all(not getattr(number, "requires_grad", False) for number in outcome.numbers.values())


def test_it_registers_what_its_manifest_promises() -> None:
    class Gathered:
        def __init__(self) -> None:
            self.names: list[str] = []

        def add_method(self, method: type[Method]) -> None:
            self.names.append(method.facts().name)

    gathered = Gathered()
    register(gathered)  # type: ignore[arg-type]
    manifest = tomllib.loads(
        Path(ssl_workbench_vicreg.__file__).with_name("workbench_plugin.toml").read_text()
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(gathered.names) == set(manifest["methods"])
    assert manifest["version"] == project["version"]
