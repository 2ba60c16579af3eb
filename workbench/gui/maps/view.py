"""Where one looks at a map: the middle, the zoom, and for a map of three axes the turn. No Qt."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

MARGIN = 0.06  # of the shorter side, left free around a fitted map
CLOSEST = 4000.0  # times as near as a fitted map
FARTHEST = 0.25
STEEPEST = math.pi / 2
STRETCH = 1.6  # how much longer a unit may be along one axis than along the other, to fill the room

Scale = tuple[float, float]


@dataclass(frozen=True, slots=True)
class View:
    """`x`, `y` are the middle in the map's own units, `zoom` is 1 where the whole map fits; angles in radians."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    yaw: float = 0.5
    pitch: float = 0.35

    def scale(self, fitted: Scale) -> Scale:
        """Pixels a unit across and down, where `fitted` shows all of it."""
        return fitted[0] * self.zoom, fitted[1] * self.zoom

    def zoomed(self, factor: float, x: float, y: float) -> View:
        """Nearer by `factor`, the point (x, y) of the map staying where it is."""
        zoom = min(max(self.zoom * factor, FARTHEST), CLOSEST)
        kept = self.zoom / zoom
        return replace(self, x=x + (self.x - x) * kept, y=y + (self.y - y) * kept, zoom=zoom)

    def turned(self, yaw: float, pitch: float) -> View:
        return replace(self, yaw=self.yaw + yaw, pitch=min(max(self.pitch + pitch, -STEEPEST), STEEPEST))


def flat(positions: np.ndarray, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """x, y and depth (N,) of positions (N, 2 or 3) as they are seen; no depth on a map of two axes.

    A map of three axes is turned about its upright axis by `yaw`, then tipped by `pitch`; what lies behind has the
    smaller depth.
    """
    if positions.shape[1] == 2:
        return positions[:, 0], positions[:, 1], None
    x, y, z = positions.T
    cos, sin = np.float32(math.cos(view.yaw)), np.float32(math.sin(view.yaw))
    across, towards = cos * x + sin * z, cos * z - sin * x
    cos, sin = np.float32(math.cos(view.pitch)), np.float32(math.sin(view.pitch))
    return across, cos * y - sin * towards, sin * y + cos * towards


def extent(positions: np.ndarray) -> tuple[float, float]:
    """Half the width and height of what must fit, in the map's units; a map that is turned needs its diagonal."""
    if not len(positions):
        return 1.0, 1.0
    half = np.abs(positions).max(axis=0)
    if positions.shape[1] == 3:
        reach = float(np.sqrt(np.square(positions).sum(axis=1).max()))
        return max(reach, 1e-6), max(reach, 1e-6)
    return max(float(half[0]), 1e-6), max(float(half[1]), 1e-6)


def fitting(half: Scale, width: float, height: float, *, stretch: float = STRETCH) -> Scale:
    """Pixels a unit, across and down, at which half extents `half` fit into width x height px.

    What a map keeps are neighbours: it may be stretched to fill its room, as long as round groups stay recognisable.
    """
    free = 2 * MARGIN * min(width, height)
    across = max((width - free) / (2 * half[0]), 1e-3)
    down = max((height - free) / (2 * half[1]), 1e-3)
    return min(across, down * stretch), min(down, across * stretch)
