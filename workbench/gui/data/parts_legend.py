"""What the shades of a class's bar mean, with the number of images of each part."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from workbench.gui.data.class_list import SHADES, shade_colour
from workbench.gui.glossary import tip
from workbench.gui.widgets.labels import label

PARTS = (("train", "training part"), ("validation", "validation"), ("test", "test part"))


class PartsLegend(QWidget):
    """A swatch, a word and a number for each of the three parts."""

    def __init__(self) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(6)
        self.labels = []
        for (_, term), shade in zip(PARTS, SHADES, strict=True):
            if self.labels:
                row.addSpacing(8)
            self.labels.append(label("", "caption", tip=tip(term)))
            row.addWidget(_Swatch(shade))
            row.addWidget(self.labels[-1])
        row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_counts(self, counts: Sequence[int]) -> None:
        """Images of the training, validation and test part; hidden where there is no split."""
        self.setVisible(bool(sum(counts)))
        for shown, (word, _), number in zip(self.labels, PARTS, counts, strict=True):
            shown.setText(f"{word} {number:,}")


class _Swatch(QWidget):
    def __init__(self, shade: float) -> None:
        super().__init__()
        self._shade = shade
        self.setFixedSize(QSize(12, 12))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(shade_colour(self._shade))
        painter.drawRoundedRect(QRectF(1, 1, 10, 10), 2.5, 2.5)
        painter.end()
