"""What the guard rails say of images, labels and threshold, whatever backbone was measured: leaks, contradictions,
and tests that can't tell what they are asked.

Each gives the sentence, or "" where there is nothing to say; `guards` makes rules of them.
"""

from __future__ import annotations

import math

from workbench.decide.standing import only_with_leaks, spoilt_share
from workbench.decide.testable import (
    best_shown,
    guess_words,
    images_to_show,
    like_guessing,
    says_nothing,
    untestable,
)
from workbench.records.evidence import Evidence
from workbench.records.regime import UNITS
from workbench.records.text import count, percent, printable


def leaks(evidence: Evidence) -> str:
    leaked = evidence.regime.leaks if evidence.leaked is None else evidence.leaked
    if not leaked:
        return ""
    what = (
        "set of copies that a split can tear apart" if evidence.leaked is None else "test image with a copy"
    )
    plural = (
        "sets of copies that a split can tear apart" if evidence.leaked is None else "test images with a copy"
    )
    where = "" if evidence.leaked is None else " among those that were learnt from"
    other = ", or too low where a copy has another label" if evidence.regime.conflicts else ""
    return (
        f"{count(leaked, what, plural)}{where}: the test repeats what was learnt, and scores come out too "
        f"high{other}. Leave the copies out, or make each set one group, and run again."
    )


def decisive_leaks(evidence: Evidence) -> str:
    moved = [rung for rung in evidence.rungs if rung.kind != "floor" and only_with_leaks(evidence, rung)]
    if not moved:
        return ""
    share = spoilt_share(evidence, moved[0])
    return (
        f"{printable(moved[0].name)} passes only with its leaks: {percent(share, 1)} of the test images may be "
        "copies of what was learnt. Leave the copies out and run again before anything is decided."
    )


def two_labels(evidence: Evidence) -> str:
    sets = evidence.regime.conflicts
    if not sets:
        return ""
    return (
        f"{count(sets, 'picture')} {'is' if sets == 1 else 'are'} there under more than one label. One of the labels "
        "must be wrong, and no model can be right about both. Say which is right, or leave these images out, and run "
        "again."
    )


def never_tested(evidence: Evidence) -> str:
    regime = evidence.regime
    if regime.testable is None or regime.testable >= regime.classes or untestable(regime):
        return ""
    lacking = regime.classes - regime.testable
    what = f"images of fewer than {UNITS} groups" if regime.groups else f"fewer than {UNITS} images"
    return (
        f"{count(lacking, 'class', 'classes')} of {regime.classes:,} {'has' if lacking == 1 else 'have'} {what}, "
        "and can't be both learnt from and tested: the scores say nothing of such a class. Label more of "
        "it, or leave it out and say so."
    )


def no_better(evidence: Evidence) -> str:
    said = like_guessing(evidence)
    if not said:
        return ""
    return (
        f"Nothing that was measured is shown to be better than guessing. {said}; {guess_words(evidence)}. Either "
        "labels are mixed up, or these pictures don't show what the labels say, or they are too few to tell. Look at "
        "some images of each class beside their labels before anything that costs more."
    )


def never_shown(evidence: Evidence) -> str:
    threshold, regime = evidence.target.threshold, evidence.regime
    if threshold is None or not regime.labelled or best_shown(regime) >= threshold:
        return ""
    wanted = images_to_show(threshold)
    takes = (
        "No number of images shows a score of 1.000: set a threshold below it."
        if math.isinf(wanted)
        else f"It takes {math.ceil(wanted):,} labelled images without an error, and more with some: label more, or "
        "set a lower threshold."
    )
    return (
        f"{count(regime.labelled, 'labelled image')} can't show {evidence.target.metric_name} {threshold:.3f}: even "
        f"without one error the interval would begin at {best_shown(regime):.3f}. {takes}"
    )


def too_easy(evidence: Evidence) -> str:
    if not says_nothing(evidence):
        return ""
    return (
        f"The threshold of {evidence.target.threshold:.3f} says nothing: {guess_words(evidence)}. Set it higher, or "
        "in another score."
    )
