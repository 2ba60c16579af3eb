"""A picture from a file, asked about: a job embeds it just as the images were, and looks up what is nearest."""

from __future__ import annotations

import hashlib
import shutil
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.gui.maps.atlas import stamps
from workbench.records.nearest import MOST
from workbench.records.neighbours_job import RESULT, AskedImage, NeighboursJob, NeighboursResult
from workbench.records.project import Project
from workbench.records.runs import RunFolder
from workbench.supervisor import JobState

FOLDER = "outside"  # of the project's caches, in which runs live until they have answered
KEPT = 32  # answers, for going back


class OutsideAsker(QObject):
    """`came` brings the file, and the models' answers in their order; `failed` the file and a sentence."""

    came = Signal(object, object)
    failed = Signal(object, str)

    def __init__(
        self, jobs: Jobs, background: Background, project: Callable[[], Project], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._jobs, self._background, self._project = jobs, background, project
        self._run: RunFolder | None = None
        self._known: OrderedDict[tuple[object, ...], AskedImage] = OrderedDict()

    def ask(self, picture: Path, files: Mapping[str, Path], folders: Sequence[str]) -> None:
        """Ask the models' embedding files; what was answered before is answered at once. The latest wish wins.

        Raises ValueError for what can't be asked.
        """
        self.stop()
        key = (stamp_of(picture), tuple(files.items()), stamps(files), tuple(folders))
        if key in self._known:
            self._known.move_to_end(key)
            self.came.emit(picture, self._known[key])
            return
        job = NeighboursJob(
            images=(str(picture),), files=tuple(map(str, files.values())), k=MOST, folders=tuple(folders)
        )
        folder = self._project().folder / "caches" / FOLDER
        for left in folder.glob("*"):  # of a window that was closed
            if not RunFolder(left).alive():
                shutil.rmtree(left, ignore_errors=True)
        run = self._run = RunFolder.create(folder, job, title="Look up the neighbours of a picture")
        self._jobs.start_aside(run, lambda run, state: self._ended(key, picture, run, state))

    def stop(self) -> None:
        """Nobody waits for the answer any more."""
        run, self._run = self._run, None
        if run is not None:
            self._jobs.stop(run.id)

    def _ended(self, key: tuple[object, ...], picture: Path, run: RunFolder, state: JobState) -> None:
        if self._run is None or run.id != self._run.id:
            shutil.rmtree(run.path, ignore_errors=True)
            return

        def read() -> AskedImage:
            try:
                return NeighboursResult.load(run.path / RESULT).images[0]
            finally:
                shutil.rmtree(run.path, ignore_errors=True)

        def take(answer: AskedImage) -> None:
            self._known[key] = answer
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            if self._run is not None and run.id == self._run.id:
                self._run = None
                self.came.emit(picture, answer)

        if state.status.state == "done":
            self._background.run(read, take, lambda error: self.failed.emit(picture, str(error)))
            return
        self._run = None
        shutil.rmtree(run.path, ignore_errors=True)
        self.failed.emit(picture, state.status.error or "The picture was not embedded. Ask again.")


def stamp_of(picture: Path) -> bytes:
    """16 bytes that are others when the file is another: they name its thumbnail."""
    try:
        facts = picture.stat()
        text = f"{picture}|{facts.st_size}|{facts.st_mtime_ns}"
    except OSError:
        text = str(picture)
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).digest()
