"""What is asked of every model of a comparison alike, and the steps that are counted while it is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from workbench.engine.evals import metrics

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Protocol:
    """N items, J seeds. Nothing in it depends on a model."""

    labels: np.ndarray  # (N,) int64 class codes
    groups: np.ndarray | None  # (N,) codes, negative for an item by itself
    parts: tuple[np.ndarray, ...]  # J times (N,) 0 train, 1 validation, 2 test, -1 unused
    seeds: tuple[int, ...]
    num_classes: int
    grid: tuple[float, ...]  # strengths C, ascending
    ks: tuple[int, ...]
    metric: str  # by which validation chooses
    fractions: tuple[float, ...] = ()  # label budgets, ascending
    standardise: str = "z-score"  # or "l2"
    device: str | torch.device = "cpu"

    def score(self, truth: np.ndarray, predicted: np.ndarray) -> float:
        """The primary metric of some items' (n,) class codes."""
        return metrics.SCORES[self.metric](metrics.confusion(truth, predicted, self.num_classes))

    @property
    def steps(self) -> int:
        """Of one model: one a fit, two a seed's neighbours, one a refit."""
        budgets = sum(fraction < 1 for fraction in self.fractions)
        return len(self.parts) * ((len(self.grid) + 1) * (1 + budgets) + 2)


class Meter:
    """Counts steps for the progress callback."""

    def __init__(self, report: Progress | None, total: int) -> None:
        self._report = report
        self._total = total
        self._done = 0

    def show(self, ahead: int, what: str) -> None:
        """`ahead` steps of what is being done are done."""
        if self._report is not None:
            self._report(min(self._done + ahead, self._total), self._total, what)

    def add(self, steps: int, what: str) -> None:
        self._done += steps
        self.show(0, what)
