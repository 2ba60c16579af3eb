"""A board as a file: what is on it is taken out of the answers, drawn and written in a thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from workbench.gui.board_sheet import save_board
from workbench.gui.inspect.board import Board
from workbench.gui.inspect.look import Look
from workbench.gui.theme import LIGHT, Theme, current_theme
from workbench.pixels.boards import make_board
from workbench.records.case import BOARDS
from workbench.records.inspection import SHOWN, Sight
from workbench.records.text import data_size

PICTURES = "PNG picture (*.png);;PDF document (*.pdf);;SVG drawing (*.svg)"


def why_not_save(board: Board) -> str:
    """A sentence that says why the board can't be saved now; "" when it can."""
    if not board.rows or not board.columns:
        return "The board is empty."
    if board.waiting or not all(board.is_current(model) for model in board.models):
        return "The models are still looking. Save the board when all of them have answered."
    if all(sight.error for sight in board.sights()):
        return "No model shows anything. Choose another view or another model."
    return ""


def saver(board: Board, look: Look, path: Path, theme: Theme | None = None) -> Callable[[], Path]:
    """What writes the board as it is now; to be called in a thread. Raises ValueError or OSError there.

    `theme` is the window's, if no other is given.
    """
    answers = [answer for model in board.models if (answer := board.answer(model)) is not None]
    rows = board.rows
    taken = [(answer.sight, [answer.row(each) for each in rows]) for answer in answers]
    query = board.query_image
    settings = replace(board.settings, query_image=rows.index(query) + 1 if query in rows else 1)
    names = [" · ".join(part for part in look.image_words(each) if part) for each in rows]
    probes = {column.model: column.probe for column in board.columns}
    theme = theme or current_theme()

    def write() -> Path:
        sights = [of_rows(sight, places) for sight, places in taken]
        return save_board(path, make_board(sights, names, settings, probes=probes), theme)

    return write


def memo_saver(board: Board, look: Look, project: Path) -> Callable[[], Path]:
    """`saver` of a picture for the memo, which is a light page, under a free name among the project's boards.

    Raises ValueError there for one that is larger than a memo takes.
    """
    folder, name = (
        project / BOARDS,
        board.plan.name or SHOWN.get(board.settings.show, board.settings.inspection),
    )
    stem = (
        "".join(letter if letter.isalnum() or letter in " -_" else "-" for letter in name).strip() or "board"
    )
    path, number = folder / f"{stem}.png", 1
    while path.exists():
        number += 1
        path = folder / f"{stem} {number}.png"
    save = saver(board, look, path, LIGHT)

    def write() -> Path:
        # Here, because the memo brings its statistics along.
        from workbench.decide.memo.boards_section import MOST_BYTES

        folder.mkdir(exist_ok=True)
        written = save()
        size = written.stat().st_size
        if size > MOST_BYTES:
            written.unlink()
            raise ValueError(
                f"The board would have {data_size(size)}, and a memo takes {data_size(MOST_BYTES)} at most. Show "
                "fewer images or models, then add it."
            )
        return written

    return write


def of_rows(sight: Sight, rows: Sequence[int]) -> Sight:
    """What a model answered about some of its pictures, in that order."""
    if sight.error:
        return sight
    taken: dict[str, Any] = {
        name: made[list(rows)]
        for name in sight.__dataclass_fields__
        if name != "shares" and isinstance(made := getattr(sight, name), np.ndarray)
    }
    return replace(sight, reasons=tuple(sight.reasons[row] for row in rows), **taken)
