"""Whether pretraining on one's own images has brought anything: by pairs that were tested on the same images."""

from __future__ import annotations

from workbench.decide.standing import best, frozen_public, place
from workbench.decide.verdict import compare
from workbench.records.evidence import Evidence
from workbench.records.results import Comparison


def gain(evidence: Evidence) -> Comparison | None:
    """The best backbone that was pretrained here against the best public one, on the same seeds and splits; None
    where no such pair was measured. One that had seen its test images is no part of it."""
    pairs = [
        (ours, theirs)
        for ours in evidence.of("pretrained")
        for theirs in frozen_public(evidence)
        if not ours.seen
        and ours.seeds
        and ours.seeds == theirs.seeds
        and ours.protocol == theirs.protocol
        and ours.num_seeds > 1
    ]
    if not pairs:
        return None
    ours = best(tuple(pair[0] for pair in pairs))
    theirs = best(tuple(other for mine, other in pairs if mine is ours))
    return compare(
        ours.name,
        theirs.name,
        ours.score.values,
        theirs.score.values,
        n_train=ours.n_train,
        n_test=ours.n_test,
        margin=evidence.margin,
        metric=evidence.target.metric,
    )


def gained(evidence: Evidence, pair: Comparison) -> bool:
    return pair.verdict == "better" and evidence.rung(pair.a).kind == "pretrained"


def in_vain(evidence: Evidence) -> bool:
    """Whether pretraining was tried, is not shown to help, and doesn't meet the threshold either."""
    pair = gain(evidence)
    if pair is None or gained(evidence, pair):
        return False
    return not any(place(evidence, rung) == "above" for rung in evidence.of("pretrained"))
