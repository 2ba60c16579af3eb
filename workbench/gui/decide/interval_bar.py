"""A score with its interval as a small bar beside the threshold: all bars of a ladder on one axis."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from workbench.gui.plain_text import set_tip
from workbench.gui.theme import current_theme
from workbench.records.decision import Standing

HEIGHT = 18  # px
LEAST_SPAN = 0.1  # of the axis: less would blow up what makes no difference
_INKS = {"above": "good", "below": "warn", "open": "undecided", None: "dim"}


def axis_of(standings: Sequence[Standing], threshold: float | None) -> tuple[float, float]:
    """Scores from and to, so that the threshold and every rung but the floors lie inside: a floor far below would
    press together what is to be told apart."""
    real = [one for one in standings if one.kind != "floor"] or list(standings)
    seen = [value for one in real for value in (one.mean, *(one.interval or ()))]
    seen += [] if threshold is None else [threshold]
    if not seen:
        return 0.0, 1.0
    low, high = min(seen), max(seen)
    pad = max(0.05 * (high - low), (LEAST_SPAN - (high - low)) / 2, 0.01)
    return max(low - pad, 0.0), min(high + pad, 1.0)


class IntervalBar(QWidget):
    """The threshold is a line from top to bottom, the interval a bar, the mean a point on it."""

    def __init__(self, standing: Standing, threshold: float | None, axis: tuple[float, float]) -> None:
        super().__init__()
        self._standing, self._threshold, self._axis = standing, threshold, axis
        self.setMinimumWidth(72)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        told = "One seed tells no interval." if standing.interval is None else "The 95 % interval as a bar"
        mark = "" if threshold is None else f", the threshold of {threshold:.3f} as a line"
        set_tip(
            self, told if standing.interval is None else f"{told}{mark}. Axis {axis[0]:.2f} to {axis[1]:.2f}."
        )

    def sizeHint(self) -> QSize:
        return QSize(100, HEIGHT)

    def x_of(self, value: float) -> float:
        """px from the left."""
        low, high = self._axis
        share = (value - low) / (high - low) if high > low else 0.5
        return 4 + min(max(share, 0.0), 1.0) * (self.width() - 8)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("track"))
        painter.drawRoundedRect(QRectF(0, middle - 2, self.width(), 4), 2, 2)
        floor = self._standing.kind == "floor"
        ink = theme.colour("dim" if floor else _INKS[self._standing.place])
        interval, low = self._standing.interval, self._axis[0]
        if self._standing.mean < low:  # off the axis: an arrow says so
            painter.setBrush(ink)
            painter.drawPolygon(
                QPolygonF([QPointF(0, middle), QPointF(7, middle - 4), QPointF(7, middle + 4)])
            )
            self._mark(painter)
            return
        if interval is not None:
            left, right = self.x_of(interval[0]), self.x_of(interval[1])
            faint = QColor(ink)
            faint.setAlphaF(0.45)
            painter.setBrush(faint)
            painter.drawRoundedRect(QRectF(left, middle - 4, max(right - left, 2.0), 8), 2, 2)
        painter.setBrush(ink)
        painter.drawEllipse(QPointF(self.x_of(self._standing.mean), middle), 3.5, 3.5)
        self._mark(painter)

    def _mark(self, painter: QPainter) -> None:
        if self._threshold is not None:  # on whole pixels, so that it is a sharp line
            left = round(self.x_of(self._threshold)) - 1
            painter.fillRect(left, 1, 2, self.height() - 2, current_theme().colour("text"))
