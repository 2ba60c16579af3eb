"""The regime table: a case for each row, and for every combination of words what must be true of any advice."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import get_args

import pytest

from tests.decide.made_evidence import adapted, evidence, public, regime, rung, supervised
from workbench.decide import regime_facts, regime_rules
from workbench.decide.regime_facts import Cover, Facts, Judged, facts_of
from workbench.decide.regime_rules import ROWS, read
from workbench.records.evidence import PROBLEMS, Domain, Evidence

T = 0.85
FAR, NEAR = Domain(distance=3.0), Domain(everyday=True)

# One case a row: evidence, the action, words of the advice, and words of the reason.
BY_ROW: dict[str, tuple[Evidence, str, str, str]] = {
    "a table of numbers": (
        Evidence(problem="table"),
        "another tool",
        "gradient boosting",
        "no image structure",
    ),
    "a sequence": (Evidence(problem="sequence"), "another tool", "split by time", "order of the values"),
    "actions and rewards": (Evidence(problem="policy"), "another tool", "reinforcement", "is a policy"),
    "no labels": (evidence(0, 100_000), "label", "Label some images first", "nothing can be tested"),
    "labels that can't be tested": (
        evidence(40, 0, T, regime=regime(40, 0, classes=1, smallest=40, median=40, largest=40)),
        "label",
        "two classes or more",
        "All 40 labelled images are of one class",
    ),
    "guessing meets the threshold": (
        evidence(600, 300_000, 0.16, rungs=(public(0.93),)),
        "set a threshold",
        "above what guessing gets",
        "guesses among 6 classes gets macro-F1 0.167",
    ),
    "nothing is better than guessing": (
        evidence(600, 300_000, T, rungs=(public(0.17), adapted(0.15))),
        "check the labels",
        "Don't pretrain",
        "shown to be better than guessing. DINOv2 small, frozen: macro-F1 0.170",
    ),
    "the public backbone suffices": (
        evidence(4_000, 180_000, T, rungs=(public(0.93),)),
        "validate",
        "Don't pretrain",
        "macro-F1 0.930",
    ),
    "the last block suffices": (
        evidence(4_000, 180_000, T, rungs=(public(0.80), adapted(0.93))),
        "adapt",
        "Fine-tune the last block",
        "macro-F1 0.930",
    ),
    "abundant labels, covered domain": (
        evidence(30_000, 40_000, domain=NEAR),
        "fine-tune",
        "fine-tune it",
        "30,000 labelled images",
    ),
    "no threshold": (
        evidence(1_000, 0, rungs=(public(0.9),)),
        "set a threshold",
        "good enough",
        "no threshold",
    ),
    "pretraining was tried in vain": (
        evidence(300, 300_000, T, rungs=(public(0.6), adapted(0.65), rung("Ours", "pretrained", 0.601))),
        "gather",
        "Don't pretrain once more as it was done",
        "is not shown to help",
    ),
    "mismatch proven": (
        evidence(300, 300_000, T, rungs=(public(0.6), adapted(0.65))),
        "pretrain",
        "MAE or DINO-style",
        "300,000 unlabelled images",
    ),
    "mismatch, but few images to learn from": (
        evidence(300, 12_000, T, rungs=(public(0.6), adapted(0.65))),
        "gather",
        "until there are 20,000",
        "12,000 unlabelled images",
    ),
    "the last block can't tell yet": (
        evidence(300, 300_000, T, rungs=(public(0.6), adapted(0.85))),
        "measure again",
        "more seeds of the fine-tune",
        "neither",
    ),
    "the probe fails, the last block comes next": (
        evidence(3_000, 200_000, T, rungs=(public(0.7),)),
        "last block",
        "only if it falls short too",
        "lacks 15.0 points",
    ),
    "the probe can't tell yet": (
        evidence(300, 300_000, T, rungs=(public(0.85),)),
        "measure again",
        "more seeds",
        "neither",
    ),
    "few unlabelled images": (
        evidence(300, 800),
        "no pretraining",
        "Don't pretrain",
        "800 unlabelled images",
    ),
    "scarce labels, covered domain": (
        evidence(1_000, 0, regime=regime(1_000, 6_000), domain=NEAR),
        "probe",
        "Verify the public backbone with a probe",
        "everyday things",
    ),
    "scarce labels, much unlabelled, mismatched features": (
        evidence(1_200, 250_000, domain=FAR),
        "probe",
        "DINOv2 off the shelf first",
        "3.0 times as far",
    ),
    "not known yet": (
        evidence(1_200, 250_000),
        "probe",
        "Probe a public backbone first",
        "Nobody has measured",
    ),
}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_every_row_holds_for_its_case_and_says_why(row: regime_rules.Row) -> None:
    found, action, advice, reason = BY_ROW[row.id]
    got = read(found)
    assert (got.row, got.action) == (row.id, action)
    assert advice in got.advice and reason in got.reason
    for text in (got.advice, got.reason):
        assert not text[0].islower() and text.endswith(".")


def every_word() -> list[Facts]:
    """All combinations of what the evidence may come to."""
    words = (PROBLEMS, ("none", "untestable", "scarce", "abundant"), ("few", "some", "much"), get_args(Cover))
    return [
        Facts(
            **dict(
                zip(
                    ("problem", "labels", "pool", "cover", "probe", "last", "easy", "blind", "in_vain"),
                    said,
                    strict=True,
                )
            ),
            cover_reason="",
        )
        for said in itertools.product(
            *words, get_args(Judged), get_args(Judged), (False, True), (False, True), (False, True)
        )
    ]


def test_one_row_holds_for_whatever_is_known_and_each_for_something() -> None:
    first = Counter(next(row.id for row in ROWS if row.holds(facts)) for facts in every_word())
    assert set(first) == {row.id for row in ROWS} == set(BY_ROW)


def test_no_combination_is_advised_to_pretrain_before_the_cheaper_steps_have_failed() -> None:
    for facts in every_word():
        row = next(row for row in ROWS if row.holds(facts))
        if row.action == "pretrain":
            assert facts.problem == "images" and facts.probe == facts.last == "below" and facts.pool == "much"
            assert not facts.easy and not facts.blind
        if facts.problem != "images":
            assert row.action == "another tool"
        elif facts.probe == "above":
            assert row.action == ("set a threshold" if facts.easy else "validate")


def test_the_boundaries_are_where_the_constants_say() -> None:
    many = regime_facts.ABUNDANT_LABELS
    assert facts_of(evidence(many + 6, 0)).labels == "abundant"
    assert facts_of(evidence(many - 6, 0)).labels == "scarce"
    thin = regime(many, 0, median=regime_facts.ABUNDANT_PER_CLASS - 1)
    assert facts_of(evidence(many, 0, regime=thin)).labels == "scarce", "many labels, but of one class"
    few, much = regime_facts.FEW_UNLABELLED, regime_facts.MUCH_UNLABELLED
    assert [facts_of(evidence(600, n)).pool for n in (few, few + 1, much - 1, much)] == [
        "few",
        "some",
        "some",
        "much",
    ]


@pytest.mark.parametrize(
    ("domain", "cover"),
    [
        (Domain(purity=0.8, purity_by_chance=0.2), "covered"),  # (0.8 - 0.2) / 0.8 = 0.75
        (Domain(purity=0.5, purity_by_chance=0.2), "unknown"),  # 0.375
        (Domain(purity=0.3, purity_by_chance=0.2), "mismatched"),  # 0.125
        (Domain(purity=0.79, purity_by_chance=0.75), "mismatched"),  # one class is most of the images
        (Domain(distance=1.1), "covered"),
        (Domain(distance=1.6), "unknown"),
        (Domain(distance=2.5, everyday=True), "mismatched"),  # measured counts for more than said
        (
            Domain(purity=0.9, purity_by_chance=0.2, distance=2.5),
            "covered",
        ),  # labels count for more than looks
        (Domain(everyday=False), "unknown"),  # unusual pictures may be covered all the same
        (Domain(), "unknown"),
    ],
)
def test_cover_is_read_from_the_strongest_sign(domain: Domain, cover: str) -> None:
    assert facts_of(evidence(600, 0, domain=domain)).cover == cover


def test_a_probe_counts_for_more_than_any_other_sign() -> None:
    foreign = Domain(purity=0.2, purity_by_chance=0.2, distance=5.0)
    assert facts_of(evidence(600, 0, T, domain=foreign, rungs=(public(0.95),))).cover == "covered"
    assert facts_of(evidence(600, 0, T, domain=NEAR, rungs=(public(0.6),))).cover == "mismatched"


def test_a_supervised_backbone_may_pass_but_not_fail_for_all() -> None:
    assert facts_of(evidence(600, 0, T, rungs=(supervised(0.95),))).probe == "above"
    assert facts_of(evidence(600, 0, T, rungs=(supervised(0.5),))).probe == "none"
    assert facts_of(evidence(600, 0, T, rungs=(supervised(0.85), public(0.5)))).probe == "open"
