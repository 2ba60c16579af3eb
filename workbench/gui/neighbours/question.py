"""Whose neighbours are looked up - an item's, or those of a picture from a file - and what is answered so far."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.maps.atlas import Atlas
from workbench.gui.neighbours.outside import stamp_of
from workbench.gui.neighbours.rows import Found
from workbench.gui.session import Session
from workbench.records.nearest import Nearest, Stopped, nearest_to_item
from workbench.records.neighbours_job import AskedImage


class Question(QObject):
    """`changed` when another thing is asked, or more of it is answered.

    Attributes:
        item: of the atlas; -1 where none is asked about.
        outside: the picture from a file; None where none is asked about.
        before: what was asked about earlier, the last at the end.
        found: by model, of an item.
        answer: about a picture from a file, or why there is none; "" while it is awaited.
        stamp: names that picture's thumbnail.
    """

    changed = Signal()

    def __init__(self, session: Session, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._background = session, background
        self._atlas: Atlas | None = None
        self._asked = 0
        self.item = -1
        self.outside: Path | None = None
        self.before: list[int | Path] = []
        self.found: dict[str, Found] = {}
        self.answer: AskedImage | str = ""
        self.stamp = b""
        session.outside.came.connect(self._take_outside)

    @property
    def asks(self) -> bool:
        return self.item >= 0 or self.outside is not None

    @property
    def answered(self) -> bool:
        """Whether there is something to be shown and saved."""
        return bool(self.found) or isinstance(self.answer, AskedImage)

    def forget_picture(self) -> None:
        """Another project: no file is asked about, and there is nothing to go back to."""
        self._session.outside.stop()
        self.outside, self.answer, self.before = None, "", []

    def take_up(self, atlas: Atlas | None) -> None:
        """Another atlas, in which the same is asked again."""
        before = self._atlas.ids[self.item] if self._atlas is not None and self.item >= 0 else ""
        self._atlas, self.found, self.item, self.before = atlas, {}, -1, []
        if atlas is not None and self.outside is not None:
            self._ask_outside(self.outside)
        elif atlas is not None and before in atlas.where:
            self.ask_item(atlas.where[before])

    def ask_item(self, item: int) -> None:
        atlas, files = self._atlas, self._session.maps.files
        if atlas is None or item == self.item:
            return
        self._leave()
        self.item = item
        self._asked += 1
        asked = self._asked
        answers: dict[str, Found] = {}

        def find(name: str) -> Nearest | None:
            if asked != self._asked:
                raise Stopped("Another image was asked for.")
            return nearest_to_item(files[name], atlas.rows[name], item)

        def take(name: str, found: Nearest | Exception | None) -> None:
            if asked == self._asked:
                answers[name] = str(found) if isinstance(found, Exception) else found
                self.found = answers
                self.changed.emit()

        for name in atlas.rows:  # the first answer is shown before the last is there
            self._background.run(partial(find, name), partial(take, name), partial(take, name))

    def ask_picture(self, picture: Path) -> None:
        if self.outside != picture:
            self._leave()
        self._asked += 1
        self._ask_outside(picture)

    def resume(self) -> None:
        """Somebody looks again: a worker that had to make way meanwhile is asked anew."""
        if self.outside is not None and self.answer == "":
            self._ask_outside(self.outside)

    def _ask_outside(self, picture: Path) -> None:
        atlas, session = self._atlas, self._session
        self.outside, self.answer, self.stamp = picture, "", stamp_of(picture)
        if atlas is None:  # it is asked when they are read
            return
        files: Mapping[str, Path] = {name: session.maps.files[name] for name in atlas.rows}
        try:
            folders = tuple(session.settings.roots.values())
            session.outside.ask(picture, files, folders, partial(self._after, picture))
        except (ValueError, OSError) as error:
            self.answer = str(error)
        self.changed.emit()

    def _after(self, picture: Path) -> Path | None:
        """Which of the pictures from files is likely to be asked about next."""
        files = self._session.pictures.files
        place = files.index(picture) + 1 if picture in files else len(files)
        return files[place] if place < len(files) else None

    def _take_outside(self, picture: Path, answer: AskedImage | str) -> None:
        if picture == self.outside:
            self.answer = answer
            self.changed.emit()

    def _leave(self) -> None:
        """What is asked now is gone back to."""
        self._session.outside.leave()
        if self.outside is not None:
            self.before.append(self.outside)
        elif self.item >= 0:
            self.before.append(self.item)
        self.item, self.outside, self.answer = -1, None, ""

    def back(self) -> int | Path | None:
        """What was asked about before this, which is not gone back to itself; None where nothing was."""
        if not self.before or self._atlas is None:
            return None
        last = self.before.pop()
        self.item, self.outside = -1, None
        return last
