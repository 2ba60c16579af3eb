"""The board as it is seen: one scroll area that paints the cells in sight and knows no others."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QFocusEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractScrollArea, QFrame

from workbench.gui.inspect.board import Board
from workbench.gui.inspect.geometry import CAPTION, IMAGES, LEAD, PAD, Geometry
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
from workbench.gui.theme import current_theme, themes

SETTLE_MS = 150  # after the last zoom or push, pictures become smooth


class BoardSurface(QAbstractScrollArea):
    """Shows a `Board`; the zoom and the cell that the keyboard is on are its own."""

    def __init__(self, board: Board, look: Look) -> None:
        super().__init__()
        self.board, self.look = board, look
        self.zoom = Zoom()
        self.current = (0, IMAGES)
        self._head = 0
        self._shown: tuple[str, tuple[str, ...]] = (
            "",
            (),
        )  # what of the models, and boxes, when it was told last
        self._rubber: Box | None = None  # a box that is being drawn
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self.viewport().update)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Board: rows are images, columns are models")
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
            high -= LEAD
            draw_blank(
                painter, QRect(below.left(), below.top() + LEAD, below.width(), max(high, 0)), sentence
            )
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
