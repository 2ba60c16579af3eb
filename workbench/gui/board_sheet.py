"""A board as one file: rows are pictures, columns are models, with what was asked and how to read it.

Drawn by Qt as PNG, PDF or SVG, without a window and without the window's theme: it needs a QGuiApplication only. The
sheet grows with what is on it, and cells keep their size. Lines of text are broken to fit; what would need more room
than it may have ends in an ellipsis, and no line is drawn over another.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QMarginsF, QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import (
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPagedPaintDevice,
    QPageLayout,
    QPageSize,
    QPaintDevice,
    QPainter,
    QPdfWriter,
    QPen,
)

from workbench.gui.theme import DARK, LIGHT, Theme, font_of
from workbench.pixels.boards import Board, Row
from workbench.pixels.cells import PANELS, Cell
from workbench.records.files import whole_path
from workbench.records.text import printable

FORMATS = (".png", ".pdf", ".svg")
CELL, LARGEST_CELL = (
    176,
    280,
)  # px, a side; larger only where the sheet would else be narrower than LEAST_WIDTH
SCALE = 2  # of a PNG's pixels to these px
MARGIN, GAP, PAD = 24, 12, 8  # px: around all, between columns, between what stands in one
LEAST_WIDTH = 720
LONGEST = 400  # letters of a text that nobody vouches for
_MOST_SIDE = 30_000  # pixels of a side of a PNG, for Qt draws on no larger one than 32,767
_MOST_PIXELS = 150_000_000  # of a PNG, 600 MB in memory
_PAGE_SIDE = 14_000.0  # points of a side of a PDF's page; readers show none above 14,400
_TO_POINTS = 0.75  # from px
_MIDDLE = Qt.TextElideMode.ElideMiddle
_RIGHT = Qt.TextElideMode.ElideRight


def save_board(path: Path, board: Board, theme: Theme = LIGHT) -> Path:
    """Write the board; the ending of `path` chooses .png (the default), .pdf or .svg.

    Raises:
        ValueError: another ending, nothing to show, or too much for one PNG.
        OSError: the file can't be written.
    """
    path = path if path.suffix else path.with_suffix(".png")
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ValueError(f"A board can be saved as .png, .pdf or .svg, not as {printable(path.suffix)}.")
    if not board.rows or not board.columns:
        raise ValueError("The board is empty. Choose a picture and a model.")
    sheet = _Sheet(board, theme)
    size = QSize(sheet.width, sheet.draw(None))
    write = {".png": _png, ".pdf": _pdf, ".svg": _svg}[kind]
    with whole_path(path) as part:
        if not write(part, sheet, size):
            raise OSError(f"{printable(str(path))} can't be written. Is the disk full?")
    return path


def save_headless(path: Path, board: Board, *, dark: bool = False) -> Path:
    """`save_board` for a process that has no window and needs none. Raises as `save_board`."""
    if QGuiApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        QGuiApplication([])
    return save_board(path, board, DARK if dark else LIGHT)


def _png(path: Path, sheet: _Sheet, size: QSize) -> bool:
    scale = SCALE
    while scale > 1 and not _fits(size * scale):
        scale -= 1
    if not _fits(size * scale):
        raise ValueError(
            f"{len(sheet.board.rows)} pictures and {len(sheet.board.columns)} models are too many for one PNG. "
            "Save a PDF or SVG, or choose fewer."
        )
    image = QImage(size * scale, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(scale)
    _paint(image, sheet)
    return image.save(str(path))


def _fits(size: QSize) -> bool:
    return max(size.width(), size.height()) <= _MOST_SIDE and size.width() * size.height() <= _MOST_PIXELS


def _pdf(path: Path, sheet: _Sheet, size: QSize) -> bool:
    points = QSizeF(size) * _TO_POINTS
    shrunk = min(_PAGE_SIDE / max(points.width(), points.height()), 1.0)
    page = QPageSize(points * shrunk, QPageSize.Unit.Point, "", QPageSize.SizeMatchPolicy.ExactMatch)
    writer = QPdfWriter(str(path))
    writer.setTitle(_clean(sheet.board.title))
    writer.setPdfVersion(QPagedPaintDevice.PdfVersion.PdfVersion_1_6)
    writer.setPageLayout(QPageLayout(page, QPageLayout.Orientation.Portrait, QMarginsF()))
    writer.setResolution(round(72 / _TO_POINTS))
    return _paint(writer, sheet, shrunk)


def _svg(path: Path, sheet: _Sheet, size: QSize) -> bool:
    from PySide6.QtSvg import QSvgGenerator

    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(size)
    generator.setViewBox(QRectF(0, 0, size.width(), size.height()))
    generator.setTitle(_clean(sheet.board.title))
    return _paint(generator, sheet)


def _paint(device: QPaintDevice, sheet: _Sheet, scale: float = 1.0) -> bool:
    painter = QPainter()
    if not painter.begin(device):
        return False
    hints = QPainter.RenderHint
    # Lossless, because a PDF would else hold JPEGs, in which the edges of patches run.
    painter.setRenderHints(
        hints.Antialiasing | hints.SmoothPixmapTransform | hints.LosslessImageRendering, True
    )
    painter.scale(scale, scale)
    sheet.draw(painter)
    return painter.end()


class _Sheet:
    """Where everything stands. Drawn twice: first on nothing, to learn how high it is."""

    def __init__(self, board: Board, theme: Theme) -> None:
        self.board, self.theme = board, theme
        panels = [
            max([1, *(len(row.cells[place]) for row in board.rows)]) for place in range(len(board.columns))
        ]
        number, gaps = 1 + sum(panels), len(panels) * GAP + (sum(panels) - len(panels)) * PAD
        room = (LEAST_WIDTH - 2 * MARGIN - gaps) // number
        self._cell_side = min(max(room, CELL), LARGEST_CELL)
        self._widths = [panel * (self._cell_side + PAD) - PAD for panel in panels]
        self.width = max(number * self._cell_side + gaps + 2 * MARGIN, LEAST_WIDTH)
        self._height = 0

    def draw(self, painter: QPainter | None) -> int:
        """Draw on `painter`; None only measures. Returns the height, px."""
        if painter is not None:
            ground = QRectF(0, 0, self.width, self._height)
            painter.fillRect(ground, self.theme.colour("panel"))
        whole = self.width - 2 * MARGIN
        down = float(MARGIN)
        down = self._text(painter, (MARGIN, down, whole), self.board.title, "semibold", 18, "text", most=3)
        if self.board.asked:
            down = self._text(painter, (MARGIN, down + 4, whole), self.board.asked, "regular", 12, "dim")
        down = self._head(painter, down + GAP + PAD)
        for row in self.board.rows:
            down = self._row(painter, row, down + GAP)
        down += GAP
        for note in self.board.notes:
            down = self._text(painter, (MARGIN, down + 4, whole), note, "regular", 12, "dim")
        down = self._claim(painter, down + GAP)
        self._height = math.ceil(down + MARGIN)
        return self._height

    def _lefts(self) -> list[float]:
        lefts, left = [], float(MARGIN + self._cell_side + GAP)
        for width in self._widths:
            lefts.append(left)
            left += width + GAP
        return lefts

    def _head(self, painter: QPainter | None, top: float) -> float:
        bottoms = [self._text(painter, (MARGIN, top, self._cell_side), "Image", "semibold", 13, "text")]
        for column, left, width in zip(self.board.columns, self._lefts(), self._widths, strict=True):
            down = self._text(
                painter, (left, top, width), column.title, "semibold", 13, "text", most=3, mode=_MIDDLE
            )
            for words in (column.probe, column.words):
                if words:
                    down = self._text(painter, (left, down + 2, width), words, "regular", 11, "dim", most=3)
            bottoms.append(down)
        bottom = max(bottoms) + PAD
        if painter is not None:
            painter.setPen(QPen(self.theme.colour("line"), 1))
            painter.drawLine(QPointF(MARGIN, bottom), QPointF(self.width - MARGIN, bottom))
        return bottom

    def _row(self, painter: QPainter | None, row: Row, top: float) -> float:
        if row.heading:
            whole = self.width - 2 * MARGIN
            top = self._text(painter, (MARGIN, top, whole), row.heading, "semibold", 13, "text", most=2) + 4
        cells = [row.picture, *(cell for group in row.cells for cell in group)]
        if all(cell.pixels is None for cell in cells):
            words = f"{_clean(row.name)} can't be shown. {row.picture.reason}"
            return self._text(painter, (MARGIN, top, self.width - 2 * MARGIN), words, "regular", 12, "dim")
        under = [self._cell(painter, row.picture, MARGIN, top, row.name, mode=_MIDDLE)]
        for group, left in zip(row.cells, self._lefts(), strict=True):
            for place, cell in enumerate(group):
                name = PANELS.get(cell.panel, "")
                words = " · ".join(part for part in (name, cell.caption) if part)
                under.append(self._cell(painter, cell, left + place * (self._cell_side + PAD), top, words))
        return max(under)

    def _cell(
        self,
        painter: QPainter | None,
        cell: Cell,
        left: float,
        top: float,
        words: str,
        mode: Qt.TextElideMode = _RIGHT,
    ) -> float:
        box = QRectF(left, top, self._cell_side, self._cell_side)
        if cell.pixels is None:
            if painter is not None:
                painter.setPen(QPen(self.theme.colour("line"), 1))
                painter.setBrush(self.theme.colour("track"))
                painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
            most = int((self._cell_side - 2 * PAD) / QFontMetricsF(font_of(size=11)).lineSpacing())
            place = (left + PAD, top + PAD, self._cell_side - 2 * PAD)
            self._text(painter, place, cell.reason, "regular", 11, "dim", most=most)
        elif painter is not None:
            painter.drawImage(_within(box, cell.pixels), _image(cell.pixels))
        if not words:
            return top + self._cell_side
        return self._text(
            painter,
            (left, top + self._cell_side + 4, self._cell_side),
            words,
            "regular",
            11,
            "dim",
            most=3,
            mode=mode,
        )

    def _claim(self, painter: QPainter | None, top: float) -> float:
        """The line that belongs on every board, on a ground of its own."""
        place = (MARGIN + GAP, top + PAD, self.width - 2 * MARGIN - 2 * GAP)
        bottom = self._text(None, place, self.board.claim, "regular", 12, "undecided") + PAD
        if painter is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.theme.colour("undecided_on"))
            painter.drawRoundedRect(QRectF(MARGIN, top, self.width - 2 * MARGIN, bottom - top), 6, 6)
        self._text(painter, place, self.board.claim, "regular", 12, "undecided")
        return bottom

    def _text(
        self,
        painter: QPainter | None,
        place: tuple[float, float, float],
        text: str,
        weight: str,
        size: int,
        token: str,
        *,
        most: int = 0,
        mode: Qt.TextElideMode = _RIGHT,
    ) -> float:
        """Lines from `place` (left, top, width) downwards, `most` at most (0: all). Returns where they end."""
        left, top, width = place
        font = font_of(weight, size)
        metrics = QFontMetricsF(font)
        lines = broken(_clean(text, 0 if not most else LONGEST), metrics, width, most, mode)
        if painter is not None:
            painter.setFont(_as_drawn(font))
            painter.setPen(self.theme.colour(token))
            for number, line in enumerate(lines):
                painter.drawText(QPointF(left, top + metrics.ascent() + number * metrics.lineSpacing()), line)
        return top + len(lines) * metrics.lineSpacing()


def broken(
    text: str,
    metrics: QFontMetricsF,
    width: float,
    most: int = 0,
    mode: Qt.TextElideMode = _RIGHT,
) -> list[str]:
    """`text` in lines of at most `width` px, `most` lines (0: as many as it takes).

    Words stay whole where they fit into a line; the rest that has no line is left out, as an ellipsis says.
    """
    lines: list[str] = []
    rest = text.strip()
    while rest and (not most or len(lines) < most - 1):
        if metrics.horizontalAdvance(rest) <= width:
            break
        end = _fitting(rest, metrics.horizontalAdvance, width)
        space = rest.rfind(" ", 0, end + 1)
        cut = space if space > 0 else end
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    if rest:
        lines.append(metrics.elidedText(rest, mode, width))
    return lines


def _fitting(text: str, length: Callable[[str], float], width: float) -> int:
    """How many letters of `text` fit into `width`, one at least."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if length(text[:middle]) <= width else (low, middle - 1)
    return low


def _clean(text: str, longest: int = LONGEST) -> str:
    shown = printable(text)
    return shown if not longest or len(shown) <= longest else shown[: longest - 1] + "…"


def _as_drawn(font: QFont) -> QFont:
    """Without hinting letters are as wide on paper as they were measured to be."""
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _within(box: QRectF, pixels: np.ndarray) -> QRectF:
    """The largest room of the picture's shape in the middle of `box`."""
    height, width = pixels.shape[:2]
    size = QSizeF(width, height).scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
    room = QRectF(QPointF(), size)
    room.moveCenter(box.center())
    return room


def _image(pixels: np.ndarray) -> QImage:
    """(H, W, 3) uint8 -> an image that owns its memory."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
