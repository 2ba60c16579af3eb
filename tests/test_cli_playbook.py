"""`workbench playbook` is a contract: keys, exit codes, going on where it stopped, a project as any other."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_cli import document
from workbench.cli import main
from workbench.records.case import FOLDER, Case
from workbench.records.climbing import UP_TO, Bounds
from workbench.records.decision import Decision, NextStep
from workbench.records.evidence import Evidence
from workbench.records.project import Project

KEYS = {"regime", "rungs", "findings", "verdict", "because", "would_change_it"}


@pytest.mark.slow
def test_it_climbs_stops_and_goes_on_without_doing_anything_twice(
    picture_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "pb"
    words = [str(picture_folder), "--target", "accuracy:0.6", "--out", str(out), "--seeds", "3"]
    first = document("playbook", *words, "--everyday", "no", "--up-to", "floors")
    assert set(first) >= KEYS
    assert [set(rung) for rung in first["rungs"]] == [
        {"name", "cost_seconds", "metric", "mean", "interval", "passed"}
    ] * 2
    assert {rung["metric"] for rung in first["rungs"]} == {"accuracy"}
    assert all({"rule", "severity", "advice"} == set(finding) for finding in first["findings"])
    assert first["verdict"] == "undecided" and first["regime"]["labelled"] == 36
    assert "--up-to floors" in first["ended"] and first["next_step"]["step"] == "supervised"
    project = Project.open(out)
    runs = [run.id for run in project.runs()]
    assert project.settings.name == picture_folder.name and len(runs) == 3

    again = document("playbook", *words, "--up-to", "floors")
    assert again == first and [run.id for run in project.runs()] == runs, "nothing was done twice"

    last = document("playbook", *words)
    assert [rung["name"] for rung in last["rungs"]][:2] == [rung["name"] for rung in first["rungs"]]
    assert last["verdict"] == "public backbone suffices" and last["rungs"][2]["passed"] is True
    assert last["next_step"] is None and last["ended"].startswith("EfficientNet-Lite0, frozen")
    kinds = [str(run.document()["kind"]) for run in project.runs()]
    assert kinds == ["embed", "embed", "evaluate", "embed", "evaluate"]
    project = Project.open(out)
    assert project.settings.result == project.runs("evaluate")[-1].id
    assert [choice.backbone for choice in project.settings.chosen] == [
        "histogram",
        "random_vit",
        "efficientnet_lite0",
    ]
    assert Case.load(out).everyday is False, "what was said once stays"
    evidence = Evidence.load(out / FOLDER / "evidence.json")
    assert [rung.kind for rung in evidence.rungs] == ["floor", "floor", "supervised"]
    assert evidence.domain.purity is not None and evidence.domain.purity_by_chance is not None
    assert evidence.domain.purity > evidence.domain.purity_by_chance
    assert Decision.load(out / FOLDER / "decision.json").verdict == last["verdict"]
    assert Path(last["memo"]) == out / "memo.html" and "EfficientNet-Lite0" in (out / "memo.html").read_text()
    assert document("memo", str(out), "--check")["same"] is True


def test_the_command_begins_without_the_statistics() -> None:
    """They take a second to import, and most verbs need none."""
    code = "import sys, workbench.cli; print({'scipy', 'jinja2', 'PySide6'} & set(sys.modules))"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"
    )


@pytest.mark.parametrize("problem", ["table", "sequence", "policy"])
def test_other_problems_are_turned_away_kindly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], problem: str
) -> None:
    words = ["playbook", str(tmp_path), "--problem", problem, "--out", str(tmp_path / "pb")]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "not this tool" and set(found) >= KEYS and found["because"]
    assert not (tmp_path / "pb").exists()
    assert main(words) == 0
    assert "Another kind of tool is needed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "beauty:0.9"], "metric must be one of"),
        (["--target", "macro_f1"], "write a score and the least"),
        (["--target", "macro_f1:0.9", "--seeds", "0.5"], ""),
        (["--target", "macro_f1:0.9", "--seeds", "-1"], "--seeds must be between"),
        (["--target", "macro_f1:0.9", "--max-hours", "-1"], "--max-hours can't be below 0"),
        (["--target", "macro_f1:0.9", "--labels-an-hour", "0"], "must be above 0"),
        (["--target", "macro_f1:0.9", "--pool", "/nowhere"], "is not a folder"),
    ],
)
def test_wrong_requests_end_with_a_sentence(
    picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    asked = ["playbook", str(picture_folder), "--out", str(tmp_path / "pb"), *words]
    assert main(asked) == 2
    assert said in capsys.readouterr().err


def test_folders_of_others_are_left_alone(
    picture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = ["--target", "macro_f1:0.9", "--out"]
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    assert main(["playbook", str(picture_folder), *target, str(tmp_path / "full")]) == 2
    assert "is no project" in capsys.readouterr().err
    other = Project.create(tmp_path / "other")
    other.settings.roots = {"": "/elsewhere"}
    other.save()
    assert main(["playbook", str(picture_folder), *target, str(tmp_path / "other")]) == 2
    assert "is a project of /elsewhere" in capsys.readouterr().err
    assert main(["playbook", "/nowhere", *target, str(tmp_path / "pb")]) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "pb").exists()


def test_bounds_stop_before_what_is_dearer_and_never_before_what_is_cheaper() -> None:
    def step(name: str, seconds: float | None = None) -> NextStep:
        return NextStep(step=name, title="t", why="w", cost="c", seconds=seconds)

    names = [name.replace("-", " ") for name in UP_TO]
    for place, last in enumerate(UP_TO):
        bounds = Bounds(up_to=last, pretrain=True)
        stopped = [bool(bounds.why_stop(step(name), 0.0)) for name in names]
        assert stopped == [other > place for other in range(len(names))]
    assert "--pretrain yes" in Bounds().why_stop(step("pretrain"), 0.0)
    assert not Bounds(pretrain=True).why_stop(step("pretrain"), 0.0)
    timed = Bounds(seconds=100.0)
    assert not timed.why_stop(step("public"), 99.0) and timed.why_stop(step("public"), 100.0)
    assert not timed.why_stop(step("public", 50.0), 49.0) and timed.why_stop(step("public", 50.0), 51.0)
