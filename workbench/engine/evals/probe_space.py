"""The standardised, rotated columns in which a probe is fitted, and the way there and back.

||W|| is unchanged by a rotation, the columns come out all but uncorrelated, and a diagonal preconditioner becomes a
good one: tens of rounds where the plain problem takes hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.evals.softmax_design import Design, Separate

BLOCK = 8192  # rows made float64 at a time


@dataclass(slots=True)
class Space:
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


def principal_axes(X: torch.Tensor, masks: np.ndarray, scaled: bool) -> torch.Tensor | None:
    """(D, D) principal axes of all rows that any fit uses; None where there are fewer rows than features."""
    rows = torch.from_numpy(np.flatnonzero(masks.any(0))).to(X.device)
    if len(rows) < X.shape[1]:
        return None
    mean, scale = moments(X, rows, scaled)
    gram = torch.zeros(X.shape[1], X.shape[1], dtype=torch.float64, device=X.device)
    for part in rows.split(BLOCK):
        block = (X[part].double() - mean) * scale
        gram.addmm_(block.T, block)
    return torch.linalg.eigh(gram).eigenvectors


def moments(X: torch.Tensor, rows: torch.Tensor, scaled: bool) -> tuple[torch.Tensor, torch.Tensor]:
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


def make_space(
    X: torch.Tensor,
    y: torch.Tensor,
    mask: torch.Tensor,
    scaler: torch.Tensor,
    axes: torch.Tensor | None,
    classes: int,
    scaled: bool,
) -> Space:
    rows = mask.nonzero()[:, 0].to(X.device)
    mean, scale = moments(X, scaler.nonzero()[:, 0].to(X.device), scaled)
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
    return Space(Design(columns, y[rows], present, penalty), mean, scale, own)


class OwnSpaces:
    """Fits that share too few rows: every group of them in a space of its own. See `shared_rows.SharedBatch`.

    Args:
        masks, scalers: (G, N) bool. owner: (F,) group of each fit, ascending. strengths: (F,).
    """

    def __init__(
        self,
        X: torch.Tensor,
        y: torch.Tensor,
        masks: np.ndarray,
        scalers: np.ndarray,
        axes: torch.Tensor | None,
        classes: int,
        scaled: bool,
        owner: torch.Tensor,
        strengths: torch.Tensor,
    ) -> None:
        self._spaces = [
            make_space(X, y, torch.from_numpy(mask), torch.from_numpy(scaler), axes, classes, scaled)
            for mask, scaler in zip(masks, scalers, strict=True)
        ]
        _pad(self._spaces)
        self._owner = owner.tolist()
        separate = Separate([space.design for space in self._spaces], owner, strengths)
        self.blank, self.inverse_diagonal = separate.blank, separate.inverse_diagonal
        self.evaluate = separate.evaluate

    @property
    def columns(self) -> int:
        return self._spaces[0].design.columns.shape[1]

    def enter(self, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(F, D, K), (F, K) of features as they are -> (F, K, columns)."""
        return torch.stack(
            [self._spaces[group].enter(W[fit], b[fit]) for fit, group in enumerate(self._owner)]
        )

    def leave(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(F, K, columns) -> (F, D, K), (F, K)."""
        found = [self._spaces[group].leave(weights[fit]) for fit, group in enumerate(self._owner)]
        return torch.stack([W for W, _ in found]), torch.stack([b for _, b in found])

    def design(self, fit: int) -> Design:
        return self._spaces[self._owner[fit]].design


def _pad(spaces: list[Space]) -> None:
    """Give every design of a batch as many columns, zeros before the bias."""
    widest = max(space.design.columns.shape[1] for space in spaces)
    for space in spaces:
        design = space.design
        missing = widest - design.columns.shape[1]
        if missing:
            zeros = design.columns.new_zeros(len(design.columns), missing)
            padded = torch.cat([design.columns[:, :-1], zeros, design.columns[:, -1:]], 1)
            space.design = Design(padded, design.y, design.present, design.penalty)
