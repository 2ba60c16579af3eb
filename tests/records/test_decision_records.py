"""Evidence and decisions as files: what is written is read again, and what can't be is refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.decide.made_evidence import adapted, evidence, floor, public, rung, score, supervised
from workbench.decide.decision import decide
from workbench.records.decision import TITLES, Decision
from workbench.records.evidence import AtHand, Domain, Evidence, Machine, Recipe, Rung, Target
from workbench.records.files import DocumentError
from workbench.records.scores import Budget, Score

FULL = evidence(
    1_000,
    100_000,
    target=Target(
        threshold=0.85, labelling_hour_cost=40.0, labels_an_hour=100.0, gpu_hour_cost=2.0, currency="EUR"
    ),
    domain=Domain(everyday=False, purity=0.6, purity_by_chance=0.2, distance=1.5, backbone="DINOv2 small"),
    machine=Machine(
        gpu_bytes=24_000_000_000, batch=128, embed_rate=900.0, tune_rate=200.0, pretrain_rate=500.0
    ),
    rungs=(
        floor(),
        supervised(0.6, seconds=100.0),
        public(
            0.8,
            knn=score(0.7),
            items=(0.7, 0.9),
            same_test=True,
            run="runs/0003",
            budgets=(Budget(fraction=0.1, labels=80, scores={"macro_f1": score(0.6)}),),
        ),
        adapted(0.82),
        rung("ours", "pretrained", 0.7, recipe=Recipe(method="simclr", batch_size=64, changes=("blur",))),
    ),
    claims=(("ours", "DINOv2 small, frozen"),),
    openings=2,
    leaked=3,
    plan=Recipe(method="mae", preset="industrial"),
    destroyed=("colour jitter",),
    colour_is_signal=True,
    architecture="vit",
    at_hand=(AtHand(id="a", title="A", kind="public", parameters=1),),
)


def test_a_target_is_read_as_a_command_line_gives_it() -> None:
    assert Target.parse("macro_f1:0.95") == Target(metric="macro_f1", threshold=0.95)
    assert Target.parse("balanced-accuracy:1") == Target(metric="balanced_accuracy", threshold=1.0)


def test_evidence_comes_back_as_it_was(tmp_path: Path) -> None:
    FULL.save(tmp_path / "evidence.json")
    assert Evidence.load(tmp_path / "evidence.json") == FULL
    assert Evidence.from_json({}) == Evidence()


def test_a_decision_comes_back_as_it_was_and_is_the_same_each_time(tmp_path: Path) -> None:
    for number, known in enumerate((FULL, Evidence(problem="policy"), evidence(300, 800))):
        first, second = tmp_path / f"{number}a.json", tmp_path / f"{number}b.json"
        made = decide(known)
        made.save(first)
        assert Decision.load(first) == made
        decide(Evidence.from_json(json.loads(json.dumps(known.to_json())))).save(second)
        assert first.read_bytes() == second.read_bytes()


def test_the_keys_that_other_programs_rely_on_stay() -> None:
    said = json.loads(json.dumps(decide(FULL).public_json()))
    assert {"rungs", "findings", "verdict", "because", "would_change_it"} <= set(said)
    assert all(
        set(item) == {"name", "cost_seconds", "metric", "mean", "interval", "passed"}
        for item in said["rungs"]
    )
    assert all(set(item) == {"rule", "severity", "advice"} for item in said["findings"]) and said["findings"]
    assert said["verdict"] in TITLES


def test_a_newer_or_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    FULL.save(path)
    with pytest.raises(DocumentError, match="not a workbench decision"):
        Decision.load(path)
    body = json.loads(path.read_text())
    path.write_text(json.dumps({**body, "version": 99}))
    with pytest.raises(DocumentError, match="newer program"):
        Evidence.load(path)
    path.write_text(json.dumps({**body, "problem": "poem"}))
    with pytest.raises(DocumentError, match="Decide again"):
        Evidence.load(path)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Target(metric="auc"), "must be one of"),
        (lambda: Target.parse("auc:0.9"), "must be one of"),
        (lambda: Target.parse("accuracy"), "write a score"),
        (lambda: Target.parse("accuracy:90"), "from 0 to 1"),
        (lambda: Target.parse("accuracy:nan"), "from 0 to 1"),
        (lambda: Target(threshold=90.0), "above 0 and at most 1"),
        (lambda: Target(gpu_hour_cost=-1.0), "below 0"),
        (lambda: Target(labels_an_hour=0.0), "above 0"),
        (lambda: Evidence(problem="poem"), "not 'poem'"),
        (lambda: evidence(60, 0, rungs=(public(0.8), public(0.9))), "same name"),
        (lambda: evidence(60, 0, target=Target(metric="accuracy"), rungs=(public(0.8),)), "target's metric"),
        (lambda: evidence(60, 0, claims=(("a", "b"),)), "'a', 'b'"),
        (lambda: rung("x", "magic", 0.5), "not 'magic'"),
        (
            lambda: Rung(name="x", kind="floor", score=Score("accuracy", ()), n_train=1, n_test=1),
            "needs a score",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(make, says: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=says):
        make()
