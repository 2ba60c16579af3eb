"""The worker that draws views, played by the test: asked by a file, answering by files, started and let go."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.gui.pretrain import made
from workbench.gui.pretrain.previewer import Previewer
from workbench.records.jobs import DescribeJob
from workbench.records.pretrain_plans import PREVIEW
from workbench.records.runs import RunFolder, Status
from workbench.supervisor import JobState

VALUES = {"method": "simclr"}


@pytest.fixture
def previewer(ready) -> Previewer:
    ready.stopped = []
    ready._jobs.stop = ready.stopped.append
    return ready.pretraining.previewer


def asked(session) -> dict:
    return json.loads((session.submitted[-1].path / "ask.json").read_text("utf-8"))


def answer(session, ask: int, **more) -> None:
    made.preview(made.methods()[0].published, ask=ask, **more).save(session.submitted[-1].path / PREVIEW)


def ended(session, state: str = "done", error: str = "") -> None:
    run = session.submitted[-1]
    session._jobs._on_changed(
        JobState(id=run.id, kind="preview", title="x", status=Status(state=state, error=error))
    )


def test_one_worker_answers_many_wishes(qtbot, ready, previewer) -> None:
    came = []
    previewer.came.connect(came.append)
    ready.pretraining.preview(VALUES)
    assert previewer.waiting
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    run = ready.submitted[0]
    assert run.job().watch and run.job().pretrain == str(run.path / "ask.json")
    first = asked(ready)
    assert first["ask"] == 1 and first["draw"] == 0 and first["config"]["method"] == "simclr"
    answer(ready, 1)
    qtbot.waitUntil(lambda: len(came) == 1)
    assert not previewer.waiting and came[0].ask == 1
    assert not previewer._poll.isActive(), "nothing is looked for while nothing is awaited"
    for epochs in (3, 4, 5):  # a slider that is dragged
        ready.pretraining.preview({**VALUES, "epochs": epochs}, draw=2)
    qtbot.waitUntil(lambda: asked(ready)["ask"] == 2)
    assert asked(ready)["config"]["epochs"] == 5 and asked(ready)["draw"] == 2
    answer(ready, 2, seed=1)
    qtbot.waitUntil(lambda: len(came) == 2)
    assert len(ready.submitted) == 1


def test_an_older_answer_is_shown_and_the_newer_still_awaited(qtbot, ready, previewer) -> None:
    came = []
    previewer.came.connect(came.append)
    previewer._ask = 4
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    answer(ready, 3)
    qtbot.waitUntil(lambda: len(came) == 1)
    assert previewer.waiting
    answer(ready, 5)
    qtbot.waitUntil(lambda: not previewer.waiting)


def test_an_error_is_told_as_a_sentence(qtbot, ready, previewer) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    with qtbot.waitSignal(previewer.failed) as told:
        path = ready.submitted[-1].path / "preview-error.json"
        path.write_text(json.dumps({"ask": 1, "error": "No image can be read."}), "utf-8")
    assert told.args == ["No image can be read."]
    assert not previewer.waiting


def test_a_worker_that_ended_is_started_again_when_it_is_asked(qtbot, ready, previewer) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    first = ready.submitted[0]
    ended(ready)  # it had waited long enough, just when it was asked
    qtbot.waitUntil(lambda: len(ready.submitted) == 2)
    assert not first.path.exists(), "its folder has served"
    assert asked(ready)["config"]["method"] == "simclr"
    with qtbot.waitSignal(previewer.failed) as told:
        ended(ready, "failed", "It broke.")
    assert told.args == ["It broke."]
    qtbot.wait(150)
    assert len(ready.submitted) == 2, "one that fails is not started again and again"


def test_a_worker_is_let_go_when_nobody_looks(qtbot, ready, previewer) -> None:
    previewer._leave.setInterval(40)
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    previewer.leave()
    qtbot.waitUntil(lambda: ready.stopped == [ready.submitted[0].id])
    assert not previewer.waiting
    ended(ready, "stopped")
    assert not ready.submitted[0].path.exists()


@pytest.fixture
def waits(ready, tmp_path) -> Callable[[], RunFolder]:
    """Lets another job wait for the lane that the worker holds."""

    def begin() -> RunFolder:
        other = RunFolder.create(tmp_path / "others", DescribeJob(), title="Look up the backbones")
        ready._jobs.start_aside(other, lambda run, state: None)
        return other

    return begin


def test_a_worker_makes_way_at_once_when_nothing_is_awaited_from_it(qtbot, ready, previewer, waits) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    answer(ready, 1)
    qtbot.waitUntil(lambda: not previewer.waiting)
    assert not ready.stopped
    waits()
    assert ready.stopped == [ready.submitted[0].id]
    ready.pretraining.preview(VALUES)  # who asks again has another worker, behind the other job
    qtbot.waitUntil(lambda: len(ready.submitted) == 3)
    assert previewer.waiting and ready.stopped == [ready.submitted[0].id]


def test_an_answer_that_is_awaited_comes_first(qtbot, ready, previewer, waits) -> None:
    came = []
    previewer.came.connect(came.append)
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    run = ready.submitted[0]
    waits()
    assert not ready.stopped, "somebody awaits an answer"
    made.preview(made.methods()[0].published, ask=1).save(run.path / PREVIEW)
    qtbot.waitUntil(lambda: ready.stopped == [run.id])
    assert len(came) == 1


def test_a_worker_that_nobody_looks_at_makes_way_for_another(qtbot, ready, previewer, waits) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    previewer.leave()
    assert not ready.stopped, "no other job waits"
    waits()
    assert ready.stopped == [ready.submitted[0].id] and not previewer.waiting


def test_who_leaves_while_another_job_waits_makes_way_at_once(qtbot, ready, previewer, waits) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    waits()
    assert not ready.stopped
    previewer.leave()
    assert ready.stopped == [ready.submitted[0].id]


def test_a_damaged_answer_is_told(qtbot, ready, previewer) -> None:
    ready.pretraining.preview(VALUES)
    qtbot.waitUntil(lambda: len(ready.submitted) == 1)
    with qtbot.waitSignal(previewer.failed):
        (ready.submitted[-1].path / PREVIEW).write_bytes(b"PK no archive")
