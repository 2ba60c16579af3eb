"""A plot as a file: the same drawing as on the screen, as PNG at twice its size or as SVG."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QFont, QGuiApplication, QImage, QKeySequence, QPainter
from PySide6.QtWidgets import QWidget

from workbench.gui.theme import current_theme, font_of
from workbench.records.files import whole_file
from workbench.records.text import printable

Drawing = Callable[[QPainter, QRectF], None]
SCALE = 2
HEAD = 68  # px for the title and two lines on how it was made
WIDTH = 560  # px, at the least: the lines of the head need them
MARGIN = 16


def save_picture(path: Path, drawing: Drawing, size: QSize, title: str, aside: str = "") -> Path:
    """Write the drawing, `size` px, under its title; the ending of `path` chooses .png (the default) or .svg.

    Raises:
        ValueError: another ending, or a size of nothing.
        OSError: the file can't be written.
    """
    if not path.suffix:
        path = path.with_suffix(".png")
    if size.isEmpty():
        raise ValueError("The plot is not shown yet, so that it can't be saved. Show it once and save again.")
    whole = _whole(size)
    if path.suffix.lower() == ".svg":
        data = _svg(drawing, whole, title, aside)
    elif path.suffix.lower() == ".png":
        data = _png(picture(drawing, size, title, aside))
    else:
        raise ValueError(f"A plot can be saved as .png or .svg, not as {printable(path.suffix)}.")
    with whole_file(path) as stream:
        stream.write(data)
    return path


def copy_action(plot: QWidget, copy: Callable[[], object]) -> QAction:
    """What copies a plot as a picture, by Ctrl+C while it has the focus."""
    made = QAction("Copy as picture", plot)
    made.setShortcut(QKeySequence.StandardKey.Copy)
    made.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    made.triggered.connect(lambda: copy())
    plot.addAction(made)
    return made


def copy_picture(drawing: Drawing, size: QSize, title: str, aside: str = "") -> None:
    """The same onto the clipboard."""
    QGuiApplication.clipboard().setImage(picture(drawing, size, title, aside))


def picture(drawing: Drawing, size: QSize, title: str, aside: str = "") -> QImage:
    """The same as an image in memory, at SCALE times its size."""
    whole = _whole(size)
    image = QImage(whole * SCALE, QImage.Format.Format_RGB32)
    image.setDevicePixelRatio(SCALE)
    painter = QPainter(image)
    _compose(painter, drawing, whole, title, aside)
    painter.end()
    return image


def _whole(size: QSize) -> QSize:
    return QSize(max(size.width() + 2 * MARGIN, WIDTH), size.height() + HEAD + MARGIN)


def _compose(painter: QPainter, drawing: Drawing, whole: QSize, title: str, aside: str) -> None:
    theme = current_theme()
    area = QRectF(0, 0, whole.width(), whole.height())
    painter.fillRect(area, theme.colour("panel"))
    _line(painter, QRectF(MARGIN, 8, area.width() - 2 * MARGIN, 20), title, font_of("semibold", 14), "text")
    _line(painter, QRectF(MARGIN, 28, area.width() - 2 * MARGIN, 34), aside, font_of("regular", 12), "dim")
    drawing(painter, area.adjusted(MARGIN, HEAD, -MARGIN, -MARGIN))


def _line(painter: QPainter, area: QRectF, text: str, font: QFont, token: str) -> None:
    painter.setFont(font)
    painter.setPen(current_theme().colour(token))
    side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
    painter.drawText(area, side | Qt.TextFlag.TextWordWrap, printable(text))


def _png(image: QImage) -> bytes:
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(data.data())


def _svg(drawing: Drawing, whole: QSize, title: str, aside: str) -> bytes:
    from PySide6.QtSvg import QSvgGenerator

    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(whole)
    generator.setViewBox(QRectF(0, 0, whole.width(), whole.height()))
    generator.setTitle(printable(title))
    painter = QPainter(generator)
    _compose(painter, drawing, whole, title, aside)
    painter.end()
    return bytes(data.data())
