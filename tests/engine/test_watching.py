"""A job that stays answers every change of the file, and the newest at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.engine import watching
from workbench.engine.control import Control, StopRequested
from workbench.engine.watching import Check, stamp_of, watch
from workbench.records.files import write_text
from workbench.records.neighbours_job import NeighboursJob
from workbench.records.runs import RunFolder


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(RunFolder.create(tmp_path, NeighboursJob(watch=True)))


def test_each_ask_is_answered_once_and_an_older_one_is_given_up(
    tmp_path: Path, control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PATIENCE_SECONDS", 0.3)
    path = tmp_path / "ask.json"
    write_text(path, "first")
    begun, done = [], []

    def answer(check: Check) -> None:
        text = path.read_text("utf-8")
        begun.append(text)
        if text == "first":
            check()  # nothing has changed yet
            write_text(path, "other")  # as long, and perhaps within the same tick of the clock
            check()
        done.append(text)

    assert watch(path, control, answer) == 1
    assert (begun, done) == (["first", "other"], ["other"])


def test_it_waits_for_a_file_and_stops_when_told(tmp_path: Path, control: Control) -> None:
    path = tmp_path / "ask.json"
    assert stamp_of(path) is None
    control.command("stop")
    with pytest.raises(StopRequested):
        watch(path, control, lambda check: pytest.fail("nothing was asked"))
