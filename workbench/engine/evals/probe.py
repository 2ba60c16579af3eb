"""The linear probe: standardised multinomial logistic regression, all seeds and strengths in few passes.

This file owns what is fitted (the objective, the standardisation, the grid of strengths) and how many fits
are held at once; softmax_solver.py and newton.py own how they are minimised.

The objective is scikit-learn's: C * sum of cross-entropies + 0.5 * ||W||^2, bias unpenalised, features
z-scored by the fit's own training rows. With two classes scikit-learn fits one logit, w = W[1] - W[0],
under 0.5 * ||w||^2, which is the two-logit model under ||W||^2: the penalty is doubled there. A class
without a training row gets the bias -inf, so that it is never predicted and the others are fitted as if it
did not exist.

Before a fit the standardised features are rotated onto their principal axes (or, with fewer rows than
features, into the span of the rows). ||W|| is unchanged by that, the columns come out all but
uncorrelated, and a diagonal preconditioner becomes a good one: tens of rounds where the plain problem takes
hundreds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.evals.newton import affordable, finish
from workbench.engine.evals.probe_space import OwnSpaces, principal_axes
from workbench.engine.evals.shared_rows import COVERED, SharedBatch, SharedRows
from workbench.engine.evals.softmax_solver import HISTORY, Solution, minimise

DINOV2_GRID = tuple(float(c) for c in np.logspace(-6, 5, 45))  # dinov2/eval/log_regression.py, C_POWER_RANGE
DEFAULT_COUNT = 12
TOLERANCE = 1e-8  # leaves the objective within about 1e-7 of its minimum, relative
MAX_ITERATIONS = 2000
ROWS_A_FEATURE = 3
PATIENCE = 250  # rounds of L-BFGS before Newton takes over
MEMORY = {"cpu": 64 << 20, "cuda": 4 << 30}  # bytes held for one batch of fits; on a CPU, about its cache


def strengths(count: int = DEFAULT_COUNT) -> tuple[float, ...]:
    """`count` values of C from 1e-6 (strong regularisation) to 1e5, evenly spaced in the logarithm; 45 is
    DINOv2's own grid (Oquab et al. 2023, eval/log_regression.py)."""
    if count < 2:
        raise ValueError(f"the probe's grid needs at least two strengths, not {count}.")
    return tuple(float(c) for c in np.logspace(-6, 5, count))


@dataclass(slots=True)
class ProbeFit:
    """F fitted probes for features as they are: the standardisation is folded into the weights."""

    W: torch.Tensor  # (F, D, K) float64
    b: torch.Tensor  # (F, K) float64, -inf for a class without a training row
    converged: torch.Tensor  # (F,) bool
    iterations: torch.Tensor  # (F,) int64
    objective: (
        torch.Tensor
    )  # (F,) float64, C * sum of cross-entropies + 0.5 * ||W||^2 in standardised features

    def logits(self, X: torch.Tensor, fit: int) -> torch.Tensor:
        """(n, D) features -> (n, K) float64."""
        return X.to(self.W) @ self.W[fit] + self.b[fit]

    def predict(self, X: torch.Tensor, fit: int) -> torch.Tensor:
        """(n, D) features -> (n,) int64 class codes; the lower code where two are equal."""
        return self.logits(X, fit).argmax(1)


def fit_probes(
    X: torch.Tensor,
    y: torch.Tensor,
    weights: torch.Tensor,
    strengths: torch.Tensor,
    num_classes: int,
    *,
    standardise_by: torch.Tensor | None = None,
    scaled: bool = True,
    start: ProbeFit | None = None,
    tolerance: float = TOLERANCE,
    max_iterations: int = MAX_ITERATIONS,
    memory: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ProbeFit:
    """Fit F probes on row subsets of one feature matrix.

    Args:
        X: (N, D) features, any float type; worked on where they are (on the CPU for a device that has no
            float64).
        y: (N,) int64 class codes in 0..num_classes - 1.
        weights: (F, N) 0 or 1: the training rows of each fit. Fits with equal rows share their work.
        strengths: (F,) C of each fit, positive.
        standardise_by: (F, N) 0 or 1: rows that give each fit's mean and standard deviation, where they are
            not its training rows (a label budget standardises by the whole training part).
        scaled: divide by the standard deviation; features that were brought to length 1 are only centred.
        start: F probes of the same shape to start from, such as those of the training part before a refit.
        tolerance: relative; see softmax_solver.minimise.
        memory: bytes to hold for a batch of fits beside X and the result.
        on_progress: called with (fits done, F) after every round; may raise to cancel.

    Raises:
        ValueError: shapes that don't fit each other, NaN or infinite features, class codes out of range, or
            a fit without a training row.
    """
    device = X.device if X.device.type in ("cpu", "cuda") else torch.device("cpu")
    X, y = X.detach().to(device), y.to(device=device, dtype=torch.int64)
    if not X.is_floating_point():
        X = X.float()
    masks = weights.cpu().numpy().astype(bool)
    scalers = masks if standardise_by is None else standardise_by.cpu().numpy().astype(bool)
    cost = strengths.to(device=device, dtype=torch.float64)
    _check(X, y, masks, scalers, cost, num_classes)
    fits, width = len(masks), X.shape[1]
    result = ProbeFit(
        torch.zeros(fits, width, num_classes, dtype=torch.float64, device=device),
        torch.zeros(fits, num_classes, dtype=torch.float64, device=device),
        torch.zeros(fits, dtype=torch.bool, device=device),
        torch.zeros(fits, dtype=torch.int64, device=device),
        torch.zeros(fits, dtype=torch.float64, device=device),
    )
    rows = torch.from_numpy(np.flatnonzero((masks | scalers).any(0))).to(device)
    shared = SharedRows(X, y, rows, scaled) if _overlap(masks, len(rows), width) else None
    axes = None if shared else principal_axes(X, masks, scaled)
    done = 0
    limit = memory if memory is not None else MEMORY[device.type]
    for chunk in _chunks(masks, scalers, width, num_classes, limit, shared is not None):
        members = [fit for group in chunk for fit in group]
        first = [group[0] for group in chunk]
        owner = torch.tensor([index for index, group in enumerate(chunk) for _ in group], device=device)
        layout: SharedBatch | OwnSpaces
        if shared is not None:
            layout = shared.batch(masks[first], scalers[first], owner, cost[members], num_classes)
        else:
            layout = OwnSpaces(
                X, y, masks[first], scalers[first], axes, num_classes, scaled, owner, cost[members]
            )
        if start is not None:
            initial = layout.enter(start.W[members].to(result.W), start.b[members].to(result.W))
        else:
            initial = result.W.new_zeros(len(members), num_classes, layout.columns)
        solution = _solve(
            layout,
            cost[members],
            initial,
            int(masks[first].sum(1).max()),
            tolerance,
            max_iterations,
            lambda n, base=done: None if on_progress is None else on_progress(base + n, fits),
        )
        result.W[members], result.b[members] = layout.leave(solution.weights)
        result.converged[members] = solution.converged
        result.iterations[members] = solution.iterations
        result.objective[members] = solution.objective
        done += len(members)
    return result


def _overlap(masks: np.ndarray, rows: int, width: int) -> bool:
    """Whether the fits use so much of the same rows that one matrix for all of them pays.

    Each needs rows enough to have about the principal axes of all: with hardly more rows than features a fit takes
    hundreds of rounds in them.
    """
    sizes = masks.sum(1)
    return int(sizes.min()) >= ROWS_A_FEATURE * width and float(sizes.mean()) >= COVERED * rows


def _solve(
    layout: SharedBatch | OwnSpaces,
    cost: torch.Tensor,
    start: torch.Tensor,
    rows: int,
    tolerance: float,
    max_iterations: int,
    report: Callable[[int], None],
) -> Solution:
    """L-BFGS for all, then Newton for the fits that it hasn't brought home, where their Hessians can be held."""
    newton = max_iterations > PATIENCE and affordable(rows, start.shape[1], start.shape[2])
    solution = minimise(
        layout,
        start,
        tolerance=tolerance,
        max_iterations=PATIENCE if newton else max_iterations,
        on_round=report,
    )
    late = (~solution.converged).nonzero()[:, 0].tolist() if newton else []
    for number, fit in enumerate(late):
        before = len(cost) - len(late) + number
        weights, value, steps, settled = finish(
            layout.design(fit),
            float(cost[fit]),
            solution.weights[fit],
            tolerance,
            lambda before=before: report(before),
        )
        solution.weights[fit], solution.objective[fit] = weights, value
        solution.iterations[fit] += steps
        solution.converged[fit] = settled
    return solution


def _check(
    X: torch.Tensor,
    y: torch.Tensor,
    masks: np.ndarray,
    scalers: np.ndarray,
    cost: torch.Tensor,
    num_classes: int,
) -> None:
    count = len(X)
    if (
        X.ndim != 2
        or y.shape != (count,)
        or masks.shape != (len(cost), count)
        or scalers.shape != masks.shape
    ):
        raise ValueError("features, labels, training rows and strengths don't have matching shapes.")
    if not bool(torch.isfinite(X).all()):
        raise ValueError("the features hold NaN or infinite values; a probe can't be fitted to them.")
    if count and not 0 <= int(y.min()) <= int(y.max()) < num_classes:
        raise ValueError(f"class codes must lie in 0..{num_classes - 1}.")
    if not bool((cost > 0).all()):
        raise ValueError("the probe's strengths must be positive.")
    if not masks.any(1).all() or not scalers.any(1).all():
        raise ValueError("a probe has no training rows.")


def _chunks(
    masks: np.ndarray, scalers: np.ndarray, width: int, classes: int, limit: int, shared: bool
) -> list[list[list[int]]]:
    """Batches of groups of fits: a group shares its rows (or is a slice of such a group, if even that is too
    much), a batch stays within `limit` bytes where one fit does."""
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    for fit, (mask, scaler) in enumerate(zip(masks, scalers, strict=True)):
        alike.setdefault((np.packbits(mask).tobytes(), np.packbits(scaler).tobytes()), []).append(fit)
    chunks: list[list[list[int]]] = [[]]
    held = 0
    for group in alike.values():
        rows = int(masks[group[0]].sum())
        columns = width + 1 if shared else min(width, rows) + 1
        design = 0 if shared else rows * columns * 12  # in float64 and float32
        each = classes * columns * (8 * HISTORY + 60)  # the history in float32, the state around it
        slice_size = max((limit - design) // each, 1)
        for begin in range(0, len(group), slice_size):
            part = group[begin : begin + slice_size]
            need = design + each * len(part)
            if chunks[-1] and held + need > limit:
                chunks.append([])
                held = 0
            chunks[-1].append(part)
            held += need
    return chunks
