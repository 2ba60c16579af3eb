"""The shown neighbours as a file."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from workbench.gui.compare.output import PICTURES, file_name
from workbench.gui.compare.picture import copy_picture, save_picture
from workbench.gui.neighbours.board import NeighbourBoard
from workbench.gui.session import Session
from workbench.records.text import printable


def copy_board(session: Session, board: NeighbourBoard, number: int) -> None:
    """What is shown, onto the clipboard."""
    if board.query is not None:
        copy_picture(board.draw_into, board.size(), f"Nearest to {board.query.name}", _aside(number))
        session.message.emit("info", "The neighbours were copied as a picture.")


def save_board(session: Session, board: NeighbourBoard, number: int) -> None:
    """Ask where to, then write what is shown: the `number` nearest."""
    if board.query is None:
        return
    name = board.query.name
    folder = session.recall("maps.folder", str(Path.home()))
    start = str(Path(folder) / f"{file_name(f'nearest to {name}')}.png")
    chosen, _ = QFileDialog.getSaveFileName(board, "Save neighbours", start, PICTURES)
    if not chosen:
        return
    try:
        written = save_picture(
            Path(chosen), board.draw_into, board.size(), f"Nearest to {name}", _aside(number)
        )
    except (ValueError, OSError) as error:
        session.message.emit("bad", str(error))
        return
    session.remember("maps.folder", str(written.parent))
    session.message.emit("info", f"Saved {printable(written.name)}.")


def _aside(number: int) -> str:
    return f"The {number} nearest by cosine. A solid frame: the same class; a dashed one: another."
