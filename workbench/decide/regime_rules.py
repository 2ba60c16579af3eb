"""The regime table: which way of learning the data call for, each row with its reason.

Everything that is known is first put into a few words (`Facts`); a row is a condition on these words. The first row
that holds is the advice, and one always does: the tests go through every combination of words.

Where a boundary between two words is no published one but a judgement, the constant says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from workbench.decide.standing import (
    best,
    frozen_public,
    last_blocks,
    place,
    place_together,
    told,
)
from workbench.records.decision import Advice
from workbench.records.evidence import Evidence, Rung
from workbench.records.text import count, points, printable

# Judgement: between the 4,000 labels where practitioners still look at a frozen feature first and the 30,000 where
# they fine-tune at once. VTAB calls 1,000 labels the low-data regime (Zhai et al. 2019, arXiv 1910.04867, section 2).
ABUNDANT_LABELS = 10_000
ABUNDANT_PER_CLASS = (
    100  # of the class in the middle: judgement; below it most classes are scarce whatever their sum
)
# "A few thousand unlabelled images or fewer"; also where a pretraining run is warned of (engine.pretrain.guard).
FEW_UNLABELLED = 5_000
# Judgement: published domain pretrainings take 100,000 and more; a fifth of it where weights begin as public ones.
MUCH_UNLABELLED = 20_000
HOME_PURITY = 0.5  # of what neighbours could add to chance: judgement
FOREIGN_PURITY = 0.2  # judgement
HOME_DISTANCE = 1.25  # times that of everyday photographs: judgement
FOREIGN_DISTANCE = 2.0  # judgement

Cover = Literal["covered", "mismatched", "unknown"]
Judged = Literal["none", "unjudged", "open", "above", "below"]  # unjudged: no threshold is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The evidence in words.

    Attributes:
        labels, pool: how many labelled and unlabelled images there are.
        cover: whether a public backbone covers these images; `cover_reason` says why.
        probe: public backbones, frozen, beside the threshold. last: the fine-tune of the last blocks.
    """

    problem: str
    labels: Literal["none", "scarce", "abundant"]
    pool: Literal["few", "some", "much"]
    cover: Cover
    cover_reason: str
    probe: Judged
    last: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table. `advice` and `reason` write sentences from the evidence."""

    id: str
    action: str
    holds: Callable[[Facts], bool]
    advice: Callable[[Evidence, Facts], str]
    reason: Callable[[Evidence, Facts], str]


def facts_of(evidence: Evidence) -> Facts:
    regime = evidence.regime
    abundant = regime.labelled >= ABUNDANT_LABELS and regime.median >= ABUNDANT_PER_CLASS
    unlabelled = regime.all_unlabelled
    cover, why = _cover(evidence)
    return Facts(
        problem=evidence.problem,
        labels="none" if not regime.labelled else "abundant" if abundant else "scarce",
        pool="few" if unlabelled <= FEW_UNLABELLED else "some" if unlabelled < MUCH_UNLABELLED else "much",
        cover=cover,
        cover_reason=why,
        probe=probe_place(evidence),
        last=_judged(evidence, last_blocks(evidence)),
    )


def probe_place(evidence: Evidence) -> Judged:
    """Public backbones under the probe, all of them together. A supervised one may pass by itself, but where none
    that was learnt without labels, the stronger kind, has been tried, nothing has failed: "none"."""
    together = _judged(evidence, frozen_public(evidence))
    return together if together in ("above", "unjudged") or evidence.of("public") else "none"


def read(evidence: Evidence) -> Advice:
    """The advice of the first row that holds."""
    facts = facts_of(evidence)
    row = next(row for row in ROWS if row.holds(facts))
    return Advice(
        row=row.id, action=row.action, advice=row.advice(evidence, facts), reason=row.reason(evidence, facts)
    )


def _judged(evidence: Evidence, rungs: tuple[Rung, ...]) -> Judged:
    if not rungs:
        return "none"
    return place_together(evidence, rungs) or "unjudged"


def _cover(evidence: Evidence) -> tuple[Cover, str]:
    """The strongest sign there is: a probe, then neighbours, then distances, then what the expert says."""
    threshold, domain = evidence.target.threshold, evidence.domain
    public = frozen_public(evidence)
    if threshold is not None and public:
        good = [rung for rung in public if place(evidence, rung) == "above"]
        if good:
            return "covered", f"{told(best(tuple(good)), evidence.target)}, which meets {threshold:.3f}."
        bad = tuple(rung for rung in public if place(evidence, rung) == "below")
        if len(bad) == len(public):
            return "mismatched", f"{told(best(bad), evidence.target)}, which is under {threshold:.3f}."
    by = f" of {printable(domain.backbone)}" if domain.backbone else ""
    if domain.purity is not None and domain.purity_by_chance is not None and domain.purity_by_chance < 1:
        lift = (domain.purity - domain.purity_by_chance) / (1 - domain.purity_by_chance)
        said = (
            f"{100 * domain.purity:.0f} % of the nearest neighbours in the features{by} have the same label, where "
            f"chance gives {100 * domain.purity_by_chance:.0f} %."
        )
        if lift >= HOME_PURITY:
            return "covered", said
        if lift <= FOREIGN_PURITY:
            return "mismatched", said
    if domain.distance is not None:
        who = printable(domain.distance_backbone) or "a public backbone"
        said = (
            f"What these images call up in {who} lies {domain.distance:.1f} times as far from what its training "
            "images did as everyday photographs lie."
        )
        if domain.distance >= FOREIGN_DISTANCE:
            return "mismatched", said
        if domain.distance <= HOME_DISTANCE:
            return "covered", said
    if domain.everyday:
        return (
            "covered",
            "These are photographs of everyday things, which public backbones have seen by the million.",
        )
    return "unknown", "Nobody has measured yet how well a public backbone covers these images."


def _labelled(evidence: Evidence) -> str:
    return count(evidence.regime.labelled, "labelled image")


def _unlabelled(evidence: Evidence) -> str:
    return count(evidence.regime.all_unlabelled, "unlabelled image")


def _passed(evidence: Evidence, facts: Facts) -> str:
    return f"The public backbone suffices. {facts.cover_reason}"


def _adapted(evidence: Evidence, facts: Facts) -> str:
    tuned = best(tuple(rung for rung in last_blocks(evidence) if place(evidence, rung) == "above"))
    return (
        f"{told(tuned, evidence.target)}: that meets the threshold of {evidence.target.threshold:.3f}, and costs a "
        "small part of a pretraining."
    )


def _proven(evidence: Evidence, facts: Facts) -> str:
    frozen, tuned = best(frozen_public(evidence)), best(last_blocks(evidence))
    return (
        f"There is evidence of mismatch, and data to learn from: {told(frozen, evidence.target)}, and "
        f"{told(tuned, evidence.target)}; both are under the threshold of {evidence.target.threshold:.3f}. "
        f"{_unlabelled(evidence)} wait to be learnt from."
    )


def _too_few(evidence: Evidence, facts: Facts) -> str:
    images = evidence.regime.all_unlabelled
    there = f"{_unlabelled(evidence)} are" if images else "No image without a label is there, which is"
    return (
        f"{there} too little data to learn features from: under {FEW_UNLABELLED:,} a network learns these very "
        "images, where published recipes take 100,000 and more."
    )


def _afterwards(evidence: Evidence, facts: Facts) -> str:
    """What comes of pretraining if the step that is advised falls short."""
    if facts.pool == "few":
        return f"Don't pretrain: {_unlabelled(evidence)} are too little data."
    return "Consider MAE or DINO-style pretraining only if it falls short too."


def _mismatch_first(evidence: Evidence, facts: Facts) -> str:
    return (
        f"The cheaper test comes first. {facts.cover_reason} That says little of DINOv2, which has learnt from "
        "142 million images without labels. This is the order of cost: a probe takes minutes, the last block under "
        "an hour, a pretraining hours to days of a GPU."
    )


def _gap(evidence: Evidence) -> str:
    threshold = evidence.target.threshold or 0.0
    return points(threshold - best(frozen_public(evidence)).score.mean)


ROWS: tuple[Row, ...] = (
    Row(
        id="a table of numbers",
        action="another tool",
        holds=lambda facts: facts.problem == "table",
        advice=lambda e, f: (
            "This workbench is not made for tables. Use gradient boosting (scikit-learn's "
            "HistGradientBoostingClassifier, XGBoost, LightGBM), with k-NN or a linear model as the floor."
        ),
        reason=lambda e, f: (
            "Columns of numbers have no image structure: there are no neighbouring pixels and no views, so that "
            "neither a vision backbone nor its pretraining has anything to hold on to."
        ),
    ),
    Row(
        id="a sequence",
        action="another tool",
        holds=lambda facts: facts.problem == "sequence",
        advice=lambda e, f: (
            "This workbench is not made for measurements over time or for text. Use a forecasting or sequence model, "
            "with the last value or a linear model of past values as the floor, and split by time."
        ),
        reason=lambda e, f: (
            "The signal is in the order of the values, and a sequence has no image structure."
        ),
    ),
    Row(
        id="actions and rewards",
        action="another tool",
        holds=lambda facts: facts.problem == "policy",
        advice=lambda e, f: (
            "This workbench is not made for actions with delayed rewards. Use reinforcement learning, or a bandit "
            "where each action is rewarded at once."
        ),
        reason=lambda e, f: (
            "The problem is a policy: each action changes what is seen next, and there is no label to learn from. A "
            "backbone could be a part of it, but is not what decides."
        ),
    ),
    Row(
        id="no labels",
        action="label",
        holds=lambda facts: facts.labels == "none" and facts.probe == facts.last == "none",
        advice=lambda e, f: (
            "Label some images first: fifty a class are enough for a first probe with its interval."
        ),
        reason=lambda e, f: (
            "Without a labelled image nothing can be tested, and no backbone be told from another."
        ),
    ),
    Row(
        id="the public backbone suffices",
        action="validate",
        holds=lambda facts: facts.probe == "above",
        advice=lambda e, f: (
            "Don't pretrain. Validate downstream, on images as they will come, set the thresholds of each class by "
            "what an error costs, and fine-tune selectively only where a class falls short."
        ),
        reason=_passed,
    ),
    Row(
        id="the last block suffices",
        action="adapt",
        holds=lambda facts: facts.last == "above",
        advice=lambda e, f: (
            "Fine-tune the last block of the public backbone, and validate downstream, on images as they will come. "
            "Don't pretrain."
        ),
        reason=_adapted,
    ),
    Row(
        id="abundant labels, covered domain",
        action="fine-tune",
        holds=lambda facts: facts.labels == "abundant" and facts.cover == "covered",
        advice=lambda e, f: (
            "Assume that pretraining is unnecessary. Take a supervised or public backbone first and fine-tune it on "
            "the labels there are."
        ),
        reason=lambda e, f: (
            f"Abundant labels, covered domain: {_labelled(e)} can move the features of a backbone by themselves. "
            f"{f.cover_reason} The burden of proof is on pretraining."
        ),
    ),
    Row(
        id="no threshold",
        action="set a threshold",
        holds=lambda facts: "unjudged" in (facts.probe, facts.last),
        advice=lambda e, f: "Say which score is good enough; then what was measured can be judged.",
        reason=lambda e, f: (
            "Scores were measured, but no threshold is set: whether they suffice nobody can say."
        ),
    ),
    Row(
        id="mismatch proven",
        action="pretrain",
        holds=lambda facts: facts.probe == "below" and facts.last == "below" and facts.pool == "much",
        advice=lambda e, f: (
            "MAE or DINO-style pretraining on these images, from public weights, is justified."
        ),
        reason=_proven,
    ),
    Row(
        id="mismatch, but few images to learn from",
        action="gather",
        holds=lambda facts: facts.probe == "below" and facts.last == "below",
        advice=lambda e, f: (
            f"Gather more: labels first, or unlabelled images until there are {MUCH_UNLABELLED:,}. Don't pretrain "
            "before."
        ),
        reason=lambda e, f: (
            f"The frozen backbones and the last block both fall short, the better frozen one by {_gap(e)}, but "
            f"{_unlabelled(e)} are few for features of one's own."
        ),
    ),
    Row(
        id="the last block can't tell yet",
        action="measure again",
        holds=lambda facts: facts.probe == "below" and facts.last == "open",
        advice=lambda e, f: (
            f"Run more seeds of the fine-tune, or label more images to test on. {_afterwards(e, f)}"
        ),
        reason=lambda e, f: (
            f"{f.cover_reason} {told(best(last_blocks(e)), e.target)}: the threshold of {e.target.threshold:.3f} can "
            "be neither called met nor missed."
        ),
    ),
    Row(
        id="the probe fails, the last block comes next",
        action="last block",
        holds=lambda facts: facts.probe == "below",
        advice=lambda e, f: f"Fine-tune the last block. {_afterwards(e, f)}",
        reason=lambda e, f: (
            f"{f.cover_reason} The frozen feature lacks {_gap(e)}; the next in the order of cost is the last block, "
            "under an hour where a pretraining takes hours to days of a GPU."
        ),
    ),
    Row(
        id="the probe can't tell yet",
        action="measure again",
        holds=lambda facts: facts.probe == "open",
        advice=lambda e, f: (
            "Run more seeds, or label more images to test on, before anything that costs more."
        ),
        reason=lambda e, f: (
            f"{told(best(frozen_public(e)), e.target)}: the threshold of {e.target.threshold:.3f} can be neither "
            "called met nor missed."
        ),
    ),
    Row(
        id="few unlabelled images",
        action="no pretraining",
        holds=lambda facts: facts.pool == "few",
        advice=lambda e, f: (
            "Don't pretrain. Use public features, augmentation that leaves the label true, or classical features "
            "first; where a probe falls short, fine-tune its last block, then label more."
        ),
        reason=_too_few,
    ),
    Row(
        id="scarce labels, covered domain",
        action="probe",
        holds=lambda facts: facts.labels == "scarce" and facts.cover == "covered",
        advice=lambda e, f: (
            "Verify the public backbone with a probe: frozen, five seeds or more, a sealed test part."
        ),
        reason=lambda e, f: (
            f"{f.cover_reason} {_labelled(e)} are few to change a network with and enough to test one."
        ),
    ),
    Row(
        id="scarce labels, much unlabelled, mismatched features",
        action="probe",
        holds=lambda facts: facts.labels == "scarce" and facts.pool == "much" and facts.cover == "mismatched",
        advice=lambda e, f: (
            "Probe DINOv2 off the shelf first. If it falls short, fine-tune its last blocks; consider MAE or "
            "DINO-style pretraining only if both fail."
        ),
        reason=_mismatch_first,
    ),
    Row(
        id="not known yet",
        action="probe",
        holds=lambda facts: True,
        advice=lambda e, f: (
            "Probe a public backbone first: floors, a supervised baseline, then DINOv2, each in minutes. The burden "
            "of proof is on pretraining."
        ),
        reason=lambda e, f: (
            f"{f.cover_reason} With {_labelled(e)}, a probe of a frozen one tells the most for its cost."
        ),
    ),
)
