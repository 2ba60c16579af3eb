"""Many L2-regularised softmax regressions minimised side by side: the batched L-BFGS under the linear probe.

This file owns the optimisation and knows nothing of standardisation, seeds or strengths' choice (probe.py).
The fits of one *design* (one set of training rows) share their matrix products: the strengths stand
side by side in one wide product where a fit at a time would do many narrow ones. Every fit has a step
length, a history and an end of its own; a fit that has converged leaves the batch.

Shapes: F fits, K classes, n rows, D columns (the last one is the constant 1 of the bias).

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

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

HISTORY = 10  # pairs kept; 5 and 20 took as many rounds on features of several backbones
ARMIJO = 1e-4
COARSE = 1e-2  # expected relative decrease below which float32 no longer serves
MAX_REFUSALS = 30
BLOCK = 1 << 22  # logits held at once


@dataclass(slots=True)
class Design:
    """One set of training rows: `columns` (n, D) float64, its last column all ones; `y` (n,) int64 class
    codes; `present` (K,) bool, the classes that occur in `y` (the others never get a probability)."""

    columns: torch.Tensor
    y: torch.Tensor
    present: torch.Tensor
    penalty: float = 1.0  # of 0.5 * penalty * ||W||^2
    coarse: torch.Tensor | None = None

    def __post_init__(self) -> None:
        self.coarse = self.columns.float()

    def evaluate(
        self, weights: torch.Tensor, strengths: torch.Tensor, exact: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Objective (F,) and gradient (F, K, D), both float64, at `weights` (F, K, D) float64.

        Args:
            strengths: (F,) float64, C of the objective C * sum of losses + 0.5 * penalty * ||W||^2.
            exact: in float64 throughout, or with float32 products.
        """
        fits, classes, width = weights.shape
        columns = self.columns if exact else self.coarse
        assert columns is not None
        flat = weights.to(columns.dtype).view(fits * classes, width)
        loss = torch.zeros(fits, dtype=torch.float64, device=weights.device)
        gradient = torch.zeros(fits * classes, width, dtype=columns.dtype, device=weights.device)
        absent = None if bool(self.present.all()) else ~self.present
        rows = max(BLOCK // (fits * classes), 1)
        for start in range(0, len(columns), rows):
            block, y = columns[start : start + rows], self.y[start : start + rows]
            logits = (flat @ block.T).view(fits, classes, len(block))
            if absent is not None:
                logits[:, absent] = -torch.inf
            own = y.expand(fits, 1, len(block))
            logits -= logits.amax(1, keepdim=True)
            true = logits.gather(1, own)
            total = logits.exp_().sum(1, keepdim=True)
            loss += (total.double().log() - true).sum((1, 2))
            residual = logits.div_(total)
            residual.scatter_add_(1, own, torch.full_like(true, -1.0))
            residual *= strengths.to(residual.dtype)[:, None, None]
            gradient.addmm_(residual.view(fits * classes, -1), block)
        slope = gradient.view(fits, classes, width).double()
        slopes = weights[:, :, :-1]
        slope[:, :, :-1] += self.penalty * slopes
        return strengths * loss + 0.5 * self.penalty * slopes.square().sum((1, 2)), slope

    def inverse_diagonal(self, strengths: torch.Tensor) -> torch.Tensor:
        """(F, 1, D) float32: the inverse of the Hessian's diagonal at W = 0."""
        curvature = self.columns.square().sum(0) / int(self.present.sum()) * strengths[:, None]
        curvature[:, :-1] += self.penalty
        return (1 / curvature).float()[:, None, :]


@dataclass(slots=True)
class Solution:
    weights: torch.Tensor  # (F, K, D) float64
    objective: torch.Tensor  # (F,) float64
    iterations: torch.Tensor  # (F,) int64, evaluations of the objective
    converged: torch.Tensor  # (F,) bool


@dataclass(slots=True)
class _State:
    """Everything that belongs to the fits still in the batch; `keep` drops the others from all of it."""

    fit: torch.Tensor  # (A,) int64, position among the fits asked for
    design: torch.Tensor  # (A,) int64, ascending
    strength: torch.Tensor
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
    designs: Sequence[Design],
    design: torch.Tensor,
    strengths: torch.Tensor,
    start: torch.Tensor,
    *,
    tolerance: float,
    max_iterations: int,
    on_round: Callable[[int], None] | None = None,
) -> Solution:
    """Minimise strengths[f] * (sum of the cross-entropies of design[f]) + 0.5 * penalty * ||W_f||^2 for all f.

    Args:
        design: (F,) int64, ascending: which of `designs` each fit belongs to.
        strengths: (F,) float64.
        start: (F, K, D) float64. Designs narrower than D are not allowed; pad with zero columns.
        tolerance: a fit ends when the decrease that its quadratic model still expects falls below this
            share of the objective and of what was gained over W = 0 (with a small C nearly all of the
            objective is a constant).
        on_round: called after each round with the number of fits done; may raise to cancel.
    """
    total = len(strengths)
    device = start.device
    solution = Solution(
        start.clone(),
        torch.zeros(total, dtype=torch.float64, device=device),
        torch.zeros(total, dtype=torch.int64, device=device),
        torch.zeros(total, dtype=torch.bool, device=device),
    )
    state = _begin(designs, design, strengths, start)
    pairs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for number in range(1, max_iterations + 1):
        move = state.step.float()[:, None, None] * state.direction
        trial = state.point + move
        value, slope = _evaluate(designs, state, trial)
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


def _begin(
    designs: Sequence[Design], design: torch.Tensor, strengths: torch.Tensor, start: torch.Tensor
) -> _State:
    count, device = len(strengths), start.device
    inverse = torch.cat(
        [
            each.inverse_diagonal(strengths[design == index])
            for index, each in enumerate(designs)
            if bool((design == index).any())
        ]
    )
    state = _State(
        fit=torch.arange(count, device=device),
        design=design,
        strength=strengths,
        inverse=inverse,
        point=start.clone(),
        value=torch.zeros(count, dtype=torch.float64, device=device),
        blank=torch.zeros(count, dtype=torch.float64, device=device),
        slope=torch.zeros_like(start),
        direction=torch.zeros_like(start, dtype=torch.float32),
        decrease=torch.zeros(count, dtype=torch.float64, device=device),
        step=torch.ones(count, dtype=torch.float64, device=device),
        scale=torch.ones(count, dtype=torch.float32, device=device),
        exact=torch.zeros(count, dtype=torch.bool, device=device),
        refused=torch.zeros(count, dtype=torch.int64, device=device),
    )
    blank = [len(each.y) * math.log(int(each.present.sum())) for each in designs]
    state.blank = strengths * torch.tensor(blank, dtype=torch.float64, device=device)[design]
    state.value, state.slope = _evaluate(designs, state, state.point)
    _aim([], state, torch.ones(count, dtype=torch.bool, device=device))
    return state


def _evaluate(
    designs: Sequence[Design], state: _State, points: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Objective and gradient of every fit in the batch, each in the precision that it has come to."""
    value, slope = torch.empty_like(state.value), torch.empty_like(points)
    owner, precise = state.design.tolist(), state.exact.tolist()
    begin = 0
    while begin < len(owner):
        end = begin
        while end < len(owner) and owner[end] == owner[begin]:
            end += 1
        for exact in (False, True):
            mine = [i for i in range(begin, end) if precise[i] == exact]
            if len(mine) == end - begin:
                where: slice | list[int] = slice(begin, end)
            elif mine:
                where = mine
            else:
                continue
            value[where], slope[where] = designs[owner[begin]].evaluate(
                points[where], state.strength[where], exact
            )
        begin = end
    return value, slope


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
