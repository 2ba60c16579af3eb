"""Line icons: 24-px SVG files drawn in `currentColor`, tinted and rasterised for the screen that shows them."""

from __future__ import annotations

from functools import cache, lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap

from workbench.records.resources import resource

SIZE = 20  # px on the screen, where nothing else is asked for


@cache
def _source(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text("utf-8")


@lru_cache(maxsize=512)
def pixmap(name: str, colour: str, size: int = SIZE, ratio: float = 0.0) -> QPixmap:
    """The icon `name` in `colour` ("#rrggbb"), `size` px wide; `ratio` 0 takes the sharpest screen's."""
    from PySide6.QtSvg import QSvgRenderer

    if not ratio:
        application = QGuiApplication.instance()
        ratio = application.devicePixelRatio() if isinstance(application, QGuiApplication) else 1.0
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    side = round(size * ratio)
    made = QPixmap(side, side)
    made.fill(Qt.GlobalColor.transparent)
    painter = QPainter(made)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    made.setDevicePixelRatio(ratio)
    return made


def icon(name: str, colour: str, checked: str = "", disabled: str = "", size: int = SIZE) -> QIcon:
    """An icon with its states in their own colours, at one, two and three device pixels a pixel."""
    made = QIcon()
    states = (
        (colour, QIcon.Mode.Normal, QIcon.State.Off),
        (checked or colour, QIcon.Mode.Normal, QIcon.State.On),
        (disabled or colour, QIcon.Mode.Disabled, QIcon.State.Off),
    )
    for tint, mode, state in states:
        for ratio in (1.0, 2.0, 3.0):
            made.addPixmap(pixmap(name, tint, size, ratio), mode, state)
    return made
