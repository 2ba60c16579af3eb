"""A real session whose workers are never started: the test answers what the board asks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gui.comparison import facts, small_comparison
from tests.gui.inspect.sights import settle, sight
from workbench.gui.commands import Command, Commands
from workbench.gui.inspect.page import BoardPage
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex
from workbench.records.inspection import InspectJob, sight_file
from workbench.records.params import build


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    made = Session()
    monkeypatch.setattr(made, "describe", lambda **_: None)
    monkeypatch.setattr(made, "read_result", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.submitted = []
    monkeypatch.setattr(made._jobs._bridge, "submit", lambda run: made.submitted.append(run))
    made.create_project(tmp_path / "project", "Line 4")
    yield made
    made.close()
    for child in made.children():
        if type(child).__name__ == "Thumbnails":
            child.close()


@pytest.fixture
def compared(session: Session, small_index: ImageIndex) -> Session:
    """Images, and a comparison of the models lab/strong, lab/middle and lab/weak."""
    session.dataset.arranged = Arranged(small_index)
    session.settings.roots = dict(small_index.roots)
    session.result, session.predictions = small_comparison(small_index)
    session.lookup.catalogue = tuple(facts(name) for name in ("strong", "middle", "weak"))
    return session


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.gone = []
    for place in ("data", "models", "compare"):
        made.add(Command(id=f"go.{place}", title=place, run=lambda place=place: made.gone.append(place)))
    return made


@pytest.fixture
def page(qtbot, compared: Session, commands: Commands) -> BoardPage:
    made = BoardPage(compared, commands)
    qtbot.addWidget(made)
    made.resize(1180, 700)
    made.show()
    return made


class Models:
    """Stands in for the worker."""

    def __init__(self, session: Session, qtbot) -> None:
        self.session, self.qtbot = session, qtbot
        self.answered = 0  # number of the last ask that was answered
        self.jobs: list[InspectJob] = []  # what was asked

    def read(self) -> tuple[int, InspectJob]:
        """The ask that lies in the file."""
        body = json.loads((self.session.submitted[-1].path / "ask.json").read_text("utf-8"))
        return body["ask"], build(InspectJob, body["config"])

    def answer(self, make: Callable = sight, **more) -> InspectJob:
        """Wait for the next ask, and answer it for every model."""

        def asked() -> bool:
            gathering = self.session.inspection._gather.isActive()
            return bool(self.session.submitted) and not gathering and self.read()[0] > self.answered

        self.qtbot.waitUntil(asked)
        number, job = self.read()
        self.jobs.append(job)
        for place, model in enumerate(job.models):
            path = self.session.submitted[-1].path / sight_file(place)
            make(job, model, number, **more).save(path)
        self.answered = number
        self.qtbot.waitUntil(lambda: not self.session.inspection.waiting)
        return job


@pytest.fixture
def models(compared: Session, qtbot) -> Models:
    return Models(compared, qtbot)


@pytest.fixture
def ready(qtbot, page: BoardPage, models: Models) -> BoardPage:
    """The page with all answers on it."""
    models.answer()
    settle(qtbot, page)
    return page
