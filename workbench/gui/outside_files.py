"""Pictures from files that are not in the data set: dropped or chosen, read one after the other in a thread.

One set for the whole window: its pictures are rows of the board and questions among neighbours alike, and the project
remembers where they lie. What can't be read is told by its name, and the others go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench.gui.background import Background
from workbench.pixels.decode import EXTENSIONS
from workbench.pixels.gathered import Gathered, Picture, gather, look_at_picture
from workbench.records.boards import MOST_ROWS
from workbench.records.index import Refused
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

FILTER = f"Pictures ({' '.join(f'*{ending}' for ending in sorted(EXTENSIONS))});;All files (*)"
FOLDER = "neighbours.folder"  # where a project looks first, as it remembers it
REMEMBERED = "outside.files"
TOLD = 2  # reasons that are written out


def dropped(event: QDropEvent) -> list[Path]:
    """The files and folders that are being dragged."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


def choose_files(parent: QWidget, session: Session, title: str) -> list[Path]:
    """Ask for files, in the folder where they were looked for last; empty where none is chosen."""
    folder = str(session.recall(FOLDER, str(Path.home())))
    chosen, _ = QFileDialog.getOpenFileNames(parent, title, folder, FILTER)
    if chosen:
        session.remember(FOLDER, str(Path(chosen[0]).parent))
    return [Path(name) for name in chosen]


class OutsideFiles(QObject):
    """`changed` when more is known or another set is read; `asked` brings a file whose neighbours are wanted.

    Attributes:
        pictures: that can be shown, in the order in which they were named; those before while none of new ones is.
        refused: of the last that were named, what can't be shown, with reasons.
        done, total: files that were read, of how many.
        busy: whether more are being read.
    """

    changed = Signal()
    asked = Signal(object)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._background = session, Background(self)
        self._project: object = None
        self.pictures: tuple[Picture, ...] = ()
        self.refused: tuple[Refused, ...] = ()
        self.done = self.total = 0
        self.busy = False
        self._found: list[Picture] = []
        self._bad: list[Refused] = []
        self._waiting: deque[Path] = deque()
        self._turn = 0
        self._told = ""
        session.project_changed.connect(self._restore)

    @property
    def newly_read(self) -> bool:
        """Whether any of those that were named last can be shown; else the pictures are those of before."""
        return bool(self._found)

    @property
    def files(self) -> tuple[Path, ...]:
        return tuple(picture.file for picture in self.pictures)

    def open(self, named: Sequence[Path]) -> None:
        """Read these files, and the images of these folders, in place of those that were read before."""
        self._begin(named, whole=True)

    def stop(self) -> None:
        """Read no more of them, and keep what was read."""
        if self.busy:
            self._end(stopped=True)

    def close(self) -> None:
        """Put all of them away."""
        self._turn += 1
        self.busy, self.pictures, self.refused, self._told = False, (), (), ""
        self._session.remember(REMEMBERED, [])
        self.changed.emit()

    def told(self) -> str:
        """What there is to say of the last that were named, until `quiet`; "" where all are there."""
        return self._told

    def quiet(self) -> None:
        """It was read."""
        if self._told:
            self._told = ""
            self.changed.emit()

    # Reading

    def _restore(self) -> None:
        """Another project, and what it remembers; what is gone is left out without a word."""
        if self._project is not self._session.project:
            self._project, self.pictures = self._session.project, ()
            kept = self._session.recall(REMEMBERED, [])
            self._begin([Path(str(name)) for name in kept] if isinstance(kept, list) else [], whole=False)

    def _begin(self, named: Sequence[Path], *, whole: bool) -> None:
        self._turn += 1
        turn = self._turn
        self._found, self._bad, self._waiting = [], [], deque()
        self.done = self.total = 0
        self.busy, self._told = bool(named), ""
        if named:
            wanted: Callable[[], bool] = lambda: turn == self._turn  # noqa: E731
            listed = partial(self._listed, turn, whole)
            self._background.run(lambda: gather(named, wanted=wanted), listed, lambda _: None)
        self.changed.emit()

    def _listed(self, turn: int, whole: bool, found: Gathered) -> None:
        if turn == self._turn:
            self._bad, self._waiting, self.total = [*found.refused], deque(found.files), len(found.files)
            self._go_on(turn, whole)

    def _go_on(self, turn: int, whole: bool) -> None:
        """One file at a time, so that a look at the window's wishes lies between any two."""
        if turn != self._turn:
            return
        if not self._waiting or len(self._found) >= MOST_ROWS:
            self._end(quiet=not whole)
            return
        file, reading = self._waiting.popleft(), self._session.reading

        def take(picture: Picture) -> None:
            if turn == self._turn:
                self._found.append(picture)
                self.pictures = tuple(self._found)
                after()

        def refuse(error: Exception) -> None:
            if turn == self._turn:
                self._bad.append(Refused(str(file), getattr(error, "reason", str(error))))
                after()

        def after() -> None:
            self.done += 1
            self.changed.emit()
            self._go_on(turn, whole)

        self._background.run(lambda: look_at_picture(file, reading, whole=whole), take, refuse)

    def _end(self, *, stopped: bool = False, quiet: bool = False) -> None:
        self._turn += 1
        self.busy = False
        self.refused = () if quiet else tuple(self._bad)
        self._told = "" if quiet else " ".join(self._sentences(stopped))
        self._waiting = deque()
        if self._found and not quiet:
            self._session.remember(REMEMBERED, [str(file) for file in self.files])
        self.changed.emit()

    def _sentences(self, stopped: bool) -> list[str]:
        told = []
        if stopped:
            told.append(f"Stopped: {self.done} of {count(self.total, 'file')} were read.")
        elif self._waiting:
            left = len(self._waiting)
            told.append(
                f"A board has {MOST_ROWS} rows at the most: the first {MOST_ROWS} are shown, and "
                f"{count(left, 'file')} {'is' if left == 1 else 'are'} left out."
            )
        whole = self.total + self._named_only()
        names = [printable(Path(each.path).name or each.path) for each in self._bad[:TOLD]]
        if whole == 1 and self._bad:
            told.append(f"{names[0]} can't be shown. {self._bad[0].reason}")
        elif self._bad:
            told.append(f"{len(self._bad)} of {whole} can't be shown.")
            told += [f"{name}: {each.reason}" for name, each in zip(names, self._bad, strict=False)]
            if len(self._bad) > TOLD:
                told.append(f"And {len(self._bad) - TOLD} more.")
        return told

    def _named_only(self) -> int:
        """What was named and never was a file to be read: gone, or a folder without images."""
        return len(self._bad) - (self.done - len(self._found))
