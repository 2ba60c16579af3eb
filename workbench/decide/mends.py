"""Steps that mend the evidence, and so come before the next rung: what a guard rail asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from workbench.decide import costs, ladder, steps
from workbench.decide.power import outlook
from workbench.decide.proposal import propose
from workbench.records.decision import NextStep
from workbench.records.evidence import Evidence
from workbench.records.text import count, printable


def _again(evidence: Evidence) -> NextStep | None:
    """More seeds where there is one only, or for a pair that somebody ranks and the seeds don't bear out."""
    single = tuple(rung for rung in evidence.rungs if rung.num_seeds == 1 and rung.kind != "floor")
    if single:
        return ladder.more_seeds(evidence, single)
    for better, worse in ((evidence.rung(first), evidence.rung(second)) for first, second in evidence.claims):
        if better.seeds != worse.seeds or better.num_seeds != worse.num_seeds:
            continue
        apart = np.subtract(better.score.values, worse.score.values)
        foreseen = outlook(apart, better.n_train, better.n_test, evidence.margin)
        if foreseen is None or not (foreseen.seeds_to_decide or ladder.MOST_SEEDS + 1) <= ladder.MOST_SEEDS:
            continue
        wanted = ladder.seeds_in_all(foreseen)
        if wanted > better.num_seeds:
            more = count(wanted - better.num_seeds, "more seed")
            names = f"{printable(better.name)} and {printable(worse.name)}"
            return steps.step(
                "seeds",
                evidence,
                title=f"{more} of {names}",
                why=foreseen.told(),
                seeds=wanted,
                rungs=(better.name, worse.name),
            )
    return None


def _clean(evidence: Evidence) -> NextStep:
    seconds = sum(rung.seconds or 0.0 for rung in evidence.rungs if rung.frozen) or None
    return NextStep(
        step="leaks",
        title="Leave the copies out and run again",
        why="A model passes only with its leaks; without them the interval may go under the threshold.",
        cost=costs.time_words(seconds, evidence.target, "the rungs are run again"),
        seconds=seconds,
    )


def _new_views(evidence: Evidence) -> NextStep:
    proposal = propose(evidence)
    return NextStep(
        step="views",
        title="Redesign the augmentations",
        why=f"The transform erased label information. Begin with the preset {proposal.preset!r}, audit the views, "
        "then evaluate again; a larger model would learn to overlook the same.",
        cost="minutes for the audit, which needs no pretraining; then the pretraining once more",
    )


def _other_method(evidence: Evidence) -> NextStep | None:
    """MoCo instead of SimCLR, where a pretraining has been done or is planned."""
    proposal = propose(evidence)
    if proposal.method in ("", "simclr"):
        return None
    seconds = costs.pretrain_seconds(evidence)
    images = count(evidence.regime.all_unlabelled, "image")
    return NextStep(
        step="method",
        title=f"Take {proposal.title} instead of SimCLR",
        why=" ".join(proposal.why),
        cost=costs.time_words(seconds, evidence.target, f"{costs.PRETRAIN_EPOCHS} epochs of {images}"),
        seconds=seconds,
    )


def _probe(evidence: Evidence) -> NextStep | None:
    found = steps.probe(evidence)
    return replace(found, why=f"A picture is not a downstream metric. {found.why}") if found else None


def _probe_both(evidence: Evidence) -> NextStep:
    return NextStep(
        step="probe",
        title="Probe both backbones, frozen, on the same labels and splits",
        why="Capacity and training budget confound a gap after full fine-tuning; frozen features have neither.",
        cost=costs.time_words(
            costs.frozen_seconds(evidence, None), evidence.target, costs.unknown_images(evidence)
        ),
        seconds=costs.frozen_seconds(evidence, None),
        rungs=tuple(name for pair in evidence.claims for name in pair if evidence.rung(name).blocks == "all"),
    )


# The step that a guard asks for.
MENDS: dict[str, Callable[[Evidence], NextStep | None]] = {
    "leaks": _clean,
    "views": _new_views,
    "method": _other_method,
    "probe": _probe,
    "probe both": _probe_both,
    "seeds": _again,
}
