"""Pictures from files: a worker that stays embeds each just as the images were, and looks up what is nearest.

ask.json         {"ask": number, "config": the job's values}
neighbours.json  the answer, with the number that it answers
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.ask_file import AskFile, Read
from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.gui.maps.atlas import stamps
from workbench.records.nearest import MOST
from workbench.records.neighbours_job import RESULT, AskedImage, NeighboursJob, NeighboursResult
from workbench.records.project import Project

KEPT = 32  # answers, for going back

Key = tuple[object, ...]


class OutsideAsker(AskFile):
    """`came` brings the file, and the models' answers in their order, or a sentence that says why there are none."""

    came = Signal(object, object)

    def __init__(
        self, jobs: Jobs, background: Background, project: Callable[[], Project], parent: QObject
    ) -> None:
        super().__init__(jobs, background, project, "outside", "Look up the neighbours of a picture", parent)
        self._pending: dict[int, tuple[Key, Path]] = {}  # by the number of the request
        self._latest = Path()
        self._known: OrderedDict[Key, AskedImage] = OrderedDict()
        self.failed.connect(lambda sentence: self.came.emit(self._latest, sentence))

    def ask(self, picture: Path, files: Mapping[str, Path], folders: Sequence[str]) -> None:
        """Ask the models' embedding files; what was answered before is answered at once. The latest wish wins.

        Raises ValueError for what can't be asked.
        """
        key = (stamp_of(picture), tuple(files.items()), stamps(files), tuple(folders))
        if key in self._known:
            self._known.move_to_end(key)
            self.came.emit(picture, self._known[key])
            return
        job = NeighboursJob(
            images=(str(picture),), files=tuple(map(str, files.values())), k=MOST, folders=tuple(folders)
        )
        self._latest = picture
        self._pending[self.next_ask] = key, picture
        self._want({"config": asdict(job)})

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
            return
        answer = self._known[key] = result.images[0]
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.came.emit(picture, answer)


def stamp_of(picture: Path) -> bytes:
    """16 bytes that are others when the file is another: they name its thumbnail."""
    try:
        facts = picture.stat()
        text = f"{picture}|{facts.st_size}|{facts.st_mtime_ns}"
    except OSError:
        text = str(picture)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
