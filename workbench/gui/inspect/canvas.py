"""The board itself: one scroll area that paints the cells in sight, and what hands do on it.

Click an image to select it, a spot of a map to ask for it; wheel and drag on a map zoom and push all of them. Arrow
keys go from cell to cell, + and - zoom, Ctrl and an arrow push, Enter asks for the spot in the middle, Shift and an
arrow move it by a patch, space shows the image large, P pins its row.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QFrame, QToolTip

from workbench.gui.inspect.board import Board
from workbench.gui.inspect.geometry import CAPTION, IMAGES, PAD, Geometry
from workbench.gui.inspect.look import Look
from workbench.gui.inspect.painter import (
    draw_blank,
    draw_boxes,
    draw_frame,
    draw_head,
    draw_picture,
    draw_pin,
    draw_text,
)
from workbench.gui.inspect.zoom import Box, Zoom
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, themes

ASKING = ("attention", "likeness")  # a click on a spot asks for it
ZOOM_STEP, PUSH = 1.25, 0.15
SETTLE_MS = 150  # after the last zoom or push, pictures become smooth
LEAST_DRAG, LEAST_BOX = 4, 0.01  # px, and share of a side
_KEYS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}


class BoardCanvas(QAbstractScrollArea):
    """Shows a `Board`; the zoom is its own."""

    look_asked = Signal(int)  # row whose image is wanted large
    picked = Signal(str, bool)  # item id that was clicked, and whether it comes to the others
    menu_asked = Signal(int, int, QPoint)  # row or -1 for the head, column, where on the screen
    box_drawn = Signal(object)  # (left, top, right, bottom) in shares of the whole picture

    def __init__(self, board: Board, look: Look) -> None:
        super().__init__()
        self.board, self.look = board, look
        self.zoom = Zoom()
        self.drawing = False  # a drag draws a box instead of pushing
        self.current = (0, IMAGES)
        self._head = 0
        self._shown: tuple[str, tuple[str, ...]] = (
            "",
            (),
        )  # what was shown of the models, and boxes, when it was told last
        self._rubber: Box | None = None
        self._press: tuple[QPoint, Zoom, tuple[int, int]] | None = None
        self._dragged = False
        self._click = QTimer(self, singleShot=True)
        self._click.timeout.connect(lambda: self._ask_for(*self._clicked))
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.viewport().update)
        self._clicked: tuple[tuple[int, int], QPoint] = ((0, 0), QPoint())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Board: rows are images, columns are models")
        self.viewport().setMouseTracking(True)
        self.verticalScrollBar().setSingleStep(48)
        board.changed.connect(self._on_changed)
        look.arrived.connect(self._on_arrived)
        themes().changed.connect(self.viewport().update)

    # Where things are

    @property
    def geometry_(self) -> Geometry:
        shift = QPoint(self.horizontalScrollBar().value(), self.verticalScrollBar().value())
        columns, rows = 1 + len(self.board.columns), len(self.board.rows)
        return Geometry(self.viewport().size(), columns, rows, shift, self._head)

    def _seen(self, row: int, column: int) -> np.ndarray | None:
        return self.look.seen(self.board.rows[row], column - 1)

    def place_at(self, point: QPoint) -> tuple[float, float] | None:
        """The spot of the whole picture under a point of the viewport."""
        at = self.geometry_.at(point)
        return self._place(at, point) if at is not None and at[0] >= 0 else None

    def _place(self, at: tuple[int, int], point: QPoint) -> tuple[float, float]:
        return self.zoom.place(self._share(at, point), self._seen(*at))

    def _share(self, at: tuple[int, int], point: QPoint) -> tuple[float, float]:
        cell = self.geometry_.cell_rect(*at)
        return (point.x() - cell.left()) / cell.width(), (point.y() - cell.top()) / cell.height()

    def _over(self, point: QPoint) -> tuple[int, int] | None:
        """The cell whose picture is under a point."""
        at = self.geometry_.at(point)
        return at if at is not None and at[0] >= 0 and self.geometry_.cell_rect(*at).contains(point) else None

    def _lay_out(self) -> None:
        width = self.geometry_.column_rect(IMAGES).width()
        heads = [self.look.image_head(), *map(self.look.head, range(len(self.board.columns)))]
        high = max(head.height(width) for head in heads)
        self._head = max(high, self._head) if self.board.waiting else high  # no jumping while words come
        whole, room = self.geometry_.whole, self.viewport().size()
        for bar, wanted, there in (
            (self.verticalScrollBar(), whole.height(), room.height()),
            (self.horizontalScrollBar(), whole.width(), room.width()),
        ):
            bar.setRange(0, max(wanted - there, 0))
            bar.setPageStep(there)

    def set_zoom(self, zoom: Zoom) -> None:
        self.zoom = zoom
        self._settle.start()
        self.viewport().update()

    def set_drawing(self, drawing: bool) -> None:
        """Whether a drag draws a box."""
        self.drawing = drawing
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if drawing else Qt.CursorShape.ArrowCursor)

    def set_current(self, row: int, column: int) -> None:
        """Go to a cell and bring it to sight."""
        rows, columns = len(self.board.rows), len(self.board.columns)
        self.current = (min(max(row, 0), max(rows - 1, 0)), min(max(column, 0), columns))
        if rows:
            cell, up, across = (
                self.geometry_.cell_rect(*self.current),
                self.verticalScrollBar(),
                self.horizontalScrollBar(),
            )
            below = cell.bottom() + CAPTION - self.viewport().height()
            up.setValue(up.value() + max(below, 0) + min(cell.top() - self._head - 6 - max(below, 0), 0))
            if self.current[1] != IMAGES:
                right = cell.right() + PAD - self.viewport().width()
                left = cell.left() - self.geometry_.edge - PAD
                across.setValue(across.value() + (max(right, 0) or min(left, 0)))
        self._tell()
        self.viewport().update()

    def _tell(self) -> None:
        told = self.look.told(self.current[0], self.current[1] - 1) if self.board.rows else ""
        self.setAccessibleDescription(told)

    def _on_changed(self, what: str) -> None:
        drawn_anew = what == "settings" and self._shown == (
            self.board.settings.show,
            self.board.settings.boxes,
        )
        self._shown = self.board.settings.show, self.board.settings.boxes
        high = self._head
        self._lay_out()
        if drawn_anew and self._head == high:
            self.viewport().update(0, 0, self.viewport().width(), self._head)
            self._wish()
            return
        self.viewport().update()
        if what in ("rows", "columns"):
            self.set_current(*self.current)

    def _on_arrived(self, cells: set[tuple[str, str]] | None) -> None:
        if cells is None:
            self.viewport().update()
            return
        where, models = self.geometry_, ("", *self.board.models)
        for row in where.rows_in_sight():
            for column in (IMAGES, *where.columns_in_sight()):
                if (models[column], self.board.rows[row]) in cells:
                    self.viewport().update(where.whole_rect(row, column))

    def _wish(self) -> None:
        """Have the cells in sight drawn as they are wanted now; each is painted when it is there."""
        where, ratio = self.geometry_, self.devicePixelRatioF()
        self.look.begin(round(where.side * ratio), ratio)
        for column in where.columns_in_sight():
            if not self.look.refusal(column - 1):
                for row in where.rows_in_sight():
                    self.look.cell(row, column - 1)
        for row in where.rows_in_sight():
            self.look.tile(self.board.rows[row])
        self.look.end()

    # Painting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, where = QPainter(self.viewport()), self.geometry_
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ground = current_theme().colour("panel")
        painter.fillRect(event.rect(), ground)
        ratio = self.devicePixelRatioF()
        self.look.begin(round(where.side * ratio), ratio)
        shown = event.region()
        if self.board.rows:
            painter.setClipRect(where.edge, 0, where.size.width(), where.size.height())
            for column in where.columns_in_sight():
                self._paint_column(painter, where, column, shown)
            painter.setClipRect(0, 0, where.edge, where.size.height())
            for row in where.rows_in_sight():
                self._paint_image(painter, where, row, shown)
        painter.setClipping(False)
        painter.fillRect(QRect(0, 0, where.size.width(), where.head), ground)
        painter.setClipRect(where.edge, 0, where.size.width(), self._head)
        for column in where.columns_in_sight():
            draw_head(painter, where.head_rect(column), self.look.head(column - 1))
        painter.setClipping(False)
        draw_head(painter, where.head_rect(IMAGES), self.look.image_head())
        painter.setPen(current_theme().colour("line"))
        painter.drawLine(PAD, where.head - 6, where.size.width() - PAD, where.head - 6)
        self.look.end()

    def _paint_column(self, painter: QPainter, where: Geometry, column: int, shown: QRegion) -> None:
        sentence = self.look.refusal(column - 1)
        if sentence:  # it can't show any of them, and says so once
            below = where.column_rect(column)
            high = min(where.whole.height() - where.head - where.shift.y(), below.height()) - CAPTION
            draw_blank(painter, QRect(below.left(), below.top(), below.width(), max(high, 0)), sentence)
            return
        boxes = self.look.boxes(self._rubber)
        for row in where.rows_in_sight():
            cell = where.cell_rect(row, column)
            made, waits = self.look.cell(
                row, column - 1
            )  # also of those that needn't be painted: they are wished for
            if not shown.intersects(where.whole_rect(row, column)):
                continue
            if made is not None and made.image is not None:
                seen = self._seen(row, column)
                draw_picture(
                    painter,
                    cell,
                    made.image,
                    self.zoom,
                    seen,
                    fitted=made.fitted,
                    rough=self._settle.isActive(),
                )
                draw_boxes(painter, cell, boxes, self.zoom, seen)
                draw_text(painter, where.caption_rect(row, column), made.caption, "dim", lines=2)
            elif made is not None:
                draw_blank(painter, cell, made.reason, bad=True)
            else:
                draw_blank(painter, cell, "Looking…" if waits else "")
            self._frame(painter, cell, (row, column))

    def _paint_image(self, painter: QPainter, where: Geometry, row: int, shown: QRegion) -> None:
        identifier, cell = self.board.rows[row], where.cell_rect(row, IMAGES)
        tile = self.look.tile(identifier)
        if not shown.intersects(where.whole_rect(row, IMAGES)):
            return
        if tile is not None and tile.image is not None:
            seen = self._seen(row, IMAGES)
            draw_picture(painter, cell, tile.image, self.zoom, seen, inset=True)
            draw_boxes(painter, cell, self.look.boxes(self._rubber), self.zoom, seen)
        else:
            draw_blank(painter, cell, tile.reason if tile is not None else "", bad=True)
        if identifier in self.board.plan.pinned:
            draw_pin(painter, cell)
        name, about = self.look.image_words(identifier)
        under = where.caption_rect(row, IMAGES)
        draw_text(painter, under, name, "text")
        draw_text(painter, under.adjusted(0, 15, 0, 0), about, "dim")
        if identifier in self.board.session.selected:
            draw_frame(painter, cell, "accent")
        self._frame(painter, cell, (row, IMAGES))

    def _frame(self, painter: QPainter, cell: QRect, at: tuple[int, int]) -> None:
        if at == self.current and self.hasFocus():
            draw_frame(painter, cell, "text")

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

    # Qt

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        self.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()
        self.viewport().update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()


def _inside(place: tuple[float, float]) -> tuple[float, float]:
    return min(max(place[0], 0.0), 1.0), min(max(place[1], 0.0), 1.0)
