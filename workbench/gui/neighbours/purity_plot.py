"""How pure the neighbourhoods of each class are under each model: a bar a model, class under class."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter

from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.maps.words import percent
from workbench.gui.plain_text import printable_lines
from workbench.gui.theme import Theme, current_theme, font_of, model_colour
from workbench.records.text import printable

NAME = 20.0  # px of a class's name
BAR = 16.0  # px of a model's bar with what is around it
AFTER = 8.0  # px after a class
NUMBER = 40.0  # px for the number


class PurityPlot(WalkedPlot):
    """`shares[class][model]`, NaN where nothing is known."""

    def __init__(self) -> None:
        super().__init__("Share of neighbours of the same class")
        self.classes: tuple[str, ...] = ()
        self.models: tuple[tuple[str, str], ...] = ()  # name, title
        self.shares: tuple[tuple[float, ...], ...] = ()

    def show_shares(
        self,
        classes: Sequence[str],
        models: Sequence[tuple[str, str]],
        shares: Sequence[Sequence[float]],
    ) -> None:
        self.classes, self.models = tuple(classes), tuple(models)
        self.shares = tuple(tuple(line) for line in shares)
        self.current = None
        self.setMinimumHeight(round(self._height() * len(self.classes)))
        told = [printable_lines(self.tell((row, 0))).replace("\n", ", ") for row in range(len(self.classes))]
        self.setAccessibleDescription("; ".join(told) if self.models else "")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, self.minimumHeight())

    def _height(self) -> float:
        return NAME + BAR * len(self.models) + AFTER

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        dots = []
        top = area.top()
        for row, name in enumerate(self.classes):
            painter.setFont(font_of())
            painter.setPen(theme.colour("text"))
            shown = QFontMetricsF(font_of()).elidedText(
                printable(name), Qt.TextElideMode.ElideMiddle, area.width()
            )
            line = QRectF(area.left() + 2, top, area.width() - 4, NAME)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            for number, (model, _) in enumerate(self.models):
                box = QRectF(area.left() + 2, top + NAME + number * BAR, area.width() - 4 - NUMBER, BAR)
                self._bar(painter, box, model, self.shares[row][number], theme)
                if self.current == (row, number):
                    painter.setPen(theme.colour("text"))
                    painter.setBrush(Qt.BrushStyle.NoBrush)
                    painter.drawRoundedRect(box.adjusted(-1, 1, NUMBER, -1), 4, 4)
                dots.append(Dot(box.center().x(), box.center().y(), row, number))
            top += self._height()
        return dots

    def _bar(self, painter: QPainter, box: QRectF, model: str, share: float, theme: Theme) -> None:
        groove = box.adjusted(0, 4, 0, -4)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("track"))
        painter.drawRoundedRect(groove, 4, 4)
        known = not math.isnan(share)
        if known and share > 0:
            painter.setBrush(QColor(model_colour(model)))
            full = QRectF(groove.left(), groove.top(), max(groove.width() * share, 8.0), groove.height())
            painter.drawRoundedRect(full, 4, 4)
        painter.setFont(font_of("regular", 12))
        painter.setPen(theme.colour("text" if known else "dim"))
        number = QRectF(box.right(), box.top(), NUMBER, box.height())
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(number, right, percent(share) if known else "—")

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        current, self.current = self.current, None
        self.paint(painter, area, current_theme())
        self.current = current

    def place_at(self, x: float, y: float) -> Place | None:
        row, inside = divmod(y - 2, self._height())
        number = (inside - NAME) // BAR
        there = 0 <= row < len(self.classes) and 0 <= number < len(self.models)
        return (int(row), int(number)) if there else None

    def tell(self, place: Place) -> str:
        row = place[0]
        shares = zip(self.models, self.shares[row], strict=True)
        lines = [
            f"{title}: {'not known' if math.isnan(share) else percent(share)}" for (_, title), share in shares
        ]
        return "\n".join([self.classes[row], *lines])

    def home(self) -> Place | None:
        return (0, 0) if self.classes and self.models else None

    def step(self, place: Place, down: int, right: int) -> Place:
        """Through the bars, one below the other; left and right change nothing."""
        last = len(self.classes) * len(self.models) - 1
        at = min(max(place[0] * len(self.models) + place[1] + down, 0), last)
        return divmod(at, len(self.models))
