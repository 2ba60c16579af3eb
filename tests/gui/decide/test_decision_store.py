"""The decision as part of the session: made in a thread when something changes, kept on the disk, steps queued."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.decide.made_runs import Hand, made_project
from workbench.decide import keep
from workbench.gui.decision_store import DecisionStore, machine_of
from workbench.gui.session import Session
from workbench.records.case import FOLDER, Case
from workbench.records.decision import Decision, NextStep
from workbench.records.evidence import Evidence, Machine, Target
from workbench.records.project import Project
from workbench.records.runs import Status
from workbench.supervisor import JobState

SMALL = "facebook/dinov2-small"


@pytest.fixture
def opened(qtbot, tmp_path: Path, monkeypatch) -> Iterator[Session]:
    """A project with one comparison, opened; no worker is ever started."""
    hand = Hand(made_project(tmp_path / "project"))
    hand.evaluate({"histogram": 0.5, SMALL: 0.95}, {name: hand.embed(name) for name in ("histogram", SMALL)})
    made = Session()
    monkeypatch.setattr(made, "describe", lambda **_: None)
    monkeypatch.setattr(made.dataset, "read", lambda *_: None)
    made.submitted = []
    monkeypatch.setattr(made._jobs._bridge, "submit", lambda run: made.submitted.append(run))
    made.decisions._timer.setInterval(10)
    made.open_project(hand.project.folder)
    yield made
    made.close()


def decided(qtbot, store: DecisionStore) -> Decision:
    qtbot.waitUntil(lambda: store.decision is not None and not store.deciding, timeout=20_000)
    assert store.decision is not None
    return store.decision


def test_nothing_is_decided_before_somebody_looks_and_then_it_is_kept(qtbot, opened: Session) -> None:
    store = opened.decisions
    opened.result_changed.emit()
    qtbot.wait(50)
    assert store.decision is None and not store.deciding
    store.look()
    decision = decided(qtbot, store)
    folder = opened.project.folder / FOLDER  # type: ignore[union-attr]
    assert Decision.load(folder / "decision.json") == decision
    assert Evidence.load(folder / "evidence.json") == store.evidence
    assert [standing.name for standing in decision.standings] == ["histogram, frozen", f"{SMALL}, frozen"]


def test_what_is_said_is_kept_at_once_and_decided_by(qtbot, opened: Session) -> None:
    store = opened.decisions
    store.look()
    assert decided(qtbot, store).standings[1].place is None
    store.say(target=Target(threshold=0.7))
    assert Case.load(opened.project.folder).target.threshold == 0.7  # type: ignore[union-attr]
    assert store.deciding
    assert decided(qtbot, store).standings[1].place is not None
    asked = store._asked
    store.say(author="A. Okafor", prose={"verdict": "So be it."})
    store.say(author="A. Okafor")
    qtbot.wait(60)
    assert store._asked == asked, "no decision hangs on the memo's words"
    assert Case.load(opened.project.folder).author == "A. Okafor"  # type: ignore[union-attr]


def test_a_run_that_has_ended_is_a_rung_soon_after(qtbot, opened: Session) -> None:
    store = opened.decisions
    store.look()
    before = decided(qtbot, store).standings
    job = JobState(id="f", kind="finetune", title="Fine-tune", status=Status(state="running"))
    opened._jobs.take_up([job])
    Hand(Project.open(opened.project.folder)).finetune(SMALL, 0.97)  # type: ignore[union-attr]
    del opened._jobs._states["f"]  # as when it is done
    opened._jobs.changed.emit()
    assert store.deciding
    after = decided(qtbot, store).standings
    assert [one.kind for one in after if one not in before and one.kind == "adapted"] == ["adapted"]


def test_many_changes_at_once_are_decided_once_and_an_older_answer_is_dropped(
    qtbot, opened: Session, monkeypatch
) -> None:
    store, answer = opened.decisions, keep.decide_and_keep
    gate, seen = threading.Event(), []

    def slow(project: Project, case: Case, *rest: object) -> object:
        seen.append(case.target.threshold)
        assert gate.wait(10)
        return answer(project, case, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(keep, "decide_and_keep", slow)
    store.look()
    for threshold in (0.5, 0.6, 0.7):
        store.say(target=Target(threshold=threshold))
    qtbot.waitUntil(lambda: store._asked - store._answered == 2, timeout=5000)
    shown: list[float | None] = []
    store.changed.connect(lambda: store.evidence and shown.append(store.evidence.target.threshold))
    gate.set()
    decided(qtbot, store)
    assert seen == [None, 0.7]
    assert set(shown) == {0.7}


def test_what_can_not_be_decided_is_said_and_mended_by_the_next_decision(
    qtbot, opened: Session, monkeypatch
) -> None:
    store = opened.decisions

    def fail(*_: object) -> object:
        raise ValueError("The index can't be read.")

    monkeypatch.setattr(keep, "decide_and_keep", fail)
    store.look()
    qtbot.waitUntil(lambda: bool(store.problem), timeout=20_000)
    assert store.problem == "The index can't be read." and not store.deciding
    monkeypatch.undo()
    store.decide()
    decided(qtbot, store)
    assert store.problem == ""


def test_another_project_begins_with_its_own_case(qtbot, opened: Session, tmp_path: Path) -> None:
    store = opened.decisions
    store.say(target=Target(threshold=0.7))
    store.look()
    decided(qtbot, store)
    opened.create_project(tmp_path / "other", "Other")
    assert store.case == Case() and store.decision is None
    first = tmp_path / "project" / FOLDER / "case.json"
    first.write_text("{")
    said: list[tuple[str, str]] = []
    store.told.connect(lambda severity, sentence: said.append((severity, sentence)))
    opened.open_project(tmp_path / "project")
    assert store.case == Case() and said[0][0] == "bad" and "case.json" in said[0][1]


def test_the_memory_of_the_gpu_is_that_which_was_found_now() -> None:
    before = Machine(gpu_bytes=8, embed_rate=400.0)
    assert machine_of({}, before) == before
    found = machine_of({"device": "cuda:0", "memory": [1, 24_000_000_000]}, before)
    assert (found.gpu_bytes, found.embed_rate) == (24_000_000_000, 400.0)
    assert machine_of({"device": "cpu", "memory": None}, before).gpu_bytes is None


# Steps


def test_a_step_queues_its_jobs_in_turn_and_each_waits_for_what_it_needs(qtbot, opened: Session) -> None:
    store = opened.decisions
    store.look()
    decided(qtbot, store)
    step = NextStep(step="floors", title="Floors", why="", cost="")
    store.start(step)
    store.start(step)  # a second click while the plan is made
    qtbot.waitUntil(lambda: bool(opened.submitted), timeout=20_000)
    jobs = [run.job() for run in opened.submitted]
    assert [job.kind for job in jobs] == ["embed", "embed", "evaluate"]
    assert [job.backbone for job in jobs[:2]] == ["histogram", "random_vit"]
    ids = [run.id for run in opened.submitted]
    assert opened.submitted[2].document()["after"] == ids[:2]
    for run in opened.submitted[:2]:
        assert any(str(run.path) in file for file in jobs[2].files), "it compares what they make"
    running = store.running(step)
    assert running is not None and running.id == ids[0]
    store.start(step)
    qtbot.wait(100)
    assert len(opened.submitted) == 3, "it runs already"
    assert opened._jobs._then[ids[2]] == opened._adopt_result, "the comparison is shown when it is done"


def test_what_only_a_person_can_do_is_said_and_nothing_is_queued(qtbot, opened: Session) -> None:
    store = opened.decisions
    store.look()
    decided(qtbot, store)
    said: list[tuple[str, str]] = []
    store.told.connect(lambda severity, sentence: said.append((severity, sentence)))
    store.start(NextStep(step="public", title="Bring it", why="", cost="", backbone="facebook/dinov2-base"))
    qtbot.waitUntil(lambda: bool(said), timeout=20_000)
    assert said[0][0] == "warn" and "is not on this machine" in said[0][1]
    store.start(NextStep(step="nonsense", title="?", why="", cost=""))
    qtbot.waitUntil(lambda: len(said) == 2, timeout=20_000)
    assert said[1] == ("bad", "There is no step 'nonsense'.")
    assert not opened.submitted
