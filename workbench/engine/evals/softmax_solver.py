"""Many L2-regularised softmax regressions minimised side by side: the batched L-BFGS under the linear probe.

This file owns the optimisation and knows nothing of rows, seeds or strengths (softmax_design.py, shared_rows.py) nor
of what is chosen (probe.py). Every fit has a step length, a history and an end of its own; a fit that has converged
leaves the batch.

Shapes: F fits, A of them active, K classes, D columns (the last one is the bias).

Method: L-BFGS (Nocedal & Wright, Numerical Optimization, 2nd ed., algorithm 7.4), with
- an initial inverse Hessian that is diagonal and already right at W = 0 where the design's columns are
  uncorrelated (probe.py rotates them so): 1 / (C * sum of squares / classes + penalty);
- cheap steps first: while a fit is far from its minimum it is evaluated in float32, its last steps in
  float64. Directions and history stay float32 throughout, which an L-BFGS direction can bear: only the
  objective and the gradient have to be exact;
- no inner line-search loop: a fit whose trial point is refused tries a shorter step in the next round, in
  which the other fits go on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

HISTORY = 10  # pairs kept; 5 took half as many rounds more on features of a CNN, 20 as many
ARMIJO = 1e-4
COARSE = 1e-3  # expected relative decrease below which float32 no longer serves
MAX_REFUSALS = 30


class Objective(Protocol):
    """F softmax regressions, each C * (sum of its cross-entropies) + 0.5 * penalty * ||W||^2."""

    def blank(self) -> torch.Tensor:
        """(F,) float64, the objective at W = 0."""

    def inverse_diagonal(self) -> torch.Tensor:
        """(F, 1, D) float32: about the inverse of the Hessian's diagonal at W = 0."""

    def evaluate(
        self, fits: torch.Tensor, points: torch.Tensor, exact: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Objective (A,) and gradient (A, K, D), both float64, of the fits `fits` (A,) int64, ascending, at `points`
        (A, K, D) float64; where `exact` (A,) bool in float64 throughout, elsewhere with float32 products."""


@dataclass(slots=True)
class Solution:
    weights: torch.Tensor  # (F, K, D) float64
    objective: torch.Tensor  # (F,) float64
    iterations: torch.Tensor  # (F,) int64, evaluations of the objective
    converged: torch.Tensor  # (F,) bool


@dataclass(slots=True)
class _State:
    """Everything that belongs to the fits still in the batch; `keep` drops the others from all of it."""

    fit: torch.Tensor  # (A,) int64, position among the fits asked for, ascending
    inverse: torch.Tensor  # (A, 1, D) float32
    point: torch.Tensor  # (A, K, D) float64
    value: torch.Tensor  # (A,) float64
    blank: torch.Tensor  # (A,) float64, the objective at W = 0
    slope: torch.Tensor  # (A, K, D) float64
    direction: torch.Tensor  # (A, K, D) float32
    decrease: torch.Tensor  # (A,) float64, slope . direction, negative
    step: torch.Tensor  # (A,) float64
    scale: torch.Tensor  # (A,) float32
    exact: torch.Tensor  # (A,) bool
    refused: torch.Tensor  # (A,) int64, trial points refused in a row

    def keep(self, which: torch.Tensor) -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name)[which])


def minimise(
    objective: Objective,
    start: torch.Tensor,
    *,
    tolerance: float,
    max_iterations: int,
    on_round: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise all fits of `objective`.

    Args:
        start: (F, K, D) float64.
        tolerance: a fit ends when the decrease that its quadratic model still expects falls below this
            share of the objective and of what was gained over W = 0 (with a small C nearly all of the
            objective is a constant).
        on_round: called after each round with the number of fits done; may raise to cancel.
    """
    total = len(start)
    device = start.device
    solution = Solution(
        start.clone(),
        torch.zeros(total, dtype=torch.float64, device=device),
        torch.zeros(total, dtype=torch.int64, device=device),
        torch.zeros(total, dtype=torch.bool, device=device),
    )
    state = _begin(objective, start)
    pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for number in range(1, max_iterations + 1):
        move = state.step.float()[:, None, None] * state.direction
        trial = state.point + move
        value, slope = objective.evaluate(state.fit, trial, state.exact)
        expected = state.step * state.decrease
        # `step` 0 re-evaluates a fit in float64 where it stands: accepted whatever float32 thought of it.
        standing = state.step == 0
        accepted = standing | (value <= state.value + ARMIJO * expected + 1e-14 * state.value.abs())
        _remember(pairs, state, move, slope, accepted & ~standing)
        shorter = -expected * state.step / (2 * (value - state.value - expected)).clamp_min(1e-300)
        shorter = torch.minimum(torch.maximum(shorter, 0.1 * state.step), 0.5 * state.step)
        state.refused = torch.where(accepted, 0, state.refused + 1)
        state.step = torch.where(accepted, 1.0, shorter)
        if bool(accepted.all()):
            state.point, state.value, state.slope = trial, value, slope
        else:
            column = accepted[:, None, None]
            state.point = torch.where(column, trial, state.point)
            state.value = torch.where(accepted, value, state.value)
            state.slope = torch.where(column, slope, state.slope)
        _aim(pairs, state, accepted)
        small = -state.decrease <= tolerance * torch.minimum(state.value, (state.blank - state.value).abs())
        finished = state.exact & ((accepted & small) | (state.refused > MAX_REFUSALS))
        coarse_done = ~state.exact & (
            (accepted & (-state.decrease <= COARSE * state.value)) | (state.refused > 1)
        )
        state.exact |= coarse_done
        state.step = torch.where(coarse_done, 0.0, state.step)
        if number == max_iterations:
            finished = torch.ones_like(finished)
        if bool(finished.any()):
            ended = state.fit[finished]
            solution.weights[ended] = state.point[finished]
            solution.objective[ended] = state.value[finished]
            solution.iterations[ended] = number
            solution.converged[ended] = (small & state.exact)[finished]
            keep = ~finished
            state.keep(keep)
            pairs = [(move[keep], change[keep], inverse[keep]) for move, change, inverse in pairs]
        if on_round is not None:
            on_round(total - len(state.fit))
        if len(state.fit) == 0:
            break
    return solution


def _begin(objective: Objective, start: torch.Tensor) -> _State:
    count, device = len(start), start.device
    state = _State(
        fit=torch.arange(count, device=device),
        inverse=objective.inverse_diagonal(),
        point=start.clone(),
        value=torch.zeros(count, dtype=torch.float64, device=device),
        blank=objective.blank(),
        slope=torch.zeros_like(start),
        direction=torch.zeros_like(start, dtype=torch.float32),
        decrease=torch.zeros(count, dtype=torch.float64, device=device),
        step=torch.ones(count, dtype=torch.float64, device=device),
        scale=torch.ones(count, dtype=torch.float32, device=device),
        exact=torch.zeros(count, dtype=torch.bool, device=device),
        refused=torch.zeros(count, dtype=torch.int64, device=device),
    )
    state.value, state.slope = objective.evaluate(state.fit, state.point, state.exact)
    _aim([], state, torch.ones(count, dtype=torch.bool, device=device))
    return state


def _remember(
    pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]],
    state: _State,
    move: torch.Tensor,
    slope: torch.Tensor,
    usable: torch.Tensor,
) -> None:
    """Add a pair (move, change of slope, 1 / their product) to the history; 0 for fits without a usable one."""
    change = (slope - state.slope).float()
    product = _dot(move, change)
    length = _dot(change, change * state.inverse)
    usable = usable & (product > 1e-10 * length)
    state.scale = torch.where(usable, product / length, state.scale)
    pairs.append((move, change, torch.where(usable, 1 / product, 0.0)))
    del pairs[:-HISTORY]


def _aim(
    pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]], state: _State, moved: torch.Tensor
) -> None:
    """The two-loop recursion: a new direction for the fits that moved."""
    direction = -state.slope.float()
    shares = []
    for move, change, inverse in reversed(pairs):
        share = inverse * _dot(move, direction)
        direction -= share[:, None, None] * change
        shares.append(share)
    direction *= state.inverse * state.scale[:, None, None]
    for (move, change, inverse), share in zip(pairs, reversed(shares), strict=True):
        direction += (share - inverse * _dot(change, direction))[:, None, None] * move
    decrease = _dot(state.slope, direction.double())
    # Rounding can turn a direction uphill; the preconditioned gradient never is.
    uphill = decrease >= 0
    if bool(uphill.any()):
        downhill = -state.slope.float() * state.inverse
        direction = torch.where(uphill[:, None, None], downhill, direction)
        decrease = torch.where(uphill, _dot(state.slope, downhill.double()), decrease)
    if bool(moved.all()):
        state.direction, state.decrease = direction, decrease
    else:
        state.direction = torch.where(moved[:, None, None], direction, state.direction)
        state.decrease = torch.where(moved, decrease, state.decrease)


def _dot(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(A, ...) x (A, ...) -> (A,), one inner product a fit."""
    count = len(first)
    return torch.bmm(first.reshape(count, 1, -1), second.reshape(count, -1, 1)).view(count)
