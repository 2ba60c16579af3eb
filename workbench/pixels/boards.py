"""What stands on a board: rows are pictures, columns are models, and the words around them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.pixels.cells import Cell, cells, error_top, plain_cell
from workbench.records.inspection import FOR_LOOKING, SHOWN, InspectSettings, Sight
from workbench.records.sight_words import asked_words, column_words, notes_of
from workbench.records.text import count


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A model: its name, how its column came about, its probe's score where there is one."""

    title: str
    words: str = ""
    probe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A picture: its name, the picture itself, and for each column the cells that stand there side by side."""

    name: str
    picture: Cell
    cells: tuple[tuple[Cell, ...], ...]
    heading: str = ""  # a line above all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    asked: str = ""  # one or two sentences under the title
    notes: tuple[str, ...] = ()  # below the pictures
    claim: str = FOR_LOOKING  # what it is not, at the foot


def make_board(
    sights: Sequence[Sight],
    names: Sequence[str],
    settings: InspectSettings,
    *,
    title: str = "",
    probes: Mapping[str, str] | None = None,
) -> Board:
    """The board of all models that could answer; why the others couldn't stands in the notes.

    Args:
        names: of the pictures that were asked for.
        probes: model, as it was asked for -> what stands under its name, such as "probe 0.931".
    """
    shown = [sight for sight in sights if not sight.error]
    top = error_top(shown)
    rows = []
    for place, name in enumerate(names):
        picture = plain_cell(shown, place)
        groups = tuple(_group(sight, place, settings, top, shown[0]) for sight in shown)
        rows.append(Row(name=name, picture=picture, cells=groups))
    what = SHOWN.get(settings.show, settings.inspection)
    return Board(
        title=title or f"{what}: {_number(shown, len(names))}, {count(len(shown), 'model')}",
        columns=tuple(
            Column(
                title=name_of(sight),
                words=column_words(sight, settings),
                probe=(probes or {}).get(sight.model, ""),
            )
            for sight in shown
        ),
        rows=tuple(rows),
        asked=asked_words(settings, top),
        notes=_notes(sights, settings),
    )


def _number(shown: Sequence[Sight], asked: int) -> str:
    """ "5 pictures", or "4 of 5 pictures" where not all can be read."""
    bad = len(shown[0].reasons) - shown[0].reasons.count("") if shown else 0
    return f"{asked - bad} of {count(asked, 'picture')}" if bad else count(asked, "picture")


def name_of(sight: Sight) -> str:
    """What a model is called, also one that couldn't be opened."""
    return sight.title or sight.model


def _group(sight: Sight, row: int, settings: InspectSettings, top: float, first: Sight) -> tuple[Cell, ...]:
    """A model's cells; without the original where the picture beside shows the very same part."""
    group = cells(sight, row, settings, top)
    same = sight.seen is None or first.seen is None or np.allclose(sight.seen, first.seen)
    return tuple(cell for cell in group if not (same and cell.panel == "original"))


def _notes(sights: Sequence[Sight], settings: InspectSettings) -> tuple[str, ...]:
    """Each model's under its name; what several say in common is said once."""
    said: dict[str, list[str]] = {}
    for sight in sights:
        for note in [sight.error] if sight.error else notes_of(sight, settings):
            said.setdefault(note, []).extend([] if _named(note, name_of(sight)) else [name_of(sight)])
    return tuple(
        f"{', '.join(dict.fromkeys(names))}: {note}" if names else note for note, names in said.items()
    )


def _named(note: str, name: str) -> bool:
    """Whether a note says whom it is about; "starter_dino" is there as "Starter DINO"."""
    words = [" ".join(re.findall(r"[^\W_]+", text.lower())) for text in (note, name)]
    return name in note or f" {words[1]} " in f" {words[0]} "
