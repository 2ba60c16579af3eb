"""What speaks against a pretraining before it begins, in sentences, from plain facts.

Nothing here stops anything: what can't work at all is refused where it is built. The numbers in the sentences are the
run's own, so that the reader can judge them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from workbench.records.augmentation import Augmentation
from workbench.records.results import Finding
from workbench.records.text import count

FEW_NEGATIVES = (
    256  # images that pass through as one; 256 is the smallest that SimCLR's authors report (figure 9)
)
FEW_FOR_NORM = 16  # images of one process in one pass, below which batch statistics are mostly noise
HARDLY_ANY = 1_000  # images, below which pretraining teaches little but these images
FEW_IMAGES = 5_000  # images, below which a public backbone is nearly always the better start
FEW_STEPS = 1_000
LONG_WARM_UP = 0.5  # share of all steps
FEW_PATCHES = 4  # patches along a side


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a run before it begins."""

    tokens: bool  # whether the backbone is a transformer
    start: str  # weights to start from; "" for none
    images: int  # to learn from
    labelled: int  # of all images at hand, those with a label
    batch_size: int  # of one step, over all processes and accumulated parts
    processes: int
    accumulate: int  # parts that a process computes its share of a batch in
    epochs: int
    planned: int  # steps of all epochs
    steps: int  # that are taken: fewer where the run is to end before its plan does
    warm_up: int  # steps
    image_size: int  # px
    patch: int  # px; 1 for a convolutional network
    stride: int  # px between two places of the last map: of a transformer the patch
    learn_from: str  # "safe", "unlabelled" or "all"
    overlap: int  # unlabelled images that are copies of validation or test images, or of their groups
    grey: bool  # whether the pictures have no colour
    augmentation: Augmentation
    prototypes: int | None  # of DINO and iBOT
    queue: int | None  # of MoCo
    negatives: int | None  # that a view is told from within one pass
    together: int  # images of that pass, on all processes
    has_batch_norm: bool  # anywhere in what learns

    @property
    def at_once(self) -> int:
        """Images whose batch statistics are taken together."""
        return self.batch_size // (self.processes * self.accumulate)

    @property
    def cut_short(self) -> bool:
        return self.steps < self.planned


def before(facts: Facts) -> list[Finding]:
    """What is worth knowing before a run begins, the gravest first."""
    found = [finding for rule in _RULES if (finding := rule(facts)) is not None]
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _overlap(facts: Facts) -> Finding | None:
    if not facts.overlap or facts.learn_from == "all":
        return None
    one = facts.overlap == 1
    return Finding(
        name="copies left out",
        severity="info",
        advice=f"{count(facts.overlap, 'unlabelled image')} {'is' if one else 'are'} left out, being "
        f"{'a copy' if one else 'copies'} of validation or test images, or of one group with them: a score on those "
        "would no longer be one of unseen images.",
    )


def _everything(facts: Facts) -> Finding | None:
    if facts.learn_from != "all":
        return None
    return Finding(
        name="nothing stays unseen",
        severity="warn",
        advice="Validation and test images are learnt from too. No score on these images is one of unseen "
        "images any more, with this backbone or a fine-tune of it. Choose safe to keep them apart.",
    )


def _few_images(facts: Facts) -> Finding | None:
    if facts.images >= FEW_IMAGES:
        return None
    hardly_any = facts.images < HARDLY_ANY
    word = "far too few" if hardly_any else "few"
    hold = f" ({facts.labelled:,} of the images at hand have a label)" if facts.labelled else ""
    advice = (
        f"{count(facts.images, 'image')} to learn from{hold}: {word}, for published recipes take 100,000 and more. "
        "What is learnt from under a few thousand is mostly these images themselves. A public backbone, frozen or "
        "fine-tuned, is very likely better: compare one first."
    )
    return Finding(name="few images", severity="bad" if hardly_any else "warn", advice=advice)


def _from_nothing(facts: Facts) -> Finding | None:
    if facts.start or facts.images >= 20 * FEW_IMAGES:
        return None
    return Finding(
        name="from nothing",
        severity="warn",
        advice=f"The weights start from nothing with {count(facts.images, 'image')}. Going on from a public backbone "
        "learns the same faster and ends better on so few: choose weights to start from, unless this is the "
        "comparison that you want.",
    )


def _few_steps(facts: Facts) -> Finding | None:
    if facts.steps >= FEW_STEPS:
        return None
    each = max(facts.planned // max(facts.epochs, 1), 1)
    taken = count(facts.steps, "step")
    if facts.cut_short:
        how = f"The run ends after {taken}, of {facts.planned:,} that are planned"
        mend = "let it go on for more steps"
    else:
        how = f"{taken} in all ({count(facts.epochs, 'epoch')} of {each:,})"
        mend = f"ask for {-(-FEW_STEPS // each):,} epochs or more, or a smaller batch"
    return Finding(
        name="few steps",
        severity="warn",
        advice=f"{how}. Published schedules take tens of thousands, and below {FEW_STEPS:,} hardly anything is "
        f"learnt: {mend}.",
    )


def _long_warm_up(facts: Facts) -> Finding | None:
    if facts.warm_up <= LONG_WARM_UP * facts.steps:
        return None
    return Finding(
        name="warm-up takes most",
        severity="warn",
        advice=(
            f"The learning rate rises for {count(facts.warm_up, 'step')}, and the run ends after {facts.steps:,}, so "
            "that little is learnt at its full height. Let it go on for more steps."
            if facts.cut_short
            else f"The learning rate rises for {facts.warm_up:,} of {count(facts.steps, 'step')}, as published for "
            "longer runs, so that little is learnt at its full height. Ask for more epochs."
        ),
    )


def _few_negatives(facts: Facts) -> Finding | None:
    if facts.negatives is None or facts.together >= FEW_NEGATIVES:
        return None
    parts = f", in {facts.accumulate} parts that don't see each other" if facts.accumulate > 1 else ""
    return Finding(
        name="few negatives",
        severity="warn",
        advice="A picture is told from the others that pass through with it, and there are "
        f"{count(facts.negatives, 'view')} of such ({count(facts.batch_size, 'image')} a step{parts}). SimCLR's "
        f"authors start at {FEW_NEGATIVES} images. MoCo on a convolutional network keeps its negatives in a queue, "
        "and BYOL, SimSiam, DINO and MAE need none.",
    )


def _norm(facts: Facts) -> Finding | None:
    if not facts.has_batch_norm or facts.at_once >= FEW_FOR_NORM:
        return None
    return Finding(
        name="noisy batch norm",
        severity="bad" if facts.at_once < 2 else "warn",
        advice=f"Batch norm takes its mean and spread of {count(facts.at_once, 'image')} at once "
        f"({facts.batch_size:,} over {count(facts.processes, 'process', 'processes')} in "
        f"{count(facts.accumulate, 'part')}); under {FEW_FOR_NORM} they are mostly noise. Take smaller images, a "
        "smaller network or a larger batch, or a method without batch norm (MAE, DINO or iBOT on a transformer).",
    )


def _grey_jitter(facts: Facts) -> Finding | None:
    names = [
        view.name
        for view in facts.augmentation.views
        if (view.jitter > 0 and (view.saturation > 0 or view.hue > 0)) or view.grey > 0
    ]
    if not facts.grey or not names:
        return None
    return Finding(
        name="colour changes of grey pictures",
        severity="info",
        advice="The pictures are grey, and changes of hue and saturation and taking colour away "
        f"({', '.join(names)}) do nothing to them. Light, contrast, crop and blur are all that differs.",
    )


def _small_images(facts: Facts) -> Finding | None:
    if facts.image_size >= FEW_PATCHES * facts.patch:
        return None
    side = facts.image_size // facts.patch
    return Finding(
        name="few patches",
        severity="warn",
        advice=f"A view of {facts.image_size} px holds {count(side * side, 'patch', 'patches')} of {facts.patch} px. "
        f"A transformer needs {FEW_PATCHES} along a side at least to see where things are: take "
        f"{FEW_PATCHES * facts.patch} px, or smaller patches.",
    )


def _small_views(facts: Facts) -> Finding | None:
    views = [
        view for view in facts.augmentation.views if view.pixels(facts.image_size, facts.patch) < facts.stride
    ]
    if not views:
        return None
    sides = ", ".join(f"{view.name} of {view.pixels(facts.image_size, facts.patch)} px" for view in views)
    enough = math.ceil(facts.stride / min(view.share for view in views))
    return Finding(
        name="views smaller than the stride",
        severity="warn",
        advice=f"The network makes one place of every {facts.stride} x {facts.stride} px, so that {sides} are a "
        "single place to it, much of which is the border that is added. Take an image size of "
        f"{enough} px or more.",
    )


def _prototypes(facts: Facts) -> Finding | None:
    if facts.prototypes is None or facts.prototypes <= facts.images:
        return None
    return Finding(
        name="more prototypes than images",
        severity="warn",
        advice=f"{facts.prototypes:,} prototypes for {count(facts.images, 'image')}: each image may keep one to "
        f"itself, and nothing need be shared. Take {_below(facts.images // 4):,} or so.",
    )


def _queue(facts: Facts) -> Finding | None:
    if facts.queue is None or facts.queue < facts.images:
        return None
    return Finding(
        name="queue holds every image",
        severity="warn",
        advice=f"MoCo's queue of {facts.queue:,} holds every one of {count(facts.images, 'image')}, so that a "
        "picture's own earlier view is among those that it is pushed away from. Take "
        f"{_below(facts.images // 2):,} or so.",
    )


def _below(number: int) -> int:
    """The largest power of two up to `number`, 16 at least."""
    return max(16, 1 << max(number, 1).bit_length() - 1)


_RULES: tuple[Callable[[Facts], Finding | None], ...] = (
    _overlap,
    _everything,
    _few_images,
    _from_nothing,
    _few_steps,
    _long_warm_up,
    _few_negatives,
    _norm,
    _small_images,
    _small_views,
    _prototypes,
    _queue,
    _grey_jitter,
)
