"""What is known of the images behind the points: where they lie, what was said of them; and telling it of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QWidget

from workbench.gui.item_ids import positions
from workbench.gui.maps.atlas import NO_CODE, Atlas
from workbench.gui.maps.colouring import Answers, answers
from workbench.gui.maps.hover import HoverCard
from workbench.gui.session import Session
from workbench.gui.thumbnails import thumbnails_of, tile_key
from workbench.records.index import ImageIndex
from workbench.records.results import Predictions
from workbench.records.text import printable


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Looked up in a thread for an atlas and an index."""

    index: ImageIndex | None
    position: np.ndarray  # (items,) int64 in the index, -1 where it doesn't hold the image
    answers: Answers

    def file(self, session: Session, item: int) -> tuple[bytes, Path, str] | None:
        """The key of an item's thumbnail, its file and what that is called; None where the open folder lacks it.

        Of files of the same bytes another one may bear the item's id since they were embedded.
        """
        position = int(self.position[item])
        if self.index is None or self.index is not session.index or position < 0:
            return None
        return tile_key(self.index, position), session.file(position), str(self.index.paths[position])


def look_up(atlas: Atlas, index: ImageIndex | None, predictions: Predictions | None) -> Known:
    """Everything anew."""
    said = answers(atlas, predictions) if predictions is not None else {}
    return look_up_files(atlas, index, said)


def look_up_files(atlas: Atlas, index: ImageIndex | None, said: Answers) -> Known:
    """After an edit of the images: what was said of them is the same."""
    found = np.full(len(atlas.ids), -1, np.int64)
    if index is not None:
        for name, position in positions(index, atlas.ids).items():
            found[atlas.where[name]] = position
    return Known(index, found, said)


class Pointing:
    """Shows the card of an item beside a point of `page`."""

    def __init__(self, session: Session, page: QWidget) -> None:
        self._session = session
        self.card = HoverCard(thumbnails_of(session), page)

    def leave(self) -> None:
        self.card.leave()

    def tell(self, atlas: Atlas, known: Known | None, model: str, item: int, at: QPoint) -> None:
        """`model` is the one whose answer is told."""
        found = known.file(self._session, item) if known is not None else None
        key, path, called = found if found is not None else (b"", None, atlas.paths[item])
        name = called.rsplit("/", 1)[-1]
        self.card.tell(at, printable(name), self._lines(atlas, known, model, item), key, path)

    def _lines(self, atlas: Atlas, known: Known | None, model: str, item: int) -> list[str]:
        """Class, what the model's probe says, and the group, of an item."""
        result = self._session.result
        code = int(atlas.labels.code[item])
        lines = [printable(atlas.labels.names[code]) if code != NO_CODE else "No label"]
        said = known.answers.get(model) if known is not None else None
        if said is not None and result is not None and said[0][item] != NO_CODE:
            lines.append(f"Said: {printable(result.classes[int(said[0][item])])}")
        group = int(atlas.groups.code[item])
        if group != NO_CODE:
            lines.append(printable(atlas.groups.names[group]))
        return lines
