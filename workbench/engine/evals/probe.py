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
from workbench.engine.evals.softmax_solver import HISTORY, Design, Solution, minimise

DINOV2_GRID = tuple(float(c) for c in np.logspace(-6, 5, 45))  # dinov2/eval/log_regression.py, C_POWER_RANGE
DEFAULT_COUNT = 12
TOLERANCE = 1e-8  # leaves the objective within about 1e-7 of its minimum, relative
MAX_ITERATIONS = 2000
PATIENCE = 250  # rounds of L-BFGS before Newton takes over
MEMORY = {"cpu": 64 << 20, "cuda": 4 << 30}  # bytes held for one batch of fits; on a CPU, about its cache
BLOCK = 8192  # rows made float64 at a time


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
    axes = _axes(X, masks, scaled)
    done = 0
    limit = memory if memory is not None else MEMORY[device.type]
    for chunk in _chunks(masks, scalers, width, num_classes, limit):
        spaces = [
            _space(
                X,
                y,
                torch.from_numpy(masks[group[0]]),
                torch.from_numpy(scalers[group[0]]),
                axes,
                num_classes,
                scaled,
            )
            for group in chunk
        ]
        _pad(spaces)
        members = [fit for group in chunk for fit in group]
        owner = [index for index, group in enumerate(chunk) for _ in group]
        columns = spaces[0].design.columns.shape[1]
        initial = torch.zeros(len(members), num_classes, columns, dtype=torch.float64, device=device)
        if start is not None:
            for row, (fit, index) in enumerate(zip(members, owner, strict=True)):
                initial[row] = spaces[index].enter(start.W[fit].to(initial), start.b[fit].to(initial))
        solution = _solve(
            [space.design for space in spaces],
            torch.tensor(owner, device=device),
            cost[members],
            initial,
            tolerance,
            max_iterations,
            lambda n, base=done: None if on_progress is None else on_progress(base + n, fits),
        )
        for row, (fit, index) in enumerate(zip(members, owner, strict=True)):
            result.W[fit], result.b[fit] = spaces[index].leave(solution.weights[row])
        result.converged[members] = solution.converged
        result.iterations[members] = solution.iterations
        result.objective[members] = solution.objective
        done += len(members)
    return result


def _solve(
    designs: list[Design],
    owner: torch.Tensor,
    cost: torch.Tensor,
    start: torch.Tensor,
    tolerance: float,
    max_iterations: int,
    report: Callable[[int], None],
) -> Solution:
    """L-BFGS for all, then Newton for the fits that it hasn't brought home, where their Hessians can be held."""
    rows = max(len(design.y) for design in designs)
    newton = max_iterations > PATIENCE and affordable(rows, start.shape[1], start.shape[2])
    solution = minimise(
        designs,
        owner,
        cost,
        start,
        tolerance=tolerance,
        max_iterations=PATIENCE if newton else max_iterations,
        on_round=report,
    )
    late = (~solution.converged).nonzero()[:, 0].tolist() if newton else []
    for number, fit in enumerate(late):
        before = len(cost) - len(late) + number
        weights, value, steps, settled = finish(
            designs[int(owner[fit])],
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
    masks: np.ndarray, scalers: np.ndarray, width: int, classes: int, limit: int
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
        columns = min(width, rows) + 1
        shared = rows * columns * 12  # the design in float64 and float32
        each = classes * columns * (8 * HISTORY + 60)  # the history in float32, the state around it
        slice_size = max((limit - shared) // each, 1)
        for begin in range(0, len(group), slice_size):
            part = group[begin : begin + slice_size]
            need = shared + each * len(part)
            if chunks[-1] and held + need > limit:
                chunks.append([])
                held = 0
            chunks[-1].append(part)
            held += need
    return chunks


@dataclass(slots=True)
class _Space:
    """The way between features as they are and the rotated, standardised columns in which a fit is made."""

    design: Design
    mean: torch.Tensor  # (D,)
    scale: torch.Tensor  # (D,) one over the standard deviation, 0 for a constant feature
    axes: torch.Tensor  # (D, R) orthonormal

    def enter(self, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(D, K), (K,) -> (K, columns)."""
        deviation = torch.where(self.scale > 0, 1 / self.scale, 0.0)
        inner = (self.axes.T @ (W * deviation[:, None])).T
        bias = torch.nan_to_num(b + self.mean @ W, neginf=0.0)
        out = torch.zeros(len(inner), self.design.columns.shape[1], dtype=W.dtype, device=W.device)
        out[:, : inner.shape[1]] = inner
        out[:, -1] = bias
        out[~self.design.present] = 0
        return out

    def leave(self, inner: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(K, columns) -> (D, K), (K,)."""
        W = self.scale[:, None] * (self.axes @ inner[:, : self.axes.shape[1]].T)
        b = inner[:, -1] - self.mean @ W
        return W, torch.where(self.design.present, b, -torch.inf)


def _axes(X: torch.Tensor, masks: np.ndarray, scaled: bool) -> torch.Tensor | None:
    """(D, D) principal axes of all rows that any fit uses; None where there are fewer rows than features."""
    rows = torch.from_numpy(np.flatnonzero(masks.any(0))).to(X.device)
    if len(rows) < X.shape[1]:
        return None
    mean, scale = _moments(X, rows, scaled)
    gram = torch.zeros(X.shape[1], X.shape[1], dtype=torch.float64, device=X.device)
    for part in rows.split(BLOCK):
        block = (X[part].double() - mean) * scale
        gram.addmm_(block.T, block)
    return torch.linalg.eigh(gram).eigenvectors


def _moments(X: torch.Tensor, rows: torch.Tensor, scaled: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(D,) mean and (D,) one over the standard deviation of `rows`, or 1; 0 for a feature that doesn't vary."""
    mean = torch.zeros(X.shape[1], dtype=torch.float64, device=X.device)
    for part in rows.split(BLOCK):
        mean += X[part].double().sum(0)
    mean /= len(rows)
    variance = torch.zeros_like(mean)
    for part in rows.split(BLOCK):
        variance += (X[part].double() - mean).square_().sum(0)
    variance /= len(rows)
    # What rounding alone leaves of a constant: scikit-learn's bound (preprocessing/_data.py).
    noise = len(rows) * torch.finfo(torch.float64).eps
    varies = variance > noise * variance + (noise * mean).square()
    return mean, torch.where(varies, variance.rsqrt() if scaled else torch.ones_like(mean), 0.0)


def _space(
    X: torch.Tensor,
    y: torch.Tensor,
    mask: torch.Tensor,
    scaler: torch.Tensor,
    axes: torch.Tensor | None,
    classes: int,
    scaled: bool,
) -> _Space:
    rows = mask.nonzero()[:, 0].to(X.device)
    mean, scale = _moments(X, scaler.nonzero()[:, 0].to(X.device), scaled)
    columns = (X[rows].double() - mean) * scale
    if axes is None or len(rows) < X.shape[1]:
        # Fewer rows than features: W lies in the span of the rows, found from their Gram matrix.
        values, vectors = torch.linalg.eigh(columns @ columns.T)
        kept = values > values[-1].clamp_min(1e-300) * 1e-12
        own = columns.T @ (vectors[:, kept] / values[kept].sqrt())
    else:
        own = axes
    columns = torch.cat([columns @ own, torch.ones(len(rows), 1, dtype=torch.float64, device=X.device)], 1)
    present = torch.zeros(classes, dtype=torch.bool, device=X.device)
    present[y[rows]] = True
    penalty = 2.0 if int(present.sum()) == 2 else 1.0
    return _Space(Design(columns, y[rows], present, penalty), mean, scale, own)


def _pad(spaces: list[_Space]) -> None:
    """Give every design of a batch as many columns, zeros before the bias."""
    widest = max(space.design.columns.shape[1] for space in spaces)
    for space in spaces:
        design = space.design
        missing = widest - design.columns.shape[1]
        if missing:
            zeros = design.columns.new_zeros(len(design.columns), missing)
            padded = torch.cat([design.columns[:, :-1], zeros, design.columns[:, -1:]], 1)
            space.design = Design(padded, design.y, design.present, design.penalty)
