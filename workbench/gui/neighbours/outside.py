"""Pictures from files: a worker that stays embeds each just as the images were, and looks up what is nearest.

ask.json         {"ask": number, "config": the job's values}
neighbours.json  the answer, with the number that it answers
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.ask_file import AskFile, Read
from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.gui.maps.atlas import stamps
from workbench.records.nearest import MOST
from workbench.records.neighbours_job import RESULT, AskedImage, NeighboursJob, NeighboursResult
from workbench.records.project import Project

KEPT = 64  # answers, for going back: more than a board has rows

Key = tuple[object, ...]


class OutsideAsker(AskFile):
    """`came` brings the file, and the models' answers in their order, or a sentence that says why there are none.

    What was asked for is answered first; then what may be asked for next, so that going on to it waits for nothing.
    """

    came = Signal(object, object)

    def __init__(
        self, jobs: Jobs, background: Background, project: Callable[[], Project], parent: QObject
    ) -> None:
        super().__init__(jobs, background, project, "outside", "Look up the neighbours of a picture", parent)
        self._pending: dict[int, tuple[Key, Path]] = {}  # by the number of the request
        self._latest = Path()
        self._known: OrderedDict[Key, AskedImage] = OrderedDict()
        self._ahead: Callable[[], None] | None = None
        self.failed.connect(lambda sentence: self.came.emit(self._latest, sentence))

    def ask(
        self,
        picture: Path,
        files: Mapping[str, Path],
        folders: Sequence[str],
        ahead: Callable[[], Path | None] = lambda: None,
    ) -> None:
        """Ask the models' embedding files; what was answered before is answered at once. The latest wish wins.

        `ahead` says which picture is looked up after this one. Raises ValueError for what can't be asked.
        """
        self._ahead = partial(self._look_ahead, ahead, files, folders)
        key = _key(picture, files, folders)
        if key in self._known:
            self._known.move_to_end(key)
            self.came.emit(picture, self._known[key])
            self._go_ahead()
            return
        self._send(key, picture, files, folders)

    def _send(self, key: Key, picture: Path, files: Mapping[str, Path], folders: Sequence[str]) -> None:
        self._latest = picture
        if self.waiting and self._pending and list(self._pending.values())[-1][0] == key:
            return  # it is being looked up
        job = NeighboursJob(
            images=(str(picture),), files=tuple(map(str, files.values())), k=MOST, folders=tuple(folders)
        )
        self._pending[self.next_ask] = key, picture
        self._want({"config": asdict(job)})

    def _go_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead()

    def _look_ahead(
        self, ahead: Callable[[], Path | None], files: Mapping[str, Path], folders: Sequence[str]
    ) -> None:
        picture = ahead()
        if picture is not None and (key := _key(picture, files, folders)) not in self._known:
            self._send(key, picture, files, folders)

    def leave(self) -> None:
        self._ahead = None
        super().leave()

    def stop(self) -> None:
        self._ahead = None
        super().stop()

    def _job(self, ask: Path) -> NeighboursJob:
        return NeighboursJob(watch=True)

    def _answers(self) -> Iterable[tuple[str, Read]]:
        return ((RESULT, NeighboursResult.load),)

    def _take(self, result: NeighboursResult) -> None:
        asked = self._pending.get(result.ask)
        self._pending = {number: each for number, each in self._pending.items() if number > result.ask}
        if not self._pending:
            self._settle()
        if asked is None:
            return
        key, picture = asked
        if result.error:
            self.came.emit(picture, result.error)
            self._go_ahead()
            return
        answer = self._known[key] = result.images[0]
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.came.emit(picture, answer)
        if not self._pending:
            self._go_ahead()


def _key(picture: Path, files: Mapping[str, Path], folders: Sequence[str]) -> Key:
    return (stamp_of(picture), tuple(files.items()), stamps(files), tuple(folders))


def stamp_of(picture: Path) -> bytes:
    """16 bytes that are others when the file is another: they name its thumbnail."""
    try:
        facts = picture.stat()
        text = f"{picture}|{facts.st_size}|{facts.st_mtime_ns}"
    except OSError:
        text = str(picture)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
