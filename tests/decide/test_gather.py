"""Evidence from run folders: the newest measure of a model counts, runs of other images do not, damage is told."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.decide.made_runs import NUM, Hand, index_of, made_project
from workbench.decide.decision import decide
from workbench.decide.gather import gather
from workbench.decide.keep import decide_and_keep, known
from workbench.records.augmentation import Augmentation, View
from workbench.records.case import FOLDER, Case
from workbench.records.catalogue import BackboneFacts, save_catalogue
from workbench.records.decision import Decision
from workbench.records.evidence import AtHand, Domain, Evidence, Machine, Recipe, Target
from workbench.records.jobs import AuditJob, EstimateJob, PretrainJob
from workbench.records.pretrain_plans import Audit, AuditRow, Estimate
from workbench.records.pretraining import PretrainResult
from workbench.records.project import Project, append_ledger
from workbench.records.results import SEEN, EvaluationResult, Finding

CASE = Case(target=Target(threshold=0.8))
PUBLIC = AtHand(id="public", title="Public", kind="public", parameters=10)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return made_project(tmp_path / "project")


@pytest.fixture
def hand(project: Project) -> Hand:
    return Hand(project)


def names(evidence: Evidence) -> list[str]:
    return [rung.name for rung in evidence.rungs]


def facts(backbone: str, **more: object) -> BackboneFacts:
    values = {
        "id": backbone,
        "title": backbone,
        "source": "timm",
        "family": "f",
        "parameters": 1,
        "input_size": 224,
        "features": ("cls",),
        "default_feature": "cls",
        "training_data": "images",
        "licence": "",
        "available": True,
        **more,
    }
    return BackboneFacts(**values)  # type: ignore[arg-type]


def test_nothing_is_known_of_an_empty_project(tmp_path: Path) -> None:
    evidence = gather(Project.create(tmp_path / "empty"), Case())
    assert evidence == Evidence()
    assert decide(evidence).next_step is not None


def test_what_only_counts_or_was_said_comes_along(project: Project) -> None:
    append_ledger(project.ledger, {"run": "a"})
    append_ledger(project.ledger, {"run": "b"})
    project.settings.margin = 2.0
    case = Case(target=Target(threshold=0.7), everyday=True, colour_is_signal=False, architecture="cnn")
    machine = Machine(gpu_bytes=5, embed_rate=3.0)
    evidence = gather(project, case, at_hand=(PUBLIC,), machine=machine)
    assert (evidence.regime.labelled, evidence.regime.unlabelled, evidence.regime.classes) == (NUM, 10, 2)
    assert (evidence.openings, evidence.margin, evidence.target) == (2, 0.02, case.target)
    assert (evidence.domain.everyday, evidence.colour_is_signal, evidence.architecture) == (
        True,
        False,
        "cnn",
    )
    assert (evidence.at_hand, evidence.machine, evidence.claims) == ((PUBLIC,), machine, ())


def test_every_measured_model_is_a_rung_of_its_kind(project: Project, hand: Hand) -> None:
    listed = [
        facts("histogram", source="built in"),
        facts("resnet", training_data="ImageNet, labelled images"),
    ]
    save_catalogue(project.folder / "caches" / "catalogue.json", listed)
    means = {"histogram": 0.5, "resnet": 0.7, "public": 0.8}
    embeds = {name: hand.embed(name, seconds=10.0 * (place + 1)) for place, name in enumerate(means)}
    run = hand.evaluate(means, embeds)
    tuned = hand.finetune("public", 0.9)
    evidence = gather(project, CASE, at_hand=(PUBLIC,))
    assert names(evidence) == [
        "histogram",
        "resnet, frozen",
        "public, frozen",
        "public, last block fine-tuned",
    ]
    assert [rung.kind for rung in evidence.rungs] == ["floor", "supervised", "public", "adapted"]
    assert [rung.run for rung in evidence.rungs] == [f"runs/{run.id}"] * 3 + [f"runs/{tuned.id}"]
    assert [rung.seconds for rung in evidence.rungs] == [12.0, 22.0, 32.0, 80.0]  # 2 s each of the comparison
    assert [rung.score.mean for rung in evidence.rungs] == pytest.approx([0.5, 0.7, 0.8, 0.9])
    assert evidence.leaked == 2 and evidence.notes == ()
    assert (evidence.machine.embed_rate, evidence.machine.tune_rate) == (7.0, 20.0)


def test_what_the_vectors_say_of_their_backbone_counts_without_a_catalogue(
    project: Project, hand: Hand
) -> None:
    weights = {"source": "built in", "training_data": "none"}
    taught = {"source": "timm", "training_data": "ImageNet-1k, 1.3 M labelled images"}
    embeds = {"floor": hand.embed("floor", weights=weights), "taught": hand.embed("taught", weights=taught)}
    hand.evaluate({"floor": 0.5, "taught": 0.6}, embeds)
    assert [rung.kind for rung in gather(project, CASE).rungs] == ["floor", "supervised"]


def test_the_neighbours_of_the_best_public_backbone_tell_the_domain(project: Project, hand: Hand) -> None:
    floor = {"weights": {"source": "built in", "training_data": "none"}}
    embeds = {"floor": hand.embed("floor", **floor), "one": hand.embed("one"), "two": hand.embed("two")}
    run = hand.evaluate({"floor": 0.5, "one": 0.6, "two": 0.7}, embeds)
    result = EvaluationResult.load(run.path / "result.json")
    pure = {"floor": 0.9, "one": 0.8, "two": 0.6}
    far = {"floor": 0.1, "one": None, "two": 1.5}
    models = [
        replace(row, purity=pure[row.name], purity_by_chance=0.5, distance=far[row.name])
        for row in result.models
    ]
    replace(result, models=tuple(models)).save(run.path / "result.json")
    domain = gather(project, replace(CASE, everyday=True)).domain
    assert domain == Domain(
        everyday=True, purity=0.8, purity_by_chance=0.5, backbone="one", distance=1.5, distance_backbone="two"
    )
    older = [replace(row, purity=None, purity_by_chance=None, distance=None) for row in result.models]
    replace(result, models=tuple(older)).save(run.path / "result.json")
    assert gather(project, CASE).domain == Domain()


def test_the_newest_measure_of_a_model_counts_in_the_place_of_its_first(project: Project, hand: Hand) -> None:
    first = {name: hand.embed(name) for name in ("one", "two")}
    hand.evaluate({"one": 0.5, "two": 0.6}, first)
    again = hand.evaluate({"two": 0.7}, {"two": hand.embed("two", seconds=1.0, rate=0.0)}, seeds=8)
    evidence = gather(project, CASE)
    one, two = evidence.rungs
    assert (one.score.mean, one.num_seeds) == (pytest.approx(0.5), 5)
    assert (two.score.mean, two.num_seeds, two.run) == (pytest.approx(0.7), 8, f"runs/{again.id}")
    assert two.seconds == 12.0, "its vectors came from the cache the second time, and cost what they cost"
    assert one.protocol != two.protocol, "no pair of these is ranked"


def test_two_features_of_one_backbone_get_names_of_their_own(project: Project, hand: Hand) -> None:
    embeds = {"one": hand.embed("one")}
    hand.evaluate({"one": 0.5}, embeds)
    run = hand.evaluate({"one": 0.6}, embeds)
    text = (run.path / "result.json").read_text().replace('"feature": "cls"', '"feature": "mean"')
    (run.path / "result.json").write_text(text)
    assert names(gather(project, CASE)) == ["one, frozen (cls)", "one, frozen (mean)"]
    text = text.replace('"standardise": "z-score"', '"standardise": "l2"').replace('"mean",\n', '"cls",\n')
    (run.path / "result.json").write_text(text)
    found = names(gather(project, CASE))
    assert found == ["one, frozen (z-score)", "one, frozen (l2)"], found


def test_runs_of_other_images_take_no_part(project: Project, hand: Hand) -> None:
    hand.evaluate({"one": 0.9}, {"one": hand.embed("one")})
    hand.finetune("one", 0.95)
    assert len(gather(project, CASE).rungs) == 2
    curation = project.settings.curation
    for change in (
        curation.leave_out([index_of(project).name(0)]),
        curation.rename("a", "c"),
        replace(curation, plan=replace(curation.plan, kind="folds")),
    ):
        project.settings.curation = change
        evidence = gather(project, CASE)
        assert not evidence.rungs and evidence.leaked is None
        assert [note.partition(": ")[2] for note in evidence.notes] == [
            "it was made of other images, labels, groups or splits than those that count now."
        ] * 2
    project.settings.curation = curation
    assert len(gather(project, CASE).rungs) == 2


def test_a_probe_on_what_learnt_the_labels_is_no_rung(project: Project, hand: Hand) -> None:
    embeds = {"one": hand.embed("one"), "tuned": hand.embed("tuned", trained_on_labels={"kind": "fine-tune"})}
    hand.evaluate({"one": 0.5, "tuned": 0.99}, embeds)
    checkpoint = hand.finetune("one", 0.9)
    hand.finetune(str(checkpoint.path / "checkpoint"), 1.0)
    evidence = gather(project, CASE)
    assert names(evidence) == ["one, frozen", "one, last block fine-tuned"]
    assert "has learnt from the labels" in evidence.notes[0]
    assert "had learnt from the labels already" in evidence.notes[1]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda run: (run.path / "result.json").write_text("{"),
        lambda run: (run.path / "result.json").unlink(),
        lambda run: (run.path / "predictions.npz").write_bytes(b"PK"),
        lambda run: (run.path / "run.json").write_text("[1]"),
        lambda run: (run.path / "result.json").write_text(
            (run.path / "result.json").read_text().replace('"models"', '"modles"')
        ),
        lambda run: (run.path / "result.json").write_text(
            (run.path / "result.json").read_text().replace('"values": [', '"values": [null, ')
        ),
    ],
)
def test_a_damaged_run_is_left_out_with_a_note(project: Project, hand: Hand, spoil) -> None:
    hand.evaluate({"good": 0.6}, {"good": hand.embed("good")})
    spoil(hand.evaluate({"bad": 0.9}, {"bad": hand.embed("bad")}))
    evidence = gather(project, CASE)
    assert names(evidence) == ["good, frozen"]
    assert len(evidence.notes) == 1 and "was left out" in evidence.notes[0], evidence.notes


def test_vectors_that_are_gone_leave_a_note(project: Project, hand: Hand) -> None:
    embed = hand.embed("one")
    hand.evaluate({"one": 0.6}, {"one": embed})
    shutil.rmtree(embed.path)
    evidence = gather(project, CASE)
    assert not evidence.rungs and "embeddings.h5ad does not exist" in evidence.notes[0]


@pytest.mark.parametrize("state", ["running", "failed", "stopped", "queued"])
def test_what_has_not_ended_well_is_no_rung(project: Project, hand: Hand, state: str) -> None:
    run = hand.evaluate({"one": 0.6}, {"one": hand.embed("one")})
    run.write_status(replace(run.status(), state=state))  # type: ignore[arg-type]
    assert not gather(project, CASE).rungs


def test_only_a_pinned_baseline_makes_a_claim(project: Project, hand: Hand) -> None:
    embeds = {name: hand.embed(name) for name in ("one", "two", "three")}
    hand.evaluate({"one": 0.5, "two": 0.6, "three": 0.7}, embeds)
    assert gather(project, CASE).claims == ()
    project.settings.baseline = "one"
    assert gather(project, CASE).claims == (("three, frozen", "one, frozen"),)
    project.settings.baseline = "three"
    assert gather(project, CASE).claims == (("three, frozen", "two, frozen"),)
    project.settings.baseline = "gone"
    assert gather(project, CASE).claims == ()


def test_an_audit_of_these_images_says_what_destroys_the_label(project: Project, hand: Hand) -> None:
    def audit(destroys: bool, index: str) -> None:
        row = AuditRow(change="hue", title="colour jitter", cost=9.0, interval=(5.0, 12.0), destroys=destroys)
        run = hand.run(AuditJob(pretrain="asked.json"))
        run.add_provenance({"inputs": {"index": index}})
        Audit(
            metric="accuracy", backbone="b", unchanged=0.9, seeds=5, images=50, rows=(row,), sentence="."
        ).save(run.path / "audit.json")

    audit(True, index_of(project).content_hash())
    audit(False, "of other images")
    evidence = gather(project, CASE)
    assert evidence.destroyed == ("colour jitter",)
    assert "audited the views of other images" in evidence.notes[0]
    audit(False, index_of(project).content_hash())
    assert gather(project, CASE).destroyed == ()


def test_an_estimate_tells_the_rate_and_what_fits(project: Project, hand: Hand) -> None:
    def estimate(accumulate: int) -> None:
        run = hand.run(EstimateJob(pretrain="asked.json"))
        Estimate(
            images=100,
            left_out=0,
            batch_size=256,
            accumulate=accumulate,
            steps_per_epoch=1,
            epochs=10,
            images_per_second=40.0,
            seconds_per_epoch=1.0,
            seconds=10.0,
            peak_bytes=None,
            memory_bytes=None,
            store_bytes=1,
            stored_size=64,
            free_bytes=1,
            device="cpu",
            rules=(),
            findings=(),
        ).save(run.path / "estimate.json")

    estimate(1)
    found = gather(project, CASE).machine
    assert (found.pretrain_rate, found.batch) == (40.0, None)
    estimate(4)
    assert gather(project, CASE).machine.batch == 64


def test_a_pretraining_that_has_not_ended_is_a_plan(project: Project, hand: Hand) -> None:
    run = hand.run(PretrainJob(index="index.npz", method="simclr", batch_size=64), state="queued")
    plan = gather(project, CASE).plan
    assert plan is not None and (plan.method, plan.batch_size, plan.preset) == ("simclr", 64, "published")
    run.write_status(replace(run.status(), state="done"))
    assert gather(project, CASE).plan is None


def test_a_backbone_that_was_pretrained_here_brings_its_recipe(project: Project, hand: Hand) -> None:
    learnt = hand.run(PretrainJob(index="index.npz", method="simclr", preset="industrial"), seconds=3600.0)
    view = View(name="view", count=2, crop_min=0.2, jitter=0.8, hue=0.1)
    collapse = Finding(name="point collapse", severity="bad", advice=".")
    made = PretrainResult(
        run=learnt.id,
        method="simclr",
        title="SimCLR",
        backbone="resnet18",
        start="",
        image_size=64,
        patch_size=0,
        images=100,
        left_out=0,
        index="i",
        pool="pool",
        steps=10,
        epochs=1.0,
        planned_epochs=1,
        batch_size=64,
        loss=(1.0,),
        looks=(),
        images_per_second=33.0,
        rules=(),
        augmentation=Augmentation(views=(view,)),
        settings={},
        findings=(collapse,),
        checkpoint="c",
        seed=0,
        device="cpu",
        precision="fp32",
        seconds=5.0,
    )
    made.save(learnt.path / "pretrain.json")
    mark = {"kind": "pretrain", "method": "simclr", "run": learnt.id, "pool": "pool"}
    own = str(learnt.path)
    hand.evaluate({own: 0.7}, {own: hand.embed(own, pretrained=mark)})
    hand.finetune(own, 0.8)
    evidence = gather(project, CASE)
    frozen, tuned = evidence.rungs
    assert (frozen.kind, tuned.kind, frozen.unstable, frozen.projected) == ("pretrained",) * 2 + (True, False)
    assert frozen.recipe is not None
    assert (frozen.recipe.method, frozen.recipe.batch_size, frozen.recipe.preset) == (
        "simclr",
        64,
        "industrial",
    )
    assert frozen.recipe.changes == ("crops from 20 % of the area", "mirroring", "colour jitter")
    assert evidence.machine.pretrain_rate == 33.0
    assert frozen.seconds == 10.0 + 2.0 + 5.0, "embedding, comparison, and the steps of the pretraining"
    assert not frozen.seen
    for advice, seen in (
        (f"{own} had learnt, without labels, from 3 of 12 test images.", True),
        (f"{own} more had learnt, without labels, from 3 of 12 test images.", False),
    ):
        told = Finding(name=SEEN, severity="warn", advice=advice)
        hand.evaluate({own: 0.7}, {own: hand.embed(own, pretrained=mark)}, findings=(told,))
        [again, _] = gather(project, CASE).rungs
        assert again.seen == seen
    shutil.rmtree(learnt.path)
    hand.evaluate({own: 0.7}, {own: hand.embed(own, pretrained=mark, projector=True)})
    frozen = gather(project, CASE).rungs[0]
    assert frozen.recipe == Recipe(method="simclr") and frozen.projected and frozen.kind == "pretrained"


def test_evidence_and_decision_are_kept_and_known_again(project: Project, hand: Hand) -> None:
    assert known(project) == ((), Machine())
    hand.evaluate({"public": 0.6}, {"public": hand.embed("public")})
    evidence, decision = decide_and_keep(project, CASE, (PUBLIC,), Machine(gpu_bytes=9))
    assert Evidence.load(project.folder / FOLDER / "evidence.json") == evidence
    assert Decision.load(project.folder / FOLDER / "decision.json") == decision == decide(evidence)
    assert known(project) == ((PUBLIC,), Machine(gpu_bytes=9, embed_rate=7.0))
