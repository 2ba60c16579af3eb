"""The objective of an L2-regularised softmax regression on one set of training rows, and of many such sets.

A *design* is one set of training rows in columns of its own; the strengths that are fitted to it stand side by side
in one wide product where a fit at a time would do many narrow ones.

Shapes: F fits, K classes, n rows, D columns (the last one is the constant 1 of the bias).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

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


class Separate:
    """Fits of several designs; see `softmax_solver.Objective`.

    Args:
        owner: (F,) int64, ascending: which of `designs` each fit belongs to. All are equally wide.
        strengths: (F,) float64.
    """

    def __init__(self, designs: Sequence[Design], owner: torch.Tensor, strengths: torch.Tensor) -> None:
        self._designs, self._owner, self._strengths = designs, owner, strengths

    def blank(self) -> torch.Tensor:
        values = [len(each.y) * math.log(int(each.present.sum())) for each in self._designs]
        return self._strengths * self._strengths.new_tensor(values)[self._owner]

    def inverse_diagonal(self) -> torch.Tensor:
        return torch.cat(
            [
                each.inverse_diagonal(self._strengths[self._owner == index])
                for index, each in enumerate(self._designs)
                if bool((self._owner == index).any())
            ]
        )

    def evaluate(
        self, fits: torch.Tensor, points: torch.Tensor, exact: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        value, slope = points.new_empty(len(points)), torch.empty_like(points)
        owner, precise = self._owner[fits].tolist(), exact.tolist()
        strengths = self._strengths[fits]
        begin = 0
        while begin < len(owner):
            end = begin
            while end < len(owner) and owner[end] == owner[begin]:
                end += 1
            for wanted in (False, True):
                mine = [i for i in range(begin, end) if precise[i] == wanted]
                if len(mine) == end - begin:
                    where: slice | list[int] = slice(begin, end)
                elif mine:
                    where = mine
                else:
                    continue
                value[where], slope[where] = self._designs[owner[begin]].evaluate(
                    points[where], strengths[where], wanted
                )
            begin = end
        return value, slope
