"""One image over the window, at full resolution or as a model sees it; arrow keys step on, Esc leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.file_manager import show_in_file_manager
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import current_theme
from workbench.gui.thumbnails import how_to_read, shrink, to_image
from workbench.gui.widgets.buttons import button, icon_button
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.spec import Reading
from workbench.records.text import printable

LONGEST = 8192  # px; larger pictures are shown reduced, which the caption says


class Item(NamedTuple):
    """One image that can be looked at."""

    path: Path
    caption: str
    preview: QImage | None  # what to show until it is decoded
    page: int = 0
    reading: Reading = Reading()


ModelView = Callable[
    [Item], tuple[np.ndarray, str]
]  # the model's input (size, size, n), and a sentence on it


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
        model_view: ModelView | None = None,
    ) -> None:
        """`model_view` is called in a thread; without it there is no such view to choose."""
        super().__init__(parent)
        self.setWindowTitle("Quick look")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._item, self._num_items, self._moved = item, num_items, moved
        self._model_view = model_view
        self.place = place
        self._over = False
        self._asked = 0
        self._background = background  # the caller's: closing this doesn't wait for a large file
        self.canvas = _Canvas()
        self._caption = ElidedLabel("", "", Qt.TextElideMode.ElideMiddle)
        self._count = label("", "dim")
        self._zoom = label("", "dim")
        self.canvas.zoomed.append(self._show_zoom)
        self.as_model = QPushButton("As the model sees it")
        self.as_model.setCheckable(True)
        self.as_model.setAutoDefault(False)
        self.as_model.setVisible(model_view is not None)
        set_tip(self.as_model, "The very pixels that go into the backbone: resized, cropped, windowed (M)")
        self.as_model.toggled.connect(self._show)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(icon_button("chevron-left", "Previous image (Left)", lambda: self.step(-1)))
        row.addWidget(icon_button("chevron-right", "Next image (Right)", lambda: self.step(1)))
        row.addWidget(self.as_model)
        row.addWidget(button("Open in file manager", self.open_folder, icon_name="folder"))
        row.addStretch(1)
        row.addWidget(self._zoom)
        row.addWidget(self._count)
        row.addWidget(icon_button("close", "Close (Esc)", self.close))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(12, 12, 12, 12)
        outer.addWidget(self.canvas, 1)
        outer.addWidget(self._caption)
        outer.addLayout(row)
        if parent is not None:
            self.resize(parent.window().size() * 0.86)
        self.canvas.setFocus()  # a button would take the space bar and the arrows for itself
        self._show()

    def step(self, by: int) -> None:
        place = min(max(self.place + by, 0), self._num_items - 1)
        if place != self.place:
            self.place = place
            self._moved(place)
            self._show()

    def open_folder(self) -> None:
        """Show the file where it lies; what goes wrong is said under the picture."""
        problem = show_in_file_manager(Item(*self._item(self.place)).path)
        if problem:
            self._caption.setText(problem)

    def _show(self) -> None:
        place = self.place
        item = Item(*self._item(place))
        caption = item.caption
        as_model = self._model_view if self.as_model.isChecked() else None
        self._asked += 1
        asked = self._asked
        self._caption.setText(caption)
        self._count.setText(f"{place + 1:,} of {self._num_items:,}")
        preview = None if as_model else item.preview
        self.canvas.show_image(preview, "" if preview is not None else "Reading…")

        def read() -> tuple[QImage, str]:
            from workbench.pixels.decode import read_image

            if asked != self._asked or self._over:  # stepped on, or closed, while this waited
                return QImage(), ""
            if as_model is not None:
                pixels, told = as_model(item)
                return to_image(pixels), f"{pixels.shape[1]:,} × {pixels.shape[0]:,} px, {told} · {caption}"
            image = to_image(read_image(item.path, **how_to_read(item.page, item.reading)))
            reduced = max(image.width(), image.height()) > LONGEST
            return shrink(image, LONGEST), f"{caption} · shown at {LONGEST:,} px" if reduced else caption

        def show(found: tuple[QImage, str]) -> None:
            image, told = found
            if asked == self._asked and not self._over and not image.isNull():
                self.canvas.show_image(image, "")
                self._caption.setText(told)

        def refuse(error: Exception) -> None:
            if asked == self._asked and not self._over:
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
        elif event.key() == keys.Key_M and self._model_view is not None:
            self.as_model.toggle()
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
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Picture")

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
