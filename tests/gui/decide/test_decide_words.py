"""What is said of a decision: heading, target, rungs, and where a step leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.decide.made_evidence import floor, public, supervised
from tests.gui.decide.conftest import STATES, known
from workbench.decide.decision import decide
from workbench.decide.guards import GUARDS
from workbench.decide.mends import MENDS
from workbench.decide.steps import STEPS
from workbench.gui.decide import words
from workbench.records.case import Case
from workbench.records.decision import TITLES, NextStep
from workbench.records.evidence import Target


def test_every_verdict_has_a_colour_and_a_word_of_its_own() -> None:
    assert set(words.VERDICTS) == set(TITLES)
    assert len({word for _, word in words.VERDICTS.values()}) == len(TITLES)
    assert len({colour for colour, _ in words.VERDICTS.values()}) == len(TITLES)
    assert words.VERDICTS["undecided"][0] == "undecided"


def test_the_heading_names_target_best_rung_interval_and_splits() -> None:
    evidence = STATES["suffices"]
    said = words.caption(decide(evidence), evidence)
    best = evidence.rungs[-1]
    low, high = decide(evidence).standings[-1].interval or (0.0, 0.0)
    assert said == (
        f"Target: macro-F1 0.900 · best: {best.name} {best.score.mean:.3f}, "
        f"95 % interval {low:.3f} to {high:.3f}, 5 splits"
    )
    assert "nothing measured yet" in words.caption(
        decide(STATES["nothing measured"]), STATES["nothing measured"]
    )
    assert words.headline(None).endswith("?")


def test_a_cheap_rung_that_passes_is_the_best_and_a_floor_only_where_nothing_else_is() -> None:
    passed = known(floor(), supervised(0.97, sd=0.002), public(0.98, sd=0.002))
    best = words.best_standing(decide(passed))
    assert best is not None and best.kind == "supervised"
    alone = words.best_standing(decide(known(floor())))
    assert alone is not None and alone.kind == "floor"


def test_what_passes_only_with_its_leaks_says_so() -> None:
    [standing] = [one for one in decide(STATES["leaks"]).standings if one.kind == "public"]
    assert words.badge(standing, 0.9)[0] == "open, leaks"
    assert words.badge(replace(standing, interval=(0.85, 0.95)), 0.9)[0] == "open"
    assert words.badge(replace(standing, kind="floor", place="below"), 0.9)[1] == "neutral"
    assert words.badge(replace(standing, place="below"), 0.9)[1] == "warn"


def test_every_step_is_done_by_a_job_or_leads_somewhere() -> None:
    by_hand = {name for name in STEPS if words.lead_of(_step(name), True) is not None}
    assert by_hand == {"threshold", "label", "labels"}
    assert set(MENDS) - {"leaks"} <= {*STEPS, "views", "method", "probe", "probe both", "seeds"}
    assert words.lead_of(_step("leaks"), True) == words.LEADS["leaks"]
    assert words.lead_of(replace(_step("public"), backbone="x"), False) == words.LEADS["bring"]
    assert words.lead_of(replace(_step("public"), backbone="x"), True) is None


def test_findings_that_lead_somewhere_are_findings_that_there_are() -> None:
    assert set(words.MENDED) <= {guard.rule for guard in GUARDS}


def test_the_case_in_one_line_says_all_that_was_said() -> None:
    target = Target(
        threshold=0.9, labels_an_hour=60, labelling_hour_cost=40, gpu_hour_cost=2.5, currency="EUR"
    )
    case = Case(target=target, everyday=False, colour_is_signal=True, architecture="cnn", attention_seen=True)
    said = words.case_line(case)
    for part in (
        "macro-F1 of at least 0.900",
        "60 labels an hour",
        "40 EUR an hour of labelling",
        "2.5 EUR an hour of GPU",
        "no everyday photographs",
        "colour tells classes apart",
        "a convolutional network is deployed",
        "attention maps were shown",
    ):
        assert part in said
    assert words.case_line(Case()) == "macro-F1, no threshold set"
    assert words.is_filled(case) and not words.is_filled(Case()) and words.is_filled(Case(problem="table"))


@pytest.mark.parametrize("state", STATES)
def test_whatever_is_known_can_be_listed(state: str) -> None:
    rows = dict(words.evidence_rows(STATES[state]))
    assert rows["Unlabelled"] == "100,000"
    assert rows["Distance"] == "not measured"
    assert rows["At hand"].startswith("EfficientNet-Lite0")


def test_a_text_is_parted_behind_its_first_sentence_and_nowhere_else() -> None:
    text = "24 test images with a copy, at 0.9 of them. Leave the copies out. Run again."
    assert words.in_two(text) == (
        "24 test images with a copy, at 0.9 of them.",
        "Leave the copies out. Run again.",
    )
    assert words.in_two("One sentence only, with 0.5 in it.") == ("One sentence only, with 0.5 in it.", "")


def test_no_word_of_what_justifies_pretraining_is_lost_in_lines() -> None:
    decision = decide(STATES["justified"])
    assert " ".join(words.escalation_lines(decision)) == " ".join(decision.escalation)
    assert len(words.escalation_lines(decision)) >= 7


def test_the_next_step_is_not_told_twice() -> None:
    decision = decide(STATES["undecided"])
    assert decision.next_step is not None
    said = words.would_change(decision)
    assert (
        said[0] == f"The next step: {decision.next_step.title}." and said[1:] == decision.would_change_it[1:]
    )


def test_rungs_that_wait_for_something_say_for_what() -> None:
    none, some = STATES["no labels"], STATES["undecided"]
    assert "labelled" in words.why_not_step(_step("floors"), none)
    assert "too few to learn from" in words.why_not_step(_step("pretrain"), known(unlabelled=100))
    assert words.why_not_step(_step("pretrain"), none) == ""
    assert "probed first" in words.why_not_step(_step("budget"), some)
    assert words.why_not_step(replace(_step("budget"), backbone="x"), some) == ""


def _step(name: str) -> NextStep:
    return NextStep(step=name, title=name, why="", cost="")


def test_the_ladder_goes_from_cheap_to_dear_whatever_was_measured_first() -> None:
    mixed = known(public(0.8), floor(), supervised(0.7))
    order = words.in_order(decide(mixed).standings)
    assert [standing.kind for standing, _ in order] == ["floor", "supervised", "public"]
    assert [so_far for _, so_far in order] == [60.0, 120.0, 180.0]


def test_what_speaks_against_names_the_findings_that_are_told_beside_it() -> None:
    decision = decide(replace(STATES["suffices"], openings=3))
    [finding] = [found for found in decision.findings if found.severity == "warn"]
    assert finding.advice in decision.against
    said = words.against(decision)
    assert said[-1] == f"1 finding: {finding.name}." and len(said) == len(decision.against)
    assert set(said[:-1]) <= set(decision.against)
    assert words.against(replace(decision, findings=())) == decision.against


def test_the_usual_fine_tune_is_named_in_fewer_words_and_nothing_else_is() -> None:
    standing = decide(STATES["adapt"]).standings[-1]
    long = replace(standing, name="EfficientNet-Lite0, the last block and the head fine-tuned (LoRA 8)")
    assert words.short_name(long) == "EfficientNet-Lite0, last block tuned (LoRA 8)"
    assert words.short_name(standing) == standing.name
