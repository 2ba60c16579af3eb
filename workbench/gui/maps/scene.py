"""One map's points in their colours, drawn into an image: made in a thread, shown by the canvas.

How they are drawn depends on how many are in sight: each as a disc, as discs of pixels, or as a density.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from workbench.gui.maps.raster import as_argb, density, discs, over
from workbench.gui.maps.view import View, extent, flat

EACH = 8_000  # points in sight that are drawn one by one
DENSE = 200_000  # points in sight above which their density is drawn
FADED = 0.2  # what is left of a colour that is not in the selection


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What is drawn, apart from where one looks."""

    positions: np.ndarray  # (N, 2 or 3) float32
    items: np.ndarray  # (N,) int32
    code: np.ndarray  # (N,) int32, rows of `colours`
    colours: np.ndarray  # (K, 3) float32, 0 to 1
    shown: np.ndarray  # (K,) bool
    chosen: np.ndarray | None  # (N,) bool; None where nothing is selected, and all are as they are
    ground: str  # "#rrggbb" under the points
    ink: str  # around chosen points
    half: tuple[float, float] = field(default=(1.0, 1.0))

    @classmethod
    def of(cls, positions: np.ndarray, **rest: object) -> Scene:
        """With its extent measured."""
        return cls(positions=positions, half=extent(positions), **rest)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A scene as it was drawn, and where its shown points are: what the pointer is compared with."""

    scene: Scene
    view: View
    width: float  # px of the canvas
    height: float
    fitted: float  # px a unit at zoom 1
    image: QImage
    rows: np.ndarray  # (M,) rows of the scene that are shown
    x: np.ndarray  # (M,) float32, in the map's units
    y: np.ndarray
    manner: str  # "each", "discs" or "density"

    def nearest(self, x: float, y: float, reach: float) -> int:
        """The shown row nearest to a point of the map, at most `reach` units away; -1 for none."""
        if not len(self.rows):
            return -1
        apart = np.square(self.x - np.float32(x))
        apart += np.square(self.y - np.float32(y))
        at = int(np.argmin(apart))
        return int(self.rows[at]) if float(apart[at]) <= reach * reach else -1


def render(scene: Scene, view: View, width: float, height: float, fitted: float, ratio: float = 1.0) -> Frame:
    """The scene at `ratio` pixels a px. Any thread."""
    image = QImage(
        max(round(width * ratio), 1), max(round(height * ratio), 1), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.fill(Qt.GlobalColor.transparent)
    rows, x, y, depth = _seen(scene, view)
    scale = view.scale(fitted) * ratio
    across = (x - np.float32(view.x)) * np.float32(scale) + np.float32(image.width() / 2)
    down = np.float32(image.height() / 2) - (y - np.float32(view.y)) * np.float32(scale)
    pad = 8 * ratio
    inside = (across > -pad) & (across < image.width() + pad) & (down > -pad) & (down < image.height() + pad)
    there = np.flatnonzero(inside)
    if depth is not None and len(there) <= DENSE:
        there = there[np.argsort(depth[there], kind="stable")]
    painted = _Painted(scene, rows[there], across[there], down[there])
    radius = point_radius(len(there)) * min(max(view.zoom, 1.0) ** 0.35, 2.0) * ratio
    if len(there) <= EACH:
        manner = "each"
        painter = QPainter(image)
        painted.each(painter, radius, ratio)
        painter.end()
    else:
        manner = "discs" if len(there) <= DENSE else "density"
        size = image.width(), image.height()
        picture = painted.discs(size, max(1, round(radius))) if manner == "discs" else painted.density(size)
        _put(image, picture)
    image.setDevicePixelRatio(ratio)
    return Frame(scene, view, width, height, fitted, image, rows, x, y, manner)


def draw(painter: QPainter, scene: Scene, view: View, width: float, height: float, fitted: float) -> None:
    """The scene for a picture in a file: few points stay shapes, many become an image of twice the size."""
    rows, x, y, depth = _seen(scene, view)
    if len(rows) > EACH:
        frame = render(scene, view, width, height, fitted, 2.0)
        painter.drawImage(QPointF(0, 0), frame.image)
        return
    scale = view.scale(fitted)
    across, down = (x - view.x) * scale + width / 2, height / 2 - (y - view.y) * scale
    inside = (across > 0) & (across < width) & (down > 0) & (down < height)
    there = np.flatnonzero(inside)
    if depth is not None:
        there = there[np.argsort(depth[there], kind="stable")]
    radius = point_radius(len(there)) * min(max(view.zoom, 1.0) ** 0.35, 2.0)
    _Painted(scene, rows[there], across[there], down[there]).each(painter, radius, 1.0)


def point_radius(number: int) -> float:
    """px: the more points, the smaller."""
    for most, radius in ((200, 5.0), (800, 4.2), (2_500, 3.4), (EACH, 2.6), (40_000, 1.8)):
        if number <= most:
            return radius
    return 1.0


def _seen(scene: Scene, view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
    """Rows that the legend shows, their x and y as they are seen, and their depth on a map of three axes."""
    x, y, depth = flat(scene.positions, view)
    if scene.shown.all():
        return np.arange(len(x)), x, y, depth
    rows = np.flatnonzero(scene.shown[scene.code])
    return rows, x[rows], y[rows], depth[rows] if depth is not None else None


class _Painted:
    """Points in the pixels of an image, in the order in which they are painted."""

    def __init__(self, scene: Scene, rows: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
        self.scene = scene
        self.x, self.y, self.code = x, y, scene.code[rows]
        self.chosen = scene.chosen[rows] if scene.chosen is not None else None

    def each(self, painter: QPainter, radius: float, ratio: float) -> None:
        scene = self.scene
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        solid = [QColor.fromRgbF(*map(float, colour)) for colour in scene.colours]
        faded = [QColor.fromRgbF(*map(float, colour)) for colour in scene.colours]
        for colour in faded:
            colour.setAlphaF(FADED)
        if self.chosen is None:
            ring = QPen(QColor(scene.ground), 0.8 * ratio)
            self._ellipses(painter, np.arange(len(self.x)), solid, ring, radius)
            return
        none = QPen(Qt.PenStyle.NoPen)
        self._ellipses(painter, np.flatnonzero(~self.chosen), faded, none, radius)
        ring = QPen(QColor(scene.ink), 1.1 * ratio)
        self._ellipses(painter, np.flatnonzero(self.chosen), solid, ring, radius + 0.8 * ratio)

    def _ellipses(
        self, painter: QPainter, which: np.ndarray, colours: list[QColor], pen: QPen, radius: float
    ) -> None:
        painter.setPen(pen)
        before = -1
        for x, y, code in zip(
            self.x[which].tolist(), self.y[which].tolist(), self.code[which].tolist(), strict=True
        ):
            if code != before:
                painter.setBrush(colours[code])
                before = code
            painter.drawEllipse(QPointF(x, y), radius, radius)

    def discs(self, size: tuple[int, int], radius: int) -> np.ndarray:
        colours = self.scene.colours
        if self.chosen is None:
            return discs(self.x, self.y, colours[self.code], size, radius)
        lower = discs(*self._of(~self.chosen), size, radius)
        lower[..., 3] *= FADED
        return over(discs(*self._of(self.chosen), size, radius + 1), lower)

    def density(self, size: tuple[int, int]) -> np.ndarray:
        colours = self.scene.colours
        if self.chosen is None:
            return density(self.x, self.y, colours, self.code, size)
        rest, chosen = ~self.chosen, self.chosen
        lower = density(self.x[rest], self.y[rest], colours, self.code[rest], size)
        lower[..., 3] *= FADED
        return over(density(self.x[chosen], self.y[chosen], colours, self.code[chosen], size), lower)

    def _of(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self.x[which], self.y[which], self.scene.colours[self.code[which]]


def _put(image: QImage, picture: np.ndarray) -> None:
    pixels = np.ascontiguousarray(as_argb(picture))
    height, width = pixels.shape
    made = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    painter.drawImage(0, 0, made)
    painter.end()
