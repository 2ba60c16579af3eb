"""What DINO and iBOT share: a student learns what its own slowly moving copy, the teacher, says of other crops.

Caron et al. 2021 (DINO), `main_dino.py`; Zhou et al. 2022 (iBOT), `main_ibot.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch.nn import functional

from workbench.engine.methods.base import Plan, Recipe
from workbench.engine.methods.recipes import linear_rate, warm_up
from workbench.records.pretraining import Rule

NUM_GLOBAL = 2  # views that the teacher sees too: the first ones
SMALL_SET = 50_000  # images; below it the published numbers of prototypes are many times too many
SMALL_PROTOTYPES = 4096
FASTEST_TEACHER = 0.996  # the least momentum that was published, for a batch of 1,024


def num_prototypes(asked: int, published: int, plan: Plan) -> int:
    """What is asked for; with 0 as published, but for small sets."""
    if asked:
        return asked
    return published if plan.images >= SMALL_SET else min(published, SMALL_PROTOTYPES)


def first_momentum(asked: float, plan: Plan) -> float:
    """Of the teacher at the first step; it rises to 1 along half a cosine.

    With 0 the rule holds: published are 0.996 at a batch of 1,024 and 0.9995 at one of 256. A power law goes through
    both, and holds still outside them. Ours is only where between the two a short run lies: its teacher remembers
    1 / (1 - momentum) steps, which is kept within a quarter of the run, but momentum is never below the published
    0.996.

    Measured on NEU's steel: under a teacher that remembered a twentieth of 279 steps the loss swung between 1.6 and
    3.5 nats, vectors had a rank of 4 of 64, and neighbours became worse (k-NN 0.65 to 0.52; ViT of width 64). At
    0.996 the loss of a ViT tiny fell steadily, 5.8 to 5.3, where it came back to ln K with a twentieth. No momentum
    makes good too high a rate: with 5e-4 at a batch of 32, eight times the published rule's, as in the first of these
    runs, a ViT tiny on the sample set fell to a rank of 3 at 0.996 too. The quarter is a choice, not a measurement.
    """
    if asked:
        return asked
    published = 1 - 0.004 * (min(max(plan.batch_size, 256), 1024) / 1024) ** 1.5
    return max(min(published, 1 - 4 / plan.steps), FASTEST_TEACHER) if plan.steps else published


def warming_epochs(asked: int, plan: Plan) -> int:
    """Epochs in which a teacher's temperature rises: those asked for, but three tenths of the run at most."""
    return min(asked, 3 * plan.epochs // 10)


def temperature_at(start: float, end: float, epochs: int, plan: Plan, step: int) -> float:
    """In a line from `start` in the first epoch to `end` in the last of `epochs`, constant within an epoch."""
    epoch = step // plan.steps_per_epoch
    if epoch >= epochs:
        return end
    return start + (end - start) * epoch / max(epochs - 1, 1)


def crossed(outputs: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> torch.Tensor:
    """The mean, over all pairs of a teacher's view and another view, of the cross-entropy that the student has there.

    Args:
        outputs: (B, K) of the student for each view, divided by its temperature; the teacher's views first.
        targets: (B, K) probabilities of the teacher.
    """
    total = outputs[0].new_zeros(())
    pairs = 0
    for number, output in enumerate(outputs):
        others = [target for place, target in enumerate(targets) if place != number]
        total = total + functional.cross_entropy(output, torch.stack(others).sum(0))
        pairs += len(others)
    return total / pairs


def entropy(probabilities: torch.Tensor) -> torch.Tensor:
    """Scalar: the mean entropy of (B, K), nats."""
    return torch.special.entr(probabilities).sum(-1).mean()


def recipe(plan: Plan, tokens: bool, *, published: int, prototypes: int, momentum: float) -> Recipe:
    """The published recipe: AdamW for a transformer, SGD for a convolutional network (DINO's README, ResNet-50).

    Args:
        published: number of prototypes that was published.
        prototypes, momentum: as asked for; 0 takes the rule's.
    """
    counted, first = num_prototypes(prototypes, published, plan), first_momentum(momentum, plan)
    peak = 5e-4 if tokens else 0.03
    name = "AdamW" if tokens else "SGD, as for ResNet-50"
    rate, about_rate = linear_rate(peak, plan, f"{name}; main_dino.py")
    steps, about_steps = warm_up(plan, 10, 100)
    small = f"ours for fewer than {SMALL_SET:,} images; published are {published:,}, for 1.3 million"
    law = (
        "1 - 0.004 x (B / 1024)^1.5 through the published 0.996 at a batch of 1,024 and 0.9995 at 256; towards that "
        "0.996 where it would remember more than a quarter of the run (ours); it rises to 1"
    )
    asked = "as asked for"
    return Recipe(
        optimiser="adamw" if tokens else "sgd",
        learning_rate=rate,
        warm_up=steps,
        weight_decay=0.04 if tokens else 1e-4,
        final_rate=min(1e-6, rate),
        final_decay=0.4 if tokens else None,
        clip=3.0,
        clip_each=True,
        told=(
            about_rate,
            about_steps,
            Rule(
                name="prototypes",
                value=f"{counted:,}",
                rule=asked if prototypes else "as published" if counted == published else small,
            ),
            Rule(name="teacher momentum", value=f"{first:.4g}", rule=asked if momentum else law),
        ),
    )


def uniform_loss(prototypes: int) -> float:
    """The cross-entropy of a student and a teacher that say the same of everything: ln K."""
    return math.log(prototypes)
