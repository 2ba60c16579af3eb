"""One matrix for many fits says the same as a matrix for each."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench.engine.evals import probe
from workbench.engine.evals.probe import fit_probes, strengths
from workbench.engine.evals.probe_space import OwnSpaces
from workbench.engine.evals.shared_rows import SharedRows

COSTS = (1e-3, 1.0, 1e-2, 10.0)


@pytest.fixture
def problem(cloud):
    """Two groups of two fits: the second lacks a class, standardises by more rows than it learns from, and has a
    feature that is constant within it alone."""
    X, y = cloud(200, 12, 4)
    rng = np.random.default_rng(0)
    masks = rng.random((2, 200)) < 0.7
    masks[1] &= y != 3
    scalers = masks.copy()
    scalers[1] |= rng.random(200) < 0.5
    X[scalers[1], 5] = 2.5
    return torch.from_numpy(X), torch.from_numpy(y), masks, scalers


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("exact", [True, False])
def test_objective_and_gradient_are_those_of_separate_rows(problem, scaled, exact):
    X, y, masks, scalers = problem
    owner, cost = torch.tensor([0, 0, 1, 1]), torch.tensor(COSTS, dtype=torch.float64)
    used = torch.from_numpy(np.flatnonzero((masks | scalers).any(0)))
    rows = SharedRows(X, y, used, scaled)
    shared = rows.batch(masks, scalers, owner, cost, 4)
    own = OwnSpaces(X, y, masks, scalers, rows.axes, 4, scaled, owner, cost)
    points = 0.3 * torch.randn(4, 4, 13, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    points[2:, 3] = 0
    fits, how = torch.tensor([0, 1, 2, 3]), torch.tensor([exact] * 4)
    value, slope = shared.evaluate(fits, points, how)
    expected, gradient = own.evaluate(fits, points, how)
    loose = 1e-9 if exact else 1e-4
    assert torch.allclose(value, expected, rtol=loose)
    present = torch.ones(4, 4, dtype=torch.bool)
    present[2:, 3] = False
    assert torch.allclose(slope[present], gradient[present], rtol=loose, atol=loose * gradient.abs().max())
    assert torch.equal(shared.blank(), own.blank())
    some = torch.tensor([1, 3])
    again, _ = shared.evaluate(some, points[some], torch.tensor([exact, not exact]))
    assert torch.allclose(again, expected[some], rtol=1e-4)
    for one, other in zip(shared.leave(points), own.leave(points), strict=True):
        assert torch.allclose(
            one[present[:, None].expand_as(one)] if one.ndim == 3 else one,
            other[present[:, None].expand_as(other)] if other.ndim == 3 else other,
            rtol=1e-9,
            atol=1e-12,
        )
    W, b = shared.leave(points)
    back = shared.enter(W, b)
    assert torch.allclose(shared.evaluate(fits, back, how)[0][:2], expected[:2], rtol=loose)
    separate = shared.design(3).evaluate(points[3:], cost[3:], exact)[0]
    assert torch.allclose(separate, expected[3:], rtol=loose)


def test_the_fits_are_the_same_both_ways(problem, monkeypatch):
    X, y, masks, scalers = problem
    grid = strengths(6)
    every = [torch.from_numpy(given).repeat_interleave(6, 0) for given in (masks, scalers)]

    def fit() -> probe.ProbeFit:
        cost = torch.tensor(grid, dtype=torch.float64).repeat(2)
        return fit_probes(X, y, every[0], cost, 4, standardise_by=every[1], tolerance=1e-10)

    assert probe._overlap(masks, 200, 12)
    together = fit()
    monkeypatch.setattr(probe, "_overlap", lambda *_: False)
    apart = fit()
    assert bool(together.converged.all()) and bool(apart.converged.all())
    assert torch.allclose(together.objective, apart.objective, rtol=1e-7)
    for row in range(12):
        logits = [each.logits(X, row)[:, :3] for each in (together, apart)]
        assert torch.allclose(logits[0].softmax(1), logits[1].softmax(1), atol=1e-3)


def test_few_rows_a_feature_are_fitted_apart():
    assert not probe._overlap(np.ones((2, 30), dtype=bool), 30, 12)
    thin = np.zeros((2, 400), dtype=bool)
    thin[:, :40] = True
    assert not probe._overlap(thin, 400, 12), "most of the product would be thrown away"
