"""The evidence in a few words, which is what the rows of the regime table are conditions on.

Where a boundary between two words is no published one but a judgement, the constant says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.decide.gains import in_vain
from workbench.decide.standing import best, frozen_public, last_blocks, place, place_together, told
from workbench.decide.testable import like_guessing, says_nothing, untestable
from workbench.records.evidence import Evidence, Rung
from workbench.records.text import printable

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
        easy: whether a model that sees nothing meets the threshold.
        blind: whether nothing that was measured is shown to be better than such a model.
        in_vain: whether pretraining was tried and is not shown to help.
    """

    problem: str
    labels: Literal["none", "untestable", "scarce", "abundant"]
    pool: Literal["few", "some", "much"]
    cover: Cover
    cover_reason: str
    probe: Judged
    last: Judged
    easy: bool = False
    blind: bool = False
    in_vain: bool = False


def facts_of(evidence: Evidence) -> Facts:
    regime = evidence.regime
    abundant = regime.labelled >= ABUNDANT_LABELS and regime.median >= ABUNDANT_PER_CLASS
    unlabelled = regime.all_unlabelled
    cover, why = _cover(evidence)
    enough: Literal["abundant", "scarce"] = "abundant" if abundant else "scarce"
    return Facts(
        problem=evidence.problem,
        labels="none" if not regime.labelled else "untestable" if untestable(regime) else enough,
        pool="few" if unlabelled <= FEW_UNLABELLED else "some" if unlabelled < MUCH_UNLABELLED else "much",
        cover=cover,
        cover_reason=why,
        probe=probe_place(evidence),
        last=_judged(evidence, last_blocks(evidence)),
        easy=says_nothing(evidence),
        blind=bool(like_guessing(evidence)),
        in_vain=in_vain(evidence),
    )


def probe_place(evidence: Evidence) -> Judged:
    """Public backbones under the probe, all of them together. A supervised one may pass by itself, but where none
    that was learnt without labels, the stronger kind, has been tried, nothing has failed: "none"."""
    together = _judged(evidence, frozen_public(evidence))
    return together if together in ("above", "unjudged") or evidence.of("public") else "none"


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
