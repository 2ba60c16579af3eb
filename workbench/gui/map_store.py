"""The maps of the shown comparison, part of the session: read in a thread when somebody looks, drawn by a job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.gui.maps.atlas import Atlas, read_atlas, stamps
from workbench.records.params import build
from workbench.records.projection import MAPS, ProjectJob
from workbench.records.runs import ENDED, RunFolder
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session


class MapStore(QObject):
    """`atlas` is None until it has been read; `problem` is the sentence that says why it can't be."""

    changed = Signal()  # the atlas, or whether it is being read

    def __init__(self, session: Session, jobs: Jobs) -> None:
        super().__init__(session)
        self._session, self._jobs = session, jobs
        self._background = Background(self)
        self.atlas: Atlas | None = None
        self.problem = ""
        self._key: tuple[object, ...] = ()  # what the atlas was read from
        self._asked: tuple[object, ...] = ()
        session.result_changed.connect(self._on_result)

    @property
    def files(self) -> dict[str, Path]:
        """The embedding file of each model of the shown comparison."""
        project, result = self._session.project, self._session.result
        if project is None or result is None:
            return {}
        return result.files(project.run(project.settings.result).path)

    @property
    def reading(self) -> bool:
        return bool(self._asked)

    @property
    def drawing(self) -> bool:
        """Whether a job that draws maps waits or runs."""
        return any(job.kind == ProjectJob.kind and job.status.state not in ENDED for job in self._jobs.all())

    def look(self) -> None:
        """Have the atlas of the shown comparison: `changed` comes when it is another one."""
        files, project = self.files, self._session.project
        if project is None or not files:
            return
        key = (tuple(files.items()), stamps(files))
        if key in (self._key, self._asked):
            return
        self._asked = key

        def read() -> Atlas:
            runs = [run for run in reversed(project.runs(ProjectJob.kind))]
            return read_atlas(files, runs)

        self._background.run(read, lambda atlas: self._take(key, atlas), lambda e: self._fail(key, str(e)))
        self.changed.emit()

    def draw(self, values: Mapping[str, Any]) -> str:
        """Draw a map of every model and write it into its file. Returns the run's id.

        Raises ValueError for what the job doesn't take.
        """
        files = self.files
        job = build(ProjectJob, {**values, "files": tuple(map(str, files.values())), "out": ""})
        title = f"Draw {MAPS[job.map]} of {count(len(files), 'model')}"
        return self._jobs.start(job, title, then=self.adopt)

    def adopt(self, _: RunFolder) -> None:
        """A job has drawn: read the files again."""
        self.look()

    def _take(self, key: tuple[object, ...], atlas: Atlas) -> None:
        if key == self._asked:
            self.atlas, self.problem, self._key, self._asked = atlas, "", key, ()
            self.changed.emit()

    def _fail(self, key: tuple[object, ...], sentence: str) -> None:
        if key == self._asked:
            self.atlas, self.problem, self._key, self._asked = None, sentence, key, ()
            self.changed.emit()

    def _on_result(self) -> None:
        """Another comparison, or none: the maps are read again when somebody looks."""
        self.atlas, self.problem, self._key, self._asked = None, "", (), ()
        self.changed.emit()
