"""How pip is run: what it is given, that it can be stopped with everything it started, and what its errors become."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.plugin_install import pip_runs
from workbench.plugin_install.pip_runs import Ran, Stop, Stopped, complaint, run_pip


def fake_python(folder: Path, body: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for pip")
def test_stopping_ends_pip_and_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_runs.sys, "executable", fake_python(tmp_path, "sleep 60 & echo $! > child; wait"))
    stop = Stop()
    child = tmp_path / "child"

    def ask() -> None:
        while not (child.exists() and child.read_text().strip()):
            time.sleep(0.02)
        stop.ask()

    threading.Thread(target=ask).start()
    began = time.monotonic()
    with pytest.raises(Stopped, match="Nothing was changed"):
        run_pip(["install", "x"], tmp_path, network=False, stop=stop)
    assert time.monotonic() - began < 20
    for _ in range(100):  # until init has taken the child away
        if not _lives(int(child.read_text())):
            break
        time.sleep(0.05)
    assert not _lives(int(child.read_text()))


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands for pip")
def test_no_questions_and_no_settings_that_put_packages_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "import os, sys, json; print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]))"
    told = f'{sys.executable} -c "{said}" "$@"'
    monkeypatch.setattr(pip_runs.sys, "executable", fake_python(tmp_path, told))
    for name in ("PIP_TARGET", "PIP_USER", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "somewhere")
    inside = tmp_path / "inside"
    inside.mkdir()
    for network in (False, True):
        words, environment, folder = json.loads(run_pip(["install", "x"], inside, network=network).out)
        assert "--no-input" in words and words[-2:] == ["install", "x"] and folder == str(inside)
        assert ("--isolated" in words) is not network
        assert "PIP_TARGET" not in environment and "PIP_USER" not in environment
        assert environment["PIP_INDEX_URL"] == "somewhere"  # a mirror and a proxy are the user's


def test_errors_become_sentences() -> None:
    log = "Looking\nERROR: Could not find x\nERROR: No matching distribution found for \x1b[1mx\n"
    assert (
        complaint(Ran(code=1, out="", log=log))
        == "pip can't do it: No matching distribution found for \\x1b[1mx."
    )
    assert "exit code 3" in complaint(Ran(code=3, out="", log=""))
    unreachable = "WARNING: Retrying (Retry(total=0 ...)) after connection broken by 'NewConnectionError'"
    assert "can't be reached" in complaint(Ran(code=1, out="", log=unreachable))


def test_an_environment_that_can_t_be_changed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pip_runs.why_not() == ""
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "can't be written to" in pip_runs.why_not()
    monkeypatch.setattr(pip_runs.metadata, "version", lambda _: "21.0")
    assert "too old" in pip_runs.why_not()
    monkeypatch.setattr(pip_runs.importlib.util, "find_spec", lambda _: None)
    assert "ensurepip" in pip_runs.why_not()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
