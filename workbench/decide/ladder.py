"""The ladder: the cheapest credible step first, and a stop as soon as the threshold is met with confidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.decide import costs
from workbench.decide.power import Outlook, outlook
from workbench.decide.proposal import propose
from workbench.decide.regime_rules import read
from workbench.decide.standing import SEVERAL, best, frozen_public, judged_interval, last_blocks, place, told
from workbench.records.decision import NextStep, Standing
from workbench.records.evidence import AtHand, Evidence, Rung
from workbench.records.text import count, points, printable

MOST_SEEDS = 20  # asked for; where more would be needed, labels are what is missing
PUBLIC_TRIED = 2  # backbones learnt without labels that are probed before the last block: small and base

# What stands for DINOv2 where nothing was looked up on this machine.
DINOV2 = (
    AtHand(id="facebook/dinov2-small", title="DINOv2 small", kind="public", parameters=22_056_576),
    AtHand(id="facebook/dinov2-base", title="DINOv2 base", kind="public", parameters=86_580_480),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One rung before it is climbed: its id, what it is called, and what it is good for."""

    id: str
    title: str
    why: str


STEPS: dict[str, Step] = {
    step.id: step
    for step in (
        Step(
            "floors",
            "Colour histogram and random network",
            "What no training and no backbone reaches already: anything that costs more has to beat it.",
        ),
        Step(
            "supervised",
            "A supervised backbone, frozen",
            "The baseline that everybody has; without it a gain of anything newer can't be told.",
        ),
        Step(
            "public",
            "A public backbone that was learnt without labels, frozen",
            "The cheapest test of whether public features know these images.",
        ),
        Step(
            "seeds", "More seeds", "The interval still holds the threshold, and more splits would narrow it."
        ),
        Step(
            "last block",
            "Fine-tune the last block",
            "The frozen features are not shown to suffice; changing a small part of them costs little.",
        ),
        Step(
            "budget",
            "Label-budget curve",
            "It tells from the same vectors whether more labels would do, before hours are spent on pretraining.",
        ),
        Step(
            "pretrain", "Pretrain on one's own images", "What is cheaper has been measured and falls short."
        ),
        Step(
            "threshold", "Set a threshold", "Without the score that is good enough, no score can be judged."
        ),
        Step("label", "Label more images", "What was measured can't decide, and more of the same won't."),
    )
}


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
    passed = tuple(
        rung
        for rung in (*frozen_public(evidence), *last_blocks(evidence), *evidence.of("pretrained"))
        if place(evidence, rung) == "above"
    )
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
    if not evidence.regime.labelled and not evidence.rungs:
        return step("label", evidence, cost="the time to label fifty images a class")
    if not evidence.of("floor"):
        return step("floors", evidence, seconds=_floor_seconds(evidence))
    for climb in (_supervised, _public, _threshold, _larger, _last_block, _budget, _pretrain):
        found = climb(evidence)
        if found is not None:
            return found
    return _label(evidence)


def step(
    name: str,
    evidence: Evidence,
    *,
    seconds: float | None = None,
    cost: str = "",
    title: str = "",
    why: str = "",
    backbone: str = "",
    seeds: int | None = None,
) -> NextStep:
    """One of `STEPS`, with its expected cost in words."""
    made = STEPS[name]
    return NextStep(
        step=name,
        title=title or made.title,
        why=why or made.why,
        cost=cost or costs.time_words(seconds, evidence.target, costs.unknown_images(evidence)),
        seconds=seconds,
        backbone=backbone,
        seeds=seeds,
    )


def outlook_of(evidence: Evidence, rung: Rung) -> Outlook | None:
    """What more seeds or labels would tell of a rung and the threshold; None with one seed or no threshold."""
    threshold = evidence.target.threshold
    if threshold is None:
        return None
    apart = np.asarray(rung.score.values) - threshold
    items = None if rung.items is None else (rung.items[0] - threshold, rung.items[1] - threshold)
    return outlook(apart, rung.n_train, rung.n_test, items=items)


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
        ahead = outlook_of(evidence, rung)
        if ahead is None or ahead.seeds_to_decide is None or ahead.seeds_to_decide > MOST_SEEDS:
            return None
        # Where the seeds there are should have decided, twice as many settle whether that was luck.
        enough = ahead.seeds_to_decide > rung.num_seeds
        wanted = ahead.seeds_to_decide if enough else min(2 * rung.num_seeds, MOST_SEEDS)
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
    )


def _floor_seconds(evidence: Evidence) -> float | None:
    return costs.frozen_seconds(evidence, None)


def _supervised(evidence: Evidence) -> NextStep | None:
    offered = [item for item in evidence.at_hand if item.kind == "supervised"]
    if evidence.of("supervised") or (evidence.at_hand and not offered):
        return None
    backbone = offered[0] if offered else None
    title = f"{printable(backbone.title)}, frozen" if backbone else ""
    seconds = costs.frozen_seconds(evidence, backbone)
    return step(
        "supervised", evidence, seconds=seconds, title=title, backbone=backbone.id if backbone else ""
    )


def _public(evidence: Evidence) -> NextStep | None:
    """The first one, until it has its seeds; then `_threshold` is asked."""
    tried = evidence.of("public")
    if not tried:
        return first_probe(evidence)
    if all(rung.num_seeds < SEVERAL for rung in tried):
        return more_seeds(evidence, tried)
    return None


def _threshold(evidence: Evidence) -> NextStep | None:
    if evidence.target.threshold is not None:
        return None
    return step("threshold", evidence, cost="a talk with whoever bears the cost of an error")


def _larger(evidence: Evidence) -> NextStep | None:
    """Seeds where they decide, for the vectors are there already; else the next backbone."""
    found = more_seeds(evidence, frozen_public(evidence))
    if found is not None or len(evidence.of("public")) >= PUBLIC_TRIED:
        return found
    return first_probe(evidence)


def first_probe(evidence: Evidence) -> NextStep | None:
    """The cheapest backbone learnt without labels that hasn't been probed; None where all were."""
    offered = (
        [item for item in evidence.at_hand if item.kind == "public"] if evidence.at_hand else list(DINOV2)
    )
    if not offered and not evidence.of("public"):
        return step(
            "public",
            evidence,
            title="Bring DINOv2 small to this machine",
            why="No backbone that was learnt without labels is on this machine, and nothing stands in for one.",
            cost="a download of about 90 MB, or a pack from a machine that has it",
            backbone=DINOV2[0].id,
        )
    done = {rung.checkpoint for rung in evidence.rungs}
    left = [item for item in offered if item.id not in done]
    if not left:
        return None
    backbone = left[0]
    why = STEPS["public"].why
    if evidence.at_hand and not any("dinov2" in item.id.casefold() for item in offered):
        why = f"{why} DINOv2 is not on this machine; {printable(backbone.title)} is, and stands in for it."
    return step(
        "public",
        evidence,
        seconds=costs.frozen_seconds(evidence, backbone),
        title=f"{printable(backbone.title)}, frozen",
        why=why,
        backbone=backbone.id,
    )


def _last_block(evidence: Evidence) -> NextStep | None:
    tuned = last_blocks(evidence)
    if tuned:
        return more_seeds(evidence, tuned)
    if not frozen_public(evidence):
        return None
    start = best(frozen_public(evidence))
    images = count(start.n_train, "image")
    cost = costs.time_words(
        costs.finetune_seconds(evidence),
        evidence.target,
        f"{costs.SEEDS} seeds, up to {costs.FINETUNE_EPOCHS} epochs of {images}",
    )
    return step(
        "last block",
        evidence,
        seconds=costs.finetune_seconds(evidence),
        cost=cost,
        title=f"Fine-tune the last block of {printable(start.name).removesuffix(', frozen')}",
        backbone=start.checkpoint,
    )


def _budget(evidence: Evidence) -> NextStep | None:
    frozen = frozen_public(evidence)
    if not frozen or any(rung.budgets for rung in evidence.rungs):
        return None
    start = best(frozen)
    return step("budget", evidence, seconds=start.seconds, backbone=start.checkpoint)


def _pretrain(evidence: Evidence) -> NextStep | None:
    done = evidence.of("pretrained")
    if done:
        return more_seeds(evidence, done)
    if read(evidence).action != "pretrain":
        return None
    proposal = propose(evidence)
    seconds = costs.pretrain_seconds(evidence)
    images = count(evidence.regime.all_unlabelled, "image")
    unknown = f"{costs.PRETRAIN_EPOCHS} epochs of {images}; the estimate before a run tells"
    return step(
        "pretrain",
        evidence,
        seconds=seconds,
        cost=costs.time_words(seconds, evidence.target, unknown),
        title=f"Pretrain with {proposal.title} on {images}",
        why=f"{STEPS['pretrain'].why} {' '.join(proposal.why)}",
    )


def _label(evidence: Evidence) -> NextStep:
    """How many: by the curve where all fall short, by the outlook where the interval is what is too wide."""
    said, more = costs.labels_to_threshold(evidence)
    judged = (*frozen_public(evidence), *last_blocks(evidence))
    open_ = tuple(rung for rung in judged if place(evidence, rung) == "open")
    if open_:
        ahead = outlook_of(evidence, best(open_))
        if ahead is not None and ahead.labels_to_decide is not None:
            said, more = ahead.told(), ahead.labels_to_decide - ahead.labels
    cost = (
        costs.label_words(more, evidence.target) if more else "not known: no curve tells how many are needed"
    )
    return step("label", evidence, cost=cost, why=f"{STEPS['label'].why} {said}".strip())
