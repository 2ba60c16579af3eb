"""Every step of the ladder starts jobs or says what a person has to do, and never measures twice what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.decide.made_evidence import adapted, public
from tests.decide.made_runs import Hand, made_project
from workbench.decide import start, steps
from workbench.decide.gather import gather
from workbench.decide.mends import MENDS
from workbench.decide.proposal import propose
from workbench.decide.start import BY_HAND, FLOORS, OUTPUT, Plan, jobs_for
from workbench.records.asked import BUDGETS
from workbench.records.case import Case
from workbench.records.catalogue import BackboneFacts, save_catalogue
from workbench.records.decision import NextStep
from workbench.records.evidence import AtHand, Evidence, Recipe, Target
from workbench.records.index import ImageIndex
from workbench.records.jobs import (
    AuditJob,
    EmbedJob,
    EstimateJob,
    EvaluateJob,
    FinetuneJob,
    JobConfig,
    PretrainJob,
)
from workbench.records.project import Chosen, Project
from workbench.records.runs import RunFolder

CASE = Case(target=Target(threshold=0.8))
HERE = (
    AtHand(id="resnet", title="ResNet", kind="supervised", parameters=5),
    AtHand(id="dinov2", title="DINOv2 small", kind="public", parameters=5),
)


def facts(backbone: str, patch: int, title: str, training: str) -> BackboneFacts:
    return BackboneFacts(
        id=backbone,
        title=title,
        source="timm",
        family="f",
        parameters=5,
        input_size=224,
        features=("cls",),
        default_feature="cls",
        training_data=training,
        licence="",
        available=True,
        patch=patch,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = made_project(tmp_path / "project")
    listed = [facts("resnet", 0, "ResNet", "labelled images"), facts("dinov2", 14, "DINOv2 small", "images")]
    save_catalogue(made.folder / "caches" / "catalogue.json", listed)
    return made


@pytest.fixture
def hand(project: Project) -> Hand:
    return Hand(project)


@pytest.fixture
def climbed(project: Project, hand: Hand) -> Evidence:
    """Two backbones probed and the last block of one fine-tuned, with much to learn from."""
    hand.evaluate(
        {name: 0.7 for name in ("resnet", "dinov2")}, {n: hand.embed(n) for n in ("resnet", "dinov2")}
    )
    hand.finetune("dinov2", 0.75)
    found = gather(project, CASE, at_hand=HERE)
    return replace(found, regime=replace(found.regime, pool=100_000))


def begun(plan: Plan, project: Project) -> tuple[list[JobConfig], list[tuple[str, ...]], list[RunFolder]]:
    jobs, waits = [], []

    def begin(job: JobConfig, title: str, after: tuple[str, ...]) -> RunFolder:
        jobs.append(job)
        waits.append(after)
        assert title and OUTPUT.partition("{")[0] not in repr(job)
        return project.new_run(job, title=title, after=after)

    return jobs, waits, plan.start(begin)


SWEPT: dict[str, dict[str, Any]] = {
    "supervised": {"backbone": "resnet"},
    "public": {"backbone": "dinov2"},
    "seeds": {"backbone": "dinov2", "seeds": 9, "rungs": ("dinov2, frozen",)},
    "last block": {"backbone": "resnet"},
}


@pytest.mark.parametrize("name", list(steps.STEPS))
def test_every_step_starts_jobs_or_is_for_a_person(project: Project, climbed: Evidence, name: str) -> None:
    step = steps.step(name, climbed, cost="some", **SWEPT.get(name, {}))
    plan = jobs_for(step, project, climbed)
    assert bool(plan.stages) != bool(plan.by_hand)
    assert bool(plan.by_hand) == (name in BY_HAND)
    begun(plan, project)


@pytest.mark.parametrize("name", list(MENDS))
def test_every_mend_starts_jobs_or_is_for_a_person(project: Project, climbed: Evidence, name: str) -> None:
    ours = (
        adapted(0.92, name="A, fine-tuned", checkpoint="resnet", blocks="all"),
        adapted(0.88, name="B, fine-tuned", checkpoint="dinov2", blocks="all"),
    )
    single = [
        replace(rung, score=replace(rung.score, values=rung.score.values[:1])) for rung in climbed.rungs
    ]
    known = {
        "probe": replace(climbed, rungs=()),
        "probe both": replace(climbed, rungs=ours, claims=((ours[0].name, ours[1].name),)),
        "seeds": replace(climbed, rungs=tuple(single)),
        "views": replace(climbed, plan=Recipe(method="simclr"), architecture="cnn"),
    }
    evidence = known.get(name, climbed)
    step = MENDS[name](evidence)
    assert step is not None
    if name == "seeds":
        evidence = climbed  # whose results are in the project's runs
    plan = jobs_for(step, project, evidence)
    assert bool(plan.stages) != bool(plan.by_hand)
    assert bool(plan.by_hand) == (name == "leaks")
    jobs, _, _ = begun(plan, project)
    if name == "probe both":
        assert isinstance(jobs[-1], EvaluateJob) and len(jobs[-1].files) == 2


def test_floors_are_embedded_and_compared_once_both_are_done(project: Project) -> None:
    evidence = gather(project, CASE, at_hand=HERE)
    jobs, waits, runs = begun(jobs_for(steps.floors(evidence), project, evidence), project)
    *embeds, comparison = jobs
    assert [job.backbone for job in embeds if isinstance(job, EmbedJob)] == list(FLOORS)
    assert isinstance(comparison, EvaluateJob)
    assert comparison.files == tuple(str(run.path / "embeddings.h5ad") for run in runs[:2])
    assert waits == [(), (), (runs[0].id, runs[1].id)]
    assert (comparison.seeds, comparison.metric, comparison.target) == (5, "macro_f1", 0.8)
    assert comparison.budgets == "" and comparison.ledger == str(project.ledger)


def test_the_floors_have_the_names_and_titles_that_the_engine_gives_them() -> None:
    from workbench.engine.backbones import catalogue

    assert {name: catalogue.title_of(name) for name in FLOORS} == FLOORS
    assert {catalogue.HISTOGRAM, catalogue.RANDOM_VIT} == set(FLOORS)


def test_a_comparison_takes_what_was_measured_and_embeds_only_what_is_new(
    project: Project, hand: Hand
) -> None:
    embed = hand.embed("resnet")
    hand.evaluate({"resnet": 0.7}, {"resnet": embed}, seeds=8)
    evidence = gather(project, CASE, at_hand=HERE)
    step = steps.probe(evidence)
    assert step is not None and step.backbone == "dinov2"
    jobs, waits, runs = begun(jobs_for(step, project, evidence), project)
    assert isinstance(jobs[0], EmbedJob) and isinstance(jobs[1], EvaluateJob) and len(jobs) == 2
    files = (str(embed.path / "embeddings.h5ad"), str(runs[0].path / "embeddings.h5ad"))
    assert jobs[1].files == files and waits[1] == (runs[0].id,)
    assert jobs[1].seeds == 8, "with fewer, what was narrow enough would grow wide again"


def test_vectors_that_are_there_are_not_made_again(
    project: Project, hand: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = hand.embed("dinov2")
    index = project.files_index()
    assert isinstance(index, ImageIndex)
    made.add_provenance({"inputs": {"index": project.arranged(index).index.content_hash()}})
    job = start.embed_job(project, Chosen(backbone="dinov2"))
    made.ask_again(job)
    made.write_status(replace(made.status(), state="done"))
    evidence = gather(project, CASE, at_hand=HERE)
    step = NextStep(step="public", title="t", why="w", cost="c", backbone="dinov2")
    jobs, _, _ = begun(jobs_for(step, project, evidence), project)
    assert len(jobs) == 1 and jobs[0].files == (str((made.path / "embeddings.h5ad").resolve()),)  # type: ignore[union-attr]
    project.settings.image_size = 112
    assert len(jobs_for(step, project, evidence).stages) == 2, "another size gives other vectors"
    project.settings.image_size = 0
    project.settings.curation = project.settings.curation.leave_out([index.name(0)])
    assert len(jobs_for(step, project, evidence).stages) == 2, "other images"


def test_more_seeds_ask_for_what_was_asked_and_more(project: Project, climbed: Evidence) -> None:
    frozen = steps.step("seeds", climbed, cost="c", seeds=12, rungs=("dinov2, frozen",))
    [comparison], _, _ = begun(jobs_for(frozen, project, climbed), project)
    assert isinstance(comparison, EvaluateJob) and comparison.seeds == 12 and len(comparison.files) == 2
    tuned = replace(frozen, rungs=("dinov2, last block fine-tuned",))
    [job], _, _ = begun(jobs_for(tuned, project, climbed), project)
    assert isinstance(job, FinetuneJob) and (job.seeds, job.backbone, job.blocks) == (12, "dinov2", "1")
    both = replace(frozen, rungs=("dinov2, frozen", "dinov2, last block fine-tuned"))
    jobs, _, _ = begun(jobs_for(both, project, climbed), project)
    assert [job.kind for job in jobs] == ["finetune", "evaluate"]
    with pytest.raises(ValueError, match="Decide again"):
        jobs_for(replace(frozen, rungs=("gone",)), project, climbed)


def test_the_curve_is_kept_once_it_was_measured(project: Project, hand: Hand, climbed: Evidence) -> None:
    step = steps.budget(climbed)
    assert step is not None
    [job], _, _ = begun(jobs_for(step, project, climbed), project)
    assert isinstance(job, EvaluateJob) and job.budgets == BUDGETS and job.seeds == 5
    rungs = tuple(replace(rung, budgets=public(0.7).budgets or _curve()) for rung in climbed.rungs)
    more = steps.step("seeds", climbed, cost="c", seeds=9, rungs=("dinov2, frozen",))
    [job], _, _ = begun(jobs_for(more, project, replace(climbed, rungs=rungs)), project)
    assert isinstance(job, EvaluateJob) and (job.budgets, job.seeds) == (BUDGETS, 9)


def _curve() -> tuple[Any, ...]:
    from tests.decide.made_evidence import curve_of

    return curve_of(0.5, 0.6)


def test_the_last_block_learns_on_the_splits_of_the_probes(project: Project, climbed: Evidence) -> None:
    project.settings.seeds = 7
    step = steps.last_block(replace(climbed, rungs=climbed.rungs[:2]))
    assert step is not None
    [job], _, _ = begun(jobs_for(step, project, climbed), project)
    assert isinstance(job, FinetuneJob)
    assert (job.backbone, job.blocks, job.seeds, job.metric) == (step.backbone, "1", 7, "macro_f1")
    assert job.curation and job.ledger == str(project.ledger)


def test_pretraining_is_followed_by_its_probe(project: Project, climbed: Evidence) -> None:
    step = steps.pretrain(climbed)
    assert step is not None
    jobs, waits, runs = begun(jobs_for(step, project, climbed), project)
    learn, embed, comparison = jobs
    assert (
        isinstance(learn, PretrainJob) and isinstance(embed, EmbedJob) and isinstance(comparison, EvaluateJob)
    )
    assert (learn.method, learn.start, learn.preset) == ("mae", "dinov2", "industrial")
    assert learn.learn_from == "unlabelled", "every labelled image is tested in some split"
    assert embed.backbone == str(runs[0].path)
    assert len(comparison.files) == 3 and comparison.files[-1] == str(runs[1].path / "embeddings.h5ad")
    assert waits == [(), (runs[0].id,), (runs[0].id, runs[1].id)]
    convolutional = replace(climbed, architecture="cnn")
    learn = begun(jobs_for(step, project, convolutional), project)[0][0]
    assert isinstance(learn, PretrainJob) and (learn.method, learn.start) == ("moco", "resnet")


@pytest.mark.parametrize("changes", [{}, {"architecture": "cnn"}, {"colour_is_signal": True}])
def test_what_is_filled_in_is_what_would_be_run(
    project: Project, climbed: Evidence, changes: dict[str, Any]
) -> None:
    evidence = replace(climbed, **changes)
    step = steps.pretrain(evidence)
    assert step is not None
    learn = begun(jobs_for(step, project, evidence), project)[0][0]
    values, why = start.proposed_values(project, evidence)
    assert start.pretrain_job(project, values) == learn
    for told in (propose(evidence).title, "100 epochs", *propose(evidence).why):
        assert told in why
    assert ("from DINOv2 small, the best" in why) == (values["start"] == "dinov2")
    assert ("from ResNet, the best" in why) == (values["start"] == "resnet")


def test_a_pretraining_is_estimated_where_nobody_knows_how_long_it_takes(
    project: Project, climbed: Evidence
) -> None:
    step = steps.pretrain(climbed)
    assert step is not None and climbed.machine.pretrain_rate is None
    [job], _, _ = begun(start.estimate_for(step, project, climbed), project)
    assert isinstance(job, EstimateJob)
    values, _ = start.proposed_values(project, climbed)
    asked = json.loads(Path(job.pretrain).read_text())["config"]
    assert {name: asked[name] for name in values} == values
    timed = replace(climbed, machine=replace(climbed.machine, pretrain_rate=50.0))
    assert not start.estimate_for(step, project, timed).stages
    assert not start.estimate_for(steps.floors(climbed), project, climbed).stages
    few = replace(climbed, regime=replace(climbed.regime, pool=10))
    assert not start.estimate_for(step, project, few).stages


def test_where_too_little_is_there_nothing_is_filled_in(project: Project, climbed: Evidence) -> None:
    few = replace(climbed, regime=replace(climbed.regime, pool=10))
    values, why = start.proposed_values(project, few)
    assert not values and "too few to learn from" in why
    bare = replace(climbed, rungs=(), architecture="cnn")
    values, why = start.proposed_values(project, bare)
    assert (values["start"], values["backbone"]) == ("", "resnet50") and "from random weights" in why


def test_what_was_pretrained_and_never_probed_is_probed(
    project: Project, hand: Hand, climbed: Evidence
) -> None:
    learnt = hand.run(PretrainJob(index="index.npz", method="mae"))
    (learnt.path / "backbone").mkdir()
    step = steps.pretrain(climbed)
    assert step is not None
    embed, comparison = begun(jobs_for(step, project, climbed), project)[0]
    assert isinstance(embed, EmbedJob) and embed.backbone == str(learnt.path.absolute())
    assert isinstance(comparison, EvaluateJob) and len(comparison.files) == 3


def test_views_are_audited_with_the_best_backbone_there_is(project: Project, climbed: Evidence) -> None:
    evidence = replace(climbed, plan=Recipe(method="simclr"), colour_is_signal=True)
    step = MENDS["views"](evidence)
    assert step is not None
    [job], _, _ = begun(jobs_for(step, project, evidence), project)
    assert isinstance(job, AuditJob) and job.backbone in ("resnet", "dinov2")
    asked = Path(job.pretrain).read_text()
    assert '"method": "simclr"' in asked and '"preset": "histology"' in asked


def test_a_backbone_that_is_not_here_is_for_a_person(project: Project, climbed: Evidence) -> None:
    evidence = replace(climbed, rungs=climbed.rungs[:1], at_hand=HERE[:1])
    step = steps.probe(evidence)
    assert step is not None
    plan = jobs_for(step, project, evidence)
    assert not plan.stages and "is not on this machine" in plan.by_hand
    nothing = steps.step("supervised", climbed, cost="c")
    assert "Look up first" in jobs_for(nothing, project, climbed).by_hand


def test_without_images_nothing_starts(tmp_path: Path) -> None:
    empty = Project.create(tmp_path / "empty")
    evidence = gather(empty, CASE)
    with pytest.raises(ValueError, match="Choose an image folder"):
        jobs_for(steps.floors(evidence), empty, evidence)
    with pytest.raises(ValueError, match="no step"):
        jobs_for(NextStep(step="dance", title="t", why="w", cost="c"), made_project(tmp_path / "p"), evidence)
