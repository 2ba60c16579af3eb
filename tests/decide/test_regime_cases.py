"""Fourteen cases with what a competent practitioner advises, and the reason that must be named."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.decide.made_evidence import adapted, evidence, public, regime, rung, supervised
from workbench.decide.decision import decide
from workbench.records.decision import Decision
from workbench.records.evidence import Domain, Evidence, Machine, Recipe


@dataclass(frozen=True)
class Case:
    """`advised` and `named`: texts that the decision has to hold, in any case; `never`: texts that it mustn't."""

    number: int
    facts: Evidence
    verdict: str
    advised: tuple[str, ...]
    named: tuple[str, ...]
    action: str = ""
    step: str = ""
    never: tuple[str, ...] = ()


whole = {"blocks": "all"}
CASES = (
    Case(
        1,
        evidence(4_000, 180_000, 0.85, rungs=(supervised(0.8), public(0.93))),
        "public backbone suffices",
        ("don't pretrain", "validate downstream", "set the thresholds", "fine-tune selectively"),
        ("the public backbone suffices",),
        action="validate",
    ),
    Case(
        2,
        evidence(
            4_000,
            50_000,
            colour_is_signal=True,
            rungs=(
                rung(
                    "SimCLR on the tiles, frozen",
                    "pretrained",
                    0.6,
                    recipe=Recipe(
                        method="simclr", batch_size=512, changes=("colour jitter", "colour taken away")
                    ),
                ),
            ),
        ),
        "undecided",
        ("redesign the augmentations around what the domain allows", "evaluate again", "larger model"),
        ("the transform erased label information",),
        step="views",
    ),
    Case(
        3,
        evidence(1_200, 250_000, 0.85, rungs=(supervised(0.6),)),
        "undecided",
        ("probe dinov2 off the shelf first", "mae or dino-style pretraining only if both fail"),
        ("the cheaper test comes first",),
        action="probe",
    ),
    Case(
        4,
        evidence(
            2_000,
            0,
            rungs=(
                public(0.88),
                public(0.85, name="DINO small, frozen", checkpoint="dino"),
                adapted(0.92, name="DINOv2 small, fine-tuned", **whole),
                adapted(0.92, name="DINO small, fine-tuned", checkpoint="dino", **whole),
            ),
        ),
        "undecided",
        ("DINOv2 small, frozen has the stronger representation signal",),
        ("fine-tuning hides differences",),
    ),
    Case(
        5,
        evidence(
            2_000,
            100_000,
            machine=Machine(gpu_bytes=8_000_000_000, batch=64),
            rungs=(
                rung(
                    "SimCLR, frozen",
                    "pretrained",
                    0.6,
                    unstable=True,
                    recipe=Recipe(method="simclr", batch_size=64),
                ),
            ),
        ),
        "undecided",
        ("take moco", "queue", "momentum encoder"),
        ("negatives depend on the batch",),
        step="method",
    ),
    Case(
        6,
        evidence(2_000, 100_000, attention_seen=True),
        "undecided",
        ("probe before deciding",),
        ("a picture is not a downstream metric",),
        step="public",
    ),
    Case(
        7,
        evidence(30_000, 40_000, domain=Domain(everyday=True)),
        "undecided",
        (
            "assume that pretraining is unnecessary",
            "supervised or public backbone first",
            "burden of proof is on pretraining",
        ),
        ("abundant labels, covered domain",),
        action="fine-tune",
    ),
    Case(
        8,
        evidence(3_000, 200_000, 0.9, rungs=(supervised(0.7),)),
        "undecided",
        ("probe dinov2", "first", "fine-tune its last blocks", "only if both fail"),
        ("the order of cost",),
        action="probe",
    ),
    Case(
        9,
        evidence(
            2_000,
            0,
            rungs=(
                adapted(0.90, name="DINOv2, fine-tuned", **whole),
                adapted(0.86, name="ResNet-50, fine-tuned", checkpoint="resnet50", **whole),
            ),
            claims=(("DINOv2, fine-tuned", "ResNet-50, fine-tuned"),),
        ),
        "undecided",
        ("ambiguous", "4.0 points", "run a frozen probe of both on the same labels"),
        ("capacity and training budget confound",),
        step="probe",
    ),
    Case(
        10,
        evidence(
            200,
            0,
            0.8,
            rungs=(
                public(0.82, seeds=1, n_train=160, n_test=40),
                public(0.80, seeds=1, n_train=160, n_test=40, name="DINO small, frozen", checkpoint="dino"),
            ),
            claims=(("DINOv2 small, frozen", "DINO small, frozen"),),
        ),
        "undecided",
        ("2.0 points ahead", "run five seeds or more and report the spread"),
        ("variance of the probe head",),
        step="seeds",
    ),
    Case(
        11,
        evidence(300, 800),
        "undecided",
        ("don't pretrain", "public features, augmentation", "classical features first"),
        ("too little data",),
        action="no pretraining",
    ),
    Case(
        12,
        Evidence(problem="table"),
        "not this tool",
        ("not made for tables", "gradient boosting", "k-nn"),
        ("no image structure",),
        action="another tool",
        never=("dinov2",),
    ),
    Case(
        13,
        Evidence(problem="policy"),
        "not this tool",
        ("not made for", "reinforcement learning"),
        ("the problem is a policy",),
        action="another tool",
        never=("dinov2",),
    ),
    Case(
        14,
        evidence(250, 300_000, 0.85, rungs=(public(0.6), adapted(0.65))),
        "pretraining justified",
        ("mae or dino-style pretraining on these images, from public weights, is justified",),
        ("evidence of mismatch", "data to learn from"),
        action="pretrain",
    ),
)


def all_said(found: Decision) -> str:
    step = found.next_step
    parts = [found.title, found.advice.advice, found.advice.reason, *found.because, *found.against]
    parts += [finding.advice for finding in found.findings]
    parts += [step.title, step.why, step.cost] if step else []
    return "\n".join(parts)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"case {case.number}")
def test_the_advice_and_its_reason_are_those_of_a_competent_practitioner(case: Case) -> None:
    found = decide(case.facts)
    said = all_said(found).casefold()
    assert found.verdict == case.verdict, said
    for text in (*case.advised, *case.named):
        assert text.casefold() in said, f"{text!r} is not in:\n{said}"
    for text in case.never:
        assert text.casefold() not in said
    if case.action:
        assert found.advice.action == case.action
    if case.step:
        assert found.next_step is not None and found.next_step.step == case.step
    if case.verdict != "pretraining justified":
        assert found.next_step is None or found.next_step.step != "pretrain"


def test_every_case_of_the_table_is_there() -> None:
    assert [case.number for case in CASES] == list(range(1, 15))


def test_the_methods_that_the_cases_call_for_are_proposed() -> None:
    proposed = {case.number: decide(case.facts).proposal for case in CASES}
    assert proposed[5] is not None and proposed[5].method == "moco"
    assert proposed[14] is not None and proposed[14].method in ("mae", "dino")
    assert proposed[11] is not None and proposed[11].method == ""
    assert proposed[12] is None


def test_case_1_without_its_probe_is_sent_to_the_probe() -> None:
    """That the advice hangs on the evidence, and is no fixed text."""
    found = decide(evidence(4_000, 180_000, 0.85, regime=regime(4_000, 180_000)))
    assert found.verdict == "undecided" and found.advice.action == "probe"
