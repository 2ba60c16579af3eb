"""From what was asked to what trains: images, network, method, views, plan and recipe. The `pretrain` and the
`estimate` job both begin here, so that an estimate is of what will run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from platformdirs import user_cache_path

from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.control import Control, StopRequested
from workbench.engine.device import pick_device, precision_on
from workbench.engine.methods import across
from workbench.engine.methods.base import Method, Plan, Recipe
from workbench.engine.methods.registry import method_class
from workbench.engine.pretrain import together
from workbench.engine.pretrain.encoders import Built, build_encoder, check, check_views
from workbench.engine.pretrain.optimise import with_changes
from workbench.engine.pretrain.order import Order
from workbench.engine.pretrain.pool import Pool, find_pool
from workbench.engine.pretrain.store import PixelStore, fill, stored_size
from workbench.engine.pretrain.train import Trainer
from workbench.records.augmentation import Augmentation, changed, under_preset
from workbench.records.methods import parse_settings
from workbench.records.params import build, describe
from workbench.records.pretrain_job import PretrainJob
from workbench.records.pretraining import Rule
from workbench.records.text import count

CACHE = "pixels"
BATCH = 256  # what the recipes are published for


@dataclass(slots=True, kw_only=True)
class Ready:
    """Everything but the steps."""

    job: PretrainJob
    pool: Pool
    store: PixelStore
    learn: np.ndarray  # (L,) positions in the pool, of the pictures that are learnt from and could be read
    built: Built
    method: Method
    config: Any
    augmentation: Augmentation
    plan: Plan
    recipe: Recipe
    trainer: Trainer
    order: Order
    rows: slice  # of the batch, that this process computes
    device: torch.device
    precision: str
    stored: int  # pictures that the store holds when it is whole
    compiled: bool = False  # whether the network's blocks are (`compiling.py`)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What the published rules gave, and of how many others a view is told, which hangs on the parts too."""
        together, parts = self.trainer.together, self.trainer.accumulate
        number = self.method.negatives(together)
        if number is None:
            return self.recipe.told
        of = (
            "the batch"
            if parts == 1
            else f"a part: each batch of {self.plan.batch_size:,} is computed in {parts}"
        )
        rule = f"of the other {count(together - 1, 'image')} of {of}"
        return (*self.recipe.told, Rule(name="negatives", value=f"{number:,}", rule=rule))

    @property
    def end(self) -> int:
        """Steps after which to stop."""
        return min(self.plan.steps, self.job.max_steps) if self.job.max_steps else self.plan.steps


def assemble(
    job: PretrainJob,
    control: Control,
    *,
    sample: int = 0,
    scratch: Path | None = None,
    lost: Callable[[], str] = str,
) -> Ready:
    """Everything that trains.

    Args:
        sample: decode only so many pictures, spread over all, into `scratch`: for an estimate. The plan stays that of
            all; 0 decodes what is needed.
        lost: a sentence, as soon as it is known that another process of the run won't come.

    Raises:
        ValueError: what can't be trained, in words. StopRequested: what is decoded so far is kept.
    """
    found = method_class(job.method)
    config = build(found.Config, parse_settings(describe(found.Config), job.settings))

    def nobody_to_wait_for() -> str:
        if control.stopping:
            raise StopRequested
        return lost()

    device = torch.device(together.join(pick_device(job.device), nobody_to_wait_for))
    control.progress(0, 0, unit="images", detail="Looking for the images to learn from", device=str(device))
    pool = find_pool(job)
    channels = pool.reading.num_channels or 3
    control.progress(0, 0, unit="images", detail=f"Building {job.backbone}")
    built = build_encoder(
        job.backbone,
        start=job.start,
        image_size=job.image_size,
        patch_size=job.patch_size,
        channels=channels,
        seed=job.seed,
        allow_download=job.allow_download,
    )
    check(found, built.encoder)
    published = found.views_for(built.encoder.tokens)
    augmentation = changed(under_preset(published, job.preset), job.augment)
    check_views(built, augmentation.views)
    cache = cache_folder(job)
    size = stored_size(pool, built.image_size, job.stored_size, cache)
    whole = len(pool.files)
    learn = np.flatnonzero(pool.learn)
    images = len(learn)
    if sample:
        pool = pool.take(learn[np.unique(np.linspace(0, images - 1, min(sample, images)).astype(np.int64))])
    store = fill(pool, size, scratch or cache, job.threads, control)
    learn = np.intersect1d(np.flatnonzero(pool.learn), store.good)
    images = images if sample else len(learn)
    batch = batch_size(job, images)
    order = Order(learn, batch, job.seed)
    plan = Plan(
        images=images,
        batch_size=batch,
        epochs=job.epochs,
        steps_per_epoch=max(1, images // batch),
        image_size=built.image_size,
    )
    recipe = found.recipe(config, plan, built.encoder.tokens)
    recipe = with_changes(recipe, job.learning_rate, job.weight_decay)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.seed)
        method = found(built.encoder, config, plan)
    method.to(device)
    if not built.encoder.tokens:
        method.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    together.synchronise_norms(method, device)
    precision = "fp32" if job.precision == "auto" and device.type != "cuda" else job.precision
    precision = precision_on(str(device), precision)
    augmenter = Augmenter(
        augmentation,
        image_size=built.image_size,
        patch=built.encoder.patch,
        channels=channels,
        mean=built.mean,
        std=built.std,
        device=device,
    )
    trainer = Trainer(
        method,
        recipe,
        augmenter,
        plan,
        device=device,
        precision=precision,
        accumulate=max(job.accumulate, 1),
        seed=job.seed,
    )
    return Ready(
        job=job,
        pool=pool,
        store=store,
        learn=learn,
        built=built,
        method=method,
        config=config,
        augmentation=augmentation,
        plan=plan,
        recipe=recipe,
        trainer=trainer,
        order=order,
        rows=together.share_of(batch),
        device=device,
        precision=precision,
        stored=whole,
    )


def batch_size(job: PretrainJob, images: int) -> int:
    """What was asked for, or what the recipes are published for where there are that many images: a multiple of eight
    and of the processes."""
    if images < 2:
        raise ValueError(
            f"{count(images, 'image')} to learn from {'is' if images == 1 else 'are'} too few: a batch needs two. "
            "Add images."
        )
    if job.batch_size:
        return job.batch_size
    unit = 8 * across.processes()
    return max(unit, min(BATCH, images) // unit * unit)


def cache_folder(job: PretrainJob) -> Path:
    return Path(job.cache) if job.cache else user_cache_path("ssl-workbench") / CACHE
