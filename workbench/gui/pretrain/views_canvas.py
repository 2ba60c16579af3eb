"""The views of some images as the model gets them: in each row the whole picture with a box for each crop, then the
views. Patches that are hidden from the network are veiled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.theme import Theme, current_theme, model_colour
from workbench.records.pretrain_plans import Preview
from workbench.records.text import printable

GAP, ROW_GAP = 6.0, 10.0  # px between views, and between rows
LEAST, MOST = 44.0, 288.0  # px of a global view's side
PICTURE = -1  # the whole picture's place in a row
VEIL = 0.82  # of a hidden patch


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a view goes in its row: column, place in the column, and its side as a share of a row's height."""

    column: int
    at: int
    share: float


def slots(preview: Preview) -> list[Slot]:
    """A global view fills a column; small ones stand on top of each other."""
    largest = max((view.shape[1] for view in preview.views), default=1)
    made: list[Slot] = []
    column, used = -1, 1.0
    for view in preview.views:
        share = view.shape[1] / largest
        stacked = share if share == 1 else min(share, 0.5)
        if used + stacked > 1.001 or not made or made[-1].share != stacked:
            column, used = column + 1, 0.0
        made.append(Slot(column, round(used / stacked), stacked))
        used += stacked
    return made


class ViewsCanvas(WalkedPlot):
    """Arrow keys walk the views; the one that is looked at is told, and its box on the picture is strong."""

    def __init__(self) -> None:
        super().__init__("Views as the model sees them")
        self.preview: Preview | None = None
        self._slots: list[Slot] = []
        self._images: dict[Place, QImage] = {}
        self._rects: dict[Place, QRectF] = {}
        self.setMinimumHeight(2 * round(LEAST))

    def sizeHint(self) -> QSize:
        return QSize(420, 220)

    def show_preview(self, preview: Preview | None) -> None:
        self.preview = preview
        self._slots = slots(preview) if preview is not None else []
        self._images = {}
        if preview is not None:
            for row in range(len(preview.names)):
                self._images[row, PICTURE] = _image(preview.pictures[row])
                for number, view in enumerate(preview.views):
                    self._images[row, number] = _image(view[row])
            told = f"{len(preview.names)} images, {len(preview.views)} views of each"
            self.setAccessibleDescription(told)
        if self.current is not None and self.current not in self._images:
            self.current = None
        self.update()

    # Walking

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        self._draw(painter, area, theme)
        return [
            Dot(rect.center().x(), rect.center().y(), row, number)
            for (row, number), rect in self._rects.items()
        ]

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        self._draw(painter, area, current_theme())

    def place_at(self, x: float, y: float) -> Place | None:
        return next((place for place, rect in self._rects.items() if rect.contains(x, y)), None)

    def home(self) -> Place | None:
        return (0, 0) if (0, 0) in self._rects else None

    def step(self, place: Place, down: int, right: int) -> Place:
        wanted = place[0] + down, place[1] + right
        return wanted if wanted in self._rects else place

    def tell(self, place: Place) -> str:
        preview = self.preview
        assert preview is not None
        row, number = place
        width, height = (int(side) for side in preview.shapes[row])
        if number == PICTURE:
            return f"{preview.names[row]}, {width} × {height} px"
        view = preview.views[number]
        told = f"{preview.names[row]}: {preview.kinds[number]}, view {number + 1}, {view.shape[1]} px"
        told += f"\nShows {100 * _area(preview.boxes[row, number]):.0f} % of the picture"
        mask = preview.masks[number]
        if mask is not None and mask[row].any():
            told += f", {100 * float(mask[row].mean()):.0f} % of it hidden from the network"
        return told

    # Drawing

    def _draw(self, painter: QPainter, area: QRectF, theme: Theme) -> None:
        self._rects = {}
        preview = self.preview
        if preview is None or not preview.names:
            return
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        columns = max((slot.column for slot in self._slots), default=-1) + 1
        widths = [max(s.share for s in self._slots if s.column == c) for c in range(columns)]
        units = 1 + sum(widths)
        gaps = GAP * columns + 3 * GAP  # in a row, and after it
        rows, blocks, side = fit(area.width() + 3 * GAP, area.height(), units, gaps, len(preview.names))
        block_width = units * side + gaps
        for number in range(min(rows * blocks, len(preview.names))):
            left = area.left() + (number // rows) * block_width
            top = area.top() + (number % rows) * (side + ROW_GAP)
            self._draw_row(painter, theme, number, left, top, side, widths)

    def _draw_row(
        self,
        painter: QPainter,
        theme: Theme,
        row: int,
        left: float,
        top: float,
        side: float,
        widths: list[float],
    ) -> None:
        preview = self.preview
        assert preview is not None
        width, height = (max(float(edge), 1.0) for edge in preview.shapes[row])
        wide, high = (side, side * height / width) if width >= height else (side * width / height, side)
        whole = QRectF(left + (side - wide) / 2, top + (side - high) / 2, wide, high)
        painter.drawImage(whole, self._images[row, PICTURE])
        self._rects[row, PICTURE] = whole
        starts = [left + side + GAP]
        for share in widths:
            starts.append(starts[-1] + share * side + GAP)
        for number, slot in enumerate(self._slots):
            inner = slot.share * side - (GAP / 2 if slot.share < 1 else 0)
            y = top + slot.at * (side + GAP / 2) * slot.share
            rect = QRectF(starts[slot.column], y, inner, inner)
            self._rects[row, number] = rect
            painter.drawImage(rect, self._images[row, number])
            self._veil(painter, theme, rect, preview.masks[number], row)
            self._frame(painter, rect, row, number)
        for number in range(len(self._slots)):
            self._box(painter, whole, row, number)

    def _veil(self, painter: QPainter, theme: Theme, rect: QRectF, mask: np.ndarray | None, row: int) -> None:
        if mask is None:
            return
        ground = QColor(theme.panel)
        ground.setAlphaF(VEIL)
        edges = np.linspace(0, rect.width(), mask.shape[1] + 1)
        x, y = np.rint(rect.left() + edges), np.rint(rect.top() + edges)  # whole px: neighbours leave no seam
        for down, right in np.argwhere(mask[row]).tolist():
            patch = QRectF(x[right], y[down], x[right + 1] - x[right], y[down + 1] - y[down])
            painter.fillRect(patch, ground)

    def _frame(self, painter: QPainter, rect: QRectF, row: int, number: int) -> None:
        strong = self.current == (row, number)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(self._colour(number)), 2.5 if strong else 1.5))
        painter.drawRect(rect)

    def _box(self, painter: QPainter, whole: QRectF, row: int, number: int) -> None:
        assert self.preview is not None
        corners = self.preview.boxes[row, number]
        if not np.isfinite(corners).all():
            return
        strong = self.current == (row, number)
        quiet = self.current is not None and self.current[0] == row and self.current[1] >= 0 and not strong
        colour = QColor(self._colour(number))
        colour.setAlphaF(0.35 if quiet else 1.0)
        painter.setPen(QPen(colour, 2.5 if strong else 1.25))
        points = [
            QPointF(whole.left() + x * whole.width(), whole.top() + y * whole.height())
            for x, y in corners.tolist()
        ]
        painter.save()
        painter.setClipRect(whole.adjusted(-1, -1, 1, 1))
        painter.drawPolygon(QPolygonF(points))
        painter.restore()

    def _colour(self, number: int) -> str:
        """Of a view: its own where there are few, else that of its kind."""
        assert self.preview is not None
        if len(self.preview.views) <= 4:
            return model_colour(number)
        return model_colour(list(dict.fromkeys(self.preview.kinds)).index(self.preview.kinds[number]))

    def legend(self) -> list[tuple[str, str]]:
        """(colour, words) of each kind of view, for a line under the canvas."""
        if self.preview is None:
            return []
        found: dict[str, tuple[str, int, int]] = {}
        for number, kind in enumerate(self.preview.kinds):
            colour, times, _ = found.get(kind, (self._colour(number), 0, 0))
            found[kind] = colour, times + 1, int(self.preview.views[number].shape[1])
        return [
            (
                colour,
                f"{times} × {printable(kind)}, {size} px" if times > 1 else f"{printable(kind)}, {size} px",
            )
            for kind, (colour, times, size) in found.items()
        ]


def fit(width: float, height: float, units: float, gaps: float, images: int) -> tuple[int, int, float]:
    """Rows, rows side by side, and the side of a view, px: what shows most, as large as anybody needs at the most.

    A row is `units` sides and `gaps` px wide.
    """
    best, found = 0.0, (1, 1, LEAST)
    for blocks in range(1, images + 1):
        across = (width / blocks - gaps) / units
        for rows in range(1, images + 1):
            side = min(across, (height + ROW_GAP) / rows - ROW_GAP, MOST)
            shown = min(rows * blocks, images) * side**2
            if side >= LEAST and shown > best * 1.001:
                best, found = shown, (rows, blocks, side)
    return found


def _image(pixels: np.ndarray) -> QImage:
    """(H, W, 3) uint8 as a picture that owns its bytes."""
    held = np.ascontiguousarray(pixels)
    height, width = held.shape[:2]
    return QImage(held.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _area(corners: np.ndarray) -> float:
    """Of a quadrangle (4, 2), as a share of the picture (shoelace formula)."""
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
