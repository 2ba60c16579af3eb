"""Every guard rail: one case where it must speak, and one beside it where it mustn't."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.decide.made_evidence import adapted, evidence, public, regime, rung, score, supervised
from workbench.decide import guards
from workbench.decide.mends import MENDS
from workbench.decide.proposal import SIMCLR_BATCH
from workbench.engine.pretrain.guard import FEW_NEGATIVES
from workbench.records.augmentation import Augmentation, View
from workbench.records.evidence import Evidence, Recipe
from workbench.records.scores import Score
from workbench.records.view_trials import trials

T = 0.85
BOTH = (supervised(0.8), public(0.9))
WHOLE = {"blocks": "all"}
TUNED = (
    adapted(0.92, name="A, fine-tuned", checkpoint="a", **WHOLE),
    adapted(0.88, name="B, fine-tuned", checkpoint="b", **WHOLE),
)
PROBES = (
    public(0.88, name="A, frozen", checkpoint="a"),
    public(0.85, name="B, frozen", checkpoint="b"),
)
ALIKE = (TUNED[0], replace(TUNED[1], score=score(0.92)))


def case(*rungs: Any, **others: Any) -> Evidence:
    return evidence(1_000, 100_000, T, rungs=rungs or BOTH, **others)


def simclr(batch: int = 512, *changes: str) -> Recipe:
    return Recipe(method="simclr", batch_size=batch, changes=changes)


def shifted(base: tuple[float, ...], by: float) -> Score:
    """The same seeds' luck, and `by` more."""
    values = tuple(value + by for value in base)
    return Score("macro_f1", values, score(sum(values) / len(values), 0.03).interval)


NOISY = public(0.88, sd=0.03, name="A, frozen", checkpoint="a")
LUCKY = public(0.90, sd=0.03, name="B, frozen", checkpoint="b")
LUCKY = replace(LUCKY, score=Score("macro_f1", LUCKY.score.values[::-1], LUCKY.score.interval))
STEADY = replace(NOISY, name="C, frozen", checkpoint="c", score=shifted(NOISY.score.values, 0.02))

# rule: what fires, what must not, and words that must be said
CASES: dict[str, tuple[Evidence, Evidence, str]] = {
    "leaks decide": (
        case(public(0.88), leaked=10),  # 5 points of 200 test images
        case(public(0.95), leaked=10),
        "passes only with its leaks: 5.0 %",
    ),
    "a floor passes too": (
        case(rung("Colour histogram", "floor", 0.95), *BOTH),
        case(rung("Colour histogram", "floor", 0.85), *BOTH),
        "what has learnt nothing meets the threshold too",
    ),
    "no backbone beats the floor": (
        case(rung("Colour histogram", "floor", 0.91), *BOTH),
        case(rung("Colour histogram", "floor", 0.89), *BOTH),
        "No frozen backbone beats Colour histogram (0.910; the best of them, DINOv2 small, frozen, has 0.900)",
    ),
    "leaks left in": (
        case(leaked=3),
        case(leaked=0, regime=regime(1_000, 100_000, leaks=3)),  # they can leak, and in these splits didn't
        "3 test images with a copy",
    ),
    "pictures under two labels": (
        case(regime=regime(1_000, 100_000, conflicts=30)),
        case(regime=regime(1_000, 100_000, leaks=30)),
        "30 pictures are there under more than one label",
    ),
    "guessing meets the threshold": (
        evidence(1_000, 0, 0.16, rungs=BOTH),
        evidence(1_000, 0, 0.17, rungs=BOTH),
        "guesses among 6 classes gets macro-F1 0.167",
    ),
    "no better than guessing": (
        case(rung("Colour histogram", "floor", 0.17), supervised(0.16), public(0.18)),
        case(rung("Colour histogram", "floor", 0.3), supervised(0.16), public(0.18)),
        "DINOv2 small, frozen: macro-F1 0.180",
    ),
    "too few images to show it": (
        evidence(60, 0, 0.95, rungs=BOTH),
        evidence(78, 0, 0.95, rungs=BOTH),
        "the interval would begin at 0.940. It takes 73 labelled images",
    ),
    "classes that are hardly tested": (
        case(regime=regime(1_000, 100_000, testable=5)),
        case(regime=regime(1_000, 100_000, testable=6)),
        "1 class of 6 has fewer than 2 images",
    ),
    "label destroyed by the views": (
        case(plan=simclr(512, "colour jitter"), colour_is_signal=True),
        case(plan=simclr(512, "blur"), colour_is_signal=True),
        "erased label information",
    ),
    "SimCLR at a small batch": (case(plan=simclr(64)), case(plan=simclr(256)), "depend on the batch"),
    "tested on what it learnt from": (
        case(*BOTH, rung("Ours, frozen", "pretrained", 0.8, seen=True)),
        case(*BOTH, rung("Ours, frozen", "pretrained", 0.8)),
        "Ours, frozen had learnt, without their labels, from images that it was tested on",
    ),
    "an unsteady pretraining": (
        case(*BOTH, rung("Ours, frozen", "pretrained", 0.8, unstable=True)),
        case(*BOTH, rung("Ours, frozen", "pretrained", 0.8)),
        "says little of what pretraining can do",
    ),
    "attention maps as proof": (
        case(rung("Histogram", "floor", 0.4), attention_seen=True),
        case(attention_seen=True),
        "not a downstream metric",
    ),
    "fine-tunes confound": (
        case(*TUNED, claims=(("A, fine-tuned", "B, fine-tuned"),)),
        case(*TUNED, *PROBES, claims=(("A, fine-tuned", "B, fine-tuned"),)),
        "capacity and training budget confound",
    ),
    "fine-tuning hides differences": (
        case(*ALIKE, *PROBES),
        case(*TUNED, *PROBES),
        "A, frozen has the stronger",
    ),
    "fine-tune against probe": (
        case(*TUNED, *PROBES, claims=(("A, fine-tuned", "B, frozen"),)),
        case(*TUNED, *PROBES),  # both there, and nobody ranks them
        "A, fine-tuned is a fine-tune and B, frozen a probe",
    ),
    "single seed": (case(public(0.9, seeds=1)), case(public(0.9, seeds=3)), "one seed only"),
    "gap inside the seed spread": (
        case(NOISY, LUCKY, claims=(("B, frozen", "A, frozen"),)),
        case(NOISY, STEADY, claims=(("C, frozen", "A, frozen"),)),  # the same gap, in every single split
        "2.0 points ahead of A, frozen, inside the spread",
    ),
    "features before and behind the projection": (
        case(public(0.9), rung("Ours", "pretrained", 0.8, projected=True)),
        case(public(0.9), rung("Ours", "pretrained", 0.8)),
        "before the projection",
    ),
    "test opened more than once": (case(openings=3), case(openings=1), "opened 3 times"),
    "probe and k-NN at odds": (
        case(public(0.9, knn=score(0.7))),
        case(public(0.9, knn=score(0.87))),
        "0.900 and k-NN 0.700",
    ),
    "pretraining where the public model passes": (
        case(public(0.95), plan=Recipe(method="mae")),
        case(public(0.95)),
        "macro-F1 0.950",
    ),
    "no supervised baseline": (
        case(public(0.9)),
        case(supervised(0.8), public(0.9)),
        "No supervised baseline",
    ),
}


def test_a_floor_that_passes_only_with_its_leaks_decides_nothing() -> None:
    floor = rung("Colour histogram", "floor", 0.88)
    found = {finding.name for finding in guards.find(case(floor, public(0.95), leaked=10))}
    assert "leaks left in" in found and "leaks decide" not in found


@pytest.mark.parametrize("guard", guards.GUARDS, ids=lambda guard: guard.rule)
def test_a_guard_speaks_where_it_must_and_only_there(guard: guards.Guard) -> None:
    fires, silent, words = CASES[guard.rule]
    said = {finding.name: finding for finding in guards.find(fires)}
    assert guard.rule in said, f"{guard.rule} says nothing"
    assert words in said[guard.rule].advice
    assert said[guard.rule].severity == guard.severity
    assert said[guard.rule].advice.endswith(".")
    assert guard.rule not in {finding.name for finding in guards.find(silent)}


def test_every_guard_has_its_cases_and_every_mend_is_a_step() -> None:
    names = [guard.rule for guard in guards.GUARDS]
    assert sorted(names) == sorted(CASES) and len(set(names)) == len(names)
    assert {guard.mend for guard in guards.GUARDS} - {""} == set(MENDS)


def test_the_gravest_comes_first() -> None:
    found = [
        finding.severity
        for finding in guards.find(case(public(0.9, seeds=1, knn=None), leaked=3, openings=2))
    ]
    assert found == sorted(found, key=["bad", "warn", "info"].index) and len(found) == 4


def test_one_seed_makes_a_gap_undecided_too() -> None:
    one = case(
        public(0.82, seeds=1),
        supervised(0.8, seeds=1),
        claims=(("DINOv2 small, frozen", "Supervised ResNet-50, frozen"),),
    )
    assert "gap inside the seed spread" in {finding.name for finding in guards.find(one)}


def test_what_the_audit_found_counts_without_colour() -> None:
    planned = simclr(512, "crops from 8 % of the area")
    found = guards.find(case(plan=planned, destroyed=("crops from 8 % of the area",)))
    assert "label destroyed by the views" in {finding.name for finding in found}
    assert "label destroyed by the views" not in {finding.name for finding in guards.find(case(plan=planned))}


def test_the_names_and_numbers_are_the_engines() -> None:
    """The rules stand here and the augmentations and the guard before a run there: they must mean the same."""
    view = View(name="view", jitter=0.8, hue=0.1, saturation=0.8, grey=0.2)
    named = {trial.title for trial in trials(Augmentation(views=(view,)), coloured=True)}
    assert set(guards.COLOUR_CHANGES) <= named
    assert SIMCLR_BATCH == FEW_NEGATIVES
