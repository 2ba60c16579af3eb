"""The regime table: which way of learning the data call for, each row with its reason.

Everything that is known is first put into a few words (`regime_facts`); a row is a condition on these words. The
first row that holds is the advice, and one always does: the tests go through every combination of words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workbench.decide.gains import gain
from workbench.decide.regime_facts import FEW_UNLABELLED, MUCH_UNLABELLED, Facts, facts_of
from workbench.decide.standing import best, frozen_public, last_blocks, place, told
from workbench.decide.testable import guess_words, like_guessing, untestable
from workbench.records.decision import Advice
from workbench.records.evidence import Evidence
from workbench.records.text import count, points


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table. `advice` and `reason` write sentences from the evidence."""

    id: str
    action: str
    holds: Callable[[Facts], bool]
    advice: Callable[[Evidence, Facts], str]
    reason: Callable[[Evidence, Facts], str]


def read(evidence: Evidence) -> Advice:
    """The advice of the first row that holds."""
    facts = facts_of(evidence)
    row = next(row for row in ROWS if row.holds(facts))
    return Advice(
        row=row.id, action=row.action, advice=row.advice(evidence, facts), reason=row.reason(evidence, facts)
    )


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


def _pair(evidence: Evidence) -> str:
    found = gain(evidence)
    return found.reason if found is not None else ""


def _too_few(evidence: Evidence, facts: Facts) -> str:
    images = evidence.regime.all_unlabelled
    there = (
        f"{_unlabelled(evidence)} {'is' if images == 1 else 'are'} too little data to learn features from"
        if images
        else "There is no image without a label to learn features from"
    )
    return (
        f"{there}: under {FEW_UNLABELLED:,} a network learns these very images, where published recipes take 100,000 "
        "and more."
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
        reason=lambda e, f: untestable(e.regime),
    ),
    Row(
        id="labels that can't be tested",
        action="label",
        holds=lambda facts: facts.labels == "untestable" and facts.probe == facts.last == "none",
        advice=lambda e, f: (
            "Label images of two classes or more, fifty of each for a first probe with its interval; where they are "
            "of groups (lots, patients, cameras), of several groups each. Where a group is no more than its class, "
            "take something else for it."
        ),
        reason=lambda e, f: untestable(e.regime),
    ),
    Row(
        id="guessing meets the threshold",
        action="set a threshold",
        holds=lambda facts: facts.easy,
        advice=lambda e, f: (
            "Set the threshold above what guessing gets; where classes are of unequal sizes, in macro-F1 or balanced "
            "accuracy, which the largest class alone can't lift."
        ),
        reason=lambda e, f: (
            f"The threshold is {e.target.metric_name} {e.target.threshold:.3f}, and {guess_words(e)}: whatever meets "
            "it need know nothing of these images."
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
        id="nothing is better than guessing",
        action="check the labels",
        holds=lambda facts: facts.probe == "below" and facts.last == "below" and facts.blind,
        advice=lambda e, f: (
            "Look at some images of each class beside their labels. Don't pretrain: it learns to see, and what isn't "
            "in the picture can't be seen."
        ),
        reason=lambda e, f: (
            f"Nothing that was measured is shown to be better than guessing. {like_guessing(e)}; {guess_words(e)}. "
            "Either labels are mixed up, or these pictures don't show what the labels say."
        ),
    ),
    Row(
        id="pretraining was tried in vain",
        action="gather",
        holds=lambda facts: (
            facts.probe == "below" and facts.last == "below" and facts.pool == "much" and facts.in_vain
        ),
        advice=lambda e, f: (
            "Don't pretrain once more as it was done. Mend what the findings of its run name, or label more images; "
            "a gain has to be shown on the same splits."
        ),
        reason=lambda e, f: f"Pretraining was tried and is not shown to help. {_pair(e)} {_proven(e, f)}",
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
