"""Pictures before and after a choice, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of
from workbench.records.text import printable

HEAD = 22  # px over the columns
CAPTION = 20  # px under each pair
GAP = 8


@dataclass(slots=True)
class Pair:
    """A picture, or a sentence on why there is none, or None while it is being read."""

    caption: str
    before: QImage | str | None = None
    after: QImage | str | None = None


class PicturePairs(QWidget):
    """Two columns, a row for each image; pictures are as large as they fit."""

    def __init__(self, before: str, after: str) -> None:
        super().__init__()
        self._heads = (before, after)
        self.pairs: Sequence[Pair] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 200)

    def sizeHint(self) -> QSize:
        return QSize(360, 560)

    def show_pairs(self, pairs: Sequence[Pair]) -> None:
        self.pairs = pairs
        told = [
            f"{printable(pair.caption)}: {side}"
            for pair in pairs
            for side in (pair.before, pair.after)
            if isinstance(side, str)
        ]
        self.setAccessibleName(f"{len(pairs)} images, {self._heads[0].lower()} and {self._heads[1].lower()}")
        self.setAccessibleDescription("\n".join(told))
        self.update()

    def boxes(self) -> list[tuple[QRect, QRect]]:
        """Where the two pictures of each pair go."""
        if not self.pairs:
            return []
        height = (self.height() - HEAD) // len(self.pairs)
        side = max(min(height - CAPTION - 4, (self.width() - GAP) // 2), 16)
        left = (self.width() - 2 * side - GAP) // 2
        rows = []
        for row in range(len(self.pairs)):
            top = HEAD + row * height
            rows.append((QRect(left, top, side, side), QRect(left + side + GAP, top, side, side)))
        return rows

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        theme = current_theme()
        small = font_of(size=12)
        measure = QFontMetrics(small)
        painter.setFont(small)
        for row, (boxes, pair) in enumerate(zip(self.boxes(), self.pairs, strict=True)):
            for box, head, shown in zip(boxes, self._heads, (pair.before, pair.after), strict=True):
                if not row:
                    painter.setPen(theme.colour("dim"))
                    line = QRect(box.left(), 0, box.width(), HEAD - 4)
                    words = measure.elidedText(head, Qt.TextElideMode.ElideRight, box.width())
                    painter.drawText(line, Qt.AlignmentFlag.AlignCenter, words)
                self._draw(painter, box, shown)
            painter.setPen(theme.colour("dim"))
            both = boxes[0].united(boxes[1])
            line = QRect(both.left(), both.bottom() + 2, both.width(), CAPTION - 4)
            name = measure.elidedText(printable(pair.caption), Qt.TextElideMode.ElideMiddle, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, name)
        painter.end()

    def _draw(self, painter: QPainter, box: QRect, shown: QImage | str | None) -> None:
        theme = current_theme()
        if isinstance(shown, QImage):
            size = shown.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(box.center())
            painter.drawImage(target, shown)
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("track"))
        painter.drawRoundedRect(box, 4, 4)
        if shown:
            painter.setPen(theme.colour("bad"))
            painter.drawText(
                box.adjusted(8, 8, -8, -8),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                printable(shown),
            )

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = ""
            for boxes, pair in zip(self.boxes(), self.pairs, strict=True):
                for box, shown in zip(boxes, (pair.before, pair.after), strict=True):
                    if box.contains(event.pos()):
                        text = "\n".join([pair.caption, *([shown] if isinstance(shown, str) else [])])
            QToolTip.showText(event.globalPos(), plain(text), self)
            return True
        return super().event(event)
