"""One map's points in their colours, drawn into an image: made in a thread, shown by the canvas.

How they are drawn depends on how many are in sight: each as a disc, as discs of pixels, or as a density.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from workbench.gui.maps.atlas import DrawnMap
from workbench.gui.maps.raster import as_argb, density, discs, over
from workbench.gui.maps.view import STRETCH, Scale, View, fitting, flat
from workbench.gui.theme import Theme

EACH = 20_000  # points in sight that are drawn one by one
DENSE = 200_000  # points in sight above which their density is drawn
RADII = (
    (200, 5.0),
    (800, 4.0),
    (2_500, 3.3),
    (8_000, 2.6),
    (EACH, 2.0),
    (40_000, 1.5),
)  # of so many points, px
PICTURE = 60  # px of a square in which one point shows its image
FADED = 0.2  # what is left of a colour that is not in the selection

Seen = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]  # rows, x, y, depth


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
    half: tuple[float, float]  # of the room that all of it needs, in the map's units
    pictures: bool = False  # whether some points are to show their image


def scene_of(
    drawn: DrawnMap,
    code: np.ndarray,
    colours: np.ndarray,
    shown: np.ndarray,
    chosen: np.ndarray | None,
    theme: Theme,
    pictures: bool,
) -> Scene:
    """A map in its colours; `chosen` is (items,) whether each is selected, or None where none is."""
    return Scene(
        positions=drawn.positions,
        items=drawn.items,
        code=code,
        colours=colours,
        shown=shown,
        chosen=chosen[drawn.items] if chosen is not None else None,
        ground=theme.panel,
        ink=theme.text,
        half=drawn.half,
        pictures=pictures,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A scene as it was drawn, and where its shown points are: what the pointer is compared with."""

    scene: Scene
    view: View
    width: float  # px of the canvas
    height: float
    fitted: Scale  # px a unit at zoom 1
    image: QImage
    rows: np.ndarray  # (M,) rows of the scene that are shown
    x: np.ndarray  # (M,) float32, in the map's units
    y: np.ndarray
    manner: str  # "each", "discs" or "density"
    pictured: np.ndarray  # (P,) rows of the scene, at most one in each square of `PICTURE` px

    def nearest(self, x: float, y: float, scale: Scale, reach: float) -> int:
        """The shown row nearest to a point of the map, at most `reach` px away at `scale`; -1 for none."""
        if not len(self.rows):
            return -1
        apart = np.square((self.x - np.float32(x)) * np.float32(scale[0]))
        apart += np.square((self.y - np.float32(y)) * np.float32(scale[1]))
        at = int(np.argmin(apart))
        return int(self.rows[at]) if float(apart[at]) <= reach * reach else -1


def fit(scene: Scene, width: float, height: float) -> Scale:
    """Pixels a unit at which the whole scene fits; one that is turned isn't stretched."""
    flat_map = scene.positions.shape[1] == 2
    return fitting(scene.half, width, height, stretch=STRETCH if flat_map else 1.0)


def render(scene: Scene, view: View, width: float, height: float, ratio: float = 1.0) -> Frame:
    """The scene at `ratio` pixels a px. Any thread."""
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    image = QImage(*size, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    fitted = fit(scene, width, height)
    rows, x, y, depth = _seen(scene, view)
    painted = _in_sight(scene, view, fitted, size, ratio, (rows, x, y, depth))
    radius = painted.radius * ratio
    if len(painted.x) <= EACH:
        manner = "each"
        painter = QPainter(image)
        painted.each(painter, radius, ratio, stamped=True)
        painter.end()
    else:
        manner = "discs" if len(painted.x) <= DENSE else "density"
        _put(
            image, painted.discs(size, max(1, round(radius))) if manner == "discs" else painted.density(size)
        )
    image.setDevicePixelRatio(ratio)
    pictured = painted.spread(PICTURE * ratio) if scene.pictures else np.zeros(0, np.int64)
    return Frame(scene, view, width, height, fitted, image, rows, x, y, manner, pictured)


def draw(painter: QPainter, scene: Scene, view: View, width: float, height: float) -> None:
    """The scene for a picture in a file: few points stay shapes, many become an image of twice the size."""
    seen = _seen(scene, view)
    if len(seen[0]) > EACH:
        painter.drawImage(QPointF(0, 0), render(scene, view, width, height, 2.0).image)
        return
    size = round(width), round(height)
    painted = _in_sight(scene, view, fit(scene, width, height), size, 1.0, seen)
    painted.each(painter, painted.radius, 1.0)


def point_radius(number: int, side: float, zoom: float) -> float:
    """px: the more points and the smaller the map, the smaller; a little larger from near."""
    found = next((radius for most, radius in RADII if number <= most), 1.0)
    room, near = min(max(math.sqrt(side / 480), 0.7), 1.3), min(math.pow(max(zoom, 1.0), 0.35), 2.0)
    return found * room * near


def _seen(scene: Scene, view: View) -> Seen:
    """Rows that the legend shows, their x and y as they are seen, and their depth on a map of three axes."""
    x, y, depth = flat(scene.positions, view)
    if scene.shown.all():
        return np.arange(len(x)), x, y, depth
    rows = np.flatnonzero(scene.shown[scene.code])
    return rows, x[rows], y[rows], depth[rows] if depth is not None else None


def _in_sight(
    scene: Scene, view: View, fitted: Scale, size: tuple[int, int], ratio: float, seen: Seen
) -> _Painted:
    """Those whose discs reach into the picture, in its pixels, the far ones first."""
    rows, x, y, depth = seen
    scale = view.scale(fitted)
    across = (x - np.float32(view.x)) * np.float32(scale[0] * ratio) + np.float32(size[0] / 2)
    down = np.float32(size[1] / 2) - (y - np.float32(view.y)) * np.float32(scale[1] * ratio)
    pad = 8 * ratio
    inside = (across > -pad) & (across < size[0] + pad) & (down > -pad) & (down < size[1] + pad)
    there = np.flatnonzero(inside)
    if depth is not None and len(there) <= DENSE:
        there = there[np.argsort(depth[there], kind="stable")]
    radius = point_radius(len(there), min(size) / ratio, view.zoom)
    return _Painted(scene, rows[there], across[there], down[there], radius)


class _Painted:
    """Points in the pixels of an image, in the order in which they are painted."""

    def __init__(self, scene: Scene, rows: np.ndarray, x: np.ndarray, y: np.ndarray, radius: float) -> None:
        self.scene, self.radius = scene, radius  # px of the widget
        self.rows = rows
        self.x, self.y, self.code = x, y, scene.code[rows]
        self.chosen = scene.chosen[rows] if scene.chosen is not None else None

    def each(self, painter: QPainter, radius: float, ratio: float, *, stamped: bool = False) -> None:
        """Every point as a disc: a shape, or `stamped`, which is ten times as fast and the same to a pixel."""
        scene = self.scene
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        solid = [QColor.fromRgbF(*map(float, colour)) for colour in scene.colours]
        put = self._stamps if stamped else self._ellipses
        if self.chosen is None:
            ring = QPen(QColor(scene.ground), 0.8 * ratio)
            put(painter, np.arange(len(self.x)), solid, ring, radius)
            return
        faded = [QColor(colour) for colour in solid]
        for colour in faded:
            colour.setAlphaF(FADED)
        put(painter, np.flatnonzero(~self.chosen), faded, QPen(Qt.PenStyle.NoPen), radius)
        ring = QPen(QColor(scene.ink), 0.9 * ratio)
        put(painter, np.flatnonzero(self.chosen), solid, ring, radius + 0.4 * ratio)

    def _ellipses(
        self, painter: QPainter, which: np.ndarray, colours: list[QColor], pen: QPen, radius: float
    ) -> None:
        painter.setPen(pen)
        for x, y, code in self._each_of(which):
            painter.setBrush(colours[code])
            painter.drawEllipse(QPointF(x, y), radius, radius)

    def _stamps(
        self, painter: QPainter, which: np.ndarray, colours: list[QColor], pen: QPen, radius: float
    ) -> None:
        side = 2 * math.ceil(radius + 2) + 1
        middle = side / 2
        stamps = []
        for colour in colours:
            stamp = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
            stamp.fill(Qt.GlobalColor.transparent)
            brush = QPainter(stamp)
            brush.setRenderHint(QPainter.RenderHint.Antialiasing)
            brush.setPen(pen)
            brush.setBrush(colour)
            brush.drawEllipse(QPointF(middle, middle), radius, radius)
            brush.end()
            stamps.append(stamp)
        half = side // 2
        for x, y, code in self._each_of(which):
            painter.drawImage(int(x) - half, int(y) - half, stamps[code])

    def _each_of(self, which: np.ndarray) -> Iterator[tuple[float, float, int]]:
        return zip(self.x[which].tolist(), self.y[which].tolist(), self.code[which].tolist(), strict=True)

    def spread(self, side: float) -> np.ndarray:
        """Rows with at most one in each square of `side`: of those that are selected, where any are."""
        some = np.arange(len(self.x)) if self.chosen is None else np.flatnonzero(self.chosen)
        across, down = self.x[some] / side, self.y[some] / side
        square = np.floor(down).astype(np.int64) * 10_000 + np.floor(across).astype(np.int64)
        # The one nearest to the middle of its square, so that pictures lie apart.
        off = np.square(across % 1 - 0.5) + np.square(down % 1 - 0.5)
        order = np.lexsort((off, square))
        first = np.unique(square[order], return_index=True)[1]
        return np.asarray(self.rows[some[order[first]]])

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
