"""What a step of the ladder is expected to cost, from what was measured; where nothing was, the words say so."""

from __future__ import annotations

import math

import numpy as np

from workbench.decide.label_budget import labels_to_target
from workbench.records.evidence import AtHand, Evidence, Rung, Target
from workbench.records.scores import Budget
from workbench.records.text import count, duration, points, printable

FINETUNE_EPOCHS = 20  # at most: the `finetune` job's default
PRETRAIN_EPOCHS = 100  # the `pretrain` job's default
TRAIN_SHARE = 0.8  # of the labelled images, where no rung tells
SEEDS = 5  # that a rung is climbed with
MOST_DOUBLINGS = 5.0  # of the labels, beyond which a slope tells nothing


def cost_so_far(evidence: Evidence) -> float:
    """Seconds of all rungs, as far as they are known."""
    return sum(rung.seconds or 0.0 for rung in evidence.rungs)


def frozen_seconds(evidence: Evidence, backbone: AtHand | None) -> float | None:
    """Of embedding the labelled images with a backbone and probing it: as the last one took, in proportion to the
    parameters where both are known; else from the measured rate of a small one. None before any is labelled."""
    if not evidence.regime.labelled:
        return None
    parameters = {item.id: item.parameters for item in evidence.at_hand}
    wanted = backbone.parameters if backbone else None
    for rung in reversed(evidence.of("supervised", "public")):
        if rung.seconds is not None:
            had = parameters.get(rung.checkpoint)
            return rung.seconds * (wanted / had if wanted and had else 1.0)
    rate = evidence.machine.embed_rate
    return evidence.regime.labelled / rate if rate else None


def finetune_seconds(evidence: Evidence) -> float | None:
    rate = evidence.machine.tune_rate
    images = max((rung.n_train for rung in evidence.rungs), default=TRAIN_SHARE * evidence.regime.labelled)
    return SEEDS * FINETUNE_EPOCHS * images / rate if rate else None


def pretrain_seconds(evidence: Evidence) -> float | None:
    rate = evidence.machine.pretrain_rate
    return PRETRAIN_EPOCHS * evidence.regime.all_unlabelled / rate if rate else None


def seeds_seconds(rung: Rung, more: int) -> float | None:
    """An upper bound for a frozen one, whose vectors are kept."""
    return None if rung.seconds is None else rung.seconds * more / rung.num_seeds


def time_words(seconds: float | None, target: Target, unknown: str) -> str:
    """ "about 9 h 0 min of computing (18 EUR)", or that it isn't known and what it hangs on."""
    if seconds is None:
        return f"not known before it is measured: {unknown}"
    money = ""
    if target.gpu_hour_cost is not None:
        money = f" ({_sum(seconds / 3600 * target.gpu_hour_cost, target)})"
    return f"about {duration(max(seconds, 1.0))} of computing{money}"


def label_words(labels: int, target: Target) -> str:
    """ "1,200 more labels, about 24 h of labelling (960 EUR)"."""
    said = f"{labels:,} more {'label' if labels == 1 else 'labels'}"
    if target.labels_an_hour is None:
        return f"{said} (how long a label takes isn't known)"
    hours = labels / target.labels_an_hour
    money = (
        "" if target.labelling_hour_cost is None else f" ({_sum(hours * target.labelling_hour_cost, target)})"
    )
    return f"{said}, about {duration(3600 * hours)} of labelling{money}"


def labels_to_threshold(evidence: Evidence) -> tuple[str, int | None]:
    """What the label-budget curve says of the threshold: a sentence, and how many more labels, if it tells.

    ("", None) without a curve or a threshold. A curve that falls short is prolonged at the slope between its last two
    budgets, a straight line over the logarithm of the labels. Curves bend down, so that this is the least.
    """
    threshold, target = evidence.target.threshold, evidence.target
    measured = (rung for rung in evidence.rungs if rung.kind != "floor")  # a floor's is nobody's to prolong
    curves = [(rung, rising) for rung in measured if len(rising := _rising(rung)) > 1]
    if threshold is None or not curves:
        return "", None
    rung, budgets = max(curves, key=lambda curve: curve[0].score.mean)
    sizes = [float(budget.labels) for budget in budgets]
    scores = np.array([budget.scores[target.metric].values for budget in budgets]).T
    found = labels_to_target(sizes, scores, threshold, test_train_ratio=rung.n_test / rung.n_train)
    name = printable(rung.name)
    if found.reached:
        low, high = found.interval
        upper = f"{high:,.0f}" if math.isfinite(high) else "more than there are"
        return (
            f"{name} needs about {found.estimate:,.0f} labels for {threshold:.3f}, 95 % interval {low:,.0f} to "
            f"{upper}.",
            0,
        )
    means = scores.mean(axis=0)
    slope = (means[-1] - means[-2]) / math.log2(sizes[-1] / sizes[-2])  # a doubling
    gap = threshold - float(means[-1])
    if slope <= 0 or gap / slope > MOST_DOUBLINGS:
        return (
            f"The curve of {name} is nearly flat at {sizes[-1]:,.0f} labels, {points(gap)} under the threshold: "
            "labels alone won't bring it there.",
            None,
        )
    more = _rounded(sizes[-1] * 2 ** (gap / slope) - sizes[-1])
    return (
        f"{name} gains {points(slope)} with each doubling of its {sizes[-1]:,.0f} labels and lacks {points(gap)}: it "
        f"takes {label_words(more, target)}, if the curve doesn't bend down before.",
        more,
    )


def _rising(rung: Rung) -> list[Budget]:
    """Without the budgets that hold no more labels than the one before, as the smallest of few images don't."""
    before = (0, *(budget.labels for budget in rung.budgets))
    return [budget for least, budget in zip(before, rung.budgets, strict=False) if budget.labels > least]


def unknown_images(evidence: Evidence) -> str:
    if not evidence.regime.labelled:
        return "no image is labelled yet"
    return f"{count(evidence.regime.labelled, 'image')} pass the backbone once"


def _sum(amount: float, target: Target) -> str:
    written = "under 1" if 0 < amount < 1 else f"{amount:,.0f}"
    return f"{written} {printable(target.currency)}".rstrip()


def _rounded(number: float) -> int:
    """Up to two figures: more would claim too much."""
    step = 10 ** max(len(str(math.ceil(number))) - 2, 0)
    return int(-(-math.ceil(number) // step) * step)
