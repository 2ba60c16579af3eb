"""Start pressed twice, or held: one run, until something is asked otherwise or it has ended."""

from __future__ import annotations

from PySide6.QtCore import Qt

from workbench.gui.pretrain.commands import START
from workbench.records.runs import Status
from workbench.supervisor import JobState


def started(session) -> list:  # type: ignore[no-untyped-def]
    return [run for run in session.submitted if "-pretrain-" in run.id]


def test_a_double_click_starts_one_run(qtbot, view, ready) -> None:
    start = view.tools[START]
    for _ in range(2):
        qtbot.mouseClick(start, Qt.MouseButton.LeftButton)
    view.start()  # a key that was held comes before the button knows
    assert len(started(ready)) == 1


def test_the_same_is_started_again_when_it_has_ended_and_another_at_once(view, ready, commands) -> None:
    assert commands.run(START) == ""
    assert "on its way already" in commands.run(START)
    assert commands.run("pretrain.estimate") == "", "what it would take can still be asked"
    view.plan.set_recipe({"seed": 3})
    assert commands.run(START) == ""
    view.plan.set_recipe({"seed": 0})
    first = started(ready)[0]
    assert "on its way already" in commands.run(START)
    status = Status(state="stopped")
    first.write_status(status)
    ready._jobs._on_changed(JobState(id=first.id, kind="pretrain", title="x", status=status))
    assert commands.run(START) == ""
    assert len(started(ready)) == 3
