"""What hands do on a board.

Click an image to select it, a spot of a map to ask for it; wheel and drag on a map zoom and push all of them. Arrow
keys go from cell to cell, + and - zoom, Ctrl and an arrow push, Enter asks for the spot in the middle, Shift and an
arrow move it by a patch, space shows the image large, P pins its row.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip

from workbench.gui.inspect.board import Board
from workbench.gui.inspect.geometry import IMAGES
from workbench.gui.inspect.look import Look
from workbench.gui.inspect.surface import BoardSurface
from workbench.gui.inspect.zoom import Zoom
from workbench.gui.plain_text import plain

ASKING = ("attention", "likeness")  # a click on a spot asks for it
ZOOM_STEP, PUSH = 1.25, 0.15
LEAST_DRAG, LEAST_BOX = 4, 0.01  # px, and share of a side
_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class BoardCanvas(BoardSurface):
    """A board that can be handled."""

    look_asked = Signal(int)  # row whose image is wanted large
    picked = Signal(str, bool)  # item id that was clicked, and whether it comes to the others
    menu_asked = Signal(int, int, QPoint)  # row or -1 for the head, column, where on the screen
    box_drawn = Signal(object)  # (left, top, right, bottom) in shares of the whole picture

    def __init__(self, board: Board, look: Look) -> None:
        super().__init__(board, look)
        self.drawing = False  # a drag draws a box instead of pushing
        self._press: tuple[QPoint, Zoom, tuple[int, int]] | None = None
        self._dragged = False
        self._click = QTimer(self, singleShot=True)
        self._click.timeout.connect(lambda: self._ask_for(*self._clicked))
        self._clicked: tuple[tuple[int, int], QPoint] = ((0, 0), QPoint())
        self.viewport().setMouseTracking(True)

    def _place(self, at: tuple[int, int], point: QPoint) -> tuple[float, float]:
        return self.zoom.place(self._share(at, point), self._seen(*at))

    def _share(self, at: tuple[int, int], point: QPoint) -> tuple[float, float]:
        cell = self.geometry_.cell_rect(*at)
        return (point.x() - cell.left()) / cell.width(), (point.y() - cell.top()) / cell.height()

    def _over(self, point: QPoint) -> tuple[int, int] | None:
        """The cell whose picture is under a point."""
        at = self.geometry_.at(point)
        return at if at is not None and at[0] >= 0 and self.geometry_.cell_rect(*at).contains(point) else None

    def set_drawing(self, drawing: bool) -> None:
        """Whether a drag draws a box."""
        self.drawing = drawing
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if drawing else Qt.CursorShape.ArrowCursor)

    # Hands

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self.geometry_.at(event.pos())
            told = self.look.told(at[0], at[1] - 1) if at is not None else ""
            QToolTip.showText(
                event.globalPos(), plain(told), self.viewport()
            ) if told else QToolTip.hideText()
            return True
        return super().viewportEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Over a map it zooms; elsewhere, and with Shift everywhere, it scrolls."""
        point, turned = event.position().toPoint(), event.angleDelta().y()
        at = self._over(point)
        shift = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        if at is None or at[1] == IMAGES or shift or not turned:
            if shift and not event.angleDelta().x():
                bar = self.verticalScrollBar()
                bar.setValue(bar.value() - round(turned / 120 * 3 * bar.singleStep()))
            else:
                super().wheelEvent(event)
            return
        self.set_zoom(self.zoom.by(ZOOM_STEP ** (turned / 120), self._share(at, point), self._seen(*at)))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        point = event.position().toPoint()
        at = self._over(point)
        self._press, self._dragged = None, False
        if event.button() == Qt.MouseButton.LeftButton and at is not None:
            self._press = (point, self.zoom, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        start, zoom, at = self._press
        point = event.position().toPoint()
        self._dragged = self._dragged or (point - start).manhattanLength() >= LEAST_DRAG
        if not self._dragged:
            return
        if self.drawing:
            (left, top), (right, bottom) = (_inside(self._place(at, each)) for each in (start, point))
            self._rubber = (min(left, right), min(top, bottom), max(left, right), max(top, bottom))
            self.viewport().update()
        elif zoom.zoomed:
            (left, top), (right, bottom) = self._share(at, start), self._share(at, point)
            self.set_zoom(zoom.moved((right - left, bottom - top), self._seen(*at)))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        press, self._press = self._press, None
        if press is None:
            return
        box, self._rubber = self._rubber, None
        if box is not None and min(box[2] - box[0], box[3] - box[1]) >= LEAST_BOX:
            self.box_drawn.emit(box)
        elif not self._dragged:
            at = press[2]
            self.set_current(*at)
            if at[1] == IMAGES:
                self.picked.emit(
                    self.board.rows[at[0]], bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
                )
            elif not self.drawing:
                self._clicked = (at, press[0])
                # Where a double click shows all again, a click waits whether it becomes one.
                hints = QGuiApplication.styleHints()
                self._click.start(hints.mouseDoubleClickInterval() if self.zoom.zoomed else 0)
        self.viewport().update()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        at = self._over(event.position().toPoint())
        self._click.stop()
        if self.zoom.zoomed:
            self.set_zoom(Zoom())
        elif at is not None and at[1] == IMAGES:
            self.look_asked.emit(at[0])

    def _ask_for(self, at: tuple[int, int], point: QPoint) -> None:
        if self.board.settings.show in ASKING and at[0] < len(self.board.rows):
            self.board.ask_place(self.board.rows[at[0]], _inside(self._place(at, point)))

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            at: tuple[int, int] | None = self.current if self.board.rows else None
            where = self.geometry_.cell_rect(*self.current).center()
        else:
            at, where = self.geometry_.at(event.pos()), event.pos()
        if at is not None:
            if at[0] >= 0:
                self.set_current(*at)
            self.menu_asked.emit(*at, self.viewport().mapToGlobal(where))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, held = Qt.Key(event.key()), event.modifiers()
        if not self.board.rows:
            event.ignore()
        elif key in _KEYS:
            self._step(_KEYS[key], held)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            page = max((self.viewport().height() - self._head) // self.geometry_.step, 1)
            down = page if key == Qt.Key.Key_PageDown else -page
            self.set_current(self.current[0] + down, self.current[1])
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.set_current(0 if key == Qt.Key.Key_Home else len(self.board.rows), self.current[1])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            nearer = key != Qt.Key.Key_Minus
            self.set_zoom(self.zoom.by(ZOOM_STEP if nearer else 1 / ZOOM_STEP))
        elif key == Qt.Key.Key_0:
            self.set_zoom(Zoom())
        elif key == Qt.Key.Key_Space:
            self.look_asked.emit(self.current[0])
        elif key == Qt.Key.Key_P:
            self.board.pin(self.board.rows[self.current[0]])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._enter()
        else:
            event.ignore()

    def _step(self, by: tuple[int, int], held: Qt.KeyboardModifier) -> None:
        if held & Qt.KeyboardModifier.ControlModifier:
            self.set_zoom(self.zoom.moved((-by[0] * PUSH, -by[1] * PUSH)))
        elif held & Qt.KeyboardModifier.ShiftModifier:
            self.look.move_query(self.current[0], self.current[1] - 1, by)
        else:
            self.set_current(self.current[0] + by[1], self.current[1] + by[0])

    def _enter(self) -> None:
        """What a click in the middle of the cell would do."""
        row, column = self.current
        if column == IMAGES:
            self.picked.emit(self.board.rows[row], False)
        else:
            self._ask_for(self.current, self.geometry_.cell_rect(row, column).center())


def _inside(place: tuple[float, float]) -> tuple[float, float]:
    return min(max(place[0], 0.0), 1.0), min(max(place[1], 0.0), 1.0)
