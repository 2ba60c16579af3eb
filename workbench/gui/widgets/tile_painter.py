"""Paints the cells of an image grid: the picture scaled once, its name, and whether it is selected or current."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPainterPath, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from workbench.gui.icons import pixmap
from workbench.gui.theme import current_theme, font_of
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.widgets.image_grid import ImageGrid

CAPTION = 20  # px under each picture
GAP = 4  # px around each picture
FITTED = 512  # scaled pictures that are kept; a large screen shows some 300

AnyIndex = QModelIndex | QPersistentModelIndex


class TilePainter(QStyledItemDelegate):
    """The delegate of `ImageGrid`."""

    def __init__(self, grid: ImageGrid) -> None:
        super().__init__(grid)
        self._grid = grid
        self._font = font_of(size=11)
        self._metrics = QFontMetrics(self._font)
        self._fitted: dict[int, tuple[QImage, QSize, float, QPixmap]] = {}

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        grid, theme = self._grid, current_theme()
        place = grid.model().place(cell)
        if place < 0:
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = option.rect.adjusted(GAP // 2, GAP // 2, -GAP // 2, -GAP // 2)
        chosen = grid.is_selected(place)
        if chosen:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(whole, 6, 6)
        frame = whole.adjusted(GAP, GAP, -GAP, -CAPTION)
        self._draw_picture(painter, frame, place)
        if chosen or (grid.currentIndex() == cell and grid.hasFocus()):
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(whole).adjusted(1, 1, -1, -1), 6, 6)
        painter.setFont(self._font)
        painter.setPen(theme.colour("accent_ink" if chosen else "dim"))
        line = QRect(whole.left() + GAP, frame.bottom() + 2, whole.width() - 2 * GAP, CAPTION - 4)
        name = self._metrics.elidedText(grid.caption(place), Qt.TextElideMode.ElideMiddle, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()

    def _draw_picture(self, painter: QPainter, frame: QRect, place: int) -> None:
        theme = current_theme()
        tile = self._grid.tile_of(place)
        if tile is None or tile.image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(frame, 4, 4)
            if tile is not None:
                mark = pixmap("broken", theme.bad, 24)
                painter.drawPixmap(frame.center().x() - 12, frame.top() + frame.height() // 4 - 6, mark)
                painter.setFont(self._font)
                painter.setPen(QColor(theme.bad))
                box = frame.adjusted(4, frame.height() // 4 + 20, -4, -2)
                painter.drawText(
                    box, Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap, printable(tile.reason)
                )
            return
        fitted = self._fit(tile.image, frame.size())
        width, height = (
            round(side / fitted.devicePixelRatio()) for side in (fitted.width(), fitted.height())
        )
        left, top = frame.center().x() - width // 2, frame.center().y() - height // 2
        painter.drawPixmap(left, top, fitted)

    def _fit(self, image: QImage, room: QSize) -> QPixmap:
        """`image` scaled to the cell with round corners; kept, since scaling is what costs while one scrolls."""
        ratio = self._grid.devicePixelRatioF()
        known = self._fitted.get(id(image))
        if known is not None and known[0] is image and known[1:3] == (room, ratio):
            return known[3]
        size = image.size().scaled(room * ratio, Qt.AspectRatioMode.KeepAspectRatio)
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        path = QPainterPath()
        path.addRoundedRect(QRectF(0, 0, size.width(), size.height()), 4 * ratio, 4 * ratio)
        painter.setClipPath(path)
        painter.drawImage(
            0,
            0,
            image.scaled(
                size, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
            ),
        )
        painter.end()
        made.setDevicePixelRatio(ratio)
        if len(self._fitted) >= FITTED:
            self._fitted.clear()
        self._fitted[id(image)] = (image, room, ratio, made)
        return made
