"""How a board is drawn on the screen: heads, pictures, captions, and what is said where there is no picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QFontMetricsF, QImage, QPainter, QPainterPath, QPen

from workbench.gui.board_sheet import broken
from workbench.gui.icons import pixmap
from workbench.gui.inspect.composer import ROUND, SHARP
from workbench.gui.inspect.zoom import Box, Zoom, in_cell
from workbench.gui.theme import FONT_SIZE, current_theme, font_of, model_colour
from workbench.records.text import printable

DOT = 8  # px
LINE, TITLE = 15, 18  # px of a line of small letters, of a title
WORDS = 3  # lines of words in a head at the most
HEAD_TOP, HEAD_FOOT = 10, 10  # px above and below the words of a head
_CENTRE = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter


@lru_cache(maxsize=4096)
def lines_of(text: str, width: int, most: int, weight: str = "regular", size: int = 12) -> tuple[str, ...]:
    """`text` in at most `most` lines of `width` px; no line begins with a unit or a dot."""
    shown = printable(text).replace(" %", "\u00a0%").replace(" · ", "\u00a0· ")
    return tuple(broken(shown, QFontMetricsF(font_of(weight, size)), width, most))


def draw_text(
    painter: QPainter, area: QRect, text: str, token: str, *, lines: int = 1, size: int = 12
) -> int:
    """Centred lines from the top of `area`; returns how many there are."""
    font = font_of("regular", size)
    painter.setFont(font)
    painter.setPen(current_theme().colour(token))
    made = lines_of(text, area.width(), lines, "regular", size)
    for place, line in enumerate(made):
        painter.drawText(QRect(area.left(), area.top() + place * LINE, area.width(), LINE), _CENTRE, line)
    return len(made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands over a column. `name`: whose colour; "" is no model. `warned`: the words are a warning."""

    title: str
    name: str = ""
    probe: str = ""
    words: str = ""
    warned: bool = False

    def titles(self, width: int) -> list[str]:
        """The title in one or two lines."""
        room = width - (DOT + 6 if self.name else 0)
        return list(lines_of(self.title, room, 2, "semibold", FONT_SIZE))

    def height(self, width: int) -> int:
        """px that all lines take."""
        words = lines_of(self.words, width, WORDS)
        return HEAD_TOP + TITLE * (len(self.titles(width)) + bool(self.probe)) + LINE * len(words) + HEAD_FOOT


def draw_head(painter: QPainter, area: QRect, head: Head) -> None:
    theme, font = current_theme(), font_of("semibold")
    metrics, top = QFontMetrics(font), area.top() + HEAD_TOP
    dot = DOT + 6 if head.name else 0
    for number, shown in enumerate(head.titles(area.width())):
        wide = metrics.horizontalAdvance(shown) + dot
        left = area.left() + (area.width() - wide) // 2
        line = QRect(left + dot, top, wide - dot + 2, TITLE)
        if head.name and not number:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(model_colour(head.name)))
            painter.drawEllipse(QRectF(left, line.center().y() - DOT / 2 + 1, DOT, DOT))
        painter.setFont(font)
        painter.setPen(theme.colour("text"))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, shown)
        top += TITLE
    if head.probe:
        draw_text(painter, area.adjusted(0, top - area.top(), 0, 0), head.probe, "dim", size=13)
        top += TITLE
    under = area.adjusted(0, top - area.top() + 1, 0, 0)
    draw_text(painter, under, head.words, "warn" if head.warned else "dim", lines=WORDS)


def draw_picture(
    painter: QPainter,
    cell: QRect,
    image: QImage,
    zoom: Zoom,
    seen: np.ndarray | None,
    *,
    fitted: QImage | None = None,
    inset: bool = False,
    rough: bool = False,
) -> None:
    """What of a model's picture is in sight. An `inset` picture is all there is, and lies in the cell's middle.

    `fitted`: the same at its size on the screen; `rough`: fast, while it is being zoomed or pushed.
    """
    ratio = painter.device().devicePixelRatioF()
    if fitted is not None and not zoom.zoomed and fitted.width() == round(cell.width() * ratio):
        painter.drawImage(QRectF(cell), fitted)
        return
    window = zoom.window(seen)
    if inset:
        first, last = in_cell((0, 0), window, seen), in_cell((1, 1), window, seen)
    else:
        first, last = in_cell((0, 0), window), in_cell((1, 1), window)
    target = QRectF(_point(cell, first), _point(cell, last))
    painter.save()
    painter.setClipPath(_rounded(QRectF(cell).intersected(target) if not zoom.zoomed else QRectF(cell)))
    if zoom.zoomed:
        painter.fillRect(cell, current_theme().colour("track"))
    sharp = target.width() * ratio / max(image.width(), 1) >= SHARP
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, not (sharp or rough))
    painter.drawImage(target, image)
    painter.restore()


def draw_boxes(
    painter: QPainter, cell: QRect, boxes: Sequence[Box], zoom: Zoom, seen: np.ndarray | None
) -> None:
    """Outlines of boxes, which are shares of the whole picture."""
    window = zoom.window(seen)
    painter.save()
    painter.setClipRect(cell)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for left, top, right, bottom in boxes:
        area = QRectF(
            _point(cell, in_cell((left, top), window, seen)),
            _point(cell, in_cell((right, bottom), window, seen)),
        )
        for colour, width in (("#000000", 3.0), ("#ffffff", 1.0)):  # seen on every picture
            painter.setPen(QPen(QColor(colour), width))
            painter.drawRect(area)
    painter.restore()


def draw_blank(painter: QPainter, cell: QRect, text: str = "", *, bad: bool = False) -> None:
    """In place of a picture."""
    painter.setPen(QPen(current_theme().colour("line"), 1))
    painter.setBrush(current_theme().colour("background"))
    painter.drawRoundedRect(QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5), ROUND, ROUND)
    if text:
        lines = max(min((cell.height() - 16) // LINE, 8), 1)
        inner = cell.adjusted(10, 0, -10, 0)
        used = len(lines_of(text, inner.width(), lines))
        inner.setTop(cell.center().y() - used * LINE // 2)
        draw_text(painter, inner, text, "bad" if bad else "dim", lines=lines)


def draw_frame(painter: QPainter, cell: QRect, token: str) -> None:
    """A line around a cell: it is selected, or the keyboard is there."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(current_theme().colour(token), 2))
    painter.drawRoundedRect(QRectF(cell).adjusted(-3, -3, 3, 3), ROUND + 2, ROUND + 2)


def draw_pin(painter: QPainter, cell: QRect) -> None:
    """In the corner of an image that stays."""
    theme, side = current_theme(), 20
    corner = QRectF(cell.left() + 4, cell.top() + 4, side, side)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("accent_on"))
    painter.drawRoundedRect(corner, 5, 5)
    painter.drawPixmap(corner.topLeft() + QPointF(3, 3), pixmap("pin", theme.accent_ink, side - 6))


def _point(cell: QRect, share: tuple[float, float]) -> QPointF:
    return QPointF(cell.left() + share[0] * cell.width(), cell.top() + share[1] * cell.height())


def _rounded(area: QRectF) -> QPainterPath:
    made = QPainterPath()
    made.addRoundedRect(area, ROUND, ROUND)
    return made
