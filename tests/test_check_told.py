"""A check of a plugin tells what it finds as it goes, and is stopped without counting it against the plugin."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.installed import install, written
from workbench import plugins
from workbench.plugin_checks import check
from workbench.records.plugin_checks import Step, Steps, read_steps, stopped_steps

STUCK = """
import sys, time

def register(house):
    print("waiting as pid", __import__("os").getpid(), file=sys.stderr)
    time.sleep(600)
"""


def test_one_that_hangs_is_stopped_and_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path / "site", written(tmp_path, "stuck", STUCK))
    heard: list[tuple[tuple[Step, ...], str]] = []

    def told(steps: tuple[Step, ...], said: str) -> bool:
        heard.append((steps, said))
        return "waiting as pid" not in said

    began = time.monotonic()
    [only] = check(plugins.plugin("stuck"), told=told)
    assert time.monotonic() - began < 60
    assert (only.outcome, only.why) == ("skipped", "The check was stopped.")
    assert heard[-1][0][0].outcome == "running"
    pid = int(heard[-1][1].split("waiting as pid ")[1].split()[0])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    one = plugins.plugin("stuck")
    assert (one.state, one.error, list(plugins.plugin_home().glob("*.mark"))) == ("enabled", "", [])


def test_what_goes_on_is_read_as_it_is_and_what_was_stopped_is_nobodys_failure(tmp_path: Path) -> None:
    steps = Steps(tmp_path / "steps.json")
    with steps.step("first"):
        pass
    with steps.step("second"):
        live = read_steps(steps.path)
        assert [step.outcome for step in live] == ["ok", "running"]
        assert [step.outcome for step in stopped_steps(live)] == ["ok", "skipped"]
        assert [step.outcome for step in read_steps(steps.path, "by signal 9")] == ["ok", "failed"]
    assert [step.outcome for step in read_steps(tmp_path / "none.json")] == ["running"]
