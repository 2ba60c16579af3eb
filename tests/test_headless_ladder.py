"""The climb, with jobs that are done by hand: it goes on with what was begun, stops in time, and never circles."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.decide.made_runs import Hand, made_project
from workbench import headless_ladder
from workbench.decide.start import FLOORS, Plan, Stage
from workbench.headless import JobFailed
from workbench.headless_ladder import Bounds, Climbed, climb
from workbench.records.case import Case
from workbench.records.evidence import AtHand, Machine, Target
from workbench.records.jobs import EmbedJob, EvaluateJob
from workbench.records.pretrain_job import EstimateJob
from workbench.records.project import Project
from workbench.records.runs import RunFolder

HERE = (AtHand(id="resnet", title="ResNet", kind="supervised", parameters=5),)
SCORES = {"histogram": 0.55, "random_vit": 0.5, "resnet": 0.95}


class Worker:
    """Does the jobs of embedding and comparing at once, as `Hand` writes them, into the run that it is given."""

    def __init__(self, project: Project) -> None:
        self.hand, self.did = Hand(project), list[tuple[str, str]]()
        self.fails: set[str] = set()

    def __call__(self, run: RunFolder, title: str, **_: Any) -> RunFolder:
        job = run.job()
        self.did.append((job.kind, run.id))
        if job.kind in self.fails:
            run.write_status(replace(run.status(), state="failed", error="No."))
            raise JobFailed(f"{title}: No.")
        if isinstance(job, EmbedJob):
            kind = "built in" if job.backbone in FLOORS else "timm"
            weights = {"source": kind, "training_data": "labelled images"}
            made = self.hand.embed(job.backbone, weights=weights)
        else:
            assert isinstance(job, EvaluateJob)
            embeds = {self._backbone(Path(file)): RunFolder(Path(file).parent) for file in job.files}
            made = self.hand.evaluate({name: SCORES[name] for name in embeds}, embeds, seeds=job.seeds)
        for file in made.path.iterdir():
            if file.name != "run.json":
                file.replace(run.path / file.name)
        (made.path / "run.json").unlink()
        made.path.rmdir()
        return run

    def _backbone(self, file: Path) -> str:
        job = RunFolder(file.parent).job()
        assert isinstance(job, EmbedJob)
        return job.backbone


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return made_project(tmp_path / "project")


@pytest.fixture
def worker(project: Project, monkeypatch: pytest.MonkeyPatch) -> Worker:
    made = Worker(project)
    monkeypatch.setattr(headless_ladder, "run_folder", made)
    return made


def climbed(
    project: Project, threshold: float = 0.9, said: list[str] | None = None, **bounds: Any
) -> Climbed:
    case = Case(target=Target(threshold=threshold))
    say = (said if said is not None else []).append
    return climb(project, case, HERE, Machine(), Bounds(**bounds), say=say)


def test_it_stops_as_soon_as_the_threshold_is_met(project: Project, worker: Worker) -> None:
    said: list[str] = []
    found = climbed(project, 0.6, said)
    assert [kind for kind, _ in worker.did] == ["embed", "embed", "evaluate", "embed", "evaluate"]
    assert found.decision.verdict == "public backbone suffices" and "resnet" in found.ended
    assert [line.partition("\n")[0].partition(":")[0] for line in said] == [
        "Colour histogram and random network",
        "  = histogram",
        "  = random_vit",
        "ResNet, frozen",
        "  = resnet, frozen",
    ]
    assert len(climbed(project, 0.6).decision.standings) == 3 and len(worker.did) == 5, (
        "nothing is left to do"
    )
    assert project.settings.result == project.runs("evaluate")[-1].id
    assert [choice.backbone for choice in project.settings.chosen] == list(SCORES)


def test_a_job_that_failed_is_gone_on_with(project: Project, worker: Worker) -> None:
    worker.fails = {"evaluate"}
    with pytest.raises(JobFailed, match="Compare 2 backbones: No"):
        climbed(project)
    assert [kind for kind, _ in worker.did] == ["embed", "embed", "evaluate"]
    failed = worker.did[-1][1]
    assert {choice.backbone for choice in project.settings.chosen} == set(FLOORS), "what was done is kept"
    worker.fails = set()
    for run in project.runs("embed"):  # as a real worker writes down what it was given
        index = project.files_index()
        assert index is not None
        run.add_provenance({"inputs": {"index": project.arranged(index).index.content_hash()}})
    climbed(project, up_to="floors")
    assert worker.did[3:] == [("evaluate", failed)], "in the same folder, and nothing is embedded twice"


def test_when_the_time_is_over_the_decision_is_told(
    project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(run: RunFolder, title: str, *, out: Any, limit: float | None) -> RunFolder:
        assert limit is not None and limit <= 0.2
        time.sleep(limit)
        raise JobFailed(f"{title}: stopped")

    monkeypatch.setattr(headless_ladder, "run_folder", slow)
    found = climbed(project, seconds=0.2)
    assert found.ended.startswith("The time is over.") and found.decision.verdict == "undecided"
    found = climbed(project, seconds=0.0)
    assert "are spent" in found.ended


def test_a_step_that_changes_nothing_is_not_taken_again(
    project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def idle(run: RunFolder, title: str, **_: Any) -> RunFolder:
        worker.did.append((run.job().kind, run.id))
        return run

    monkeypatch.setattr(headless_ladder, "run_folder", idle)
    found = climbed(project)
    assert "has changed nothing" in found.ended and len(worker.did) == 3


def test_where_the_next_backbone_is_not_here_it_goes_on_with_what_is(
    project: Project, worker: Worker
) -> None:
    said: list[str] = []
    worker.fails = {"finetune"}
    with pytest.raises(JobFailed, match="Fine-tune the last block of"):
        climbed(project, 0.9, said)
    assert sum("goes on with what is here" in line for line in said) == 1
    found = climbed(project, 0.9, up_to="public")
    assert found.decision.next_step is not None and found.decision.next_step.step == "public"
    assert "--up-to public" in found.ended


@pytest.mark.parametrize("fails", [False, True])
def test_hours_are_estimated_once_before_they_are_spent(
    project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Whatever comes of it, the climb goes on."""
    trial = Plan(stages=(Stage(job=EstimateJob(pretrain="asked.json"), title="Estimate it"),))
    monkeypatch.setattr(headless_ladder, "estimate_for", lambda *_: trial)
    did = worker.__class__.__call__

    def call(self: Worker, run: RunFolder, title: str, **more: Any) -> RunFolder:
        if run.job().kind == "estimate" and not self.fails:
            self.did.append(("estimate", run.id))
            return run
        return did(self, run, title, **more)

    monkeypatch.setattr(Worker, "__call__", call)
    worker.fails = {"estimate"} if fails else set()
    said: list[str] = []
    found = climbed(project, 0.6, said)
    assert [kind for kind, _ in worker.did][:2] == ["estimate", "embed"]
    assert sum(kind == "estimate" for kind, _ in worker.did) == 1
    assert found.decision.verdict == "public backbone suffices"
    assert ("Estimate it: No." in said) == fails
    worker.did.clear()
    climbed(project, 0.6, up_to="floors")
    assert not worker.did, "nothing is left to do"
