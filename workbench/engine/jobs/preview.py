"""The `preview` job: draws a method's views of a few images, as the pretraining would, into preview.npz.

With `watch` it stays in memory, decoded pictures and all, and answers again whenever the file with the values
changes: a slider that is moved in the window waits for the drawing alone. What is asked wrongly is said in
preview-error.json, and the next change is waited for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from workbench.engine.augment.augmenter import Augmenter
from workbench.engine.control import Control
from workbench.engine.methods.base import Draw, Method
from workbench.engine.methods.registry import method_class
from workbench.engine.pretrain.asked import Asked
from workbench.engine.pretrain.encoders import build_encoder, check
from workbench.engine.pretrain.pool import Pool, find_pool
from workbench.engine.pretrain.store import fill, stored_size
from workbench.engine.watching import Check, watch
from workbench.records.augmentation import changed, under_preset
from workbench.records.files import write_document
from workbench.records.methods import parse_settings
from workbench.records.params import build, describe
from workbench.records.pretrain_job import PretrainJob, PreviewJob
from workbench.records.pretrain_plans import PREVIEW, PREVIEW_ERROR, Preview
from workbench.records.runs import RunFolder

# What images and network depend on; everything else is drawn anew without reading a file.
_POOL = ("index", "curation", "roots", "pool_index", "pool_roots", "learn_from", "split_seed")
_NETWORK = ("backbone", "start", "image_size", "patch_size", "seed")

Kept = TypeVar("Kept")


def run(job: PreviewJob, run: RunFolder, control: Control) -> dict[str, Any]:
    """Raises ValueError, where it doesn't watch, for values that no pretraining can have."""
    drawer = _Drawer(job, control)
    path = Path(job.pretrain)
    if not job.watch:
        drawer.draw(Asked.read(path)).save(run.path / PREVIEW)
        return {"preview": PREVIEW}
    answered = 0

    def answer(_: Check) -> None:
        nonlocal answered
        _answer(path, drawer, run)
        answered += 1
        control.progress(answered, answered, unit="previews", detail="Views drawn")

    return {"preview": PREVIEW, "answered": watch(path, control, answer)}


def _answer(path: Path, drawer: _Drawer, run: RunFolder) -> None:
    ask = 0
    try:
        asked = Asked.read(path)
        ask = asked.ask
        preview = drawer.draw(asked)
    except ValueError as error:
        write_document(run.path / PREVIEW_ERROR, "preview-error", 1, {"ask": ask, "error": str(error)})
        return
    preview.save(run.path / PREVIEW)
    (run.path / PREVIEW_ERROR).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Pictures:
    names: tuple[str, ...]
    shapes: np.ndarray  # (n, 2)
    pixels: torch.Tensor  # (n, P, P, C)


class _Drawer:
    def __init__(self, job: PreviewJob, control: Control) -> None:
        self._num, self._number, self._control = job.images, job.draw, control
        self._made: dict[str, tuple[tuple[Any, ...], Any]] = {}

    def draw(self, asked: Asked) -> Preview:
        """Raises ValueError for values that no pretraining can have."""
        config = asked.job()
        found = method_class(config.method)
        settings = build(found.Config, parse_settings(describe(found.Config), config.settings))
        pool = self._pool(config)
        channels = pool.reading.num_channels or 3
        image_size, patch, tokens = self._network(found, config, channels)
        augmentation = changed(under_preset(found.views_for(tokens), config.preset), config.augment)
        pictures = self._pictures(pool, config, image_size)
        augmenter = Augmenter(
            augmentation,
            image_size=image_size,
            patch=patch,
            channels=channels,
            mean=(0.0,),
            std=(1.0,),
            device=torch.device("cpu"),
        )
        num = len(pictures.names)
        number = self._number if asked.draw is None else asked.draw
        draw = Draw(config.seed, number, num, slice(0, num))
        views, corners = augmenter.drawn(pictures.pixels, pictures.shapes, draw)
        return Preview(
            names=pictures.names,
            shapes=pictures.shapes,
            pictures=_shown(augmenter.plain(pictures.pixels)),
            views=tuple(_shown(view) for view in views),
            kinds=tuple(view.name for view in augmentation.views for _ in range(view.count)),
            boxes=corners,
            masks=tuple(
                _mask(found, settings, draw, view.shape[-1] // patch, place) if patch > 1 else None
                for place, view in enumerate(views)
            ),
            ask=asked.ask,
        )

    def _pool(self, config: PretrainJob) -> Pool:
        return self._kept("pool", _values(config, _POOL), lambda: find_pool(config))

    def _network(self, found: type[Method], config: PretrainJob, channels: int) -> tuple[int, int, bool]:
        """Of the network that would learn: side of a view and of a patch, px, 1 of a convolutional one, and whether
        it is a transformer."""

        def build() -> tuple[int, int, bool]:
            built = build_encoder(
                config.backbone,
                start=config.start,
                image_size=config.image_size,
                patch_size=config.patch_size,
                channels=channels,
                seed=config.seed,
            )
            check(found, built.encoder)
            return built.image_size, built.encoder.patch, built.encoder.tokens

        return self._kept("network", (found, channels, *_values(config, _NETWORK)), build)

    def _pictures(self, pool: Pool, config: PretrainJob, image_size: int) -> _Pictures:
        def decode() -> _Pictures:
            some = _some(pool, self._num, config.seed)
            with tempfile.TemporaryDirectory(
                prefix="workbench-preview-", ignore_cleanup_errors=True
            ) as folder:
                size = stored_size(pool, image_size, config.stored_size, Path(folder))
                store = fill(some, size, Path(folder), config.threads, self._control)
                pixels = store.take(store.good)
            names = tuple(some.files[place].name for place in store.good)
            return _Pictures(names, some.shapes[store.good], pixels)

        key = (image_size, config.stored_size, config.seed, *_values(config, _POOL))
        return self._kept("pictures", key, decode)

    def _kept(self, what: str, key: tuple[Any, ...], make: Callable[[], Kept]) -> Kept:
        """What was made for `key` the last time, or made now."""
        if what not in self._made or self._made[what][0] != key:
            self._made[what] = (key, make())
        kept: Kept = self._made[what][1]
        return kept


def _values(config: PretrainJob, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(getattr(config, name) for name in names)


def _some(pool: Pool, num: int, seed: int) -> Pool:
    """Some of the pictures that are learnt from, one class after another, those without a label being one more."""
    rng = np.random.default_rng(seed)
    learnt = rng.permutation(np.flatnonzero(pool.learn))
    labels = pool.label[learnt]
    turn = np.zeros(len(learnt), dtype=np.int64)  # whether it is the first of its class, the second...
    for code in np.unique(labels):
        turn[labels == code] = np.arange((labels == code).sum())
    chosen = learnt[np.lexsort((labels, turn))][:num]
    return replace(
        pool,
        files=[pool.files[place] for place in chosen],
        pages=[pool.pages[place] for place in chosen],
        stamps=[pool.stamps[place] for place in chosen],
        shapes=pool.shapes[chosen],
        digests=pool.digests[chosen],
        learn=pool.learn[chosen],
        label=pool.label[chosen],
        part=pool.part[chosen],
    )


def _mask(found: type[Method], settings: Any, draw: Draw, grid: int, view: int) -> np.ndarray | None:
    """(n, grid, grid) bool, True where a patch is hidden; None where none of the view is."""
    hidden = found.hidden(settings, draw, draw.whole, grid, view)
    return None if hidden is None else hidden.view(-1, grid, grid).numpy()


def _shown(views: torch.Tensor) -> np.ndarray:
    """(n, C, S, S) in 0..1 -> (n, S, S, 3) uint8; of more than three channels the first three, of two the first."""
    channels = views.shape[1]
    views = views[:, :3] if channels >= 3 else views[:, :1].expand(-1, 3, -1, -1)
    return (views * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
