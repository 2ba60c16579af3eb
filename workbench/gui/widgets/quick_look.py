"""One image at full resolution over the window; the arrow keys step through its neighbours, Esc leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.theme import current_theme
from workbench.gui.thumbnails import shrink, to_image
from workbench.gui.widgets.buttons import icon_button
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.text import printable

LONGEST = 8192  # px; larger pictures are shown reduced, which the caption says

Item = tuple[Path, str, QImage | None]  # file, caption, what to show until it is decoded


class QuickLook(QDialog):
    """Shows item `place` of `num_items`; `item(place)` says where it lies and what to write under it."""

    def __init__(
        self,
        item: Callable[[int], Item],
        num_items: int,
        place: int,
        moved: Callable[[int], object],
        background: Background,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Quick look")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._item, self._num_items, self._moved = item, num_items, moved
        self.place = place
        self._over = False
        self._background = background  # the caller's: closing this doesn't wait for a large file
        self.canvas = _Canvas()
        self._caption = ElidedLabel("", "", Qt.TextElideMode.ElideMiddle)
        self._count = label("", "dim")
        self._zoom = label("", "dim")
        self.canvas.zoomed.append(self._show_zoom)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(icon_button("chevron-left", "Previous image (Left)", lambda: self.step(-1)))
        row.addWidget(icon_button("chevron-right", "Next image (Right)", lambda: self.step(1)))
        row.addWidget(self._caption, 1)
        row.addWidget(self._zoom)
        row.addWidget(self._count)
        row.addWidget(icon_button("close", "Close (Esc)", self.close))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.addWidget(self.canvas, 1)
        outer.addLayout(row)
        if parent is not None:
            self.resize(parent.window().size() * 0.86)
        self._show()

    def step(self, by: int) -> None:
        place = min(max(self.place + by, 0), self._num_items - 1)
        if place != self.place:
            self.place = place
            self._moved(place)
            self._show()

    def _show(self) -> None:
        place = self.place
        path, caption, preview = self._item(place)
        self._caption.setText(caption)
        self._count.setText(f"{place + 1:,} of {self._num_items:,}")
        self.canvas.show_image(preview, "" if preview is not None else "Reading…")

        def read() -> tuple[QImage, int]:
            from workbench.pixels.decode import read_image

            if place != self.place or self._over:  # stepped on, or closed, while this waited
                return QImage(), 0
            image = to_image(read_image(path))
            return shrink(image, LONGEST), max(image.width(), image.height())

        def show(found: tuple[QImage, int]) -> None:
            image, longest = found
            if place == self.place and not self._over and not image.isNull():
                self.canvas.show_image(image, "")
                if longest > LONGEST:
                    self._caption.setText(f"{caption} · shown at {LONGEST:,} px")

        def refuse(error: Exception) -> None:
            if place == self.place and not self._over:
                self.canvas.show_image(None, printable(str(error)))

        self._background.run(read, show, refuse)

    def _show_zoom(self, zoom: float) -> None:
        self._zoom.setText(f"{zoom:.0%}" if zoom else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = Qt.Key
        steps = {keys.Key_Left: -1, keys.Key_Up: -1, keys.Key_Right: 1, keys.Key_Down: 1}
        if event.key() in steps:
            self.step(steps[keys(event.key())])
        elif event.key() in (keys.Key_Space, keys.Key_Escape):
            self.close()
        elif event.key() in (keys.Key_Plus, keys.Key_Equal):
            self.canvas.zoom_by(1.25)
        elif event.key() == keys.Key_Minus:
            self.canvas.zoom_by(0.8)
        elif event.key() == keys.Key_0:
            self.canvas.fit()
        elif event.key() == keys.Key_1:
            self.canvas.set_zoom(1.0)
        else:
            super().keyPressEvent(event)

    def done(self, result: int) -> None:
        self._over = True
        super().done(result)


class _Canvas(QWidget):
    """The picture: fitted, or zoomed (wheel, + and -) and dragged. Pixels stay square and sharp from 200 %."""

    def __init__(self) -> None:
        super().__init__()
        self.zoomed: list[Callable[[float], object]] = []
        self._image: QImage | None = None
        self._text = ""
        self._zoom = 0.0  # device pixels of the screen a pixel; 0 fits
        self._shift = (0.0, 0.0)
        self._grip: tuple[float, float] | None = None
        self.setMinimumSize(240, 160)

    @property
    def image(self) -> QImage | None:
        return self._image

    def show_image(self, image: QImage | None, text: str) -> None:
        self._image, self._text = image, text
        self.fit()

    def fit(self) -> None:
        self._zoom, self._shift = 0.0, (0.0, 0.0)
        self._tell()

    def set_zoom(self, zoom: float) -> None:
        self._zoom = min(max(zoom, 0.02), 64.0)
        self._tell()

    def zoom_by(self, factor: float) -> None:
        self.set_zoom(self._scale() * factor)

    def _tell(self) -> None:
        for listener in self.zoomed:
            listener(self._scale() if self._image is not None else 0.0)
        self.update()

    def _scale(self) -> float:
        if self._zoom or self._image is None:
            return self._zoom or 1.0
        ratio = self.devicePixelRatioF()
        width, height = max(self._image.width(), 1), max(self._image.height(), 1)
        fitting = min(self.width() * ratio / width, self.height() * ratio / height)
        # A small image is enlarged by a whole factor, so that its pixels stay equal.
        return float(int(fitting)) if fitting >= 2 else fitting

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        theme = current_theme()
        painter.fillRect(self.rect(), theme.colour("background"))
        if self._image is None:
            painter.setPen(theme.colour("dim"))
            painter.drawText(
                self.rect().adjusted(40, 40, -40, -40),
                Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap,
                self._text,
            )
            return
        scale = self._scale()
        ratio = self.devicePixelRatioF()
        width, height = self._image.width() * scale / ratio, self._image.height() * scale / ratio
        box = QRectF(
            (self.width() - width) / 2 + self._shift[0],
            (self.height() - height) / 2 + self._shift[1],
            width,
            height,
        )
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
        painter.drawImage(box, self._image)

    def wheelEvent(self, event: QWheelEvent) -> None:
        self.zoom_by(1.25 if event.angleDelta().y() > 0 else 0.8)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = (event.position().x() - self._shift[0], event.position().y() - self._shift[1])

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            self._shift = (event.position().x() - self._grip[0], event.position().y() - self._grip[1])
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None

    def resizeEvent(self, event: object) -> None:
        self._tell()
