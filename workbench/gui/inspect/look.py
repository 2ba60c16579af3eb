"""What the cells of a board show and say: pictures from a thread, heads, captions, tooltips. No painting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.inspect.board import Answer, Board
from workbench.gui.inspect.composer import Composer, Made, Wish
from workbench.gui.inspect.painter import Head
from workbench.gui.inspect.zoom import Box, letterbox
from workbench.gui.thumbnails import Tile, thumbnails_of
from workbench.pixels.cells import Cell, cells
from workbench.records.index import NO_CODE
from workbench.records.inspection import InspectSettings
from workbench.records.sight_words import column_words, notes_of
from workbench.records.text import count, printable


class Look(QObject):
    """Asked by what paints, between `begin` and `end`: what is asked for there and isn't there yet is made.

    `arrived` brings the cells that look another way now, as (model or "" for the image itself, item id); None is all.
    """

    arrived = Signal(object)

    def __init__(self, board: Board) -> None:
        super().__init__(board)
        self.board = board
        self.composer = Composer(Background(board.session), self)
        self.composer.made.connect(lambda keys: self.arrived.emit({key[:2] for key in keys}))
        self.thumbnails = thumbnails_of(board.session)
        self.thumbnails.arrived.connect(self._on_tiles)
        self.thumbnails.renewed.connect(lambda: self.arrived.emit(None))
        self._wishes: list[Wish] = []
        self._tiles: dict[bytes, frozenset[str]] = {}  # what was asked for -> rows: files may be copies
        self._drawn: dict[
            int, tuple[Answer | None, InspectSettings, bool]
        ] = {}  # by column, while it is painted
        self._side, self._ratio = 1, 1.0

    def begin(self, side: int, ratio: float) -> None:
        """`side`: of a cell in pixels of the screen, of which `ratio` are one of the window."""
        self._wishes, self._tiles, self._drawn = [], {}, {}
        self._side, self._ratio = side, ratio

    def end(self) -> None:
        self.composer.want(self._wishes)
        self.thumbnails.retain(self._tiles, id(self))
        self._drawn = {}

    def _on_tiles(self, keys: set[bytes]) -> None:
        if found := {("", name) for key in keys for name in self._tiles.get(key, ())}:
            self.arrived.emit(found)

    # Pictures

    def cell(self, row: int, column: int) -> tuple[Made | None, bool]:
        """The picture of a model's column, counted from 0, and whether an answer is awaited for it."""
        board, model = self.board, self.board.columns[column].model
        if column not in self._drawn:
            said = board.answer(model)
            drawn = board.drawn(said) if said is not None else board.settings
            self._drawn[column] = (said, drawn, board.waiting and not board.is_current(model))
        answer, drawn, waits = self._drawn[column]
        identifier = board.rows[row]
        at = answer.row(identifier) if answer is not None else -1
        if answer is None or at < 0:
            return None, waits
        panel, top = board.plan.panel, board.top
        stamp = (answer.number, drawn, panel, top, self._side)
        key = (model, identifier, drawn.show)
        made, fresh = self.composer.get(key, stamp)
        if not fresh:
            draw = partial(draw_cell, answer, at, drawn, panel, top)
            self._wishes.append(Wish(key, stamp, self._side, self._ratio, draw))
        return made, waits

    def tile(self, identifier: str) -> Tile | None:
        """The image itself."""
        image = self.board.image(identifier)
        if image is None:
            return None
        self._tiles[image.key] = self._tiles.get(image.key, frozenset()) | {identifier}
        return self.thumbnails.get(image.key, image.file, id(self))

    def seen(self, identifier: str, column: int) -> np.ndarray | None:
        """(4,) what of the whole picture a cell shows; the image itself is column -1."""
        if column < 0:
            image = self.board.image(identifier)
            return letterbox(image.width, image.height) if image is not None else None
        answer = self.board.answer(self.board.models[column])
        row = answer.row(identifier) if answer is not None else -1
        if answer is None or answer.sight.seen is None or row < 0:
            return None
        seen: np.ndarray = answer.sight.seen[row]
        return seen if np.isfinite(seen).all() and (seen[2:] > seen[:2]).all() else None

    def boxes(self, rubber: Box | None) -> Sequence[Box]:
        """Those that are drawn by hand, with the one that is being drawn."""
        settings = self.board.settings
        if settings.show != "reconstruction":
            return ()
        drawn = [tuple(box) for box in settings.drawn_boxes().tolist()]
        return [*drawn, *([rubber] if rubber is not None else [])]

    # Words

    def title(self, column: int) -> str:
        """As the catalogue or the comparison calls a model, else as it does itself."""
        shown = self.board.columns[column]
        answer = self.board.answer(shown.model)
        unknown = answer is not None and answer.sight.title and shown.title == printable(shown.model)
        return printable(answer.sight.title) if answer is not None and unknown else shown.title

    def head(self, column: int) -> Head:
        """Of a model, counted from 0."""
        board, shown = self.board, self.board.columns[column]
        answer = board.answer(shown.model)
        words, notes = "", tuple[str, ...]()
        if answer is not None:
            drawn = board.drawn(answer)
            words, notes = column_words(answer.sight, drawn), notes_of(answer.sight, drawn)
        if board.waiting and not board.is_current(shown.model):
            words, notes = "looking…", ()
        elif notes and answer is not None and not answer.sight.error:
            words = f"{words} · {notes[0]}" if words else notes[0]
        return Head(
            title=self.title(column),
            name=shown.name,
            probe=shown.probe,
            words=words,
            warned=bool(notes),
        )

    def refusal(self, column: int) -> str:
        """Why a model shows nothing at all; "" where it does."""
        answer = self.board.answer(self.board.models[column])
        return answer.sight.error if answer is not None else ""

    def image_head(self) -> Head:
        return Head(title="Image", probe=count(len(self.board.rows), "row"))

    def image_words(self, identifier: str) -> tuple[str, str]:
        """File name and label."""
        image = self.board.image(identifier)
        if image is None:
            return identifier, ""
        about = image.about
        result, said = self.board.session.result, self.board.said.get(identifier, NO_CODE)
        if result is not None and 0 <= said < len(result.classes):
            about = f"{about}, called {result.classes[said]}"
        error = self.board.picture_error(identifier) if self.board.plan.rows.kind == "odd" else -1.0
        if error >= 0:
            about = f"{about} · error {error:.1f}" if about else f"error {error:.1f}"
        return printable(image.name), printable(about)

    def told(self, row: int, column: int) -> str:
        """The whole of what is known of a cell, or of a head where the row is -1."""
        board = self.board
        if row < 0:
            return self._head_told(column) if column >= 0 else ""
        if row >= len(board.rows) or column >= len(board.columns):
            return ""
        identifier = board.rows[row]
        known = board.image(identifier)
        image = known.told if known is not None else identifier
        pinned = " Pinned." if identifier in board.plan.pinned else ""
        if column < 0:
            return f"{image}{pinned}"
        title = self.title(column)
        refusal = self.refusal(column)
        made, waits = (None, False) if refusal else self.cell(row, column)
        self._drawn = {}
        said = refusal or (made.reason or made.caption if made else "looking" if waits else "")
        return "\n".join(part for part in (f"{title}: {said}" if said else title, image) if part)

    def _head_told(self, column: int) -> str:
        board, shown = self.board, self.board.columns[column]
        answer = board.answer(shown.model)
        lines = [self.title(column), f"{shown.probe}. {shown.probe_tip}"]
        if answer is not None:
            drawn = board.drawn(answer)
            lines += [column_words(answer.sight, drawn), *notes_of(answer.sight, drawn), answer.sight.error]
        return "\n".join(line for line in lines if line)

    # The query by keys

    def move_query(self, row: int, column: int, by: tuple[int, int]) -> None:
        """Ask for the patch beside the one that is asked for, as this model's patches lie."""
        board = self.board
        answer = board.answer(board.models[column]) if column >= 0 else None
        place = board.settings.place()
        at = answer.row(board.rows[row]) if answer is not None else -1
        if answer is None or place is None or at < 0 or not all(answer.sight.grid):
            return
        high, wide = answer.sight.grid
        down, across = answer.sight.patch_at(at, place)
        down, across = min(max(down + by[1], 0), high - 1), min(max(across + by[0], 0), wide - 1)
        spot = answer.sight.whole_place(at, (across + 0.5) / wide, (down + 0.5) / high)
        board.ask_place(board.rows[row], spot)


def draw_cell(answer: Answer, row: int, settings: InspectSettings, panel: str, top: float) -> Cell:
    """In a thread: of a reconstruction the panel that is shown."""
    made = cells(answer.sight, row, settings, top)
    chosen = next((cell for cell in made if cell.panel == panel), made[0])
    errors = answer.sight.picture_errors
    if chosen.panel and not chosen.caption and errors is not None and np.isfinite(errors[row]):
        return replace(chosen, caption=f"error {errors[row]:.1f}")
    return chosen
