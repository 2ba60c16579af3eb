"""The steps of the ladder, each with what it is good for and what it is expected to cost."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.decide import costs
from workbench.decide.proposal import propose
from workbench.decide.standing import best, frozen_public
from workbench.records.decision import NextStep
from workbench.records.evidence import AtHand, Evidence
from workbench.records.text import count, printable

# What is asked for where nothing was looked up on this machine, or nothing learnt without labels is on it.
DINOV2 = AtHand(id="facebook/dinov2-small", title="DINOv2 small", kind="public", parameters=22_056_576)


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
        Step(
            "labels",
            "Check the labels by eye",
            "Where nothing is better than guessing, labels are mixed up or the pictures don't show what they say.",
        ),
        Step("label", "Label more images", "What was measured can't decide, and more of the same won't."),
    )
}


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
    rungs: tuple[str, ...] = (),
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
        rungs=rungs,
    )


def floors(evidence: Evidence) -> NextStep:
    return step("floors", evidence, seconds=costs.frozen_seconds(evidence, None))


def supervised(evidence: Evidence) -> NextStep | None:
    """None where this machine has no supervised backbone."""
    offered = [item for item in evidence.at_hand if item.kind == "supervised"]
    if evidence.at_hand and not offered:
        return None
    backbone = offered[0] if offered else None
    return step(
        "supervised",
        evidence,
        seconds=costs.frozen_seconds(evidence, backbone),
        title=f"{printable(backbone.title)}, frozen" if backbone else "",
        backbone=backbone.id if backbone else "",
    )


def untried(evidence: Evidence) -> list[AtHand]:
    """Backbones learnt without labels that are on this machine and haven't been probed, the cheapest first."""
    done = {rung.checkpoint for rung in evidence.rungs}
    return [item for item in evidence.at_hand if item.kind == "public" and item.id not in done]


def probe(evidence: Evidence) -> NextStep | None:
    """The cheapest backbone learnt without labels that hasn't been probed; None where all at hand were."""
    left = untried(evidence)
    if not left and evidence.of("public"):
        return None
    if not left and evidence.at_hand:
        return step(
            "public",
            evidence,
            title=f"Bring {DINOV2.title} to this machine",
            why="No backbone that was learnt without labels is on this machine, and nothing stands in for one.",
            cost="a download of about 90 MB, or a pack from a machine that has it",
            backbone=DINOV2.id,
        )
    backbone = left[0] if left else DINOV2
    why = STEPS["public"].why
    if "dinov2" not in backbone.id.casefold() and not evidence.of("public"):
        why = f"{why} {DINOV2.title} is not on this machine; {printable(backbone.title)} is, and stands in for it."
    return step(
        "public",
        evidence,
        seconds=costs.frozen_seconds(evidence, backbone),
        title=f"{printable(backbone.title)}, frozen",
        why=why,
        backbone=backbone.id,
    )


def last_block(evidence: Evidence) -> NextStep | None:
    """Of the best frozen backbone; None before one was probed."""
    frozen = frozen_public(evidence)
    if not frozen:
        return None
    start, seconds = best(frozen), costs.finetune_seconds(evidence)
    images = count(start.n_train, "image")
    unknown = f"each seed learns from {images} up to {costs.FINETUNE_EPOCHS} times"
    return step(
        "last block",
        evidence,
        seconds=seconds,
        cost=costs.time_words(seconds, evidence.target, unknown),
        title=f"Fine-tune the last block of {printable(start.name).removesuffix(', frozen')}",
        backbone=start.checkpoint,
    )


def budget(evidence: Evidence) -> NextStep | None:
    """Of the best frozen backbone; None before one was probed."""
    frozen = frozen_public(evidence)
    if not frozen:
        return None
    start = best(frozen)
    cost = costs.time_words(
        start.seconds, evidence.target, "the vectors are there, and only the probe runs again"
    )
    return step(
        "budget", evidence, seconds=start.seconds, cost=cost, backbone=start.checkpoint, rungs=(start.name,)
    )


def pretrain(evidence: Evidence) -> NextStep | None:
    """With the method that the data and the machine call for; None where there is too little to learn from."""
    proposal = propose(evidence)
    if not proposal.method:
        return None
    seconds = costs.pretrain_seconds(evidence)
    images = count(evidence.regime.all_unlabelled, "image")
    unknown = f"{costs.PRETRAIN_EPOCHS} epochs of {images}; the estimate before a run tells"
    return step(
        "pretrain",
        evidence,
        seconds=seconds,
        cost=costs.time_words(seconds, evidence.target, unknown),
        title=f"Pretrain {proposal.title} on {images}",
        why=f"{STEPS['pretrain'].why} {' '.join(proposal.why)}",
    )


def no_pretrain(evidence: Evidence) -> NextStep:
    """The rung where there is too little to learn from."""
    images = evidence.regime.all_unlabelled
    cost = (
        f"only {count(images, 'unlabelled image')} to learn from"
        if images
        else "no unlabelled image to learn from"
    )
    return step("pretrain", evidence, cost=cost, why=propose(evidence).why[0])
