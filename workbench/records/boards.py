"""Boards that a project keeps: which models and images are looked at side by side, and how.

boards.json    the boards that were kept under a name, the newest last
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.records.files import DocumentError, read_document, write_document
from workbench.records.inspection import InspectSettings
from workbench.records.params import build

VERSION = 1
FILE = "boards.json"
ROWS = ("picked", "misses", "hardest", "random", "odd", "files", "kept")
MOST_ROWS = 48
OUTSIDE = "file:"  # what the id of a picture from a file begins with; no item of a data set has such an id


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Which images are the rows of a board.

    Attributes:
        kind: "picked" are those that were selected, "misses" those that `model` gets wrong, "hardest" those that most
            models do, "random" is a draw, "odd" those that are painted worst of a draw, "kept" those of `ids`.
        number: of rows, without those that are pinned.
        model: as the comparison names it; "" takes its first.
        draw: another number draws other images.
        ids: of "picked", "files" and "kept": item ids, and `outside_id` of pictures from files.
    """

    kind: str = "random"
    number: int = 8
    model: str = ""
    draw: int = 0
    ids: tuple[str, ...] = ()


def outside_id(file: Path) -> str:
    """What names a picture that is not in the data set: the whole path of its file."""
    return f"{OUTSIDE}{file}"


def outside_file(identifier: str) -> Path | None:
    """The file of a picture from outside; None for an item of the data set."""
    return Path(identifier.removeprefix(OUTSIDE)) if identifier.startswith(OUTSIDE) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardPlan:
    """A board as plain data.

    Attributes:
        models: as a job is asked for them; None for those of the comparison that is shown.
        pinned: ids of rows that stay whatever is chosen.
        panel: which picture of a reconstruction is shown, of `pixels.cells.PANELS`.
        query_image: id of the image that the query for likeness lies in; "" for the first row.
    """

    name: str = ""
    models: tuple[str, ...] | None = None
    rows: Rows = field(default_factory=Rows)
    pinned: tuple[str, ...] = ()
    settings: InspectSettings = field(default_factory=InspectSettings)
    panel: str = "pasted"
    query_image: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> BoardPlan:
        """Raises ValueError for what is no board of this version."""
        try:
            models, rows = body["models"], dict(body["rows"])
            made = cls(
                name=str(body["name"]),
                models=None if models is None else tuple(str(model) for model in models),
                rows=Rows(
                    kind=str(rows["kind"]),
                    number=min(max(int(rows["number"]), 1), MOST_ROWS),
                    model=str(rows["model"]),
                    draw=int(rows["draw"]),
                    ids=tuple(str(each) for each in rows["ids"]),
                ),
                pinned=tuple(str(each) for each in body["pinned"]),
                settings=build(InspectSettings, dict(body["settings"])),
                panel=str(body["panel"]),
                query_image=str(body["query_image"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is no board ({type(error).__name__}: {error}).") from None
        if made.rows.kind not in ROWS:
            raise ValueError(f"This is no board: {made.rows.kind!r} are no rows.")
        made.settings.place()
        made.settings.drawn_boxes()
        return made


def load_boards(path: Path) -> tuple[BoardPlan, ...]:
    """None where there is no file. Raises DocumentError where it can't be read."""
    if not path.exists():
        return ()
    body = read_document(path, "boards", VERSION)
    try:
        return tuple(BoardPlan.from_json(board) for board in body["boards"])
    except (KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"{path} holds a board that can't be read ({error}). Remove the file.") from None


def save_boards(path: Path, boards: Iterable[BoardPlan]) -> None:
    write_document(path, "boards", VERSION, {"boards": [board.to_json() for board in boards]})


def with_board(boards: Iterable[BoardPlan], board: BoardPlan, name: str) -> tuple[BoardPlan, ...]:
    """The boards and this one under `name`, which takes the place of another of that name."""
    return (*without_board(boards, name), replace(board, name=name))


def without_board(boards: Iterable[BoardPlan], name: str) -> tuple[BoardPlan, ...]:
    return tuple(board for board in boards if board.name != name)
