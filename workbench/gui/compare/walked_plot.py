"""A plot whose points are walked: by the pointer, by the arrow keys, and opened by a click or Enter.

What is drawn and what a point tells is the subclass's; this owns which point is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.plain_text import plain, printable_lines
from workbench.gui.theme import Theme, current_theme

Place = tuple[int, int]  # row (a model, a class, a bin) and position in it
REACH = 9.0  # px from a point's centre within which the pointer is on it
MOVES = {
    int(Qt.Key.Key_Up): (-1, 0),
    int(Qt.Key.Key_Down): (1, 0),
    int(Qt.Key.Key_Left): (0, -1),
    int(Qt.Key.Key_Right): (0, 1),
}


@dataclass(frozen=True, slots=True)
class Dot:
    """A drawn point: centre in px, row and position in the row."""

    x: float
    y: float
    row: int
    place: int


class WalkedPlot(QWidget):
    """Subclasses give `paint`, `draw_into`, `tell`, `step`, `opened` and `home`."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.current: Place | None = None
        self._dots: list[Dot] = []
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)

    # What a subclass says

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> Sequence[Dot]:
        """Draw into `area`, `self.current` marked, and return where the points are."""
        raise NotImplementedError

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        """The same for a picture in a file: nothing is marked."""
        raise NotImplementedError

    def tell(self, place: Place) -> str:
        """A point in a sentence, as untrusted text."""
        raise NotImplementedError

    def step(self, place: Place, down: int, right: int) -> Place:
        """The point that an arrow key leads to."""
        raise NotImplementedError

    def home(self) -> Place | None:
        """Where the keys begin; None while there is nothing to walk."""
        raise NotImplementedError

    def opened(self, place: Place) -> None:
        """A click on a point, or Enter."""

    # Where it is

    def sizeHint(self) -> QSize:
        return QSize(420, max(240, self.minimumHeight()))

    def dot_at(self, x: float, y: float, reach: float = REACH) -> Dot | None:
        near = [(math.hypot(dot.x - x, dot.y - y), i) for i, dot in enumerate(self._dots)]
        distance, index = min(near, default=(math.inf, -1))
        return self._dots[index] if distance <= reach else None

    def place_at(self, x: float, y: float) -> Place | None:
        """What the pointer is on."""
        dot = self.dot_at(x, y)
        return (dot.row, dot.place) if dot else None

    # Qt

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current_theme()
        self._dots = list(self.paint(painter, QRectF(self.rect()).adjusted(2, 2, -2, -2), theme))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 6, 6)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().x(), event.position().y())
        self._go(place)
        if place is not None:
            QToolTip.showText(event.globalPosition().toPoint(), plain(self.tell(place)), self)
        else:
            QToolTip.hideText()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self.place_at(event.position().x(), event.position().y())
        if place is not None and event.button() == Qt.MouseButton.LeftButton:
            self.opened(place)

    def leaveEvent(self, event: QEvent) -> None:
        if not self.hasFocus():
            self._go(None)

    def focusInEvent(self, event: QFocusEvent) -> None:
        if self.current is None:
            self._go(self.home())
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._go(None)
        super().focusOutEvent(event)
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.current is None:
            super().keyPressEvent(event)
        elif event.key() in MOVES:
            self._go(self.step(self.current, *MOVES[event.key()]))
            self._speak()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.opened(self.current)
        else:
            super().keyPressEvent(event)

    def _go(self, where: Place | None) -> None:
        if where != self.current:
            self.current = where
            self.update()

    def _speak(self) -> None:
        if self.current is None:
            return
        text = self.tell(self.current)
        self.setAccessibleDescription(printable_lines(text))
        dot = next((dot for dot in self._dots if (dot.row, dot.place) == self.current), None)
        if dot is not None:
            QToolTip.showText(self.mapToGlobal(QPointF(dot.x + 8, dot.y + 8).toPoint()), plain(text), self)
