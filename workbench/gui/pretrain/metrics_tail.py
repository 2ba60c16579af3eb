"""The measurements of a run, read from metrics.jsonl as it grows: every byte once, and only whole lines.

`MetricsTail` reads in a thread and hands over `Chunk`s; `Curves` keeps them in the window's thread. They share
nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from workbench.records.pretraining import CURVES

BLOCK = 1 << 18  # bytes of one reading: some 1,000 lines, so that the first of a long run are soon in sight
MARK = 256  # bytes before the place that was read up to, by which a rewritten file is known
KEYS = frozenset({key for key, *_ in CURVES} | {"knn", "probe"})
FIRST_CAPACITY = 1024

Row = tuple[float, float, float]  # step, epoch, value


@dataclass(slots=True)
class Chunk:
    """What one reading found. `anew`: the file was written anew, and what was read of it before counts no more."""

    rows: dict[str, np.ndarray] = field(default_factory=dict)  # (n, 3) of each key: step, epoch, value
    anew: bool = False
    more: bool = False  # whether there is more to read at once
    last: tuple[float, float] | None = None  # step and epoch of the last line


class MetricsTail:
    """Where the reading of one file stands. One thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0  # altogether, also of what was read again
        self._offset = 0
        self._mark = b""

    def read(self) -> Chunk:
        """The next whole lines. A file that isn't there (yet) holds none."""
        chunk = Chunk()
        try:
            with self.path.open("rb") as stream:
                start = self._offset - len(self._mark)
                stream.seek(start)
                block = stream.read(len(self._mark) + BLOCK)
                if not block.startswith(self._mark):
                    chunk.anew = True
                    self._offset, self._mark = 0, b""
                    stream.seek(0)
                    block = stream.read(BLOCK)
        except OSError:
            chunk.anew = self._offset > 0
            self._offset, self._mark = 0, b""
            return chunk
        fresh = block[len(self._mark) :]
        whole = fresh[: fresh.rfind(b"\n") + 1]
        self.bytes_read += len(whole)
        self._offset += len(whole)
        self._mark = (self._mark + whole)[-MARK:]
        chunk.more = bool(whole) and len(fresh) >= BLOCK
        rows: dict[str, list[Row]] = {}
        for line in whole.splitlines():
            chunk.last = _take(rows, line) or chunk.last
        chunk.rows = {key: np.asarray(found, dtype=np.float64) for key, found in rows.items()}
        return chunk


def _take(rows: dict[str, list[Row]], line: bytes) -> tuple[float, float] | None:
    """Add what a line measures, and return its step and epoch. One that is damaged, or tells no step, is passed
    over."""
    try:
        values = json.loads(line)
    except ValueError:
        return None
    if not isinstance(values, dict) or not _number(values.get("step")):
        return None
    step = float(values["step"])
    epoch = float(values["epoch"]) if _number(values.get("epoch")) else math.nan
    for key in KEYS & values.keys():
        if _number(values[key]):
            rows.setdefault(key, []).append((step, epoch, float(values[key])))
    return step, epoch


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


class Series:
    """One curve, by rising step. Room is doubled when it is short, so that a point costs the same however many
    there are."""

    def __init__(self) -> None:
        self._kept = np.empty((3, FIRST_CAPACITY))
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def steps(self) -> np.ndarray:
        """(N,) float64, rising."""
        return self._kept[0, : self._size]

    @property
    def epochs(self) -> np.ndarray:
        """(N,) float64; NaN where a line did not tell."""
        return self._kept[1, : self._size]

    @property
    def values(self) -> np.ndarray:
        """(N,) float64."""
        return self._kept[2, : self._size]

    @property
    def capacity(self) -> int:
        return self._kept.shape[1]

    def extend(self, rows: np.ndarray | Sequence[Row]) -> None:
        """Add points (n, 3).

        A run that went back to a checkpoint tells a step for the second time: what it said of that step and of later
        ones was undone, and the last value is the one that stays.
        """
        fresh = np.asarray(rows, dtype=np.float64).reshape(-1, 3).T
        while fresh.shape[1]:
            back = np.flatnonzero(np.diff(fresh[0]) <= 0)
            run = fresh[:, : back[0] + 1] if len(back) else fresh
            self._append(run)
            fresh = fresh[:, run.shape[1] :]

    def _append(self, run: np.ndarray) -> None:
        """(3, n) whose steps rise."""
        if self._size and run[0, 0] <= self._kept[0, self._size - 1]:
            self._size = int(np.searchsorted(self.steps, run[0, 0]))
        wanted = self._size + run.shape[1]
        if wanted > self.capacity:
            grown = np.empty((3, max(wanted, 2 * self.capacity)))
            grown[:, : self._size] = self._kept[:, : self._size]
            self._kept = grown
        self._kept[:, self._size : wanted] = run
        self._size = wanted


class Curves:
    """Every curve of a run, by its key in metrics.jsonl."""

    def __init__(self) -> None:
        self.series: dict[str, Series] = {}
        self.last: tuple[float, float] | None = None

    def add(self, chunk: Chunk) -> bool:
        """Whether anything changed."""
        if chunk.anew:
            self.series, self.last = {}, None
        for key, rows in chunk.rows.items():
            self.series.setdefault(key, Series()).extend(rows)
        if chunk.last is not None:
            self.last = chunk.last
        return chunk.anew or chunk.last is not None

    def latest(self, key: str) -> float | None:
        series = self.series.get(key)
        return float(series.values[-1]) if series is not None and len(series) else None
