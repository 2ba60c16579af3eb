"""The ladder: the order of its rungs, where it stops, which pretraining it proposes, and what a step costs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.decide.made_evidence import (
    DINOV2_BASE,
    DINOV2_SMALL,
    adapted,
    curve_of,
    evidence,
    floor,
    public,
    regime,
    rung,
    score,
    supervised,
)
from workbench.decide import costs
from workbench.decide.decision import decide
from workbench.decide.ladder import MOST_SEEDS, ahead, next_step, standings, stop_reason
from workbench.decide.power import seeds_needed
from workbench.decide.proposal import propose
from workbench.decide.steps import STEPS
from workbench.engine.methods.registry import method_names
from workbench.records.augmentation import PRESET_IDS
from workbench.records.evidence import AtHand, Domain, Evidence, Machine, Recipe, Rung, Target
from workbench.records.scores import Score

T = 0.85
LITE = AtHand(id="lite", title="EfficientNet-Lite0", kind="supervised", parameters=4_000_000)
SMALL = AtHand(id=DINOV2_SMALL, title="DINOv2 small", kind="public", parameters=22_000_000)
BASE = AtHand(id=DINOV2_BASE, title="DINOv2 base", kind="public", parameters=88_000_000)
ALL = (LITE, SMALL, BASE)


def known(*rungs: Rung, unlabelled: int = 100_000, threshold: float | None = T, **others: Any) -> Evidence:
    return evidence(1_000, unlabelled, threshold, rungs=rungs, at_hand=others.pop("at_hand", ALL), **others)


def base(mean: float) -> Rung:
    return public(mean, name="DINOv2 base, frozen", checkpoint=DINOV2_BASE)


CLIMB = (
    floor(),
    supervised(0.6),
    public(0.7),
    base(0.72),
    adapted(0.75),
    rung("again", "supervised", 0.6, budgets=curve_of(0.5, 0.6, 0.7)),
    rung("ours", "pretrained", 0.74),
)
STEP_AFTER = ["floors", "supervised", "public", "public", "last block", "budget", "pretrain", "label"]


@pytest.mark.parametrize("climbed", range(len(CLIMB) + 1))
def test_the_cheapest_credible_step_comes_first(climbed: int) -> None:
    step = next_step(known(*CLIMB[:climbed]))
    assert step is not None and step.step == STEP_AFTER[climbed]
    assert step.title and step.why.endswith(".") and step.cost


def test_every_step_is_described_and_every_cost_is_told() -> None:
    assert set(STEP_AFTER) | {"seeds", "threshold", "labels"} == set(STEPS)


@pytest.mark.parametrize("passes", [supervised(0.93), public(0.93), adapted(0.93)])
def test_it_stops_where_the_threshold_is_met_with_confidence(passes: Rung) -> None:
    found = known(floor(), *(() if passes.kind == "supervised" else (supervised(0.6),)), passes)
    reason = stop_reason(found)
    assert passes.name in reason and "0.930" in reason and "0.850" in reason
    assert next_step(found) is None
    left = {item.step.step: item.state for item in ahead(found, None)}
    assert left["pretrain"] == "not justified" and left["budget"] == "not needed"


def test_it_does_not_stop_on_one_seed_or_on_a_floor() -> None:
    step = next_step(known(floor(), supervised(0.6), public(0.97, seeds=1)))
    assert step is not None and (step.step, step.seeds) == ("seeds", 5)
    assert stop_reason(known(rung("Histogram", "floor", 0.97))) == ""


def test_seeds_are_asked_for_where_they_decide_and_as_many_as_do() -> None:
    open_ = public(0.87, sd=0.02)
    found = known(floor(), supervised(0.6), open_)
    step = next_step(found)
    needed = seeds_needed(0.02, 0.02, 200 / 800)
    assert needed is None or needed > MOST_SEEDS
    assert step is not None and step.step == "public", (
        "no number of seeds would decide, so the next backbone comes"
    )
    narrow = replace(open_, n_train=1_900, n_test=100, score=score(0.875, 0.025, 5, 1_900, 100))
    floor_ = np.sqrt(0.875 * 0.125 / 2_000)  # more seeds than there are images to test tell nothing
    needed = seeds_needed(0.025, 0.025, 100 / 1_900, floor=floor_)
    step = next_step(known(floor(), supervised(0.6), narrow))
    assert needed is not None and step is not None and (step.step, step.seeds) == ("seeds", needed)
    assert f"{needed - 5} more seeds" in step.title


def test_without_a_threshold_it_asks_for_one_after_the_first_probe() -> None:
    assert next_step(known(floor(), supervised(0.6), threshold=None)).step == "public"  # type: ignore[union-attr]
    assert next_step(known(floor(), supervised(0.6), public(0.9), threshold=None)).step == "threshold"  # type: ignore[union-attr]


def test_a_stand_in_is_named_where_dinov2_is_not_here() -> None:
    dino = AtHand(id="facebook/dino-vits16", title="DINO small", kind="public")
    step = next_step(known(floor(), supervised(0.6), at_hand=(LITE, dino)))
    assert step is not None and step.backbone == dino.id
    assert "DINOv2 small is not on this machine; DINO small is" in step.why
    step = next_step(known(floor(), supervised(0.6), at_hand=(LITE,)))
    assert step is not None and step.title == "Bring DINOv2 small to this machine"


def test_without_labels_labels_come_first_and_other_problems_lead_nowhere() -> None:
    assert next_step(evidence(0, 100_000)).step == "label"  # type: ignore[union-attr]
    assert next_step(Evidence(problem="table")) is None and ahead(Evidence(problem="table"), None) == ()


def test_no_pretraining_is_ahead_of_few_images() -> None:
    few = known(*CLIMB[:6], unlabelled=3_000)
    step = next_step(few)
    assert step is not None and step.step == "label"
    assert {item.step.step: item.state for item in ahead(few, step)} == {"pretrain": "not justified"}


def test_costs_add_up_rung_by_rung() -> None:
    found = standings(known(floor(), supervised(0.6, seconds=120.0), public(0.9)))
    assert [item.cost_so_far for item in found] == [60.0, 180.0, 180.0]
    assert [item.cost_seconds for item in found] == [60.0, 120.0, None]
    assert [item.passed for item in found] == [False, False, True]


def test_expected_costs_come_from_what_was_measured() -> None:
    machine = Machine(embed_rate=50.0, tune_rate=100.0, pretrain_rate=500.0)
    target = Target(threshold=T, gpu_hour_cost=2.0, currency="EUR")
    start = known(machine=machine, target=target)
    assert next_step(start).seconds == 1_000 / 50  # type: ignore[union-attr]
    after_small = known(floor(), supervised(0.6), public(0.7, seconds=180.0), machine=machine, target=target)
    step = next_step(after_small)
    assert step is not None and step.seconds == 180.0 * 4, "four times the parameters"
    tuning = next_step(known(*CLIMB[:4], machine=machine, target=target))
    assert tuning is not None and tuning.seconds == 5 * 20 * 800 / 100
    pretraining = next_step(known(*CLIMB[:6], machine=machine, target=target))
    assert pretraining is not None and pretraining.seconds == 100 * 100_000 / 500
    assert pretraining.cost == "about 5 h 33 min of computing (11 EUR)"
    unknown = next_step(known(*CLIMB[:6]))
    assert unknown is not None and unknown.seconds is None
    assert unknown.cost.startswith("not known before it is measured: 100 epochs of 100,000 images")


def test_a_curve_says_how_many_labels_are_needed() -> None:
    target = Target(threshold=T, labels_an_hour=100.0, labelling_hour_cost=40.0, currency="EUR")
    said, more = costs.labels_to_threshold(
        known(public(0.75, budgets=curve_of(0.65, 0.70, 0.75)), target=target)
    )
    assert more == 1_200, "5 points a doubling, 10 to go: two doublings of 400"
    assert "1,200 more labels, about 12 h 0 min of labelling (480 EUR)" in said
    said, more = costs.labels_to_threshold(known(public(0.9, budgets=curve_of(0.8, 0.9))))
    assert more == 0 and f"about {100 * 2**0.5:.0f} labels" in said
    said, more = costs.labels_to_threshold(known(public(0.75, budgets=curve_of(0.74, 0.749, 0.75))))
    assert more is None and "nearly flat" in said
    assert costs.labels_to_threshold(known(public(0.75))) == ("", None)


TEN, SIMCLR = 80_000_000_000, Recipe(method="simclr", batch_size=64)
PROPOSED: list[tuple[dict[str, Any], str, str]] = [
    ({"unlabelled": 5_000}, "", "too few"),
    ({"machine": Machine(gpu_bytes=TEN)}, "dino", "public weights"),
    ({"machine": Machine(gpu_bytes=8_000_000_000)}, "mae", "quarter of the patches"),
    ({"machine": Machine(gpu_bytes=TEN), "colour_is_signal": True}, "mae", "changes no colour"),
    ({"machine": Machine(gpu_bytes=TEN), "architecture": "cnn"}, "simclr", "256 images fit"),
    ({"machine": Machine(gpu_bytes=TEN, batch=64), "architecture": "cnn"}, "moco", "depend on the batch"),
    ({"machine": Machine(batch=64), "plan": SIMCLR}, "moco", "momentum encoder"),
    ({"machine": Machine(batch=64), "plan": SIMCLR, "architecture": "vit"}, "mae", "needs no other image"),
    ({"machine": Machine(batch=512), "plan": SIMCLR}, "dino", "no negatives"),
    (
        {"machine": Machine(gpu_bytes=TEN), "architecture": "cnn", "colour_is_signal": True},
        "simclr",
        "no view may",
    ),
]


@pytest.mark.parametrize(("facts", "method", "words"), PROPOSED)
def test_the_method_follows_from_data_and_machine(facts: dict[str, Any], method: str, words: str) -> None:
    found = propose(known(**facts))
    assert found.method == method and words in " ".join(found.why)
    assert found.method in ("", *method_names()) and found.preset in PRESET_IDS


def test_the_preset_follows_from_the_pictures() -> None:
    assert propose(known(domain=Domain(everyday=True))).preset == "natural"
    assert propose(known(colour_is_signal=True)).preset == "histology"
    assert propose(known(plan=Recipe(method="mae", preset="satellite"))).preset == "satellite"
    many = evidence(1_000, 100_000, regime=regime(1_000, 100_000, colours="many channels"))
    assert propose(many).preset == "microscopy"


def test_an_untried_backbone_on_this_machine_holds_pretraining_back() -> None:
    rungs = (floor(), supervised(0.6), public(0.7), adapted(0.75))
    assert decide(known(*rungs)).verdict == "undecided"
    assert decide(known(*rungs, at_hand=(LITE, SMALL))).verdict == "pretraining justified"


def test_pretraining_that_did_not_help_is_no_longer_justified() -> None:
    start = (floor(), supervised(0.6), public(0.7), base(0.72), adapted(0.75))
    values = np.asarray(start[3].score.values)
    for gain, verdict in ((0.0, "undecided"), (0.06, "pretraining justified")):
        ours = rung("ours", "pretrained", 0.0)
        ours = replace(ours, score=Score("macro_f1", tuple((values + gain).tolist()), (0.0, T - 0.01)))
        assert decide(known(*start, ours)).verdict == verdict


def test_leaks_that_do_not_decide_are_told_with_what_they_could_cost() -> None:
    found = decide(known(floor(), supervised(0.6), public(0.93), leaked=2))
    assert found.verdict == "public backbone suffices"
    [standing] = [item for item in found.standings if item.kind == "public"]
    assert standing.interval is not None
    said = f"(1.0 % of them) classed wrong, the lower end would still be {standing.interval[0] - 0.01:.3f}"
    assert said in " ".join(found.because)
    assert decide(known(floor(), supervised(0.6), public(0.93), leaked=16)).next_step.step == "leaks"  # type: ignore[union-attr]


def test_names_from_elsewhere_are_made_printable() -> None:
    odd = public(0.7, name="DINOv2\x1b[31m, frozen")
    said = json.dumps(
        decide(known(floor(), supervised(0.6), odd, adapted(0.75))).public_json(), ensure_ascii=False
    )
    assert "\\u001b" in said  # the name itself, as JSON writes it
    decided = decide(known(floor(), supervised(0.6), odd, adapted(0.75)))
    for text in (*decided.because, *decided.against, *decided.would_change_it, decided.advice.reason):
        assert "\x1b" not in text


def test_budgets_with_no_more_labels_than_the_one_before_are_left_out() -> None:
    twice = tuple(replace(budget, labels=100) for budget in curve_of(0.6, 0.65))
    found = known(public(0.75, budgets=(*twice, *curve_of(0.65, 0.70, 0.75)[1:])))
    assert costs.labels_to_threshold(found)[1] == 1_200
    assert costs.labels_to_threshold(known(public(0.75, budgets=twice))) == ("", None)


def test_a_ranked_pair_that_the_seeds_do_not_bear_out_asks_for_more_of_both() -> None:
    one, two = supervised(0.6, sd=0.02), public(0.6, sd=0.02)
    values = np.asarray(one.score.values) + 0.025 + 0.015 * np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    two = replace(two, score=Score("macro_f1", tuple(values.tolist()), (0.5, 0.75)))
    found = decide(known(floor(), one, two, threshold=None, claims=((two.name, one.name),)))
    spread = float((values - np.asarray(one.score.values)).std(ddof=1))
    needed = seeds_needed(0.025, spread, 200 / 800, 0.01)
    assert needed is not None and 5 < needed <= MOST_SEEDS
    assert found.next_step is not None and (found.next_step.step, found.next_step.seeds) == ("seeds", needed)
    assert two.name in found.next_step.title and one.name in found.next_step.title
    assert "gap inside the seed spread" in {finding.name for finding in found.findings}


def test_the_curve_of_a_floor_is_not_prolonged() -> None:
    rising = curve_of(0.5, 0.6, 0.7)
    alone = known(replace(floor(), budgets=rising), public(0.7))
    assert costs.labels_to_threshold(alone) == ("", None)
    both = known(replace(floor(), budgets=curve_of(0.9, 0.95, 0.99)), public(0.7, budgets=rising))
    said, more = costs.labels_to_threshold(both)
    assert said.startswith("DINOv2 small, frozen gains") and more
    assert any(said in line for line in decide(both).would_change_it)


def test_labels_that_cannot_be_tested_come_before_anything_is_measured() -> None:
    for regime_, why in (
        (regime(0, 0), "Without a labelled image"),
        (regime(1, 0, classes=1, smallest=1, largest=1), "The labelled image is of one class"),
        (regime(40, 0, classes=1, smallest=40, largest=40), "All 40 labelled images are of one class"),
        (regime(51, 0, classes=2, testable=1), "takes 2 images; 1 of 2 classes has them"),
        (
            regime(12, 0, testable=6, smallest=2, largest=2),
            "No class has three images, to learn from, to choose by",
        ),
        (regime(40, 0, testable=6, groups=2), "All images are of 2 groups. It takes three"),
        (
            regime(75, 0, classes=3, groups=3, testable=0),
            "takes images of 2 groups, for a group stays whole; 0 of 3",
        ),
    ):
        step = next_step(evidence(0, 0, T, regime=regime_))
        assert step is not None and step.step == "label" and why in step.why, step
    step = next_step(evidence(0, 0, T, regime=regime(60, 0, classes=2, testable=2)))
    assert step is not None and step.step == "floors"


def test_a_threshold_that_guessing_meets_is_mended_before_anything_is_measured() -> None:
    uneven = regime(205, 300_000, classes=2, smallest=5, largest=200)
    blind = evidence(0, 0, regime=uneven, rungs=())
    blind = replace(blind, target=Target(metric="accuracy", threshold=0.9))
    step = next_step(blind)
    assert (
        step is not None and step.step == "threshold" and "200 of 205 images, gets accuracy 0.976" in step.why
    )
    assert decide(blind).verdict == "undecided"
    told = replace(blind, target=Target(metric="macro_f1", threshold=0.9))
    step = next_step(told)
    assert step is not None and step.step == "floors"
    passed = known(floor(), supervised(0.6), public(0.93), threshold=0.15)
    assert decide(passed).verdict == "undecided" and not stop_reason(passed)


def test_labels_that_nothing_can_see_are_checked_before_anybody_pretrains() -> None:
    """Random labels: every backbone lies where guessing does, which no pretraining mends."""
    guessed = (floor_of(0.17), supervised(0.16), public(0.18), public(0.17, name="B", checkpoint=DINOV2_BASE))
    found = known(*guessed, adapted(0.16, budgets=curve_of(0.15, 0.16)))
    step = next_step(found)
    assert step is not None and step.step == "labels"
    decision = decide(found)
    assert decision.verdict == "undecided" and decision.advice.action == "check the labels"
    seen = known(floor_of(0.4), *guessed[1:], adapted(0.16, budgets=curve_of(0.15, 0.16)))
    assert decide(seen).verdict == "pretraining justified", (
        "colour tells them apart, so that they can be seen"
    )


def floor_of(mean: float) -> Rung:
    return rung("Colour histogram", "floor", mean, seconds=60.0)
