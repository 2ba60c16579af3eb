"""The pictures from files side by side: which one is asked about, and the way to the others."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolTip, QWidget

from workbench.gui.outside_files import OutsideFiles
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, themes
from workbench.gui.thumbnails import Thumbnails
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.labels import label
from workbench.pixels.gathered import Picture
from workbench.records.text import count, printable

SIDE, GAP = 44, 6  # px of a picture, and between two


class Strip(QWidget):
    """`chosen` brings the file that is wanted. Hidden where there are not several."""

    chosen = Signal(object)
    board_asked = Signal()

    def __init__(self, pictures: OutsideFiles, thumbnails: Thumbnails) -> None:
        super().__init__()
        self.pictures = pictures
        self.current: Path | None = None
        self.tiles = _Tiles(thumbnails)
        self.tiles.stepped.connect(self.step)
        self.tiles.clicked.connect(lambda place: self.chosen.emit(self.pictures.files[place]))
        self.place = label("", "dim")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(icon_button("chevron-left", "The picture before (Alt+Left)", lambda: self.step(-1)))
        row.addWidget(self.tiles, 1000)  # as wide as its pictures, where there is room
        row.addWidget(icon_button("chevron-right", "The next picture (Alt+Right)", lambda: self.step(1)))
        row.addStretch(1)
        row.addWidget(self.place)
        tip = "Look at these pictures as rows of the board"
        row.addWidget(button("On the board", self.board_asked.emit, kind="link", tip=tip))
        row.addWidget(icon_button("close", "Put these pictures away; the files stay", pictures.close))
        pictures.changed.connect(self.refresh)
        self.refresh()

    def show_current(self, file: Path | None) -> None:
        """The file that is asked about; None where an image of the data set is."""
        self.current = file
        self.refresh()

    def refresh(self) -> None:
        files = self.pictures.files
        at = files.index(self.current) if self.current in files else -1
        self.setVisible(len(files) > 1)
        self.place.setText(f"{at + 1} of {len(files)}" if at >= 0 else count(len(files), "picture"))
        self.tiles.show_pictures(self.pictures.pictures, at)

    def step(self, by: int) -> None:
        """To the next or the one before, and round at the ends; the first where none is asked about."""
        files = self.pictures.files
        if files:
            at = files.index(self.current) if self.current in files else -min(by, 0) - 1
            self.chosen.emit(files[(at + by) % len(files)])


class _Tiles(QWidget):
    """As many pictures as there is room for, around the one that is asked about."""

    clicked = Signal(int)
    stepped = Signal(int)

    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails
        self._pictures: tuple[Picture, ...] = ()
        self._current = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(SIDE + 4)
        thumbnails.arrived.connect(self._on_arrived)
        thumbnails.renewed.connect(self.update)
        themes().changed.connect(self.update)

    def show_pictures(self, pictures: tuple[Picture, ...], current: int) -> None:
        self._pictures, self._current = pictures, current
        there = (
            f"{current + 1} of {len(pictures)}, {printable(pictures[current].name)}" if current >= 0 else ""
        )
        self.setAccessibleName(f"Pictures from files{f': {there}' if there else ''}")
        self.setMaximumWidth(4 + max(len(pictures) * (SIDE + GAP) - GAP, 0))
        if not pictures:
            self._thumbnails.retain([], id(self))
        self.update()

    def _on_arrived(self, keys: set[bytes]) -> None:
        if any(picture.digest in keys for picture in self._pictures):
            self.update()

    def minimumSizeHint(self) -> QSize:
        return QSize(SIDE + 4, SIDE + 4)

    def boxes(self) -> list[tuple[int, QRectF]]:
        """Which pictures are in sight, and where."""
        room = max(int((self.width() - 4 + GAP) // (SIDE + GAP)), 1)
        first = min(max(self._current - room // 2, 0), max(len(self._pictures) - room, 0))
        shown = range(first, min(first + room, len(self._pictures)))
        return [
            (place, QRectF(2 + number * (SIDE + GAP), 2, SIDE, SIDE)) for number, place in enumerate(shown)
        ]

    def _at(self, x: float, y: float) -> int:
        return next((place for place, box in self.boxes() if box.contains(x, y)), -1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), current_theme()
        painter.setRenderHints(
            QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform, True
        )
        boxes = self.boxes()
        self._thumbnails.retain([self._pictures[place].digest for place, _ in boxes], id(self))
        for place, box in boxes:
            picture = self._pictures[place]
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("track"))
            painter.drawRoundedRect(box, 4, 4)
            tile = self._thumbnails.get(picture.digest, picture.file, id(self))
            if tile is not None and tile.image is not None:
                size = tile.image.size().scaled(box.size().toSize(), Qt.AspectRatioMode.KeepAspectRatio)
                left, top = (box.width() - size.width()) / 2, (box.height() - size.height()) / 2
                painter.drawImage(
                    QRectF(box.left() + left, box.top() + top, size.width(), size.height()), tile.image
                )
            if place == self._current:
                painter.setPen(QPen(theme.colour("text" if self.hasFocus() else "accent"), 2))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRoundedRect(box.adjusted(-1, -1, 1, 1), 5, 5)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        place = self._at(event.position().x(), event.position().y())
        if event.button() == Qt.MouseButton.LeftButton and place >= 0:
            self.clicked.emit(place)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self.stepped.emit(step)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._at(event.pos().x(), event.pos().y())
            name = plain(printable(self._pictures[place].name)) if place >= 0 else ""
            QToolTip.showText(event.globalPos(), name, self) if name else QToolTip.hideText()
            return True
        return super().event(event)
