"""The worker that looks into models, as the window asks for it.

ask.json      {"ask": number, "config": the job's values}
sight-K.npz   what the K-th of its models answers, with the number that it answers
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from zipfile import BadZipFile

from PySide6.QtCore import QObject, Signal

from workbench.gui.ask_file import AskFile, Read
from workbench.gui.background import Background
from workbench.gui.jobs import Jobs
from workbench.records.inspection import InspectJob, Sight, sight_file
from workbench.records.project import Project


class Asker(AskFile):
    """`came` brings a `Sight` as soon as its model has answered; `answered` of `total` models have."""

    came = Signal(object)

    def __init__(
        self,
        jobs: Jobs,
        background: Background,
        project: Callable[[], Project],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(jobs, background, project, "inspect", "Look into models", parent)
        self.total = 0
        self._models: set[str] = set()  # that have answered the latest request

    @property
    def answered(self) -> int:
        return len(self._models)

    def ask(self, job: InspectJob) -> int:
        """Returns the number that answers to this will carry, unless another wish comes before it is written."""
        self.total, self._models = len(job.models), set()
        self._want({"config": asdict(job)})
        return self.next_ask

    def _job(self, ask: Path) -> InspectJob:
        return InspectJob(watch=True)

    def _answers(self) -> Iterable[tuple[str, Read]]:
        return [(sight_file(place), _read_sight) for place in range(self.total)]

    def _take(self, sight: Sight) -> None:
        counts = sight.ask >= self._ask and not self._gather.isActive()
        if counts:
            self._models.add(sight.model)
        self.came.emit(sight)
        if counts and len(self._models) >= self.total:
            self._settle()


def _read_sight(path: Path) -> Sight:
    """Raises OSError or ValueError for a file that is none."""
    try:
        return Sight.load(path)
    except (BadZipFile, EOFError, KeyError, TypeError) as error:
        raise ValueError(f"{path} holds no answer ({error}).") from None
