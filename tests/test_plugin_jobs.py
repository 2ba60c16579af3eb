"""A job that a plugin breaks fails in a sentence that names it; the protocol, other jobs and other plugins go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.installed import install, written
from workbench import plugins
from workbench.headless import JobFailed, run_job
from workbench.records import plugin_state
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.jobs import EvaluateJob
from workbench.records.project import Project
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder

MANIFEST = """name = "{name}"
version = "1.0"
api = "1.0"

[evaluations]
{name}_first = "Says the first class of everything."
"""
CODE = """
from dataclasses import dataclass
import os, sys, time
import numpy as np
from workbench.engine.api import Evaluation

print('{{"kind": "failed", "error": "not from the worker"}}')
os.write(1, b"\\xff\\x00 noise {{\\n" * 500)

class First(Evaluation):
    name, title, summary, source = "{name}_first", "First class", "Says the first class.", "none"

    @dataclass(frozen=True)
    class Config:
        pass

    def predict(self, task):
        {act}
        return np.zeros(len(task.test), dtype=np.int64)

def register(house):
    house.add_evaluation(First)
"""
ACTS = {
    "sound": "print('noise')",
    "aborts": "os.abort()",
    "raises": "return task.nothing",
    "quits": "os._exit(0)",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    sources = [
        written(tmp_path, name, CODE.format(name=name, act=act), manifest=MANIFEST.format(name=name))
        for name, act in ACTS.items()
    ]
    install(monkeypatch, tmp_path / "site", *sources)
    rng = np.random.default_rng(0)
    labels = ["a", "b"] * 30
    X = rng.normal(size=(60, 4)) + np.asarray([[label == "b"] for label in labels])
    write_h5ad(tmp_path / "e.h5ad", Embeddings(X=X, ids=[f"i{i}" for i in range(60)], labels=labels))
    return Project.open_or_create(tmp_path / "project")


def compared(project: Project, name: str) -> RunFolder:
    file = str(project.folder.parent / "e.h5ad")
    job = EvaluateJob(files=(file,), seeds=1, strengths=2, device="cpu", evaluation=(f"{name}_first",))
    return run_job(project, job, "Compare")


@pytest.mark.usefixtures("warm_workers")
def test_only_the_job_that_uses_it_is_harmed(project: Project) -> None:
    assert compared(project, "sound").document()["provenance"]["plugins"] == {"sound": "1.0"}

    result = EvaluationResult.load(compared(project, "raises").path / "result.json")
    [told] = [found.advice for found in result.findings if found.name == "evaluation failed"]
    assert "raises_first of the plugin raises 1.0 failed" in told and "AttributeError: 'Task' object" in told
    assert result.models[0].probe and not result.extra  # what the program computes itself is kept
    with pytest.raises(JobFailed, match="A worker that used the plugin quits ended with exit code 0"):
        compared(project, "quits")
    plugin_state.crashed(plugins.plugin_home(), "aborts", plugins.plugin("aborts").found.stamp, "It died.")
    with pytest.raises(JobFailed, match="A worker that used the plugin aborts ended by signal 6"):
        compared(project, "aborts")

    states = {one.name: one for one in plugins.plugins()}
    assert {name: one.state for name, one in states.items()} == {
        "sound": "enabled",
        "raises": "enabled",  # an error in a job is told in its result, and is no crash
        "quits": "broken",
        "aborts": "off",
    }
    assert "Fatal Python error: Aborted" in states["aborts"].traceback
    assert not list(plugins.plugin_home().glob("*.mark"))


def test_marks_of_processes_that_are_gone_are_found(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom workbench.records import plugin_state\n"
        "plugin_state.put_mark(Path(sys.argv[1]), *sys.argv[2:])\nos._exit(9)\n"
    )
    plugin_state.put_mark(tmp_path, "mine", "s", "load")
    for _ in range(2):
        for name, stage in (("loading", "load"), ("using", "use"), ("shown", "show")):
            subprocess.run([sys.executable, "-c", code, str(tmp_path), name, "s", stage], check=False)
        assert len(list(tmp_path.glob("*.mark"))) == 4
        plugin_state.sweep(tmp_path)
        assert [path.name for path in tmp_path.glob("*.mark")] == [f"mine.{os.getpid()}.mark"]
    off = {path.stem: json.loads(path.read_text())["off"] for path in tmp_path.glob("*.json")}
    # What only worked may have ended with the machine, with the window's own views apart.
    assert off == {"loading": "crashes", "shown": "crashes"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"plugin": "../x", "pid": "1"}', '{"pid": 1}', "\xff"])
def test_a_damaged_mark_or_state_stops_nothing(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = written(tmp_path, "odd", "")
    install(monkeypatch, tmp_path / "site", source)
    home = plugins.plugin_home()
    home.mkdir(parents=True)
    for name in ("odd.1.mark", "odd.json", "odd.engine.facts.json"):
        (home / name).write_text(text, encoding="latin-1")
    [one] = plugins.plugins()
    assert (one.name, one.state) == ("odd", "enabled")
