"""Which part of the pictures is in sight, the same in every cell of a board. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.records.inspection import in_view

MOST = 32.0

Point = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Zoom:
    """`centre` in shares of the whole picture's sides, `factor` 1 shows all of it."""

    centre: Point = (0.5, 0.5)
    factor: float = 1.0

    @property
    def zoomed(self) -> bool:
        return self.factor > 1.0

    def window(self, seen: np.ndarray | None = None) -> Box:
        """What of a picture is in sight, in shares of its sides; it may reach beyond them.

        `seen`: (4,), what part of the whole picture a model's picture is; None where it is all of it.
        """
        if not self.zoomed:
            return WHOLE
        across, down = in_view(np.asarray(self.centre), seen).tolist()
        half = 0.5 / self.factor
        return across - half, down - half, across + half, down + half

    def place(self, point: Point, seen: np.ndarray | None = None) -> Point:
        """A point of a cell, in shares of the cell's sides -> the place in the whole picture; it may lie outside."""
        left, top, right, bottom = self.window(seen)
        across, down = left + point[0] * (right - left), top + point[1] * (bottom - top)
        if seen is not None:
            first, above, last, below = seen.tolist()
            return first + across * (last - first), above + down * (below - above)
        return across, down

    def by(self, factor: float, point: Point = (0.5, 0.5), seen: np.ndarray | None = None) -> Zoom:
        """Nearer or farther, the place under `point` of a cell staying where it is as far as that goes."""
        under = self.place(point, seen)
        made = Zoom(self.centre, min(max(self.factor * factor, 1.0), MOST))
        if not made.zoomed:
            return Zoom()
        now = made.place(point, seen)
        return made._at(self.centre[0] + under[0] - now[0], self.centre[1] + under[1] - now[1])

    def moved(self, by: Point, seen: np.ndarray | None = None) -> Zoom:
        """The picture pushed by shares of the cell's sides."""
        width, height = (1.0, 1.0) if seen is None else (seen[2] - seen[0], seen[3] - seen[1])
        return self._at(
            float(self.centre[0] - by[0] * width / self.factor),
            float(self.centre[1] - by[1] * height / self.factor),
        )

    def _at(self, across: float, down: float) -> Zoom:
        half = 0.5 / self.factor
        return Zoom((min(max(across, half), 1 - half), min(max(down, half), 1 - half)), self.factor)


def in_cell(place: Point, window: Box, seen: np.ndarray | None = None) -> Point:
    """The other way: a place in the whole picture -> the point of a cell that shows `window` of what is `seen`."""
    across, down = in_view(np.asarray(place), seen).tolist()
    left, top, right, bottom = window
    return (across - left) / (right - left), (down - top) / (bottom - top)


def letterbox(width: int, height: int) -> np.ndarray:
    """(4,) what a square cell shows of a picture that lies in its middle, whole: as `Sight.seen`."""
    across, down = (max(width, height) / max(side, 1) for side in (width, height))
    return np.array([0.5 - across / 2, 0.5 - down / 2, 0.5 + across / 2, 0.5 + down / 2])
