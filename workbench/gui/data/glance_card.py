"""The data set at a glance: how large the images are, what they are stored as, how they are divided."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.background import Background
from workbench.gui.data.split_preview import draw_parts
from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.index import ImageIndex
from workbench.records.text import count, printable

BINS = 24  # of the sizes, at most
MODES = 4  # that have a bar of their own
PARTS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class Sizes:
    """Images by their shorter side, in bins of equal ratio."""

    edges: np.ndarray  # (B + 1,) pixels
    counts: np.ndarray  # (B,)
    shapes: int  # different widths and heights
    median: int  # pixels


def count_sizes(index: ImageIndex) -> Sizes:
    """Any thread; for an index that has images."""
    sides = np.minimum(index.width, index.height)
    both = index.width.astype(np.int64) << 32 | index.height
    low, high = int(sides.min()), int(sides.max())
    bins = min(BINS, max(high - low, 1))
    edges = np.geomspace(low, high + 1, bins + 1)
    counts = np.histogram(sides, bins=edges)[0]
    return Sizes(edges, counts, len(np.unique(both)), int(np.median(sides)))


class GlanceCard(Card):
    """Small plots, each with its numbers."""

    def __init__(self) -> None:
        super().__init__("At a glance")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._index: ImageIndex | None = None
        self._background = Background(self)
        self.size = ElidedLabel("", "dim")
        self.size_bars = SizeBars()
        self.mode_bars = NumberBars("Pixel types")
        self.split = label("", "dim")
        self.split_bar = SplitBar()
        self.body.addWidget(self.size)
        self.body.addWidget(self.size_bars)
        self.body.addWidget(self.mode_bars)
        self.body.addWidget(self.split)
        self.body.addWidget(self.split_bar)
        self.hide()

    def show_facts(self, facts: DatasetFacts, index: ImageIndex | None) -> None:
        """Of the index that counts; hidden while there is no image. Sizes are counted in a thread."""
        there = index is not None and len(index) > 0
        self.setVisible(there)
        if not there:
            self._index = None
            return
        modes = facts.modes[:MODES]
        rest = facts.modes[MODES:]
        rows = [(printable(mode), number) for mode, number in modes]
        if rest:
            rows.append((f"{len(rest):,} other types", sum(number for _, number in rest)))
        self.mode_bars.show_rows(rows)
        parts = [int(number) for number in facts.parts.sum(axis=0)] if len(facts.parts) else [0, 0, 0]
        self.split_bar.setVisible(bool(sum(parts)))
        self.split.setVisible(bool(sum(parts)))
        self.split.setText(
            " · ".join(f"{part} {number:,}" for part, number in zip(PARTS, parts, strict=True))
        )
        self.split_bar.show_parts(parts)
        if index is not self._index:
            self._index = index
            self.size.setText("")
            self._background.run(
                lambda: count_sizes(index),  # type: ignore[arg-type]
                lambda sizes: self._show_sizes(sizes, facts) if index is self._index else None,
                lambda error: None,
            )

    def _show_sizes(self, sizes: Sizes, facts: DatasetFacts) -> None:
        alike = sizes.shapes == 1
        self.size_bars.setVisible(not alike)
        self.size_bars.show_sizes(sizes)
        if alike:
            self.size.setText(f"All images are {facts.widths[0]:,} × {facts.heights[0]:,} px")
        else:
            self.size.setText(f"{sizes.shapes:,} sizes; median of the shorter side {sizes.median:,} px")


class SizeBars(QWidget):
    """A histogram of the shorter sides; widths of bars are ratios."""

    def __init__(self) -> None:
        super().__init__()
        self._sizes: Sizes | None = None
        self.setFixedHeight(72)

    def show_sizes(self, sizes: Sizes) -> None:
        self._sizes = sizes
        low, high = round(sizes.edges[0]), round(sizes.edges[-1]) - 1
        self.setAccessibleName(f"Shorter sides of the images, from {low:,} to {high:,} px")
        self.update()

    def bars(self) -> list[QRectF]:
        """The place of every bar."""
        if self._sizes is None:
            return []
        counts = self._sizes.counts
        width, floor = self.width() / len(counts), self.height() - 18
        return [
            QRectF(i * width, floor - height, max(width - 1, 1), height)
            for i, height in enumerate(
                math.ceil(number / max(int(counts.max()), 1) * floor) for number in counts.tolist()
            )
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._sizes is None:
            return
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent"))
        for bar in self.bars():
            painter.drawRect(bar)
        painter.setPen(theme.colour("line"))
        painter.drawLine(0, self.height() - 18, self.width(), self.height() - 18)
        painter.setPen(theme.colour("dim"))
        painter.setFont(font_of(size=11))
        line = QRect(0, self.height() - 16, self.width(), 16)
        edges = self._sizes.edges
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, f"{round(edges[0]):,}")
        painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, f"{round(math.sqrt(edges[0] * edges[-1])):,}")
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, f"{round(edges[-1]) - 1:,} px")
        painter.end()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent) and self._sizes is not None:
            QToolTip.showText(event.globalPos(), plain(self.told(event.pos())), self)
            return True
        return super().event(event)

    def told(self, point: QPoint) -> str:
        """What the bar under a point stands for."""
        assert self._sizes is not None
        place = min(
            max(point.x() * len(self._sizes.counts) // max(self.width(), 1), 0), len(self._sizes.counts) - 1
        )
        low, high = math.ceil(self._sizes.edges[place]), math.ceil(self._sizes.edges[place + 1]) - 1
        span = f"{low:,} to {high:,}" if high > low else f"{low:,}"
        return f"{count(int(self._sizes.counts[place]), 'image')} with a shorter side of {span} px"


class NumberBars(QWidget):
    """Names with a bar and a number each."""

    LINE = 20  # px

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.rows: Sequence[tuple[str, int]] = ()

    def show_rows(self, rows: Sequence[tuple[str, int]]) -> None:
        """`rows` of text that is fit to be shown."""
        self.rows = rows
        self.setFixedHeight(max(len(rows), 1) * self.LINE)
        told = ", ".join(f"{text} {number:,}" for text, number in rows)
        self.setAccessibleName(f"{self._name}: {told}")
        self.setToolTip(plain("\n".join(f"{text}: {number:,}" for text, number in rows)))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, max(len(self.rows), 1) * self.LINE)

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = current_theme()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = font_of(size=12)
        measure = QFontMetrics(font)
        painter.setFont(font)
        largest = max((number for _, number in self.rows), default=1) or 1
        numbers = max((measure.horizontalAdvance(f"{number:,}") for _, number in self.rows), default=0)
        words = max((measure.horizontalAdvance(text) for text, _ in self.rows), default=0) + 2
        words = min(words, self.width() // 2)
        for row, (text, number) in enumerate(self.rows):
            line = QRect(0, row * self.LINE, self.width(), self.LINE)
            painter.setPen(theme.colour("dim"))
            shown = measure.elidedText(text, Qt.TextElideMode.ElideMiddle, words)
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
            painter.setPen(theme.colour("text"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, f"{number:,}")
            room = self.width() - words - numbers - 24
            bar = QRectF(words + 12, line.top() + 6, max(room * number / largest, 2), self.LINE - 12)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent"))
            painter.drawRoundedRect(bar, 3, 3)
        painter.end()


class SplitBar(QWidget):
    """The three parts of the labelled images as one bar."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: Sequence[int] = (0, 0, 0)
        self.setFixedHeight(10)

    def show_parts(self, parts: Sequence[int]) -> None:
        self.parts = parts
        told = ", ".join(f"{number:,} {part}" for part, number in zip(PARTS, parts, strict=True))
        self.setAccessibleName(f"Labelled images: {told}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_parts(painter, QRectF(self.rect()), self.parts)
        painter.end()
