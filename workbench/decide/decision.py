"""The verdict: what the evidence says, what speaks against it, and what single experiment would change it.

"Pretraining justified" is said only where every frozen public backbone and every fine-tune of the last blocks lies
under the threshold with its whole interval, and where there is much to learn from. So it is wrong only where an
interval misses the truth, which a simulation of whole data sets checks (tests/decide/test_decision_calibrated.py).
"""

from __future__ import annotations

from workbench.decide import costs, guards, ladder
from workbench.decide.gains import gain, gained
from workbench.decide.mends import MENDS
from workbench.decide.proposal import little_memory, propose
from workbench.decide.regime_facts import MUCH_UNLABELLED, Facts, facts_of
from workbench.decide.regime_rules import read
from workbench.decide.standing import (
    best,
    frozen_public,
    judged_interval,
    last_blocks,
    only_with_leaks,
    place,
    spoilt_share,
    told,
)
from workbench.records.decision import Advice, Decision, NextStep, Ruling
from workbench.records.evidence import Evidence, Rung
from workbench.records.text import percent, printable


def decide(evidence: Evidence) -> Decision:
    """The decision that the evidence allows. The same evidence always gives the same one, to the byte."""
    facts, advice = facts_of(evidence), read(evidence)
    verdict = rule(evidence)
    found = guards.find(evidence)
    step = _next(evidence, verdict)
    images = evidence.problem == "images"
    return Decision(
        verdict=verdict,
        advice=advice,
        because=_because(evidence, verdict, advice),
        against=_against(evidence, verdict) if images else (),
        would_change_it=_would_change(evidence, verdict, step) if images else (),
        escalation=_escalation(evidence, facts) if images else (),
        standings=ladder.standings(evidence),
        findings=found if images else (),
        next_step=step,
        stopped=ladder.stop_reason(evidence) if verdict != "undecided" else "",
        ahead=ladder.ahead(evidence, step),
        proposal=propose(evidence) if _in_question(evidence, verdict) else None,
    )


def rule(evidence: Evidence) -> Ruling:
    """The verdict alone, which costs little."""
    if evidence.problem != "images":
        return "not this tool"
    facts = facts_of(evidence)
    if facts.easy:
        return "undecided"
    if facts.probe == "above":
        return "public backbone suffices"
    if facts.last == "above":
        return "adapt selectively"
    if read(evidence).action == "pretrain" and not ladder.cheaper_left(evidence):
        pair = gain(evidence)
        if pair is None or gained(evidence, pair):
            return "pretraining justified"
    return "undecided"


def _in_question(evidence: Evidence, verdict: Ruling) -> bool:
    """Whether it may yet come to pretraining, or somebody wants it."""
    return verdict in ("undecided", "pretraining justified") or evidence.plan is not None


def _stands(evidence: Evidence, rung: Rung) -> str:
    where = {
        "above": "the whole interval is at or above the threshold",
        "below": "the whole interval is under the threshold",
        "open": "neither shown to meet nor to miss the threshold",
    }
    found = place(evidence, rung)
    threshold = evidence.target.threshold
    if found is None or threshold is None:
        return f"{told(rung, evidence.target)}."
    return f"{told(rung, evidence.target)}: {where[found]} of {threshold:.3f}."


def _judged(evidence: Evidence) -> tuple[Rung, ...]:
    return (*frozen_public(evidence), *last_blocks(evidence), *evidence.of("pretrained"))


def _placed(evidence: Evidence, rungs: tuple[Rung, ...], *places: str | None) -> tuple[Rung, ...]:
    return tuple(rung for rung in rungs if place(evidence, rung) in places)


def _because(evidence: Evidence, verdict: Ruling, advice: Advice) -> tuple[str, ...]:
    """The reason first, then what was measured of the rungs that the verdict rests on."""
    said = [advice.reason]
    pair = gain(evidence)
    if verdict == "public backbone suffices":
        passed = _placed(evidence, frozen_public(evidence), "above")
        said += [_stands(evidence, rung) for rung in passed if rung is not best(passed)]
        said += _still_passes(evidence, best(passed))
    elif verdict == "adapt selectively":
        said += [_stands(evidence, rung) for rung in frozen_public(evidence)]
    elif verdict == "pretraining justified":
        said += [pair.reason] if pair is not None else []
        said += [_stands(evidence, rung) for rung in evidence.of("pretrained")]
    elif verdict == "undecided":
        found = (guard.check(evidence) for guard in guards.GUARDS if guard.mend)
        said = [*[first for first in found if first][:1], *said]
        if advice.action == "pretrain":
            said.append("A cheaper public backbone that is on this machine has not been tried yet.")
        left = _placed(evidence, _judged(evidence), "open", None)
        said += [_stands(evidence, rung) for rung in left if told(rung, evidence.target) not in advice.reason]
    return tuple(said)


def _still_passes(evidence: Evidence, rung: Rung) -> list[str]:
    """That the leaks left in don't decide, where there are any."""
    share, interval = spoilt_share(evidence, rung), judged_interval(rung)
    if not share or interval is None:
        return []
    return [
        f"Were every leaked test image ({percent(share, 1)} of them) classed wrong, the lower end would still be "
        f"{interval[0] - share:.3f}."
    ]


def _against(evidence: Evidence, verdict: Ruling) -> tuple[str, ...]:
    """What a reader who disagrees would point to; of an undecided case, what is known so far."""
    said = []
    if verdict == "public backbone suffices":
        said += [
            _stands(evidence, rung) for rung in _placed(evidence, frozen_public(evidence), "open", "below")
        ]
    elif verdict == "adapt selectively":
        waiting = _placed(evidence, frozen_public(evidence), "open")
        said += [f"The frozen feature may do by itself. {_stands(evidence, rung)}" for rung in waiting]
        if not frozen_public(evidence):
            said.append("No frozen backbone was probed, which costs less and may do by itself.")
    elif verdict == "pretraining justified":
        labels, more = costs.labels_to_threshold(evidence)
        seconds = costs.pretrain_seconds(evidence)
        if more and seconds:
            labels = f"{labels} Pretraining takes {costs.time_words(seconds, evidence.target, '')}."
        said += [labels] if labels else []
    else:
        said += [_stands(evidence, rung) for rung in _placed(evidence, _judged(evidence), "above", "below")]
    doubts = [finding for finding in guards.find(evidence) if finding.severity != "info"]
    said += [finding.advice for finding in doubts if verdict not in ("undecided", "not this tool")]
    return tuple(said)


def _would_change(evidence: Evidence, verdict: Ruling, step: NextStep | None) -> tuple[str, ...]:
    """The single experiment first, then what its outcome would have to be."""
    said = [f"{step.title}: {step.why} Cost: {step.cost}."] if step is not None else []
    threshold, name = evidence.target.threshold, evidence.target.metric_name
    goal = f"{name} {threshold:.3f}" if threshold is not None else f"the {name} that is asked for"
    if verdict == "public backbone suffices":
        groups = evidence.regime.groups
        where = (
            f"a group (lot, patient, camera) that is none of the {groups:,} here" if groups else "new images"
        )
        said.append(f"A test on {where} whose interval lies under {goal} would overturn this.")
        said.append(
            f"Pretraining becomes worth testing if, after that, a fine-tune of the last block stays under {goal} too."
        )
    elif verdict == "adapt selectively":
        said.append(
            f"More seeds that bring the frozen feature's lower end to {goal} would make adapting needless."
        )
        said.append(f"A test on new images where the fine-tune falls under {goal} would reopen the question.")
    elif verdict == "pretraining justified":
        said.append(
            f"A larger public backbone, or a fine-tune of the last block, that reaches {goal} would end it."
        )
        if not any(rung.budgets for rung in evidence.rungs) and (step is None or step.step != "budget"):
            said.append("A label-budget curve that still rises would speak for labels instead.")
    elif threshold is not None:
        for rung in _placed(evidence, _judged(evidence), "open"):
            foreseen = None if only_with_leaks(evidence, rung) else ladder.outlook_of(evidence, rung)
            if foreseen is not None:
                said.append(
                    f"{printable(rung.name)} against the threshold of {threshold:.3f}. {foreseen.told()}"
                )
        labels, _ = costs.labels_to_threshold(evidence)
        if labels and (step is None or labels not in step.why):
            said.append(labels)
    return tuple(said)


def _escalation(evidence: Evidence, facts: Facts) -> tuple[str, ...]:
    """What would justify pretraining, with what holds of it now, and then which method."""
    unlabelled, target = evidence.regime.all_unlabelled, evidence.target
    goal = "the threshold" if target.threshold is None else f"{target.metric_name} {target.threshold:.3f}"
    states = {
        "none": "not measured",
        "unjudged": "no threshold is set",
        "open": "not told yet",
        "above": "no, it passes",
        "below": "yes",
    }
    last = states[facts.last]
    if evidence.of("supervised"):
        states["none"] = "none that was learnt without labels was measured"
    met = "yes" if facts.pool == "much" else "no"
    colour = {True: "it does here", False: "it doesn't here", None: "nobody has said whether it does"}
    little = little_memory(evidence)
    return (
        f"Escalating to pretraining is justified when {'four' if facts.blind else 'three'} things hold. Every frozen "
        f"public backbone is under {goal} with its whole interval: {states[facts.probe]}. So is a fine-tune of the "
        f"last block: {last}. There are {MUCH_UNLABELLED:,} unlabelled images or more: {met}, there are "
        f"{unlabelled:,}." + (" Something is better than guessing: no." if facts.blind else ""),
        f"MAE is then the one to take where colour or scale carries the label ({colour[evidence.colour_is_signal]}), "
        "or where the memory is small; it wants a transformer.",
        "DINO, where the frozen feature itself must be good and a crop still shows its class; it wants a transformer "
        "and many hours.",
        "MoCo, where a convolutional network must be deployed or contrast is wanted with small batches"
        + (f". {little}" if little else "; the memory here holds large ones."),
    )


def _next(evidence: Evidence, verdict: Ruling) -> NextStep | None:
    """What mends the evidence comes before the next rung, where the verdict hangs on it."""
    if verdict == "undecided":
        for guard in guards.GUARDS:
            made = MENDS[guard.mend](evidence) if guard.mend and guard.check(evidence) else None
            if made is not None:
                return made
    return ladder.next_step(evidence)
