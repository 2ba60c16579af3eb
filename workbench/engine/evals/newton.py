"""The second stage of a softmax regression: Newton's method for the fits that L-BFGS brings home too slowly.

Features that nearly depend on each other (histograms, whose bins sum to one) under weak regularisation take
L-BFGS thousands of rounds, and its guess of what is left to gain turns too small. Newton's method takes a
dozen steps there, each dearer. The system of a step is solved by conjugate gradients with products of the
true Hessian, preconditioned by the mean of the Hessian's blocks on the diagonal, of which there is one a class
(Nocedal & Wright, Numerical Optimization, 2nd ed., algorithm 7.1). A block for each class takes a few products less
and several times as long.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from workbench.engine.evals.softmax_design import Design
from workbench.engine.evals.softmax_solver import ARMIJO

MAX_STEPS = 100
MAX_INNER = 200
MEMORY = 1 << 30  # bytes of blocks and probabilities; what needs more is left to L-BFGS


def affordable(rows: int, classes: int, columns: int) -> bool:
    """Whether a step's matrices stay within MEMORY and its blocks cost no more than some hundred rounds."""
    return 8 * classes * (columns * columns + 4 * rows) <= MEMORY


def finish(
    design: Design,
    strength: float,
    point: torch.Tensor,
    tolerance: float,
    on_step: Callable[[], None] | None = None,
) -> tuple[torch.Tensor, float, int, bool]:
    """Minimise strength * (sum of cross-entropies) + 0.5 * penalty * ||W||^2 from `point` (K, D) float64.

    Returns:
        weights (K, D), objective, steps, and whether half the squared Newton decrement, which is what is left to
        gain, fell below `tolerance` of the objective.
    """
    cost = torch.tensor([strength], dtype=torch.float64, device=point.device)
    value, slope = _evaluate(design, point, cost)
    for number in range(1, MAX_STEPS + 1):
        chances = _chances(design, point)
        factor = _block(design, chances, strength)
        direction = _conjugate_gradients(design, chances, strength, factor, slope)
        decrease = float((slope * direction).sum())
        if -decrease <= 2 * tolerance * value:
            return point, value, number, True
        step = 1.0
        while True:
            trial = point + step * direction
            found, steepness = _evaluate(design, trial, cost)
            if found <= value + ARMIJO * step * decrease:
                break
            step /= 2
            if step < 1e-8:  # rounding: there is nothing more to gain
                return point, value, number, -decrease <= 1e-6 * value
        point, value, slope = trial, found, steepness
        if on_step is not None:
            on_step()
    return point, value, MAX_STEPS, False


def _evaluate(design: Design, point: torch.Tensor, cost: torch.Tensor) -> tuple[float, torch.Tensor]:
    value, slope = design.evaluate(point[None], cost, exact=True)
    return float(value), slope[0]


def _chances(design: Design, point: torch.Tensor) -> torch.Tensor:
    """(K, n) probabilities."""
    logits = point @ design.columns.T
    logits[~design.present] = -torch.inf
    return logits.softmax(0)


def _block(design: Design, chances: torch.Tensor, strength: float) -> torch.Tensor:
    """(D, D) Cholesky factor of the mean of the Hessian's diagonal blocks."""
    weight = (strength * (chances * (1 - chances)).sum(0) / int(design.present.sum())).sqrt()
    weighted = design.columns * weight[:, None]
    block = weighted.T @ weighted
    diagonal = block.diagonal()
    diagonal[:-1] += design.penalty
    # The bias has no penalty, and classes that are hardly ever in doubt no curvature.
    diagonal += 1e-12 * diagonal.amax()
    return torch.linalg.cholesky(block)


def _conjugate_gradients(
    design: Design, chances: torch.Tensor, strength: float, factor: torch.Tensor, slope: torch.Tensor
) -> torch.Tensor:
    """(K, D) direction d with H d = -slope, to a tenth of the preconditioned residual."""
    residual = -slope
    direction = torch.zeros_like(slope)
    better = torch.cholesky_solve(residual.T, factor).T
    search = better.clone()
    energy = float((residual * better).sum())
    goal = 1e-2 * energy
    for _ in range(MAX_INNER):
        product = _hessian(design, chances, strength, search)
        curvature = float((search * product).sum())
        if curvature <= 0:
            break
        along = energy / curvature
        direction += along * search
        residual = residual - along * product
        better = torch.cholesky_solve(residual.T, factor).T
        left = float((residual * better).sum())
        if left <= goal:
            break
        search = better + left / energy * search
        energy = left
    return direction


def _hessian(design: Design, chances: torch.Tensor, strength: float, vector: torch.Tensor) -> torch.Tensor:
    """(K, D) product of the Hessian with `vector` (K, D)."""
    change = chances * (vector @ design.columns.T)
    change -= chances * change.sum(0)
    product = strength * (change @ design.columns)
    product[:, :-1] += design.penalty * vector[:, :-1]
    return product
