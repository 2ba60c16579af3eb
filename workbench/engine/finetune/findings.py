"""What the reader of a fine-tune has to know before believing its number, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.records.finetunes import SeedTuned
from workbench.records.results import Finding
from workbench.records.scores import METRIC_NAMES
from workbench.records.text import count

KNOWN_BY_HEART = 0.995  # accuracy on the training part
APART = 0.05  # between training and validation accuracy


def find(seeds: Sequence[SeedTuned], metric: str, epochs: int, augment: str) -> tuple[Finding, ...]:
    """Findings about the training; those about the splits are `evals.findings`'."""
    return (*_at_the_start(seeds, metric), *_at_the_end(seeds, epochs), *_by_heart(seeds, augment))


def _at_the_start(seeds: Sequence[SeedTuned], metric: str) -> list[Finding]:
    none = [seed for seed in seeds if seed.chosen == 0]
    if 2 * len(none) <= len(seeds):
        return []
    advice = (
        f"In {len(none)} of {count(len(seeds), 'seed')} no epoch was better on validation "
        f"({METRIC_NAMES[metric]}) than the probe that the head began as: the frozen features are as good as what "
        "was learnt here."
    )
    return [Finding(name="nothing gained", severity="info", advice=advice)]


def _at_the_end(seeds: Sequence[SeedTuned], epochs: int) -> list[Finding]:
    late = [seed for seed in seeds if seed.chosen == epochs]
    if 2 * len(late) <= len(seeds):
        return []
    advice = (
        f"In {len(late)} of {count(len(seeds), 'seed')} the last epoch was the best on validation: more epochs than "
        f"{epochs} may give more."
    )
    return [Finding(name="still rising", severity="info", advice=advice)]


def _by_heart(seeds: Sequence[SeedTuned], augment: str) -> list[Finding]:
    known = []
    for seed in seeds:
        last = seed.curve[-1]
        if (
            last.train_accuracy is not None
            and last.train_accuracy >= KNOWN_BY_HEART
            and last.train_accuracy - last.val["accuracy"] > APART
        ):
            known.append(seed)
    if 2 * len(known) <= len(seeds):
        return []
    more = " or augment, where mirroring leaves the label true" if augment == "none" else ""
    advice = (
        "The training images were learnt by heart while validation stayed more than "
        f"{100 * APART:.0f} points below: train fewer blocks{more}, or label more images."
    )
    return [Finding(name="overfitted", severity="warn", advice=advice)]
