"""One measured figure, and how to take one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Ours against theirs. `ratio` is how many times better ours is; `goal` is what it should reach."""

    what: str
    ours: str
    against: str
    theirs: str
    ratio: float
    goal: float | None = None
    note: str = ""

    @property
    def met(self) -> str:
        if self.goal is None:
            return "-"
        return "yes" if self.ratio >= self.goal else "no"

    def line(self) -> str:
        goal = f", goal {self.goal:g}: {self.met}" if self.goal is not None else ""
        figures = f"{self.ours} against {self.theirs} ({self.against}), {self.ratio:.2f}x{goal}"
        return f"{self.what}: {figures}. {self.note}".rstrip()

    def markdown(self) -> str:
        goal = f"{self.goal:g}x" if self.goal is not None else "-"
        cells = (self.what, self.ours, self.against, self.theirs, f"{self.ratio:.2f}x", goal, self.met)
        return f"| {' | '.join(cells)} |"


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Median seconds of `call` over `repeats` runs."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def paired(ours: Callable[[], object], theirs: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Median seconds of each, run in turn so that a machine whose speed drifts is fair to both."""
    mine, others = [], []
    for _ in range(repeats):
        mine.append(seconds(ours, 1))
        others.append(seconds(theirs, 1))
    return statistics.median(mine), statistics.median(others)
