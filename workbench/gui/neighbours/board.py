"""One image and what each model has nearest to it: a row a model, a frame that says right or wrong class."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QResizeEvent

from workbench.gui.compare.walked_plot import Dot, Place, WalkedPlot
from workbench.gui.maps.colouring import COLOURS
from workbench.gui.theme import Theme, current_theme, font_of, model_colour, themes
from workbench.gui.thumbnails import Thumbnails
from workbench.records.neighbours_job import votes
from workbench.records.text import printable

RIGHT, WRONG = COLOURS[0], COLOURS[5]
GAP = 8.0  # px between tiles
HEAD = 24.0  # px of a row's heading
LINE = 16.0  # px of a line under a tile
WIDE = 88.0  # px of a tile's side from which class and distance share a line
BETWEEN = 12.0  # px between rows
LEAST, MOST = 68.0, 224.0  # px of a tile's side; a thumbnail has no more pixels
BROKEN = 112.0  # px of a tile's side, at the most, where a row is broken into lines and all of it scrolls
QUERY = 96.0  # px of the asked image's side

File = Callable[[int], tuple[bytes, Path] | None]  # of an item: its thumbnail's key, and where it lies


@dataclass(frozen=True, slots=True)
class Tile:
    """An image in words."""

    item: int  # -1: a picture from a file
    name: str  # untrusted text, as all of these
    label: str  # "" none
    distance: float | None = None
    itself: str = ""  # "the same file" or "a copy", where it is the asked picture
    right: bool | None = None  # whether its class is that of the asked image; None where one has none


@dataclass(frozen=True, slots=True)
class Row:
    """One model's answer; `why` stands where it has none."""

    model: str
    title: str
    tiles: tuple[Tile, ...] = ()
    said: str = ""  # what its probe says of the asked image; "" where no split tested it
    why: str = ""

    def told(self) -> str:
        """ "7 of 10 of the same class · the probe says crack", or which classes there are; "" if none."""
        known = [tile.right for tile in self.tiles if tile.right is not None]
        among = votes([tile.label for tile in self.tiles if not tile.itself])
        told = [f"{sum(known)} of {len(known)} of the same class"] if known else [among] if among else []
        return " · ".join([*told, *([f"the probe says {printable(self.said)}"] if self.said else [])])


class NeighbourBoard(WalkedPlot):
    """Arrow keys walk the images; a click or Enter asks for the neighbours of one."""

    chosen = Signal(int)  # an item

    def __init__(self, thumbnails: Thumbnails, file: File) -> None:
        super().__init__("Nearest images")
        self._thumbnails, self._file = thumbnails, file
        self.query: Tile | None = None
        self.facts = ""
        self.rows: tuple[Row, ...] = ()
        self._rects: dict[Place, QRectF] = {}
        thumbnails.arrived.connect(self._on_arrived)
        themes().changed.connect(self.update)

    def show_rows(self, query: Tile | None, facts: str, rows: Sequence[Row]) -> None:
        """`facts` is a line about the asked image."""
        other = query != self.query
        self.query, self.facts, self.rows = query, facts, tuple(rows)
        if other or self.current is None or not self._is_there(self.current):
            self.current = self.home() if self.hasFocus() else None
        self._rects = {}
        told = "; ".join(f"{printable(row.title)}: {row.told() or row.why}" for row in rows)
        self.setAccessibleDescription(f"Nearest to {printable(query.name)}. {told}" if query else "")
        self._claim()
        self._ask()
        self.update()

    def _on_arrived(self, _: set[bytes]) -> None:
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(640, self.minimumHeight())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._claim()

    def _claim(self) -> None:
        """Ask for the height at which no tile is smaller than LEAST: below it, what this lies in scrolls."""
        width, tiles = self.width() - 12, self._tiles
        lines = math.ceil(tiles / max(int((width + GAP) // (LEAST + GAP)), 1))
        across = math.ceil(tiles / lines)
        side = LEAST if lines == 1 else max(LEAST, min((width - GAP * (across - 1)) / across, BROKEN))
        row = self._head(width) + lines * (side + _caption(side)) + BETWEEN
        self.setMinimumHeight(math.ceil(QUERY + BETWEEN + 12 + len(self.rows) * row))

    def _head(self, width: float) -> float:
        """px of a row's heading: a second line where one row's words don't fit beside its title."""
        fits = all(_beside(row)[1] + _wide(row.why or row.told(), font_of()) <= width for row in self.rows)
        return HEAD if fits else HEAD + LINE

    @property
    def _tiles(self) -> int:
        return max((len(row.tiles) for row in self.rows), default=1) or 1

    def _ask(self) -> None:
        """What is no longer shown is no longer wished for."""
        wanted = [tile.item for row in self.rows for tile in row.tiles]
        wanted += [self.query.item] if self.query else []
        keys = [found[0] for item in wanted if (found := self._file(item)) is not None]
        self._thumbnails.retain(keys, id(self))

    # Drawing

    def paint(self, painter: QPainter, area: QRectF, theme: Theme) -> list[Dot]:
        self._draw(painter, area, theme, self.current)
        return [Dot(box.center().x(), box.center().y(), *place) for place, box in self._rects.items()]

    def draw_into(self, painter: QPainter, area: QRectF) -> None:
        kept = self._rects
        self._draw(painter, area, current_theme(), None)
        self._rects = kept

    def _draw(self, painter: QPainter, area: QRectF, theme: Theme, current: Place | None) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._rects = {}
        if self.query is None:
            return
        inner = area.adjusted(4, 4, -4, -4)
        self._draw_query(painter, inner, theme)
        top = inner.top() + QUERY + BETWEEN
        side, across = self._side(inner)
        head = self._head(inner.width())
        for number, row in enumerate(self.rows):
            self._draw_head(painter, QRectF(inner.left(), top, inner.width(), head), row, theme)
            top += head
            for place, tile in enumerate(row.tiles):
                line, column = divmod(place, across)
                left = inner.left() + column * (side + GAP)
                box = QRectF(left, top + line * (side + _caption(side)), side, side)
                self._rects[number, place] = box
                self._draw_tile(painter, box, tile, theme, (number, place) == current)
            top += math.ceil(len(row.tiles) / across) * (side + _caption(side)) + BETWEEN

    def _side(self, inner: QRectF) -> tuple[float, int]:
        """A tile's side, as large as the width and the height allow, and how many of them stand in a line."""
        tiles, rows = self._tiles, max(len(self.rows), 1)
        best = (8.0, tiles)
        for lines in range(1, tiles + 1):
            across = math.ceil(tiles / lines)
            wide = (inner.width() - GAP * (across - 1)) / across
            high = ((inner.height() - QUERY - BETWEEN) / rows - self._head(inner.width()) - BETWEEN) / lines
            side = min(wide, high - _caption(WIDE), MOST)
            best = max(best, (side if side >= WIDE else min(side, high - _caption(side)), across))
        return best

    def _draw_query(self, painter: QPainter, inner: QRectF, theme: Theme) -> None:
        assert self.query is not None
        box = QRectF(inner.left(), inner.top(), QUERY, QUERY)
        self._draw_image(painter, box, self.query.item, theme)
        left = box.right() + 12
        line = QRectF(left, box.top() + 4, inner.right() - left, 20)
        _text(painter, line, self.query.name, font_of("semibold", 14), theme.text)
        _text(painter, line.translated(0, 22), self.query.label or "No label", font_of(), theme.text)
        _text(painter, line.translated(0, 42), self.facts, font_of("regular", 12), theme.dim)

    def _draw_head(self, painter: QPainter, box: QRectF, row: Row, theme: Theme) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(model_colour(row.model)))
        line = QRectF(box.left(), box.top(), box.width(), HEAD - 3)
        painter.drawEllipse(QRectF(line.left() + 1, line.center().y() - 3.5, 8, 8))
        title, beside = _beside(row)
        _text(painter, line.adjusted(16, 0, 0, 0), title, font_of("semibold"), theme.text)
        broken = box.height() > HEAD
        rest = (
            QRectF(box.left() + 16, line.bottom() - 2, box.width() - 16, LINE + 2)
            if broken
            else line.adjusted(beside, 0, 0, 0)
        )
        _text(painter, rest, row.why or row.told(), font_of(), theme.dim)

    def _draw_tile(self, painter: QPainter, box: QRectF, tile: Tile, theme: Theme, current: bool) -> None:
        self._draw_image(painter, box.adjusted(3, 3, -3, -3), tile.item, theme)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if tile.right is not None:
            pen = QPen(QColor(RIGHT if tile.right else WRONG), 3)
            if not tile.right:
                pen.setStyle(Qt.PenStyle.DashLine)  # told apart without colours, too
            painter.setPen(pen)
            painter.drawRoundedRect(box.adjusted(1.5, 1.5, -1.5, -1.5), 4, 4)
        if current:
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.drawRoundedRect(box.adjusted(-2, -2, 2, 2), 6, 6)
        small = font_of("regular", 11)
        number = "" if tile.distance is None else f"{tile.distance:.3f}"
        line = QRectF(box.left() + 2, box.bottom() + 1, box.width() - 4, LINE)
        words = tile.itself or tile.label or "no label"
        if box.width() < WIDE:
            _text(painter, line, words, small, theme.dim)
            _text(painter, line.translated(0, LINE - 2), number, small, theme.dim)
            return
        room = QFontMetricsF(small).horizontalAdvance(number) + 4
        _text(painter, line.adjusted(0, 0, -room, 0), words, small, theme.dim)
        _text(painter, line, number, small, theme.dim, right=True)

    def _draw_image(self, painter: QPainter, box: QRectF, item: int, theme: Theme) -> None:
        image = self._image(item)
        if image is None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(box, 3, 3)
            return
        size = image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
        centre = box.center()
        target = QRectF(
            centre.x() - size.width() / 2, centre.y() - size.height() / 2, size.width(), size.height()
        )
        painter.drawImage(target, image)

    def _image(self, item: int) -> QImage | None:
        found = self._file(item)
        tile = self._thumbnails.get(*found, id(self)) if found is not None else None
        return tile.image if tile is not None else None

    # Walking

    def place_at(self, x: float, y: float) -> Place | None:
        return next((place for place, box in self._rects.items() if box.contains(x, y)), None)

    def home(self) -> Place | None:
        return next(((number, 0) for number, row in enumerate(self.rows) if row.tiles), None)

    def step(self, place: Place, down: int, right: int) -> Place:
        wanted = place[0] + down, place[1] + right
        return wanted if self._is_there(wanted) else place

    def _is_there(self, place: Place) -> bool:
        return 0 <= place[0] < len(self.rows) and 0 <= place[1] < len(self.rows[place[0]].tiles)

    def tell(self, place: Place) -> str:
        tile = self.rows[place[0]].tiles[place[1]]
        told = f"{tile.name}\n{tile.label or 'No label'}"
        if tile.itself:
            told += f", {tile.itself}"
        if tile.right is not None:
            told += ", the same class" if tile.right else ", another class"
        if tile.distance is not None:
            told += f"\nNumber {place[1] + 1}, at {tile.distance:.3f} (1 − cosine)"
        return told

    def opened(self, place: Place) -> None:
        self.chosen.emit(self.rows[place[0]].tiles[place[1]].item)


def _beside(row: Row) -> tuple[str, float]:
    """A row's title, and how far from the left the words beside it begin."""
    title = printable(row.title)
    return title, 16 + _wide(title, font_of("semibold")) + 10


def _wide(text: str, font: QFont) -> float:
    return QFontMetricsF(font).horizontalAdvance(printable(text))


def _caption(side: float) -> float:
    """px under a tile: below small ones class and distance have a line each."""
    return LINE + 2 if side >= WIDE else 2 * LINE


def _text(painter: QPainter, box: QRectF, text: str, font: QFont, ink: str, *, right: bool = False) -> None:
    painter.setFont(font)
    painter.setPen(QColor(ink))
    shown = QFontMetricsF(font).elidedText(printable(text), Qt.TextElideMode.ElideRight, box.width())
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, shown)
