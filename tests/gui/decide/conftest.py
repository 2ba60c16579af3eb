"""A real session whose workers are never started, and whose decision a test makes by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.decide.made_evidence import DINOV2_BASE, adapted, evidence, floor, public, regime, supervised
from tests.decide.test_ladder import ALL
from workbench.decide.decision import decide
from workbench.gui.commands import Command, Commands
from workbench.gui.decide.view import DecideView
from workbench.gui.session import Session
from workbench.records.arrange import Arranged
from workbench.records.case import Case
from workbench.records.evidence import Evidence, Rung, Target
from workbench.records.index import ImageIndex

THRESHOLD = 0.9
RUN = "runs/20260101-000000-evaluate-abcd"


def known(*rungs: Rung, threshold: float | None = THRESHOLD, unlabelled: int = 100_000) -> Evidence:
    climbed = tuple(replace(rung, seconds=60.0, run=RUN) for rung in rungs)
    return evidence(1_000, unlabelled, threshold, rungs=climbed, at_hand=ALL)


def base(mean: float) -> Rung:
    return public(mean, name="DINOv2 base, frozen", checkpoint=DINOV2_BASE)


LOW = (floor(), supervised(0.6), public(0.7), base(0.72))
STATES: dict[str, Evidence] = {
    "nothing asked": known(threshold=None),
    "nothing measured": known(),
    "no labels": replace(known(), regime=regime(0, 100_000)),
    "undecided": known(floor(), supervised(0.8), public(0.897, sd=0.02), base(0.905)),
    "leaks": replace(known(floor(), supervised(0.8), public(0.93)), leaked=16, openings=3),
    "suffices": known(floor(), supervised(0.8), public(0.96, sd=0.004)),
    "adapt": known(*LOW, adapted(0.96, sd=0.004)),
    "justified": known(*LOW, adapted(0.8)),
    "table": replace(known(), problem="table"),
}


@pytest.fixture
def session(qtbot, tmp_path: Path, monkeypatch, small_index: ImageIndex) -> Iterator[Session]:
    made = Session()
    monkeypatch.setattr(made, "describe", lambda **_: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    monkeypatch.setattr(made.decisions, "look", lambda: None)
    made.submitted = []
    monkeypatch.setattr(made._jobs._bridge, "submit", lambda run: made.submitted.append(run))
    made.create_project(tmp_path / "project", "Line 4")
    made.settings.index = "index.npz"
    made.settings.roots = dict(small_index.roots)
    made.dataset.arranged = Arranged(small_index)
    yield made
    made.close()


@pytest.fixture
def commands() -> Commands:
    """What other places would do is written to `gone`."""
    found = Commands()
    found.gone = []
    for name in (
        *(f"go.{place}" for place in ("data", "models", "pretrain", "compare", "decide")),
        *("data.copies", "data.label", "pretrain.new", "project.open", "project.sample"),
    ):
        found.add(Command(id=name, title=name, run=lambda name=name: found.gone.append(name)))
    return found


Show = Callable[[Evidence], DecideView]


@pytest.fixture
def show(qtbot, session: Session, commands: Commands) -> Show:
    """The place with what would be decided of an evidence."""

    def made(evidence: Evidence, target: Target | None = None) -> DecideView:
        store = session.decisions
        store.case = Case(problem=evidence.problem, target=target or evidence.target)
        store.evidence, store.decision = evidence, decide(evidence)
        view = DecideView(session, commands)
        qtbot.addWidget(view)
        view.resize(1152, 640)
        view.show()
        return view

    return made
