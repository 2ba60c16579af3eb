"""Whatever a plugin does to the process that it answers in, the job that asked goes on and says what happened."""

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
from workbench.headless import run_job
from workbench.records import plugin_state
from workbench.records.embeddings import Embeddings, write_h5ad
from workbench.records.jobs import EvaluateJob
from workbench.records.project import Project
from workbench.records.results import EvaluationResult
from workbench.records.runs import RunFolder

CODE = """
from dataclasses import dataclass
import os, sys, time
import numpy as np
from workbench.engine.api import Evaluation

print('{{"kind": "failed", "error": "not from the worker"}}')
os.write(1, b"\\xff\\x00 noise {{\\n" * 500)

@dataclass(frozen=True)
class Config:
    pass

def register(house):
    for each, act in {acts!r}.items():
        def predict(self, task, act=act):
            made = {{"task": task, "said": np.zeros(len(task.test), dtype=np.int64), **globals()}}
            exec(compile(act, "<the act>", "exec"), made)
            return made["said"]
        facts = dict(title="First", summary="Says the first class.", source="none", Config=Config)
        house.add_evaluation(type("First", (Evaluation,), dict(name=each, predict=predict, **facts)))
"""
ACTS = {  # by plugin what its evaluations do
    "odd": {
        "sound": "print('noise')",
        "speaks": '[os.write(1, b\'{"error": ""}\' * 10_000) for _ in range(200)]',
        "raises": "said = task.nothing",
        "leaves": "sys.exit(0)",
        "refuses": "raise ValueError('It needs five images of each class.')",
        "lies": "said = np.full(len(task.test), 7)",
        "objects": "said = [object()] * len(task.test)",
        "floods": "said = np.zeros((2_000_000, len(task.test)), dtype=np.int8)",
    },
    "aborts": {"aborting": "os.abort()", "aborting-too": "os.abort()"},
    "quits": {"quitting": "os._exit(0)"},
    "kills": {"killing": "os.kill(os.getpid(), 9)"},
    "locks": {"locking": "import re; re.match('(a+)+b', 'a' * 60)"},  # holds the interpreter
    "starts": {"starting": "import subprocess; subprocess.Popen(['sleep', '600']); time.sleep(600)"},
}
CRASHES = {  # what is told of those whose process ends
    "aborting": "A worker that used the plugin aborts ended by signal 6.",
    "aborting-too": "A worker that used the plugin aborts ended by signal 6.",  # which was not asked again
    "quitting": "A worker that used the plugin quits ended with exit code 0.",
    "killing": "A worker that used the plugin kills ended by signal 9, as a system does whose memory is full.",
    "locking": "The plugin locks gave no answer within 1.5 s, and its process was ended.",
    "starting": "The plugin starts gave no answer within 1.5 s, and its process was ended.",
}
ERRORS = {  # and of the others that fail
    "raises": "The plugin odd failed: AttributeError: 'Task' object has no attribute 'nothing'.",
    "leaves": "The plugin odd failed: SystemExit: 0.",
    "refuses": "It needs five images of each class.",
    "lies": "The evaluation lies must give a class, 0 to 1, for each of 12 test images; it gave int64 of shape",
    "objects": "The evaluation objects must give a class, 0 to 1, for each of 12 test images; it gave object of",
    "floods": "The evaluation floods gave 2,000,000 draws; 1000 are the most.",
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    sources = []
    for name, acts in ACTS.items():
        told = f'name = "{name}"\nversion = "1.0"\napi = "1.0"\n\n[evaluations]\n'
        told += "".join(f'{each} = "Says the first class of everything."\n' for each in acts)
        sources.append(written(tmp_path, name, CODE.format(acts=acts), manifest=told))
    install(monkeypatch, tmp_path / "site", *sources)
    rng = np.random.default_rng(0)
    labels = ["a", "b"] * 30
    X = rng.normal(size=(60, 4)) + np.asarray([[label == "b"] for label in labels])
    write_h5ad(tmp_path / "e.h5ad", Embeddings(X=X, ids=[f"i{i}" for i in range(60)], labels=labels))
    return Project.open_or_create(tmp_path / "project")


def compared(project: Project, *asked: str) -> RunFolder:
    file = str(project.folder.parent / "e.h5ad")
    job = EvaluateJob(files=(file,), seeds=1, strengths=2, device="cpu", evaluation=asked)
    return run_job(project, job, "Compare")


@pytest.mark.slow  # six plugins, each tried and asked in processes of its own
@pytest.mark.usefixtures("warm_workers")
def test_whatever_plugins_do_the_comparison_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKBENCH_ANSWER_SECONDS", "1.5")
    names = [name for acts in ACTS.values() for name in acts]
    run = compared(project, *names)
    result = EvaluationResult.load(run.path / "result.json")
    assert result.models[0].probe
    said = {one.evaluation: one for one in result.extra}
    assert list(said) == names and set(names) == {"sound", "speaks", *CRASHES, *ERRORS}
    for name in ("sound", "speaks"):
        assert said[name].score and said[name].score.values == (0.5,) and not said[name].error, said[name]
    for name, told in {**CRASHES, **ERRORS}.items():
        assert said[name].score is None and said[name].error.startswith(told), said[name]
    advice = [found.advice for found in result.findings if found.name == "evaluation failed"]
    assert [text.split()[0] for text in advice] == [name for name in names if said[name].error]
    told = f"aborting of the plugin aborts 1.0 failed for 1 model: {CRASHES['aborting']} All other numbers stand."
    assert any(text.startswith(told) for text in advice)
    assert run.document()["provenance"]["plugins"] == {name: "1.0" for name in ACTS}

    states = {one.name: one for one in plugins.plugins()}
    for name, acts in ACTS.items():
        if name != "odd":
            assert states[name].state == "broken" and states[name].error == said[next(iter(acts))].error
    assert states["odd"].state == "enabled"  # what is raised is listed, and is no crash
    assert states["odd"].error == said["leaves"].error and "SystemExit" in states["odd"].traceback
    assert "Fatal Python error: Aborted" in states["aborts"].traceback
    assert "in predict" in states["locks"].traceback and "in predict" in states["starts"].traceback
    assert not list(plugins.plugin_home().glob("*.mark")) and not (run.path / "apart").exists()
    assert (run.path / "log.txt").stat().st_size < 4 << 20

    compared(project, "aborting", "raises")
    aborts, odd = plugins.plugin("aborts"), plugins.plugin("odd")
    assert aborts.state == "off" and "after 2 crashes" in aborts.error
    assert odd.state == "enabled" and odd.error == said["raises"].error and "AttributeError" in odd.traceback
    [third] = EvaluationResult.load(compared(project, "aborting").path / "result.json").extra
    assert third.error.startswith("The plugin aborts is switched off. A worker that used the plugin aborts")


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
