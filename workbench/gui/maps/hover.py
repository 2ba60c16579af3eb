"""What the pointer is on: the image's thumbnail, its name, and what is known of it, beside the pointer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from workbench.gui.theme import current_theme, themes
from workbench.gui.thumbnails import Thumbnails
from workbench.gui.widgets.labels import ElidedLabel, PlainLabel

SIDE = 144  # px of the thumbnail
AWAY = 16  # px from the pointer


class HoverCard(QFrame):
    """Lies over `parent`, never under the pointer; one is enough for all maps."""

    def __init__(self, thumbnails: Thumbnails, parent: QWidget) -> None:
        super().__init__(parent)
        self._over = parent
        self._thumbnails = thumbnails
        self.key = b""  # of the tile that is shown or waited for
        self._path: Path | None = None
        self.picture = PlainLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.title = ElidedLabel("", "strong", Qt.TextElideMode.ElideMiddle)
        self.lines = [ElidedLabel("", "caption") for _ in range(3)]
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(2)
        column.addWidget(self.picture)
        for line in (self.title, *self.lines):
            line.setFixedWidth(SIDE)
            column.addWidget(line)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        thumbnails.arrived.connect(self._on_arrived)
        themes().changed.connect(self._dress)
        self._dress()
        self.hide()

    def tell(self, at: QPoint, title: str, lines: list[str], key: bytes, path: Path | None) -> None:
        """Show an image's card beside `at`, a point of the parent; without a path there is no picture of it."""
        self.title.setText(title)
        for shown, text in zip(self.lines, [*lines, "", "", ""], strict=False):
            shown.setText(text)
            shown.setVisible(bool(text))
        self.key, self._path = key, path
        self.picture.setVisible(path is not None)
        self._show_picture()
        self.adjustSize()
        self.setGeometry(_beside(at, self.width(), self.height(), self._over.rect()))
        self.show()
        self.raise_()

    def leave(self) -> None:
        self.key, self._path = b"", None
        self._thumbnails.retain((), id(self))
        self.hide()

    def _show_picture(self) -> None:
        if self._path is None:
            return
        tile = self._thumbnails.get(self.key, self._path, id(self))
        if tile is None:
            self.picture.setText("…")
        elif tile.image is None:
            self.picture.setText("Can't be read")
        else:
            ratio = self.devicePixelRatioF()
            keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
            side = round(SIDE * ratio)
            shown = QPixmap.fromImage(tile.image.scaled(side, side, keep, smooth))
            shown.setDevicePixelRatio(ratio)
            self.picture.setPixmap(shown)

    def _on_arrived(self, keys: set[bytes]) -> None:
        if self.isVisible() and self.key in keys:
            self._show_picture()

    def _dress(self) -> None:
        theme = current_theme()
        self.setStyleSheet(
            f"HoverCard {{ background: {theme.raised}; border: 1px solid {theme.line}; border-radius: 8px; }}"
        )


def _beside(at: QPoint, width: int, height: int, room: QRect) -> QRect:
    """Right of and below `at`, or on the other side where there is no room."""
    x = at.x() + AWAY if at.x() + AWAY + width <= room.right() else at.x() - AWAY - width
    y = at.y() + AWAY if at.y() + AWAY + height <= room.bottom() else at.y() - AWAY - height
    return QRect(max(x, room.left()), max(y, room.top()), width, height)
