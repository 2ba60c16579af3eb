"""The boards that the author chose: pictures from the project, with the sentence that belongs to each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from workbench.decide.memo.book import Book
from workbench.decide.memo.document import Block, Picture
from workbench.records.inspection import FOR_LOOKING
from workbench.records.project import Project
from workbench.records.text import data_size, printable

BOARD = "board.png"  # in a board's folder
MOST_BYTES = 20_000_000
_PNG = b"\x89PNG\r\n\x1a\n"


def boards(project: Project, chosen: Sequence[str], book: Book) -> tuple[Block, ...]:
    """One picture for each; its digest is bound, so that a check finds another picture in its place.

    Args:
        chosen: folders with a `board.png`, or PNG files, relative to the project.

    Raises:
        ValueError: a board that is outside the project, isn't there, is no PNG or is too large.
    """
    made = []
    for place, name in enumerate(dict.fromkeys(chosen), start=1):
        picture = _picture(project.folder, name)
        digest = hashlib.blake2b(picture.png, digest_size=8).hexdigest()
        book.number(f"board.{place}", picture.title, digest, file=picture.path, how=f"digest {digest}")
        made.append(picture)
    return tuple(made)


def _picture(folder: Path, name: str) -> Picture:
    whole = folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(whole):
        raise ValueError(
            f"The board {printable(name)} lies outside the project. Save it into the project's folder."
        )
    path = path if path.suffix.lower() == ".png" else path / BOARD
    shown = printable(path.relative_to(whole).as_posix())
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise ValueError(
                f"The board {shown} has {data_size(size)}, and a memo takes {data_size(MOST_BYTES)} at most. Save a "
                "board with fewer pictures."
            )
        png = path.read_bytes()
    except OSError:
        raise ValueError(
            f"The board {shown} is not there. Save it again, or take it out of the memo."
        ) from None
    if not png.startswith(_PNG):
        raise ValueError(f"The board {shown} is no PNG picture. Save it again as PNG.")
    title = path.parent.name if path.name == BOARD and path.parent != whole else path.stem
    return Picture(title=printable(title), caption=FOR_LOOKING, path=shown, png=png)
