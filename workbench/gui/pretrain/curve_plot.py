"""Curves of runs over steps or epochs.

The pointer and the arrow keys read values; Ctrl with the wheel, + and - zoom; a double click or 0 shows everything.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.plain_text import plain, printable_lines
from workbench.gui.pretrain.curve_drawing import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Frame,
    Line,
    Mark,
    draw_axes,
    draw_line,
    draw_mark,
    heights,
    logarithm,
    number_text,
)
from workbench.gui.pretrain.decimate import Drawn, thin
from workbench.gui.theme import Theme, current_theme
from workbench.records.text import printable

LEAST_HEIGHT = 96
ZOOM = 1.25


class CurvePlot(QWidget):
    """`zoomed` comes when the range was changed by hand, with the range or None for everything."""

    zoomed = Signal(object)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: tuple[Line, ...] = ()
        self.mark: Mark | None = None
        self.by_epoch = False
        self.log = False
        self.unit = ""
        self.range: tuple[float, float] | None = None  # None: everything
        self.cursor_at: float | None = None  # step or epoch that is read
        self._inner = QRectF()
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(LEAST_HEIGHT)
        self.setAccessibleName(name)

    def sizeHint(self) -> QSize:
        return QSize(420, 220)

    def show_lines(
        self,
        lines: Sequence[Line],
        *,
        by_epoch: bool = False,
        log: bool = False,
        unit: str = "",
        mark: Mark | None = None,
    ) -> None:
        """The lines keep pointing at their series: call `update` when these have grown."""
        if by_epoch != self.by_epoch:
            self.range = self.cursor_at = None
        self.lines, self.by_epoch, self.log = tuple(lines), by_epoch, log
        self.unit, self.mark = unit, mark
        told = "; ".join(self._told(line) for line in self.lines if len(line.series))
        self.setAccessibleDescription(told or "Nothing measured yet.")
        self.update()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Show a shorter (above 1) or longer part around `at`; everything where that would be longer."""
        whole = self._whole()
        low, high = self.range or whole
        middle = (low + high) / 2 if at is None else at
        wanted = (middle - (middle - low) / factor, middle + (high - middle) / factor)
        held = max(wanted[0], whole[0]), min(wanted[1], whole[1])
        self.range = None if held == whole or held[1] - held[0] <= 0 else held
        self.zoomed.emit(self.range)
        self.update()

    def read_at(self, where: float) -> str:
        """Every line's value at the step or epoch nearest to `where`, in lines of text."""
        told = []
        for line in self.lines:
            found = self._nearest(line, where)
            if found is not None:
                told.append(
                    f"{line.title}: {number_text(found[1])}{self._unit()}, step {int(line.series.steps[found[0]]):,}"
                )
        return "\n".join(told)

    # Drawing

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = current_theme()
        self._inner = QRectF(self.rect()).adjusted(LEFT, TOP, -RIGHT, -BOTTOM)
        left, right = self.range or self._whole()
        columns = max(int(self._inner.width()), 2)
        drawn = [(line, self._thinned(line, left, right, columns)) for line in self.lines]
        drawn = [(line, what) for line, what in drawn if len(what.x)]
        if drawn:
            frame = Frame(self._inner, (left, right), heights([what for _, what in drawn], self.mark))
            draw_axes(painter, frame, theme, "epoch" if self.by_epoch else "step", log=self.log)
            painter.save()
            painter.setClipRect(self._inner.adjusted(-4, -4, 4, 4))
            for line, what in reversed(drawn):  # the first lies on top
                draw_line(painter, frame, line, what)
            if self.mark is not None:
                draw_mark(painter, frame, self.mark, theme)
            self._draw_cursor(painter, frame, theme)
            painter.restore()
        else:
            painter.setPen(theme.colour("dim"))
            painter.drawText(self._inner, Qt.AlignmentFlag.AlignCenter, "Nothing measured yet")
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def _thinned(self, line: Line, left: float, right: float, columns: int) -> Drawn:
        """The line at the width of the plot; x in steps or epochs, y scaled, its logarithm where the axis is one."""
        series = line.series
        x, y = (series.epochs if self.by_epoch else series.steps), series.values * line.scale
        if self.by_epoch and len(x) and not np.isfinite(x).all():
            known = np.isfinite(x)
            x, y = x[known], y[known]
        if self.log:
            positive = y > 0
            x, y = x[positive], np.log10(y[positive])
        return thin(x, y, left, right, columns)

    def _draw_cursor(self, painter: QPainter, frame: Frame, theme: Theme) -> None:
        if self.cursor_at is None or not frame.across[0] <= self.cursor_at <= frame.across[1]:
            return
        x = float(frame.right(self.cursor_at))
        painter.setPen(QPen(theme.colour("dim"), 1))
        painter.drawLine(QPointF(x, frame.inner.top()), QPointF(x, frame.inner.bottom()))
        for line in self.lines:
            found = self._nearest(line, self.cursor_at)
            value = math.nan if found is None else logarithm(found[1]) if self.log else found[1]
            if math.isfinite(value):
                painter.setPen(QPen(theme.colour("panel"), 1.5))
                painter.setBrush(QColor(line.colour))
                painter.drawEllipse(QPointF(x, float(frame.down(value))), 4, 4)

    # Reading

    def _whole(self) -> tuple[float, float]:
        ends = []
        for line in self.lines:
            x = line.series.epochs if self.by_epoch else line.series.steps
            ends += [float(end[0]) for end in (x[:1], x[-1:]) if end.size and math.isfinite(end[0])]
        if not ends:
            return 0.0, 1.0
        low, high = min(0.0, *ends), max(ends)
        return low, high if high > low else low + 1

    def _nearest(self, line: Line, where: float) -> tuple[int, float] | None:
        """Position and scaled value of the point nearest to `where`, unless the line ended before it."""
        x = line.series.epochs if self.by_epoch else line.series.steps
        if not len(x) or not math.isfinite(x[-1]) or where > x[-1] + 1e-9 + 0.02 * abs(x[-1]):
            return None
        at = int(np.searchsorted(x, where))
        at = min(at, len(x) - 1)
        if at and abs(x[at - 1] - where) < abs(x[at] - where):
            at -= 1
        return at, float(line.series.values[at]) * line.scale

    def _told(self, line: Line) -> str:
        values = line.series.values
        first, last = float(values[0]) * line.scale, float(values[-1]) * line.scale
        return f"{printable(line.title)} from {number_text(first)} to {number_text(last)}{self._unit()}"

    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    # Hands

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        where = self._value_at(event.position().x())
        self._read(where, event.globalPosition().toPoint())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.range = None
        self.zoomed.emit(None)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self.cursor_at = None
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """With Ctrl, so that the page still scrolls under the pointer."""
        if not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            super().wheelEvent(event)
            return
        self.zoom(ZOOM if event.angleDelta().y() > 0 else 1 / ZOOM, self._value_at(event.position().x()))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.cursor_at = None
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        left, right = self.range or self._whole()
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            way = 1 if key == Qt.Key.Key_Right else -1
            at = right if self.cursor_at is None else self.cursor_at + way * (right - left) / 50
            self._read(min(max(at, left), right))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            self.zoom(1 / ZOOM if key == Qt.Key.Key_Minus else ZOOM, self.cursor_at)
        elif key in (Qt.Key.Key_0, Qt.Key.Key_Home):
            self.range = None
            self.zoomed.emit(None)
            self.update()
        else:
            super().keyPressEvent(event)

    def _value_at(self, x: float) -> float:
        left, right = self.range or self._whole()
        share = (x - self._inner.left()) / max(self._inner.width(), 1)
        return left + min(max(share, 0.0), 1.0) * (right - left)

    def _read(self, where: float, at: QPoint | None = None) -> None:
        self.cursor_at = where
        told = self.read_at(where)
        self.update()
        if not told:
            return
        if at is None:  # by the keys: spoken too
            self.setAccessibleDescription(printable_lines(told))
            left, right = self.range or self._whole()
            x = self._inner.left() + (where - left) / max(right - left, 1e-12) * self._inner.width()
            at = self.mapToGlobal(QPointF(x + 8, self._inner.top()).toPoint())
        QToolTip.showText(at, plain(told), self)
