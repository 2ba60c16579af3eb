"""Where a rung of the ladder stands beside the threshold: above it, below it, or not yet told."""

from __future__ import annotations

from workbench.decide.statistics import wilson_interval
from workbench.records.decision import Place
from workbench.records.evidence import Evidence, Rung, Target
from workbench.records.scores import Score
from workbench.records.text import count, printable

SEVERAL = (
    3  # seeds, below which no interval is believed: with two, Student's t has one degree of freedom (12.7)
)
APART = 0.05  # of probe and k-NN, where their intervals are apart too


def judged_interval(rung: Rung) -> tuple[float, float] | None:
    """95 % interval of the rung's true score; None with fewer than `SEVERAL` seeds.

    The widest of three: over the seeds (`statistics.mean_interval`), over the test images where every seed tests the
    same (`Rung.items`), and Wilson's for as many independent images as were tested at all. The last is no more than a
    floor, and counts as many images as small classes leave of them (`Rung.evenness`). It is needed where the seeds
    happen to agree, as they do near a score of 1: five seeds without an error on 60 images don't make 1.000 sure.
    """
    if rung.num_seeds < SEVERAL or rung.score.interval is None:
        return None
    tested = rung.n_test if rung.same_test else min(rung.num_seeds * rung.n_test, rung.labelled)
    intervals = [rung.score.interval, _wilson(rung, tested)]
    if rung.items is not None:
        intervals.append(rung.items)
    return min(low for low, _ in intervals), max(high for _, high in intervals)


def place_of(rung: Rung, threshold: float | None, spoilt: float = 0.0) -> Place | None:
    """ "above" if the interval's lower end is at or above the threshold, "below" if its upper end is under it.

    Args:
        spoilt: share of the test images whose result can't be believed, for they have a copy in training. Without
            them the score may be lower by as much, so that the lower end goes down by it.
    """
    if threshold is None:
        return None
    interval = judged_interval(rung)
    if interval is None:
        return "open"
    if interval[0] - spoilt >= threshold:
        return "above"
    return "below" if interval[1] < threshold else "open"


def spoilt_share(evidence: Evidence, rung: Rung) -> float:
    """Share of the test images that may be copies of what was learnt from, 0 to 1.

    Until an evaluation has counted them, every leaking set is taken to spoil one test image.
    """
    leaked = evidence.regime.leaks if evidence.leaked is None else evidence.leaked
    return min(leaked / rung.n_test, 1.0)


def over_items(rung: Rung) -> tuple[float, float]:
    """The interval of a score that more seeds can't make narrower: that of the images there are to test."""
    return rung.items or _wilson(rung, rung.n_test if rung.same_test else rung.labelled)


def _wilson(rung: Rung, images: int) -> tuple[float, float]:
    """Of as many images, each as much as it counts: a class of five decides half of a macro-F1 of two classes."""
    worth = rung.evenness * images
    return wilson_interval(rung.score.mean * worth, worth)


def only_with_leaks(evidence: Evidence, rung: Rung) -> bool:
    """Whether a rung passes only if its leaks are believed."""
    return place_of(rung, evidence.target.threshold) == "above" and place(evidence, rung) != "above"


def place(evidence: Evidence, rung: Rung) -> Place | None:
    """`place_of` with the evidence's threshold and leaks."""
    return place_of(rung, evidence.target.threshold, spoilt_share(evidence, rung))


def place_together(evidence: Evidence, rungs: tuple[Rung, ...]) -> Place | None:
    """Of several ways to the same end: "above" if one is, "below" if all are; None without a rung or a threshold."""
    places = {place(evidence, rung) for rung in rungs}
    if not places or None in places:
        return None
    return "above" if "above" in places else "below" if places == {"below"} else "open"


def best(rungs: tuple[Rung, ...]) -> Rung:
    """The one with the highest mean; of equal ones the first. Raises ValueError without any."""
    return max(rungs, key=lambda rung: rung.score.mean)


def frozen_public(evidence: Evidence) -> tuple[Rung, ...]:
    """Public backbones as they are, learnt with or without labels."""
    return evidence.of("supervised", "public")


def last_blocks(evidence: Evidence) -> tuple[Rung, ...]:
    """Fine-tunes of some blocks; one of a whole network is no selective one."""
    return tuple(rung for rung in evidence.of("adapted") if rung.blocks != "all")


def at_odds(probe: Score, knn: Score) -> bool:
    """Whether probe and k-NN differ by more than both intervals, and by more than five points."""
    if probe.interval is None or knn.interval is None:
        return False
    apart = probe.interval[0] > knn.interval[1] or probe.interval[1] < knn.interval[0]
    return apart and abs(probe.mean - knn.mean) > APART


def told(rung: Rung, target: Target) -> str:
    """ "DINOv2 small, frozen: macro-F1 0.912, 95 % interval 0.901 to 0.924 over 10 seeds" """
    interval = judged_interval(rung)
    seeds = count(rung.num_seeds, "seed")
    spread = (
        f"95 % interval {interval[0]:.3f} to {interval[1]:.3f} over {seeds}" if interval else f"from {seeds}"
    )
    return f"{printable(rung.name)}: {target.metric_name} {rung.score.mean:.3f}, {spread}"
