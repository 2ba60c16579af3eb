"""One map: points that are pointed at, clicked, lassoed and zoomed into.

The picture is made in a thread (`scene.render`); painting lays the last one under the present view, so that moving is
as fast with a million points as with a hundred, and the next picture replaces it when it is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.gui.background import Background
from workbench.gui.maps.scene import Frame, Scene, draw, fit, point_radius, render
from workbench.gui.maps.view import Scale, View, flat
from workbench.gui.theme import current_theme
from workbench.gui.thumbnails import Thumbnails

LASSO, BOX, MOVE = "lasso", "box", "move"
REACH = 9.0  # px from a point within which the pointer is on it
SLIP = 4.0  # px that a click may slip before it is a drag
STEP = 48.0  # px that an arrow key moves
THUMB = 44  # px of a picture on the map
TURN = 0.008  # radians a px
ZOOM = 1.25

File = Callable[[int], tuple[bytes, Path] | None]  # of an item: its thumbnail's key, and where it lies


class MapCanvas(QWidget):
    """Speaks of items by their place in the atlas; who listens knows their names."""

    pointed = Signal(int)  # the item under the pointer, -1 for none
    picked = Signal(object, bool)  # (M,) items that were chosen, and whether they are added to those before
    cleared = Signal()
    looked = Signal(int)  # an item that is to be seen large
    drawn = Signal()  # a new picture is shown

    def __init__(self, name: str, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.scene: Scene | None = None
        self.view = View()
        self.frame: Frame | None = None
        self.tool = LASSO
        self.marked = -1  # item that is ringed: the one that is pointed at, here or on another map
        self._background = background
        self._thumbnails: Thumbnails | None = None
        self._file: File = lambda item: None
        self._wanted = False  # whether another picture is wanted when the one in the works is done
        self._working = False
        self._pressed: QPointF | None = None
        self._button = Qt.MouseButton.NoButton
        self._track: list[QPointF] = []
        self._last = QPointF()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(100, 80)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(420, 320)

    # What is shown

    def show_scene(self, scene: Scene | None) -> None:
        """Another scene; where one looks stays, unless the map itself is another one."""
        other = self.scene is None or scene is None or scene.positions is not self.scene.positions
        self.scene = scene
        if other:
            self.view, self.frame = View(), None
        self._ask()

    def show_thumbnails(self, thumbnails: Thumbnails, file: File) -> None:
        """Where the pictures come from that some points show."""
        self._thumbnails, self._file = thumbnails, file
        thumbnails.arrived.connect(self._on_arrived)

    def _on_arrived(self, _: set[bytes]) -> None:
        if self.scene is not None and self.scene.pictures:
            self.update()

    def show_whole(self) -> None:
        self.show_view(replace(self.view, x=0.0, y=0.0, zoom=1.0))

    def show_view(self, view: View) -> None:
        if view != self.view:
            self.view = view
            self._ask()

    def mark(self, item: int) -> None:
        """Ring an item, wherever it is; -1 rings none."""
        if item != self.marked:
            self.marked = item
            self.update()

    @property
    def current(self) -> bool:
        """Whether the picture is of what is to be shown."""
        frame = self.frame
        return self.scene is None or (
            frame is not None
            and frame.scene is self.scene
            and frame.view == self.view
            and (frame.width, frame.height) == (self.width(), self.height())
        )

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """For a picture in a file."""
        if self.scene is None:
            return
        painter.save()
        painter.translate(area.topLeft())
        painter.setClipRect(QRectF(0, 0, area.width(), area.height()))
        draw(painter, self.scene, self.view, area.width(), area.height())
        painter.restore()

    # Where it is

    @property
    def scale(self) -> Scale:
        """Pixels a unit of the map, across and down."""
        if self.scene is None:
            return 1.0, 1.0
        return self.view.scale(fit(self.scene, self.width(), self.height()))

    def at(self, point: QPointF) -> tuple[float, float]:
        """The map's own coordinates of a point of the widget."""
        across, down = self.scale
        return (
            self.view.x + (point.x() - self.width() / 2) / across,
            self.view.y - (point.y() - self.height() / 2) / down,
        )

    def place(self, x: float, y: float) -> QPointF:
        """The point of the widget at coordinates of the map."""
        across, down = self.scale
        return QPointF(
            self.width() / 2 + (x - self.view.x) * across, self.height() / 2 - (y - self.view.y) * down
        )

    def item_at(self, point: QPointF) -> int:
        """The item that the pointer is on, -1 for none. Only what is painted can be pointed at."""
        frame = self._answering()
        if frame is None:
            return -1
        row = frame.nearest(*self.at(point), self.scale, REACH)
        return int(frame.scene.items[row]) if row >= 0 else -1

    def point_of(self, item: int) -> QPointF | None:
        """Where an item is on the widget; None where it isn't shown."""
        scene = self.scene
        if scene is None or item < 0:
            return None
        rows = np.flatnonzero(scene.items == item)
        if not len(rows) or not scene.shown[scene.code[rows[0]]]:
            return None
        x, y, _ = flat(scene.positions[rows[:1]], self.view)
        return self.place(float(x[0]), float(y[0]))

    def _answering(self) -> Frame | None:
        """The picture that says what is where: the last one, unless it was of other points."""
        frame, scene = self.frame, self.scene
        if frame is None or scene is None or frame.scene.code is not scene.code:
            return None
        return frame if np.array_equal(frame.scene.shown, scene.shown) else None

    def items_in(self, outline: QPolygonF) -> np.ndarray:
        """(M,) items whose points lie in an outline of the widget: it is filled, and each point's pixel looked up."""
        frame = self._answering()
        if frame is None:
            return np.zeros(0, np.int32)
        mask = QImage(self.width(), self.height(), QImage.Format.Format_Grayscale8)
        mask.fill(0)
        painter = QPainter(mask)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#ffffff"))
        painter.drawPolygon(outline, Qt.FillRule.WindingFill)
        painter.end()
        pixels = np.frombuffer(mask.constBits(), np.uint8).reshape(mask.height(), mask.bytesPerLine())
        wide, high = map(np.float32, self.scale)
        across = np.floor(self.width() / 2 + (frame.x - np.float32(self.view.x)) * wide).astype(np.int32)
        down = np.floor(self.height() / 2 - (frame.y - np.float32(self.view.y)) * high).astype(np.int32)
        inside = (across >= 0) & (across < mask.width()) & (down >= 0) & (down < mask.height())
        there = np.flatnonzero(inside)
        taken = there[pixels[down[there], across[there]] > 0]
        return np.asarray(frame.scene.items[frame.rows[taken]])

    # The picture

    def _ask(self) -> None:
        self._wanted = True
        self.update()
        self._next()

    def _next(self) -> None:
        scene = self.scene
        if self._working or not self._wanted or not self.isVisible():
            return
        self._wanted = False
        if scene is None or self.width() < 2 or self.height() < 2:
            return
        self._working = True
        asked = (scene, self.view, float(self.width()), float(self.height()))
        ratio = self.devicePixelRatioF()
        self._background.run(lambda: render(*asked, ratio), self._take, self._give_up)

    def _take(self, frame: Frame) -> None:
        self._working = False
        if frame.scene is self.scene:
            self.frame = frame
            self.update()
            self.drawn.emit()
        self._next()

    def _give_up(self, _: Exception) -> None:
        self._working = False
        self._next()

    def showEvent(self, event: object) -> None:
        self._ask()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._ask()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current_theme()
        if self.frame is not None and self.scene is not None:
            self._lay(painter, self.frame)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._pictures(painter)
        self._ring(painter)
        if self._track:
            painter.setPen(QPen(theme.colour("accent"), 1.5))
            ground = theme.colour("accent")
            ground.setAlphaF(0.12)
            painter.setBrush(ground)
            painter.drawPolygon(self._outline())
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def _lay(self, painter: QPainter, frame: Frame) -> None:
        """The last picture where its points are in the present view."""
        now, then = self.scale, frame.view.scale(frame.fitted)
        middle = self.place(frame.view.x, frame.view.y)
        width, height = frame.width * now[0] / then[0], frame.height * now[1] / then[1]
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, now != then)
        painter.drawImage(QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height), frame.image)

    def _pictures(self, painter: QPainter) -> None:
        """The images of the points that were chosen for it, in a frame of the point's colour."""
        frame = self._answering()
        if frame is None or self._thumbnails is None or not len(frame.pictured):
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        x, y, _ = flat(frame.scene.positions[frame.pictured], self.view)
        wished = []
        for row, right, up in zip(frame.pictured.tolist(), x.tolist(), y.tolist(), strict=True):
            found = self._file(int(frame.scene.items[row]))
            if found is None:
                continue
            wished.append(found[0])
            tile = self._thumbnails.get(*found, id(self))
            if tile is None or tile.image is None:
                continue
            size = tile.image.size().scaled(THUMB, THUMB, Qt.AspectRatioMode.KeepAspectRatio)
            box = QRectF(0, 0, size.width(), size.height())
            box.moveCenter(self.place(right, up))
            painter.drawImage(box, tile.image)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            colour = QColor.fromRgbF(*map(float, frame.scene.colours[frame.scene.code[row]]))
            painter.setPen(QPen(colour, 2))
            painter.drawRect(box)
        self._thumbnails.retain(wished, id(self))

    def _ring(self, painter: QPainter) -> None:
        point = self.point_of(self.marked)
        if point is None or self.scene is None:
            return
        theme = current_theme()
        radius = point_radius(len(self.scene.items), min(self.width(), self.height()), self.view.zoom) + 4
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(theme.colour("panel"), 4))
        painter.drawEllipse(point, radius, radius)
        painter.setPen(QPen(theme.colour("text"), 2))
        painter.drawEllipse(point, radius, radius)

    # Hands

    def _outline(self) -> QPolygonF:
        if self.tool == BOX and len(self._track) > 1:
            return QPolygonF(QRectF(self._track[0], self._track[-1]).normalized())
        return QPolygonF(self._track)

    def _moves(self) -> bool:
        """Whether the pressed button moves the map; the others always do."""
        return self.tool == MOVE or self._button != Qt.MouseButton.LeftButton

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            self._pressed = self._last = event.position()
            self._button = event.button()
            self._track = []

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        here = event.position()
        if self._pressed is None:
            self.pointed.emit(self.item_at(here))
            return
        slipped = (here - self._pressed).manhattanLength() > SLIP
        if self._moves():
            if slipped or here != self._last:
                self._drag(here - self._last)
            self._last = here
        elif slipped or self._track:
            self._track = [*(self._track or [self._pressed]), here]
            self.pointed.emit(-1)
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None or event.button() != self._button:
            return
        pressed, outline, add = self._pressed, self._outline(), _adds(event.modifiers())
        dragged, moved = bool(self._track), self._moves()
        self._pressed, self._track = None, []
        self.update()
        if dragged:
            self.picked.emit(self.items_in(outline), add)
        elif self._button == Qt.MouseButton.LeftButton and (
            not moved or (event.position() - pressed).manhattanLength() <= SLIP
        ):
            item = self.item_at(pressed)
            if item >= 0:
                self.picked.emit(np.asarray([item], np.int32), add)
            elif not add:
                self.cleared.emit()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        item = self.item_at(event.position())
        if item >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.looked.emit(item)

    def _drag(self, by: QPointF) -> None:
        if self.scene is not None and self.scene.positions.shape[1] == 3:
            self.show_view(self.view.turned(by.x() * TURN, by.y() * TURN))
        else:
            self._shift(by.x(), by.y())

    def _shift(self, right: float, down: float) -> None:
        wide, high = self.scale
        self.show_view(replace(self.view, x=self.view.x - right / wide, y=self.view.y + down / high))

    def wheelEvent(self, event: QWheelEvent) -> None:
        turned = event.angleDelta().y()
        if turned:
            self.show_view(self.view.zoomed(ZOOM ** (turned / 120), *self.at(event.position())))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        self.pointed.emit(-1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        moves = {
            int(keys.Key_Left): (STEP, 0.0),
            int(keys.Key_Right): (-STEP, 0.0),
            int(keys.Key_Up): (0.0, STEP),
            int(keys.Key_Down): (0.0, -STEP),
        }
        key, run = int(event.key()), self._keys().get(int(event.key()))
        if event.matches(QKeySequence.StandardKey.SelectAll) and self.frame is not None:
            self.picked.emit(self.frame.scene.items[self.frame.rows], False)
        elif key in moves:
            self._drag(QPointF(*moves[key]))
        elif run is not None:
            run()
        else:
            super().keyPressEvent(event)

    def _keys(self) -> dict[int, Callable[[], object]]:
        keys, view = Qt.Key, self.view
        nearer = lambda: self.show_view(view.zoomed(ZOOM, view.x, view.y))  # noqa: E731
        return {
            int(keys.Key_Plus): nearer,
            int(keys.Key_Equal): nearer,
            int(keys.Key_Minus): lambda: self.show_view(view.zoomed(1 / ZOOM, view.x, view.y)),
            int(keys.Key_Home): self.show_whole,
            int(keys.Key_0): self.show_whole,
            int(keys.Key_Escape): self._escape,
        }

    def _escape(self) -> None:
        """Leave the lasso that is being drawn, else the selection."""
        if self._track:
            self._pressed, self._track = None, []
            self.update()
        else:
            self.cleared.emit()


def _adds(modifiers: Qt.KeyboardModifier) -> bool:
    return bool(modifiers & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier))
