"""The batched probe against scikit-learn, one fit at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from workbench.engine.evals.newton import _chances, _hessian
from workbench.engine.evals.probe import DINOV2_GRID, PATIENCE, fit_probes, strengths
from workbench.engine.evals.softmax_design import Design


def oracle(X: np.ndarray, y: np.ndarray, C: float):
    """scikit-learn's fit: (objective as it defines it, predict on raw features)."""
    scaler = StandardScaler().fit(X.astype(np.float64))
    Z = scaler.transform(X.astype(np.float64))
    with threadpool_limits(1):
        model = LogisticRegression(C=C, tol=1e-10, max_iter=20_000).fit(Z, y)
    logits = Z @ model.coef_.T + model.intercept_
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    codes = np.searchsorted(model.classes_, y)
    top = logits.max(1)
    losses = np.log(np.exp(logits - top[:, None]).sum(1)) + top - logits[np.arange(len(y)), codes]
    objective = C * losses.sum() + 0.5 * np.sum(model.coef_**2)
    return objective, lambda raw: model.predict(scaler.transform(raw.astype(np.float64)))


def fit(X, y, masks, grid, classes, **options):
    return fit_probes(
        torch.from_numpy(X),
        torch.from_numpy(y),
        torch.from_numpy(np.asarray(masks)),
        torch.tensor(grid, dtype=torch.float64),
        classes,
        **options,
    )


def test_the_grids_are_logarithmic_from_1e_6_to_1e5():
    grid = strengths()
    assert len(grid) == 12 and len(DINOV2_GRID) == 45
    for points in (grid, DINOV2_GRID):
        assert points[0] == pytest.approx(1e-6) and points[-1] == pytest.approx(1e5)
        assert np.ptp(np.diff(np.log(points))) < 1e-9
    with pytest.raises(ValueError, match="two strengths"):
        strengths(1)


@pytest.mark.parametrize(
    ("n", "d", "classes", "spread"),
    [(300, 24, 4, 1.0), (240, 20, 2, 0.6), (60, 150, 3, 1.0), (300, 24, 5, 0.3)],
    ids=["tall", "two classes", "more features than rows", "overlapping"],
)
def test_objective_and_predictions_are_scikit_learns(cloud, n, d, classes, spread):
    X, y = cloud(n + 400, d, classes, spread=spread)
    rng = np.random.default_rng(1)
    grid = [1e-6, 1e-3, 1e-1, 1e1, 1e4]
    subsets = [np.sort(rng.permutation(n)[: int(0.8 * n)]) for _ in range(2)]
    masks = np.zeros((10, n + 400), dtype=np.uint8)
    for row in range(10):
        masks[row, subsets[row // 5]] = 1
    found = fit(X, y, masks, grid * 2, classes)
    assert bool(found.converged.all())
    same = []
    for row in range(10):
        rows = subsets[row // 5]
        objective, predict = oracle(X[rows], y[rows], grid[row % 5])
        # scikit-learn itself stops a little above the minimum: ours may be lower, not higher.
        assert float(found.objective[row]) < objective * (1 + 1e-6)
        assert float(found.objective[row]) > objective * (1 - 1e-4)
        same.append(np.mean(found.predict(torch.from_numpy(X), row).numpy() == predict(X)))
    assert np.mean(same) >= 0.999


def test_the_reported_objective_is_that_of_the_returned_weights(cloud):
    X, y = cloud()
    mask = np.arange(300) < 200
    found = fit(X, y, [mask], [0.5], 4)
    Z = X[mask].astype(np.float64)
    deviation = Z.std(0)
    logits = X[mask].astype(np.float64) @ found.W[0].numpy() + found.b[0].numpy()
    losses = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits), torch.from_numpy(y[mask]), reduction="sum"
    )
    weights = found.W[0].numpy() * deviation[:, None]
    assert float(found.objective[0]) == pytest.approx(
        0.5 * float(losses) + 0.5 * np.sum(weights**2), rel=1e-9
    )


def test_fits_are_the_same_alone_and_in_company(cloud):
    X, y = cloud()
    masks = np.random.default_rng(2).random((4, 300)) < [[0.9], [0.6], [0.3], [0.05]]
    masks[:, :4] = True
    grid = [1e-3, 1.0, 1e2, 1.0]
    together = fit(X, y, masks, grid, 4)
    tight = fit(X, y, masks, grid, 4, memory=1)
    for row in range(4):
        alone = fit(X, y, masks[row : row + 1], grid[row : row + 1], 4)
        for other in (together, tight):
            assert float(other.objective[row]) == pytest.approx(float(alone.objective[0]), rel=1e-6)


def test_a_start_gives_the_same_minimum_in_fewer_rounds(cloud):
    X, y = cloud(d=40)
    masks = [np.arange(300) < 200]
    cold = fit(X, y, masks, [1.0], 4)
    warm = fit(X, y, masks, [1.0], 4, start=cold)
    assert float(warm.objective[0]) == pytest.approx(float(cold.objective[0]), rel=1e-7)
    assert int(warm.iterations[0]) < int(cold.iterations[0]) / 2


def test_standardising_by_other_rows_is_fitting_features_standardised_so(cloud):
    X, y = cloud()
    wide, narrow = np.arange(300) < 250, np.arange(300) < 60
    found = fit(X, y, [narrow], [0.1], 4, standardise_by=torch.from_numpy(wide[None]))
    Z = StandardScaler().fit(X[wide].astype(np.float64)).transform(X[narrow].astype(np.float64))
    model = LogisticRegression(C=0.1, tol=1e-10, max_iter=5000).fit(Z, y[narrow])
    weights = found.W[0].numpy() * X[wide].astype(np.float64).std(0)[:, None]
    assert np.allclose(weights.T, model.coef_, atol=2e-4)


def test_constant_features_get_no_weight(cloud):
    X, y = cloud()
    X[:, 3] = 1234.567
    found = fit(X, y, [np.arange(300) < 200], [1.0], 4)
    assert torch.all(found.W[0, 3] == 0)
    objective, _ = oracle(np.delete(X, 3, 1)[:200], y[:200], 1.0)
    assert float(found.objective[0]) == pytest.approx(objective, rel=1e-6)
    flat = fit(np.ones((6, 2), np.float32), np.asarray([0, 0, 0, 0, 1, 1]), np.ones((1, 6)), [1.0], 2)
    assert flat.predict(torch.ones(1, 2), 0).tolist() == [0]  # the majority, all that is left to know


def test_a_class_without_training_rows_is_never_predicted_and_changes_nothing(cloud):
    X, y = cloud(classes=4)
    mask = y != 2
    found = fit(X, y, [mask], [1.0], 4)
    objective, predict = oracle(X[mask], y[mask], 1.0)
    assert float(found.objective[0]) == pytest.approx(objective, rel=1e-6)
    assert np.array_equal(found.predict(torch.from_numpy(X), 0).numpy(), predict(X))
    two = (y == 1) | (y == 3)
    objective, predict = oracle(X[two], y[two], 1.0)
    pair = fit(X, y, [two], [1.0], 4)
    assert float(pair.objective[0]) == pytest.approx(objective, rel=1e-6)
    assert np.array_equal(pair.predict(torch.from_numpy(X), 0).numpy(), predict(X))


def test_one_item_per_class_and_one_class_alone(cloud):
    X, y = cloud()
    rows = np.asarray([np.flatnonzero(y == code)[0] for code in range(4)])
    mask = np.isin(np.arange(300), rows)
    found = fit(X, y, [mask, mask, y == 1], [1.0, 1e5, 1.0], 4)
    assert bool(found.converged.all())
    for fitted in (0, 1):
        assert np.array_equal(found.predict(torch.from_numpy(X[rows]), fitted).numpy(), y[rows])
    assert torch.all(found.predict(torch.from_numpy(X), 2) == 1)


def test_progress_is_told_and_can_cancel(cloud):
    X, y = cloud()
    told = []
    fit(
        X,
        y,
        np.ones((3, 300)),
        [0.1, 1.0, 10.0],
        4,
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (3, 3) and [done for done, _ in told] == sorted(done for done, _ in told)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(X, y, np.ones((3, 300)), [0.1, 1.0, 10.0], 4, on_progress=stop)


def test_what_cannot_be_fitted_is_refused(cloud):
    X, y = cloud()
    all_rows = np.ones((1, 300))
    broken = X.copy()
    broken[7, 3] = np.nan
    for arguments, message in [
        ((broken, y, all_rows, [1.0], 4), "NaN"),
        ((X, y, np.zeros((1, 300)), [1.0], 4), "no training rows"),
        ((X, y, all_rows, [0.0], 4), "positive"),
        ((X, y, all_rows, [1.0], 3), "class codes"),
        ((X, y, all_rows, [1.0, 2.0], 4), "shapes"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(*arguments)


def test_it_stops_where_it_is_told_to(cloud):
    X, y = cloud(d=40)
    found = fit(X, y, np.ones((1, 300)), [1e5], 4, max_iterations=3)
    assert not bool(found.converged[0]) and int(found.iterations[0]) == 3


def test_features_that_depend_on_each_other_reach_the_minimum_too():
    """Histograms, whose bins sum to one, hardly regularised: the problem that L-BFGS doesn't finish."""
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 200)
    shares = rng.dirichlet(np.linspace(0.05, 4, 40), 200) ** (1 + 0.1 * y[:, None])
    X = np.hstack([shares, np.cumsum(shares, 1)]).astype(np.float32)
    found = fit(X, y, np.ones((2, 200)), [1e4, 1e5], 3)
    assert bool(found.converged.all())
    alone = fit(X, y, np.ones((2, 200)), [1e4, 1e5], 3, max_iterations=PATIENCE)
    assert not bool(alone.converged.any())
    assert bool((found.objective < alone.objective).all())
    Z = StandardScaler().fit_transform(X.astype(np.float64))
    for row, C in enumerate((1e4, 1e5)):
        model = LogisticRegression(C=C, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(Z, y)
        logits = torch.from_numpy(Z @ model.coef_.T + model.intercept_)
        losses = torch.nn.functional.cross_entropy(logits, torch.from_numpy(y), reduction="sum")
        objective = C * float(losses) + 0.5 * np.sum(model.coef_**2)
        assert float(found.objective[row]) == pytest.approx(objective, rel=1e-6)
        assert np.array_equal(found.predict(torch.from_numpy(X), row).numpy(), model.predict(Z))


def test_newtons_hessian_is_the_derivative_of_the_gradient():
    generator = torch.Generator().manual_seed(0)
    columns = torch.cat([torch.randn(30, 4, generator=generator), torch.ones(30, 1)], 1).double()
    y = torch.arange(30) % 3
    design = Design(columns, y, torch.ones(3, dtype=torch.bool))
    point = torch.randn(3, 5, generator=generator).double()
    vector = torch.randn(3, 5, generator=generator).double()
    cost = torch.tensor([0.7], dtype=torch.float64)

    def objective(weights: torch.Tensor) -> torch.Tensor:
        losses = torch.nn.functional.cross_entropy(columns @ weights.T, y, reduction="sum")
        return 0.7 * losses + 0.5 * weights[:, :-1].square().sum()

    value, slope = design.evaluate(point[None], cost, exact=True)
    assert float(value) == pytest.approx(float(objective(point)), rel=1e-12)
    leaf = point.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(objective(leaf), leaf, create_graph=True)
    assert torch.allclose(slope[0], gradient, rtol=1e-10)
    (expected,) = torch.autograd.grad((gradient * vector).sum(), leaf)
    assert torch.allclose(_hessian(design, _chances(design, point), 0.7, vector), expected, rtol=1e-9)
