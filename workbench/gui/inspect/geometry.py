"""Where the cells of a board lie: heads above, images at the left, both staying in sight. No painting."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from PySide6.QtCore import QPoint, QRect, QSize

PAD, GAP = 12, 12  # px around the board and between cells
CAPTION = 36  # px: two lines below a cell
LEAD = 4  # px between the heads and the first row, for the frame around a cell
LEAST, MOST = 136, 440  # px, the side of a cell
ROW = 340  # px of height for each row that is in sight at least, which are two
IMAGES = 0  # the column of the images themselves


@dataclass(frozen=True)
class Geometry:
    """Of `columns` columns, the images among them, and `rows` rows in a viewport of `size`, scrolled by `shift`."""

    size: QSize
    columns: int
    rows: int
    shift: QPoint
    head: int  # px, the height of the heads

    @cached_property
    def side(self) -> int:
        width = self.size.width() - 2 * PAD - GAP * (self.columns - 1)
        below = self.size.height() - self.head - LEAD
        high = below // min(max(2, below // ROW), max(self.rows, 1)) - CAPTION - GAP
        return max(min(width // max(self.columns, 1), high, MOST), LEAST)

    @cached_property
    def pitch(self) -> int:
        """From one column to the next: they share the width evenly."""
        even = (self.size.width() - 2 * PAD + GAP) // max(self.columns, 1)
        return max(even, self.side + GAP)

    @property
    def step(self) -> int:
        """From one row to the next."""
        return self.side + CAPTION + GAP

    @property
    def whole(self) -> QSize:
        return QSize(2 * PAD + self.columns * self.pitch - GAP, self.head + LEAD + self.rows * self.step)

    def column_rect(self, column: int) -> QRect:
        """All of a column below its head, however high the viewport is."""
        left = PAD + column * self.pitch - (0 if column == IMAGES else self.shift.x())
        return QRect(left, self.head, self.pitch - GAP, max(self.size.height() - self.head, 0))

    def head_rect(self, column: int) -> QRect:
        below = self.column_rect(column)
        return QRect(below.left(), 0, below.width(), self.head)

    def cell_rect(self, row: int, column: int) -> QRect:
        """The square of the picture."""
        around = self.column_rect(column)
        left = around.left() + (around.width() - self.side) // 2
        return QRect(left, self.head + LEAD + row * self.step - self.shift.y(), self.side, self.side)

    def caption_rect(self, row: int, column: int) -> QRect:
        cell, around = self.cell_rect(row, column), self.column_rect(column)
        return QRect(around.left(), cell.bottom() + 5, around.width(), CAPTION - 2)

    def whole_rect(self, row: int, column: int) -> QRect:
        """Picture and caption, and the frame around them."""
        cell, under = self.cell_rect(row, column), self.caption_rect(row, column)
        return cell.united(under).adjusted(-5, -5, 5, 0)

    @property
    def edge(self) -> int:
        """Where the images end, which stay while the models are scrolled below them."""
        return PAD + self.pitch - GAP // 2

    def rows_in_sight(self) -> range:
        first = max((self.shift.y() - LEAD) // self.step, 0)
        last = (self.shift.y() + self.size.height() - self.head - LEAD - 1) // self.step + 1
        return range(first, max(min(last, self.rows), first))

    def columns_in_sight(self) -> range:
        """Of the models."""
        first = max((self.shift.x() + self.edge - PAD) // self.pitch, 1)
        last = (self.shift.x() + self.size.width() - PAD) // self.pitch + 1
        return range(first, max(min(last, self.columns), first))

    def at(self, point: QPoint) -> tuple[int, int] | None:
        """Row and column of a point of the viewport; row -1 is the head. None where there is nothing."""
        across = point.x() if point.x() < self.edge else point.x() + self.shift.x()
        column = (across - PAD + GAP // 2) // self.pitch
        if not 0 <= column < self.columns:
            return None
        if point.y() < self.head:
            return -1, column
        row = (point.y() - self.head - LEAD + self.shift.y()) // self.step
        return (row, column) if 0 <= row < self.rows else None
