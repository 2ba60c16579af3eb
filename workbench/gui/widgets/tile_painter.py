"""Paints the cells of an image grid: the picture scaled once, its name, and whether it is selected or current."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QFontMetrics, QImage, QPainter, QPen, QPixmap

from workbench.gui.icons import pixmap
from workbench.gui.theme import current_theme, font_of
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.thumbnails import Tile
    from workbench.gui.widgets.image_grid import ImageGrid

CAPTION = 20  # px under each picture
GAP = 4  # px around each picture
FITTED = 64 << 20  # bytes of scaled pictures that are kept; a large screen shows 20 MB of them
BUDGET = 0.006  # seconds of a frame that may go into scaling; what is left is drawn roughly and again at once


class TilePainter:
    """Paints for one `ImageGrid`."""

    def __init__(self, grid: ImageGrid) -> None:
        self._grid = grid
        self._font = font_of(size=11)
        self._metrics = QFontMetrics(self._font)
        self._fitted: OrderedDict[tuple[int, int, int, float], QPixmap] = OrderedDict()
        self._held = 0
        self._until = 0.0
        self._begun = False  # whether this frame has scaled one

    def begin(self, painter: QPainter) -> None:
        """A new frame: its time for scaling begins to run."""
        self._until, self._begun = time.perf_counter() + BUDGET, False
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._font)

    def paint(self, painter: QPainter, cell: QRect, place: int, tile: Tile | None) -> None:
        grid, theme = self._grid, current_theme()
        whole = cell.adjusted(GAP // 2, GAP // 2, -GAP // 2, -GAP // 2)
        chosen = grid.is_selected(place)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(whole, 6, 6)
        frame = whole.adjusted(GAP, GAP, -GAP, -CAPTION)
        self._draw_picture(painter, frame, cell, tile)
        if chosen or (grid.current_place() == place and grid.hasFocus()):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(whole).adjusted(1, 1, -1, -1), 6, 6)
        painter.setPen(theme.colour("accent_ink" if chosen else "dim"))
        line = QRect(whole.left() + GAP, frame.bottom() + 2, whole.width() - 2 * GAP, CAPTION - 4)
        name = self._metrics.elidedText(grid.caption(place), Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, name)

    def _draw_picture(self, painter: QPainter, frame: QRect, cell: QRect, tile: Tile | None) -> None:
        theme = current_theme()
        if tile is None or tile.image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(frame, 4, 4)
            if tile is not None:
                mark = pixmap("broken", theme.bad, 24)
                painter.drawPixmap(frame.center().x() - 12, frame.top() + frame.height() // 4 - 6, mark)
                painter.setPen(QColor(theme.bad))
                box = frame.adjusted(4, frame.height() // 4 + 20, -4, -2)
                painter.drawText(
                    box, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, printable(tile.reason)
                )
            return
        fitted = self._fit(tile.image, frame.size())
        if fitted is None:
            size = _within(tile.image.size(), frame.size())
            rough = QRect(
                frame.center().x() - size.width() // 2,
                frame.center().y() - size.height() // 2,
                size.width(),
                size.height(),
            )
            painter.drawImage(rough, tile.image)
            self._grid.viewport().update(cell)
            return
        ratio = fitted.devicePixelRatio()
        width, height = round(fitted.width() / ratio), round(fitted.height() / ratio)
        painter.drawPixmap(frame.center().x() - width // 2, frame.center().y() - height // 2, fitted)

    def _fit(self, image: QImage, room: QSize) -> QPixmap | None:
        """`image` scaled to the cell with round corners; None where this frame has no time left to make it.

        One is made in any frame: else a machine that is slow at everything would paint roughly for ever.
        """
        ratio = self._grid.devicePixelRatioF()
        key = (image.cacheKey(), room.width(), room.height(), ratio)
        known = self._fitted.get(key)
        if known is not None:
            self._fitted.move_to_end(key)
            return known
        if self._begun and time.perf_counter() > self._until:
            return None
        self._begun = True
        size = _within(image.size(), room * ratio)
        keep, smooth = Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QBrush(image.scaled(size, keep, smooth)))
        painter.drawRoundedRect(QRectF(0, 0, size.width(), size.height()), 4 * ratio, 4 * ratio)
        painter.end()
        made.setDevicePixelRatio(ratio)
        self._fitted[key] = made
        self._held += 4 * size.width() * size.height()
        while self._held > FITTED and len(self._fitted) > 1:
            _, old = self._fitted.popitem(last=False)
            self._held -= 4 * old.width() * old.height()
        return made


def _within(size: QSize, room: QSize) -> QSize:
    """`size` scaled to fit; at least two pixels each way, so that a hair of a picture is still seen."""
    return size.scaled(room, Qt.AspectRatioMode.KeepAspectRatio).expandedTo(QSize(2, 2))
