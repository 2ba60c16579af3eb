"""A map as a file: the points as they are shown, and under them what the colours mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter
from PySide6.QtWidgets import QFileDialog

from workbench.gui.compare.output import PICTURES, file_name
from workbench.gui.compare.picture import Drawing, copy_action, copy_picture, save_picture
from workbench.gui.maps.panel import MapPanel
from workbench.gui.session import Session
from workbench.gui.theme import current_theme, font_of
from workbench.records.text import printable

LINE = 20.0  # px of a row of the legend

Entry = tuple[str, str]  # colour, name


@dataclass(frozen=True, slots=True)
class Words:
    """What stands around a map in a file: its legend, and how it was drawn."""

    entries: Sequence[Entry]
    aside: str


def give_out(session: Session, panel: MapPanel, words: Callable[[], Words | None]) -> None:
    """Let the panel's button save its map and Ctrl+C on the map copy it; `words` is None while there is none."""
    panel.save.clicked.connect(lambda: _save(session, panel, words()))
    copy_action(panel.canvas, lambda: _copy(session, panel, words()))


def _copy(session: Session, panel: MapPanel, words: Words | None) -> None:
    if words is not None:
        copy_picture(_drawing(panel, words), panel.canvas.size(), f"Map of {panel.name}", words.aside)
        session.message.emit("info", "The map was copied as a picture.")


def _save(session: Session, panel: MapPanel, words: Words | None) -> None:
    """Ask where to, then write the map as it is shown."""
    if words is None:
        return
    folder = session.recall("maps.folder", str(Path.home()))
    start = str(Path(folder) / f"{file_name(f'map of {panel.name}')}.png")
    chosen, _ = QFileDialog.getSaveFileName(panel, "Save map", start, PICTURES)
    if not chosen:
        return
    title, drawing = f"Map of {panel.name}", _drawing(panel, words)
    try:
        written = save_picture(Path(chosen), drawing, panel.canvas.size(), title, words.aside)
    except (ValueError, OSError) as error:
        session.message.emit("bad", str(error))
        return
    session.remember("maps.folder", str(written.parent))
    session.message.emit("info", f"Saved {printable(written.name)}.")


def _drawing(panel: MapPanel, words: Words) -> Drawing:
    def draw(painter: QPainter, area: QRectF) -> None:
        lines = legend_lines(words.entries, area.width())
        panel.canvas.draw_into(painter, area.adjusted(0, 0, 0, -LINE * len(lines)))
        draw_legend(painter, QRectF(area.left(), area.bottom() - LINE * len(lines), area.width(), 0), lines)

    return draw


def legend_lines(entries: Sequence[Entry], width: float) -> list[list[tuple[float, Entry]]]:
    """Rows of (x, entry) that fit into `width` px."""
    metrics = QFontMetricsF(font_of("regular", 12))
    lines: list[list[tuple[float, Entry]]] = []
    x = 0.0
    for colour, name in entries:
        shown = metrics.elidedText(printable(name), Qt.TextElideMode.ElideMiddle, min(width / 2, 240))
        wide = metrics.horizontalAdvance(shown) + 30
        if not lines or x + wide > width:
            lines.append([])
            x = 0.0
        lines[-1].append((x, (colour, shown)))
        x += wide
    return lines


def draw_legend(painter: QPainter, area: QRectF, lines: Sequence[Sequence[tuple[float, Entry]]]) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setFont(font_of("regular", 12))
    for number, line in enumerate(lines):
        top = area.top() + number * LINE
        for x, (colour, name) in line:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(colour))
            painter.drawEllipse(QPointF(area.left() + x + 6, top + LINE / 2), 4, 4)
            painter.setPen(current_theme().colour("text"))
            box = QRectF(area.left() + x + 16, top, area.width() - x - 16, LINE)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
