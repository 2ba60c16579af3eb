"""The ladder: the cheapest credible step first, and a stop as soon as the threshold is met with confidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from workbench.decide import costs, steps
from workbench.decide.power import Outlook, outlook
from workbench.decide.regime_rules import read
from workbench.decide.standing import (
    SEVERAL,
    best,
    frozen_public,
    judged_interval,
    last_blocks,
    over_items,
    place,
    told,
)
from workbench.decide.steps import STEPS, step
from workbench.decide.testable import says_nothing, untestable
from workbench.records.decision import Ahead, NextStep, Standing
from workbench.records.evidence import Evidence, Rung
from workbench.records.text import count, points, printable

MOST_SEEDS = 20  # asked for; where more would be needed, labels are what is missing
PUBLIC_TRIED = (
    2  # backbones learnt without labels that are probed before the last block: DINOv2 small and base
)


def standings(evidence: Evidence) -> tuple[Standing, ...]:
    """The rungs as they were climbed, with the cost up to each."""
    found, so_far = [], 0.0
    for rung in evidence.rungs:
        so_far += rung.seconds or 0.0
        found.append(
            Standing(
                name=rung.name,
                kind=rung.kind,
                metric=rung.score.metric,
                mean=rung.score.mean,
                interval=judged_interval(rung),
                place=place(evidence, rung),
                cost_seconds=rung.seconds,
                cost_so_far=so_far,
                run=rung.run,
            )
        )
    return tuple(found)


def stop_reason(evidence: Evidence) -> str:
    """Why no further rung is needed; "" while it is."""
    if says_nothing(evidence):
        return ""
    counts = (*frozen_public(evidence), *last_blocks(evidence))
    if read(evidence).action == "pretrain":  # else something cheaper is still open
        counts += tuple(rung for rung in evidence.of("pretrained") if not rung.seen)
    passed = tuple(rung for rung in counts if place(evidence, rung) == "above")
    if not passed:
        return ""
    first = passed[0]
    return (
        f"{told(first, evidence.target)}: the whole interval is at or above the threshold of "
        f"{evidence.target.threshold:.3f}. What costs more isn't needed."
    )


def next_step(evidence: Evidence) -> NextStep | None:
    """The next rung; None where the ladder is done, or where it leads nowhere (no images)."""
    if evidence.problem != "images" or stop_reason(evidence):
        return None
    why = untestable(evidence.regime)
    if why and not evidence.rungs:
        cost = "the time to label fifty images a class"
        title = "Label some images" if not evidence.regime.labelled else STEPS["label"].title
        return step("label", evidence, title=title, why=why, cost=cost)
    if says_nothing(evidence):
        return _threshold(evidence)
    if not evidence.rungs:
        return steps.floors(evidence)
    for climb in (_supervised, _public, _threshold, _larger, _last_block, _budget, _labels, _pretrain):
        found = climb(evidence)
        if found is not None:
            return found
    return _label(evidence)


def meanwhile(evidence: Evidence) -> NextStep | None:
    """What this machine can do where the next step is to bring a backbone to it; None where that is all."""
    for climb in (_threshold, _larger, _last_block, _budget, _labels, _pretrain):
        found = climb(evidence)
        if found is not None:
            return found
    return None


def cheaper_left(evidence: Evidence) -> bool:
    """Whether a public backbone on this machine is untried, of the few that come before the last block."""
    return bool(steps.untried(evidence)) and len(evidence.of("public")) < PUBLIC_TRIED


def ahead(evidence: Evidence, after: NextStep | None) -> tuple[Ahead, ...]:
    """The rungs that were not climbed, their expected cost, and whether they are needed; `after` is what is next."""
    if evidence.problem != "images":
        return ()
    stopped = bool(stop_reason(evidence))
    left: list[NextStep | None] = []
    if not evidence.of("floor"):
        left.append(steps.floors(evidence))
    if not evidence.of("supervised"):
        left.append(steps.supervised(evidence))
    if cheaper_left(evidence) or not evidence.of("public"):
        left.append(steps.probe(evidence))
    if not last_blocks(evidence):
        left.append(steps.last_block(evidence) or step("last block", evidence, cost="known after a probe"))
    if not any(rung.budgets for rung in evidence.rungs):
        left.append(steps.budget(evidence) or step("budget", evidence, cost="known after a probe"))
    if not evidence.of("pretrained"):
        left.append(steps.pretrain(evidence) or steps.no_pretrain(evidence))
    justified = read(evidence).action == "pretrain"
    found = []
    for item in left:
        if item is None:
            continue
        if after is not None and item.step == after.step:
            found.append(Ahead(step=replace(item, why=after.why), state="next"))
        elif item.step == "pretrain" and not justified:
            found.append(Ahead(step=item, state="not justified"))
        else:
            found.append(Ahead(step=item, state="not needed" if stopped else "later"))
    return tuple(found)


def outlook_of(evidence: Evidence, rung: Rung) -> Outlook | None:
    """What more seeds or labels would tell of a rung and the threshold; None with one seed or no threshold."""
    threshold = evidence.target.threshold
    if threshold is None:
        return None
    apart = np.asarray(rung.score.values) - threshold
    low, high = over_items(rung)
    return outlook(apart, rung.n_train, rung.n_test, items=(low - threshold, high - threshold))


def seeds_in_all(foreseen: Outlook) -> int:
    """How many to run; no fewer than a rung is climbed with, for each look at the test part is one too many. Where
    the seeds there are should have decided, twice as many settle whether that was luck."""
    needed = foreseen.seeds_to_decide or 0
    wanted = needed if needed > foreseen.seeds else min(2 * foreseen.seeds, MOST_SEEDS)
    return max(wanted, costs.SEEDS)


def more_seeds(evidence: Evidence, rungs: tuple[Rung, ...]) -> NextStep | None:
    """More seeds for the best of `rungs` that is open, where up to `MOST_SEEDS` would mostly decide it."""
    open_ = tuple(
        rung for rung in rungs if place(evidence, rung) in ("open", None) and rung.num_seeds < MOST_SEEDS
    )
    threshold = evidence.target.threshold
    if not open_ or (threshold is None and best(open_).num_seeds >= SEVERAL):
        return None
    rung = best(open_)
    wanted = costs.SEEDS
    why = f"{told(rung, evidence.target)}: the variance of the probe head and of the split isn't known from so few."
    if rung.num_seeds >= SEVERAL:
        foreseen = outlook_of(evidence, rung)
        if foreseen is None or foreseen.seeds_to_decide is None or foreseen.seeds_to_decide > MOST_SEEDS:
            return None
        wanted = seeds_in_all(foreseen)
        apart = points(abs(rung.score.mean - (threshold or 0.0)))
        why = f"{told(rung, evidence.target)}, {apart} from the threshold: {wanted} seeds in all would mostly decide."
    more = wanted - rung.num_seeds
    return step(
        "seeds",
        evidence,
        seconds=costs.seeds_seconds(rung, more),
        title=f"{count(more, 'more seed')} of {printable(rung.name)}",
        why=why,
        backbone=rung.checkpoint,
        seeds=wanted,
        rungs=(rung.name,),
    )


def _supervised(evidence: Evidence) -> NextStep | None:
    """Before anything that costs more; a guard rail misses it afterwards."""
    climbed = evidence.of("supervised", "public", "adapted", "pretrained")
    return None if climbed else steps.supervised(evidence)


def _public(evidence: Evidence) -> NextStep | None:
    tried = evidence.of("public")
    if not tried:
        return steps.probe(evidence)
    return more_seeds(evidence, tried) if all(rung.num_seeds < SEVERAL for rung in tried) else None


def _threshold(evidence: Evidence) -> NextStep | None:
    cost = "a talk with whoever bears the cost of an error"
    if says_nothing(evidence):
        title = "Set a threshold that guessing doesn't meet"
        return step("threshold", evidence, title=title, why=read(evidence).reason, cost=cost)
    return step("threshold", evidence, cost=cost) if evidence.target.threshold is None else None


def _larger(evidence: Evidence) -> NextStep | None:
    """Seeds where they decide, for the vectors are there already; else the next backbone."""
    found = more_seeds(evidence, frozen_public(evidence))
    return steps.probe(evidence) if found is None and cheaper_left(evidence) else found


def _last_block(evidence: Evidence) -> NextStep | None:
    tuned = last_blocks(evidence)
    return more_seeds(evidence, tuned) if tuned else steps.last_block(evidence)


def _budget(evidence: Evidence) -> NextStep | None:
    return None if any(rung.budgets for rung in evidence.rungs) else steps.budget(evidence)


def _labels(evidence: Evidence) -> NextStep | None:
    """Where all that was measured is like guessing."""
    if read(evidence).action != "check the labels":
        return None
    return step("labels", evidence, cost="an hour of somebody who knows these images")


def _pretrain(evidence: Evidence) -> NextStep | None:
    done = evidence.of("pretrained")
    if done:
        return more_seeds(evidence, done)
    return steps.pretrain(evidence) if read(evidence).action == "pretrain" else None


def _label(evidence: Evidence) -> NextStep:
    """How many: by the curve where all fall short, by the outlook where the interval is what is too wide."""
    said, more = costs.labels_to_threshold(evidence)
    judged = (*frozen_public(evidence), *last_blocks(evidence))
    open_ = tuple(rung for rung in judged if place(evidence, rung) == "open")
    if open_:
        foreseen = outlook_of(evidence, best(open_))
        if foreseen is not None and foreseen.labels_to_decide is not None:
            said, more = foreseen.told(), foreseen.labels_to_decide - foreseen.labels
    cost = (
        costs.label_words(more, evidence.target) if more else "not known: no curve tells how many are needed"
    )
    return step("label", evidence, cost=cost, why=f"{STEPS['label'].why} {said}".strip())
