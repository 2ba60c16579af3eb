"""Whether labels can tell anything at all: what guessing gets, and which classes a split can test."""

from __future__ import annotations

import math

from workbench.decide.standing import best, frozen_public, judged_interval, last_blocks, told
from workbench.decide.statistics import wilson_interval
from workbench.records.evidence import Evidence
from workbench.records.regime import UNITS, Regime
from workbench.records.text import count

NORMAL = 1.959964  # quantile of a normal for 95 %


def untestable(regime: Regime) -> str:
    """Why no split of these images can test anything, in a sentence; "" where it can."""
    if not regime.labelled:
        return "Without a labelled image nothing can be tested, and no backbone be told from another."
    if regime.classes < 2:
        images = (
            f"All {regime.labelled:,} labelled images are" if regime.labelled > 1 else "The labelled image is"
        )
        return f"{images} of one class, and there is nothing to tell it from."
    parts = "to learn from, to choose by and to test"
    if regime.testable is not None and regime.testable < 2:
        what = f"images of {UNITS} groups, for a group stays whole" if regime.groups else f"{UNITS} images"
        have = f"{regime.testable:,} of {regime.classes:,} classes {'has' if regime.testable == 1 else 'have'} them"
        return f"To be learnt and tested a class takes {what}; {have}."
    if regime.groups and regime.groups + regime.ungrouped < 3:
        return f"All images are of {count(regime.groups, 'group')}. It takes three {parts}, for a group stays whole."
    if not regime.groups and regime.largest < 3:
        return f"No class has three images, {parts}."
    return ""


def guess(evidence: Evidence) -> float:
    """The best score of a model that sees nothing and knows how large the classes are; 0 without a class.

    The largest class always, for accuracy; for a mean over K classes nothing beats 1 / K: with the recall q_k of
    class k, the share of the answers that name it, the mean of 2 p_k q_k / (p_k + q_k) is largest where q = p.
    """
    regime = evidence.regime
    if not regime.classes:
        return 0.0
    if evidence.target.metric == "accuracy":
        return regime.largest / regime.labelled
    return 1 / regime.classes


def says_nothing(evidence: Evidence) -> bool:
    """Whether a model that sees nothing meets the threshold."""
    threshold = evidence.target.threshold
    return threshold is not None and evidence.regime.classes > 1 and threshold <= guess(evidence)


def like_guessing(evidence: Evidence) -> str:
    """Where backbones were measured and nothing is shown to be better than guessing, the best of it in words."""
    intervals = [interval for rung in evidence.rungs if (interval := judged_interval(rung))]
    judged = (*frozen_public(evidence), *last_blocks(evidence), *evidence.of("pretrained"))
    if not judged or not any(judged_interval(rung) for rung in judged):
        return ""
    if any(low > guess(evidence) for low, _ in intervals):
        return ""
    return told(best(judged), evidence.target)


def best_shown(regime: Regime) -> float:
    """The lower end of the interval if every labelled image were tested and not one classed wrong (Wilson 1927)."""
    return wilson_interval(regime.labelled, regime.labelled)[0]


def images_to_show(threshold: float) -> float:
    """Least number of labelled images with which `best_shown` reaches a threshold; infinite for 1.

    Without an error Wilson's lower end of n is n / (n + z^2).
    """
    return NORMAL**2 * threshold / (1 - threshold) if threshold < 1 else math.inf


def guess_words(evidence: Evidence) -> str:
    """ "a model that always answers the largest class, 200 of 205 images, gets accuracy 0.976" """
    regime, target = evidence.regime, evidence.target
    if target.metric == "accuracy":
        how = f"always answers the largest class, {regime.largest:,} of {count(regime.labelled, 'image')},"
    else:
        how = f"sees nothing and guesses among {regime.classes:,} classes"
    return f"a model that {how} gets {target.metric_name} {guess(evidence):.3f}"
