"""Many softmax regressions on overlapping parts of the same rows, in one product.

The seeds of a comparison train on large parts of the same images. Instead of a matrix for each seed there is one, of
all rows, and each fit brings its own standardisation and its own mask: a row that a fit doesn't learn from is
multiplied all the same and then forgotten. That wastes the share of rows that are masked, and wins more: the products
stay wide until the last fits, where a seed at a time would do thin ones in float64, a quarter as fast.

A fit's weights are V (K, R) in the principal axes of all rows (`axes`, D x D, orthonormal), so that the penalty stays
||V||^2. With z_g = (z - mu_g) * tau_g, the features as the rows of group g standardise them:
    logits = z_g . (axes V) + b = z . U + c,  U = tau_g * (axes V),  c = b - mu_g . U.

Shapes: F fits, A of them active, G groups of fits with the same rows, K classes, N rows, D features.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from workbench.engine.evals.probe_space import moments
from workbench.engine.evals.softmax_design import BLOCK, Design

COVERED = 0.3  # share of the rows that a fit must use for the shared product to pay


class SharedRows:
    """The rows that any fit uses, standardised by themselves, and their principal axes.

    Args:
        X: (M, D) features of all items. y: (M,) class codes.
        used: (N,) int64 positions of the rows. There are D or more.
        scaled: divide by the standard deviation.
    """

    def __init__(self, X: torch.Tensor, y: torch.Tensor, used: torch.Tensor, scaled: bool) -> None:
        self.used, self.scaled = used, scaled
        self.mean, self.scale = moments(X, used, scaled)
        self.rows = (X[used].double() - self.mean) * self.scale
        self.coarse = self.rows.float()
        self.codes = y[used]
        self.spread, self.axes = torch.linalg.eigh(self.rows.T @ self.rows)

    def batch(
        self,
        masks: np.ndarray,
        scalers: np.ndarray,
        owner: torch.Tensor,
        strengths: torch.Tensor,
        num_classes: int,
    ) -> SharedBatch:
        """Args: masks, scalers (G, M) bool; owner (F,) group of each fit; strengths (F,)."""
        used = self.used.cpu().numpy()
        mask, scaler = (
            torch.from_numpy(np.ascontiguousarray(given[:, used])).to(self.rows.device)
            for given in (masks, scalers)
        )
        return SharedBatch(self, mask, scaler, owner, strengths, num_classes)


class SharedBatch:
    """Some fits; see `softmax_solver.Objective` and `probe.Layout`."""

    def __init__(
        self,
        shared: SharedRows,
        mask: torch.Tensor,
        scaler: torch.Tensor,
        owner: torch.Tensor,
        strengths: torch.Tensor,
        num_classes: int,
    ) -> None:
        self._shared, self._mask = shared, mask
        self._owner, self._strengths = owner, strengths
        self._mu, self._tau = _group_moments(shared, scaler)
        counts = torch.zeros(len(mask), num_classes, dtype=torch.float64, device=mask.device)
        counts.index_add_(1, shared.codes, mask.double())
        self._present = counts > 0
        self._size = mask.sum(1).double()
        self._penalty = torch.where(self._present.sum(1) == 2, 2.0, 1.0).double()

    # What is minimised

    def blank(self) -> torch.Tensor:
        each = self._size * self._present.sum(1).double().log()
        return self._strengths * each[self._owner]

    def inverse_diagonal(self) -> torch.Tensor:
        """The columns' sums of squares are those of all rows, in proportion: it is only a preconditioner."""
        share = self._size / len(self._shared.rows)
        squares = torch.cat([self._shared.spread, self._shared.spread.new_tensor([len(self._shared.rows)])])
        curvature = share[:, None] * squares.clamp_min(0) / self._present.sum(1)[:, None]
        curvature = curvature[self._owner] * self._strengths[:, None]
        curvature[:, :-1] += self._penalty[self._owner, None]
        return (1 / curvature).float()[:, None, :]

    def evaluate(
        self, fits: torch.Tensor, points: torch.Tensor, exact: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        value, slope = points.new_empty(len(points)), torch.empty_like(points)
        for wanted in (False, True):
            which = (exact == wanted).nonzero()[:, 0]
            if len(which):
                rows = self._shared.rows if wanted else self._shared.coarse
                value[which], slope[which] = self._evaluate(fits[which], points[which], rows)
        return value, slope

    def _evaluate(
        self, fits: torch.Tensor, points: torch.Tensor, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        count, classes = points.shape[:2]
        owner, strengths = self._owner[fits], self._strengths[fits].to(rows)
        axes, mu = self._shared.axes.to(rows), self._mu[owner].to(rows)[:, None]
        tau = self._tau[owner].to(rows)[:, None]
        inner = points[..., :-1].to(rows).reshape(count * classes, -1)
        U = (inner @ axes.T).view(count, classes, -1) * tau
        c = points[..., -1].to(rows) - (U * mu).sum(-1)
        flat = U.view(count * classes, -1)
        loss = points.new_zeros(count)
        gradient = torch.zeros_like(flat)
        pull = rows.new_zeros(count, classes)  # the gradient by c
        present = self._present[owner]
        absent = None if bool(present.all()) else ~present
        step = max(BLOCK // (count * classes), 1)
        for start in range(0, len(rows), step):
            block, codes = rows[start : start + step], self._shared.codes[start : start + step]
            mask = self._mask[owner, start : start + step]
            logits = (flat @ block.T).view(count, classes, -1)
            logits += c[..., None]
            if absent is not None:
                logits[absent] = -torch.inf
            own = codes.expand(count, 1, -1)
            logits -= logits.amax(1, keepdim=True)
            true = logits.gather(1, own)
            total = logits.exp_().sum(1, keepdim=True)
            losses = (total.log() - true)[:, 0]
            loss += torch.where(mask, losses, 0.0).sum(1, dtype=torch.float64)
            residual = logits.div_(total)
            residual.scatter_add_(1, own, torch.full_like(true, -1.0))
            residual *= (mask * strengths[:, None])[:, None]
            gradient.addmm_(residual.view(count * classes, -1), block)
            pull += residual.sum(-1)
        by_features = (gradient.view_as(U) - pull[..., None] * mu) * tau
        by_axes = (by_features.view(count * classes, -1) @ axes).view(count, classes, -1)
        slope = torch.cat([by_axes, pull[..., None]], -1).double()
        penalty = self._penalty[owner]
        slope[..., :-1] += penalty[:, None, None] * points[..., :-1]
        size = points[..., :-1].square().sum((1, 2))
        return self._strengths[fits] * loss + 0.5 * penalty * size, slope

    # The way there and back

    @property
    def columns(self) -> int:
        return self._shared.rows.shape[1] + 1

    def enter(self, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        """(F, D, K), (F, K) of features as they are -> (F, K, D + 1)."""
        shared, tau = self._shared, self._tau[self._owner]
        mu = self._mu[self._owner]
        U = W * torch.where(shared.scale > 0, 1 / shared.scale, 0.0)[:, None]
        inner = (U * torch.where(tau > 0, 1 / tau, 0.0)[..., None]).transpose(1, 2) @ shared.axes
        bias = b + torch.einsum("d,fdk->fk", shared.mean, W) + torch.einsum("fd,fdk->fk", mu, U)
        out = torch.cat([inner, torch.nan_to_num(bias, neginf=0.0)[..., None]], -1)
        out[~self._present[self._owner]] = 0
        return out

    def leave(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(F, K, D + 1) -> (F, D, K), (F, K)."""
        shared = self._shared
        U = (weights[..., :-1] @ shared.axes.T) * self._tau[self._owner][:, None]
        c = weights[..., -1] - torch.einsum("fkd,fd->fk", U, self._mu[self._owner])
        W = U * shared.scale
        b = c - W @ shared.mean
        return W.transpose(1, 2), torch.where(self._present[self._owner], b, -torch.inf)

    def design(self, fit: int) -> Design:
        """The rows of one fit in columns of their own, in which its weights are the same."""
        shared, group = self._shared, int(self._owner[fit])
        mask, present = self._mask[group], self._present[group]
        columns = ((shared.rows[mask] - self._mu[group]) * self._tau[group]) @ shared.axes
        columns = torch.cat([columns, columns.new_ones(len(columns), 1)], 1)
        return Design(columns, shared.codes[mask], present, float(self._penalty[group]))


def _group_moments(shared: SharedRows, scaler: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(G, D) mean and (G, D) one over the standard deviation (or 1) of each group's rows, among rows that are
    standardised already; 0 for a feature that doesn't vary within the group."""
    weights = scaler.double()
    size = weights.sum(1, keepdim=True)
    mean = weights @ shared.rows / size
    variance = weights @ shared.rows.square() / size - mean.square()
    varies = variance > 64 * math.sqrt(len(shared.rows)) * torch.finfo(torch.float64).eps * (
        1 + mean.square()
    )
    return mean, torch.where(varies, variance.rsqrt() if shared.scaled else torch.ones_like(mean), 0.0)
