"""The measures of collapse against their definitions, written out slowly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from workbench.engine.pretrain.collapse import MOST_SIDE, outputs, ranks, spread


def rankme(rows: np.ndarray) -> float:
    """Garrido et al. 2023, equations 1 and 2."""
    values = np.linalg.svd(rows, compute_uv=False)
    shares = values / np.abs(values).sum() + 1e-7
    return math.exp(-(shares * np.log(shares)).sum())


def cloud(count: int, width: int, rank: int, mean: float, seed: int = 0) -> np.ndarray:
    """(N, D) float64 in `rank` directions around a mean of that length."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(width, rank)))[0]
    centre = rng.normal(size=width)
    return rng.normal(size=(count, rank)) @ basis.T + mean * centre / np.linalg.norm(centre)


@pytest.mark.parametrize(("count", "width"), [(300, 48), (40, 96), (64, 64)])
@pytest.mark.parametrize("mean", [0.0, 30.0])
def test_rankme_is_that_of_the_paper(count: int, width: int, mean: float) -> None:
    rows = cloud(count, width, width, mean) * np.arange(1, width + 1) ** -0.7
    found = ranks(torch.from_numpy(rows))
    assert found.plain == pytest.approx(rankme(rows), rel=1e-6)
    centred = rankme(rows - rows.mean(0))
    assert found.centred == pytest.approx(centred, rel=1e-4)  # the eigenvalue that is 0 comes out as rounding
    assert (found.count, found.most) == (count, min(count, width))
    assert found.held == np.linalg.matrix_rank(rows - rows.mean(0), tol=None)


def test_many_wide_vectors_are_judged_by_the_newest() -> None:
    rows = cloud(MOST_SIDE + 50, MOST_SIDE + 10, 3, 0.0)
    found = ranks(torch.from_numpy(rows))
    assert found.count == found.most == MOST_SIDE
    assert found.plain == pytest.approx(rankme(rows[-MOST_SIDE:]), rel=1e-3)


def test_each_measure_misses_what_the_other_sees() -> None:
    """Point collapse and 16 directions of 384, as the two traps are told."""
    healthy = torch.from_numpy(cloud(1024, 384, 384, 0.0)).float()
    narrow = torch.from_numpy(cloud(1024, 384, 16, 0.0)).float()
    alike = torch.ones(384) + 1e-4 * healthy
    assert spread([healthy]) == pytest.approx(1, abs=0.01)
    assert spread([narrow]) > 0.95 and ranks(narrow).plain < 16.1 and ranks(narrow).cliff == 16
    assert spread([alike]) < 1e-3 and ranks(alike).centred > 300 and ranks(alike).plain < 2
    assert ranks(healthy).cliff == ranks(alike).cliff == 0


def test_rankme_grows_with_the_number_of_vectors() -> None:
    rows = torch.from_numpy(cloud(4096, 384, 384, 0.0))
    few, many = ranks(rows[:256]), ranks(rows)
    assert few.plain == pytest.approx(229, abs=3) and many.plain == pytest.approx(379, abs=2)


@pytest.mark.parametrize("width", [64, 384])
def test_the_spread_is_the_deviation_of_vectors_of_length_one(width: int) -> None:
    batches = [torch.from_numpy(cloud(24, width, width, mean, seed=3)) for mean in (0.0, 5.0, 50.0)]
    unit = [batch.numpy() / np.linalg.norm(batch.numpy(), axis=1, keepdims=True) for batch in batches]
    wanted = np.sqrt(np.mean([rows.var(0, ddof=1).sum() for rows in unit]))
    assert spread(batches) == pytest.approx(wanted, rel=1e-5)


def test_a_network_that_moves_does_not_make_alike_vectors_look_apart() -> None:
    moving = [torch.randn(1, 64, generator=torch.manual_seed(step)).expand(16, 64) for step in range(8)]
    assert spread(moving) < 1e-6
    assert spread([torch.cat(moving)]) > 0.9


def test_batches_of_one_image_are_taken_together() -> None:
    rows = torch.from_numpy(cloud(400, 32, 32, 0.0)).float()
    assert spread(list(rows.split(1))) == pytest.approx(spread([rows]))
    assert math.isnan(spread([rows[:1]]))


@pytest.mark.parametrize("rank", [1, 3, 10, 24])
@pytest.mark.parametrize("rounded", [False, True])
def test_a_spectrum_that_breaks_off_is_a_cliff_even_in_bf16(rank: int, rounded: bool) -> None:
    rows = torch.from_numpy(cloud(300, 96, rank, 2.0)).float()
    found = ranks(rows.bfloat16() if rounded else rows)
    assert found.cliff == rank
    assert found.held == rank or rounded


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0, 2.0, 3.0])
def test_a_spectrum_that_falls_smoothly_has_no_cliff(decay: float) -> None:
    rows = cloud(400, 96, 96, 0.0) @ np.diag(np.arange(1.0, 97) ** -decay)
    assert ranks(torch.from_numpy(rows)).cliff == 0


def test_vectors_that_are_all_the_same_have_no_rank_to_speak_of() -> None:
    found = ranks(torch.ones(50, 16))
    assert found.held == found.cliff == 0 and found.plain == pytest.approx(1, abs=0.001)
    assert math.isfinite(found.centred)


def test_entropies_are_in_nats() -> None:
    rows = torch.rand(20, 50, generator=torch.manual_seed(0), dtype=torch.float64)
    rows /= rows.sum(1, keepdim=True)
    found = outputs(rows)
    assert found.each == pytest.approx(entropy(rows.numpy(), axis=1).mean(), rel=1e-5)
    assert found.all == pytest.approx(entropy(rows.numpy().mean(0)), rel=1e-5)
    assert found.most == pytest.approx(math.log(50)) and found.count == 20
    sure = torch.eye(50)
    assert outputs(sure).each == 0 and outputs(sure).all == pytest.approx(math.log(50), rel=1e-5)
    assert outputs(sure[:1].expand(8, 50)).all == 0
