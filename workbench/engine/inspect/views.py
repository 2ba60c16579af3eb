"""Pictures as models see them: read once, prepared by each model's own recipe, with reasons where they can't be.

Shapes: B pictures that were asked for, G of them good, S pixels a side, n channels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.engine.inspect.vision import stacked
from workbench.engine.kept import Kept
from workbench.pixels.decode import ImageError, read_scaled, settled
from workbench.pixels.overlays import three_channels
from workbench.pixels.prepare import Axis, geometry, prepare_decoded
from workbench.records.spec import Preprocess, Reading

_BYTES = 512 << 20  # of prepared pictures; a hundred at 518 px are 80 MB


@dataclass(frozen=True, slots=True)
class View:
    """One picture as models of one recipe see it."""

    pixels: np.ndarray  # (S, S, n) uint8, or float32 in 0..1
    seen: tuple[float, float, float, float]  # of the whole picture, see `records.inspection.Sight`


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What a model sees of all pictures; `key` is the same where all of it is."""

    pixels: np.ndarray  # (G, S, S, n)
    good: np.ndarray  # (G,) places among those that were asked for
    seen: np.ndarray  # (B, 4) float64
    reasons: tuple[str, ...]  # (B,), empty where good
    key: tuple[object, ...]

    def shown(self) -> np.ndarray:
        """(B, S, S, 3) uint8, black where a picture can't be read."""
        pixels = three_channels(self.pixels)
        made = np.zeros((len(self.reasons), *pixels.shape[1:]), np.uint8)
        made[self.good] = pixels
        return made


class NoPictures(ValueError):
    """Not one of the pictures can be read; `reasons` says of each why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        first = "" if len(reasons) == 1 else " The first:"
        what = "The picture" if len(reasons) == 1 else "Not one of the pictures"
        can = "can't" if len(reasons) == 1 else "can"
        super().__init__(f"{what} {can} be read.{first} {reasons[0]}")
        self.reasons = reasons


class Gallery:
    """Files, and the page of each, read as the curation says."""

    def __init__(self) -> None:
        self._kept: Kept[View | str] = Kept(
            _BYTES, lambda view: 0 if isinstance(view, str) else view.pixels.nbytes
        )

    def look(self, files: Sequence[str], pages: Sequence[int], reading: Reading, recipe: Preprocess) -> Views:
        """All pictures by one recipe.

        Raises:
            NoPictures: not one of them can be read.
        """
        wanted = [
            (file, page, _stamp(file), reading, _shape_of(recipe))
            for file, page in zip(files, pages, strict=True)
        ]
        missing = [key for key in dict.fromkeys(wanted) if key not in self._kept]
        with ThreadPoolExecutor(min(max(len(missing), 1), os.cpu_count() or 1)) as pool:
            read = pool.map(lambda key: _read(key[0], key[1], reading, recipe), missing)
            made = dict(zip(missing, read, strict=True))
        made |= {key: self._kept.get(key, lambda key=key: made[key]) for key in wanted}  # type: ignore[misc]
        views = [made[key] for key in wanted]
        reasons = tuple(view if isinstance(view, str) else "" for view in views)
        good = [place for place, reason in enumerate(reasons) if not reason]
        if not good:
            raise NoPictures(reasons)
        seen = np.tile((0.0, 0.0, 1.0, 1.0), (len(views), 1))
        pixels = []
        for place in good:
            view = views[place]
            assert isinstance(view, View)
            seen[place] = view.seen
            pixels.append(view.pixels)
        return Views(stacked(pixels), np.asarray(good), seen, reasons, tuple(wanted))


def settled_on(reading: Reading, files: Sequence[str], pages: Sequence[int]) -> Reading:
    """`reading`, with the channels of the first picture that can be read where it takes all of them."""
    for file, page in zip(files, pages, strict=True):
        try:
            return settled(reading, file, page=page)
        except ImageError:
            continue
    raise ValueError("Not one of the pictures can be read. Are the files still where they were?")


def _read(file: str, page: int, reading: Reading, recipe: Preprocess) -> View | str:
    """Just as an embedding reads it, or why it can't be read."""
    try:
        decoded = read_scaled(file, at_least=recipe.resize_to, reading=reading, page=page)
    except ImageError as error:
        return error.reason
    across, down = geometry(decoded.width, decoded.height, recipe)
    left, right = _seen(across, decoded.width, recipe.size)
    top, bottom = _seen(down, decoded.height, recipe.size)
    return View(prepare_decoded(decoded, recipe), (left, top, right, bottom))


def _seen(axis: Axis, length: int, size: int) -> tuple[float, float]:
    """Where the model's square begins and ends, as shares of the picture's side."""
    each = (axis.stop - axis.start) / axis.length  # pixels of the picture in one of the model's
    first = axis.start - axis.before * each
    return first / length, (first + size * each) / length


def _stamp(file: str) -> tuple[int, int] | None:
    try:
        facts = Path(file).stat()
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def _shape_of(recipe: Preprocess) -> tuple[object, ...]:
    """What of a recipe decides the pixels: models that differ in mean and deviation alone see the same."""
    return recipe.resize, recipe.resize_to, recipe.size, recipe.interpolation
