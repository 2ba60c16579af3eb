"""A comparison of three models, shown on a real session whose workers are never started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.comparison import small_comparison
from workbench.gui.commands import Command, Commands
from workbench.gui.compare.view import CompareView
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    made = Session()
    monkeypatch.setattr(made, "describe", lambda: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.create_project(tmp_path / "project", "Line 4")
    yield made
    made.close()
    for child in made.children():
        if type(child).__name__ == "Thumbnails":
            child.close()


@pytest.fixture
def commands() -> Commands:
    made = Commands()
    made.gone = []
    for place in ("data", "models"):
        made.add(Command(id=f"go.{place}", title=place, run=lambda place=place: made.gone.append(place)))
    return made


@pytest.fixture
def compared(session: Session, small_index: ImageIndex) -> Session:
    session.dataset.arranged = Arranged(small_index)
    session.settings.roots = dict(small_index.roots)
    session.result, session.predictions = small_comparison(small_index)
    session.settings.result = "run-7"
    return session


@pytest.fixture
def view(qtbot, compared: Session, commands: Commands) -> CompareView:
    made = CompareView(compared, commands)
    qtbot.addWidget(made)
    made.resize(1150, 640)
    made.show()
    return made
