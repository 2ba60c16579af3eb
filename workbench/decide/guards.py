"""Guard rails: ways in which a comparison misleads, each found in the evidence and said with what to do about it.

A guard is a rule with a name, a severity and a sentence; some also name the step that has to come before any other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.decide import guards_of_labels
from workbench.decide.proposal import SIMCLR_BATCH
from workbench.decide.standing import (
    at_odds,
    best,
    frozen_public,
    place,
    told,
)
from workbench.decide.testable import like_guessing
from workbench.decide.verdict import compare
from workbench.records.evidence import Evidence, Recipe, Rung
from workbench.records.results import Finding
from workbench.records.text import count, points, printable

COLOUR_CHANGES = ("colour jitter", "colour taken away")  # as records.view_trials names them
FEW_OPENINGS = 1
FEW_LABELS = 1_000  # from which one seed's luck is small beside a few points: VTAB's low-data regime


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """`check` gives the sentence, or "" where there is nothing to say; `mend` is the step that must come first."""

    rule: str
    severity: Literal["info", "warn", "bad"]
    check: Callable[[Evidence], str]
    mend: str = ""  # see decide.mends


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """What the reader must know before believing the evidence, the gravest first."""
    found = [
        Finding(name=guard.rule, severity=guard.severity, advice=said)
        for guard in GUARDS
        if (said := guard.check(evidence))
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return tuple(sorted(found, key=lambda finding: order[finding.severity]))


def _claimed(evidence: Evidence) -> list[tuple[Rung, Rung]]:
    return [(evidence.rung(better), evidence.rung(worse)) for better, worse in evidence.claims]


def _whole(rung: Rung) -> bool:
    return rung.kind == "adapted" and rung.blocks == "all"


def _names(rungs: list[Rung] | tuple[Rung, ...]) -> str:
    return " and ".join(printable(rung.name) for rung in rungs)


def _recipes(evidence: Evidence) -> list[tuple[str, Recipe]]:
    """The pretrainings that were done, and the one that is planned, by what they are called."""
    done = [(printable(rung.name), rung.recipe) for rung in evidence.of("pretrained") if rung.recipe]
    return [*done, *([("The planned pretraining", evidence.plan)] if evidence.plan else [])]


def _mixed_kinds(evidence: Evidence) -> str:
    mixed = [pair for pair in _claimed(evidence) if pair[0].frozen != pair[1].frozen]
    if not mixed:
        return ""
    tuned, frozen = sorted(mixed[0], key=lambda rung: rung.frozen)
    return (
        f"{printable(tuned.name)} is a fine-tune and {printable(frozen.name)} a probe: the one changes the backbone "
        "with the labels, the other compares frozen features, so that the difference is none between backbones. "
        "Compare probes with probes, and hold each beside the threshold."
    )


def _hidden_difference(evidence: Evidence) -> str:
    """Backbones that are alike after full fine-tuning and apart under a frozen probe."""
    whole = [rung for rung in evidence.of("adapted") if _whole(rung)]
    for place_, first in enumerate(whole):
        for second in whole[place_ + 1 :]:
            one, two = (_probe_of(evidence, rung) for rung in (first, second))
            if one is None or two is None or first.checkpoint == second.checkpoint:
                continue
            tuned = abs(first.score.mean - second.score.mean)
            apart = abs(one.score.mean - two.score.mean)
            if tuned <= evidence.margin < apart:
                ahead = best((one, two))
                return (
                    f"After full fine-tuning the two are {points(tuned)} apart, under a frozen probe "
                    f"{points(apart)}: fine-tuning hides differences, for the labels rewrite the features. "
                    f"{printable(ahead.name)} has the stronger representation signal: choose it where labels are few."
                )
    return ""


def _probe_of(evidence: Evidence, tuned: Rung) -> Rung | None:
    """The frozen rung of the backbone that a fine-tune began from."""
    same = (
        rung for rung in frozen_public(evidence) if rung.checkpoint and rung.checkpoint == tuned.checkpoint
    )
    return next(same, None)


def _confounded(evidence: Evidence) -> str:
    """A gap between full fine-tunes, with no frozen probe of both."""
    for better, worse in _claimed(evidence):
        if not (_whole(better) and _whole(worse)):
            continue
        if _probe_of(evidence, better) is None or _probe_of(evidence, worse) is None:
            gap = better.score.mean - worse.score.mean
            return (
                f"{printable(better.name)} is {points(gap)} ahead of {printable(worse.name)} after full fine-tuning, "
                "which is ambiguous: capacity and training budget confound it with the features. Run a frozen probe "
                "of both on the same labels and splits."
            )
    return ""


def _single_seed(evidence: Evidence) -> str:
    single = [rung for rung in evidence.rungs if rung.num_seeds == 1 and rung.kind != "floor"]
    if not single:
        return ""
    labels = min(rung.labelled for rung in single)
    few = f" With {labels:,} labels that variance is large." if labels < FEW_LABELS else ""
    return (
        f"{_names(single[:3])}: one seed only. The variance of the probe head and of the split is then unknown, and "
        f"no difference can be called.{few} Run five seeds or more and report the spread."
    )


def _openings(evidence: Evidence) -> str:
    if evidence.openings <= FEW_OPENINGS:
        return ""
    return (
        f"The test part was opened {count(evidence.openings, 'time')}. What is chosen after a look at it is fitted "
        "to it a little, and to take one more step is such a choice. Choose on validation only, and confirm the last "
        "choice on images that nobody has tested yet."
    )


def _floor_passes(evidence: Evidence) -> str:
    passed = tuple(rung for rung in evidence.of("floor") if place(evidence, rung) == "above")
    if not passed:
        return ""
    return (
        f"{told(best(passed), evidence.target)}: what has learnt nothing meets the threshold too. Either the task "
        "needs no backbone, or the images of a class share what is no part of it (one camera, one day, one lot). "
        "Test on images from elsewhere before any score is relied on."
    )


def _floor_not_beaten(evidence: Evidence) -> str:
    floors, frozen = evidence.of("floor"), evidence.of("supervised", "public", "pretrained")
    if (
        not floors
        or not frozen
        or like_guessing(evidence)
        or best(frozen).score.mean > best(floors).score.mean
    ):
        return ""
    floor, other = best(floors), best(frozen)
    return (
        f"No frozen backbone beats {printable(floor.name)} ({floor.score.mean:.3f}; the best of them, "
        f"{printable(other.name)}, has {other.score.mean:.3f}). What a backbone knows is then not shown to be of "
        "use here, or colour and texture alone tell the classes: look whether they should, before anything is built "
        "on a backbone."
    )


def _mixed_features(evidence: Evidence) -> str:
    behind = [rung for rung in evidence.rungs if rung.projected]
    before = [rung for rung in evidence.of("supervised", "public", "pretrained") if not rung.projected]
    if not behind or not before:
        return ""
    return (
        f"{_names(behind[:2])}: read behind the projection head, where {printable(before[0].name)} is read before "
        "it. The head throws away what its training didn't need. Read all backbones before the projection, then rank."
    )


def _small_simclr(evidence: Evidence) -> str:
    for name, recipe in _recipes(evidence):
        if recipe.method == "simclr" and 0 < recipe.batch_size < SIMCLR_BATCH:
            return (
                f"{name} is SimCLR with {count(recipe.batch_size, 'image')} at once. Its negatives depend on the "
                f"batch, and its authors start at {SIMCLR_BATCH}; unsteady runs and scores below the paper's are to "
                "be expected. Take MoCo, whose queue and momentum encoder give negatives to a batch of any size."
            )
    return ""


def _unsteady(evidence: Evidence) -> str:
    """A pretraining that went badly says nothing of pretraining, whether it helped or not."""
    shaky = [rung for rung in evidence.of("pretrained") if rung.unstable]
    if not shaky:
        return ""
    return (
        f"{_names(shaky[:2])}: its pretraining collapsed, or its loss was no steady one. What it scores says little "
        "of what pretraining can do with these images. See the findings of its run in Pretrain, mend what they name "
        "and pretrain again, before it counts for or against."
    )


def _seen(evidence: Evidence) -> str:
    seen = [rung for rung in evidence.of("pretrained") if rung.seen]
    if not seen:
        return ""
    return (
        f"{_names(seen[:2])} had learnt, without their labels, from images that it was tested on, or its file "
        "doesn't say: what it gains may be of these very pictures, and no verdict rests on it. Pretrain on "
        "unlabelled images alone, or hold to one official split and learn from its training part."
    )


def _destroyed(evidence: Evidence) -> str:
    for name, recipe in _recipes(evidence):
        colour = (
            [change for change in COLOUR_CHANGES if change in recipe.changes]
            if evidence.colour_is_signal
            else []
        )
        gone = [
            *colour,
            *(change for change in evidence.destroyed if change in recipe.changes and change not in colour),
        ]
        if gone:
            return (
                f"{name} changes what the label hangs on ({', '.join(map(printable, gone))}): the transform erased "
                "label information, and the network was taught to overlook it. Redesign the augmentations around "
                "what the domain allows, then evaluate again; a larger model doesn't bring it back."
            )
    return ""


def _probe_and_knn(evidence: Evidence) -> str:
    odd = [rung for rung in evidence.rungs if rung.knn is not None and at_odds(rung.score, rung.knn)]
    if not odd:
        return ""
    rung = odd[0]
    knn = rung.knn.mean if rung.knn is not None else 0.0
    better = "the probe" if rung.score.mean > knn else "k-NN"
    return (
        f"{printable(rung.name)}: the probe scores {rung.score.mean:.3f} and k-NN {knn:.3f}, more apart than both "
        f"intervals, {better} being better. One number says too little of these features: look at what was measured "
        "of them (norms, hubs, copies, imbalance) before relying on either."
    )


def _attention(evidence: Evidence) -> str:
    if not evidence.attention_seen or any(rung.kind != "floor" and rung.frozen for rung in evidence.rungs):
        return ""
    return (
        "Attention maps were looked at and no probe was run. A picture is not a downstream metric: maps that outline "
        "an object say nothing of whether its classes can be told apart. Probe before deciding."
    )


def _inside_the_spread(evidence: Evidence) -> str:
    """A claimed gap between rungs of one kind that the seeds don't bear out."""
    for better, worse in _claimed(evidence):
        gap = better.score.mean - worse.score.mean
        if better.frozen != worse.frozen or gap <= 0:
            continue
        if min(better.num_seeds, worse.num_seeds) < 2:
            return (
                f"{printable(better.name)} is {points(gap)} ahead of {printable(worse.name)} with one seed, so that "
                "nobody knows how far seeds lie apart: undecided. Run five seeds or more and report the spread."
            )
        if not _borne_out(better, worse, evidence.margin):
            spread = max(better.score.sd, worse.score.sd)
            return (
                f"{printable(better.name)} is {points(gap)} ahead of {printable(worse.name)}, inside the spread of "
                f"the seeds (standard deviation {points(spread)}): undecided. Run more seeds on the same splits."
            )
    return ""


def _borne_out(better: Rung, worse: Rung, margin: float) -> bool:
    """By the paired comparison where the splits are the same; else by intervals that don't meet."""
    if better.seeds and better.seeds == worse.seeds and better.protocol == worse.protocol:
        pair = compare(
            better.name,
            worse.name,
            better.score.values,
            worse.score.values,
            n_train=better.n_train,
            n_test=better.n_test,
            margin=margin,
            metric=better.score.metric,
        )
        return pair.verdict == "better"
    one, two = better.score.interval, worse.score.interval
    if one is None or two is None:
        return abs(better.score.mean - worse.score.mean) > 2 * float(
            np.hypot(better.score.sd, worse.score.sd)
        )
    return one[0] > two[1]


def _needless_pretraining(evidence: Evidence) -> str:
    passed = tuple(rung for rung in frozen_public(evidence) if place(evidence, rung) == "above")
    if evidence.plan is None or not passed:
        return ""
    return (
        f"Pretraining is proposed where a public model already passes. {told(best(passed), evidence.target)}; the "
        f"threshold is {evidence.target.threshold:.3f}. Spend the time on validation instead."
    )


def _no_baseline(evidence: Evidence) -> str:
    if evidence.of("supervised") or not evidence.of("public", "adapted", "pretrained"):
        return ""
    return (
        "No supervised baseline was measured, so that a gain of anything newer can't be told from what an ordinary "
        "backbone gives. Probe one on the same splits; it takes minutes."
    )


GUARDS: tuple[Guard, ...] = (
    Guard(rule="leaks decide", severity="bad", check=guards_of_labels.decisive_leaks, mend="leaks"),
    Guard(rule="leaks left in", severity="bad", check=guards_of_labels.leaks),
    Guard(rule="pictures under two labels", severity="bad", check=guards_of_labels.two_labels),
    Guard(rule="guessing meets the threshold", severity="bad", check=guards_of_labels.too_easy),
    Guard(rule="no better than guessing", severity="bad", check=guards_of_labels.no_better),
    Guard(rule="too few images to show it", severity="warn", check=guards_of_labels.never_shown),
    Guard(rule="classes that are hardly tested", severity="warn", check=guards_of_labels.never_tested),
    Guard(rule="label destroyed by the views", severity="bad", check=_destroyed, mend="views"),
    Guard(rule="SimCLR at a small batch", severity="warn", check=_small_simclr, mend="method"),
    Guard(rule="tested on what it learnt from", severity="warn", check=_seen),
    Guard(rule="an unsteady pretraining", severity="warn", check=_unsteady),
    Guard(rule="attention maps as proof", severity="bad", check=_attention, mend="probe"),
    Guard(rule="fine-tunes confound", severity="warn", check=_confounded, mend="probe both"),
    Guard(rule="fine-tuning hides differences", severity="info", check=_hidden_difference),
    Guard(rule="fine-tune against probe", severity="warn", check=_mixed_kinds),
    Guard(rule="single seed", severity="warn", check=_single_seed, mend="seeds"),
    Guard(rule="gap inside the seed spread", severity="warn", check=_inside_the_spread, mend="seeds"),
    Guard(rule="features before and behind the projection", severity="warn", check=_mixed_features),
    Guard(rule="test opened more than once", severity="warn", check=_openings),
    Guard(rule="a floor passes too", severity="warn", check=_floor_passes),
    Guard(rule="no backbone beats the floor", severity="warn", check=_floor_not_beaten),
    Guard(rule="probe and k-NN at odds", severity="info", check=_probe_and_knn),
    Guard(rule="pretraining where the public model passes", severity="warn", check=_needless_pretraining),
    Guard(rule="no supervised baseline", severity="warn", check=_no_baseline),
)
