"""What there is to warn of, said of what will really run."""

from __future__ import annotations

from torch import nn

from workbench.engine.methods import across
from workbench.engine.pretrain.assemble import Ready
from workbench.engine.pretrain.guard import Facts, before
from workbench.records.results import Finding


def warnings(ready: Ready) -> list[Finding]:
    """In the order of their weight; see `guard.py`."""
    job, pool = ready.job, ready.pool
    return before(
        Facts(
            tokens=ready.built.encoder.tokens,
            start=job.start,
            images=len(ready.learn),
            labelled=int((pool.label >= 0).sum()),
            batch_size=ready.plan.batch_size,
            processes=across.processes(),
            accumulate=ready.trainer.accumulate,
            epochs=ready.plan.epochs,
            planned=ready.plan.steps,
            steps=ready.end,
            warm_up=ready.recipe.warm_up,
            image_size=ready.built.image_size,
            patch=ready.built.encoder.patch,
            stride=ready.built.encoder.stride,
            learn_from=job.learn_from,
            overlap=pool.overlap,
            grey=ready.store.channels == 1,
            augmentation=ready.augmentation,
            prototypes=ready.method.num_outputs,
            queue=ready.method.queue_size,
            negatives=ready.method.negatives(ready.trainer.together),
            together=ready.trainer.together,
            has_batch_norm=any(
                isinstance(part, nn.modules.batchnorm._BatchNorm) for part in ready.method.modules()
            ),
        )
    )
