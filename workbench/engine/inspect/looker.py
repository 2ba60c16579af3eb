"""One model's answer about some pictures. Models, pictures and what was computed of them stay for the next question.

Shapes: B pictures that were asked for, G of them can be read, L layers, H heads, h x w patches, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch

from workbench.engine.apart import Apart
from workbench.engine.device import is_out_of_memory
from workbench.engine.inspect import patch_maps
from workbench.engine.inspect.artefacts import find_artefacts, token_norms
from workbench.engine.inspect.attention import Attention, Fusion, Query, read_attention
from workbench.engine.inspect.painters import Painter, drawn_hidden, open_painter, random_hidden
from workbench.engine.inspect.plugged import looked_apart
from workbench.engine.inspect.views import Gallery, NoPictures, Views
from workbench.engine.inspect.vision import Vision, open_vision
from workbench.engine.kept import Kept, room_for_models
from workbench.pixels.overlays import as_picture
from workbench.records.inspection import PLUGGED, InspectJob, InspectSettings, Sight, in_view, nearest_patch
from workbench.records.spec import Reading
from workbench.records.text import count

_READ = 256 << 20  # bytes of queries and keys that are computed at a time, and that may stay
_TOKENS = 256 << 20  # bytes of patches that may stay
_BATCH = 16  # pictures at a time, where memory sets no other number
_CLS: Literal["cls"] = "cls"

Made = TypeVar("Made")
Opened = Vision | Painter
Fields = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Patches:
    tokens: np.ndarray  # (G, h, w, D)
    cls: np.ndarray | None  # (G, D)


class Looker:
    """Answers for one device, plugins' inspections from `apart`. `check` is called between parts of the work: what it
    raises ends an answer."""

    def __init__(self, device: str, apart: Apart, check: Callable[[], None] = lambda: None) -> None:
        self.device, self.check, self._apart = device, check, apart
        self._models: Kept[Opened] = Kept(room_for_models(device), _parameter_bytes, newest=True)
        self._gallery = Gallery()
        self._reads: Kept[list[Attention]] = Kept(_READ, lambda parts: sum(part.nbytes for part in parts))
        self._patches: Kept[_Patches] = Kept(_TOKENS, lambda patches: patches.tokens.nbytes)

    def look(self, job: InspectJob, model: str, reading: Reading) -> Sight:
        """What `model` answers, or why it can't; `reading` says how many channels there are.

        Raises:
            ValueError: the model can't be opened; a sentence for people.
        """
        painting = job.show == "reconstruction"
        key = (painting, model, job.image_size, reading)
        try:
            opened = self._models.get(key, lambda: self._open(job, model, reading, painting))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            opened = None
        if opened is None:  # outside the except block, which holds what filled the memory
            self._forget()
            opened = self._models.get(key, lambda: self._open(job, model, reading, painting))
        facts: Fields = {"model": model, "title": opened.title, "depth": opened.depth, "heads": opened.heads}
        try:
            made = self._answer(opened, key, job, reading)
        except NoPictures as error:
            return Sight(**facts, error=str(error), reasons=error.reasons)
        except ValueError as error:
            return Sight(**facts, error=str(error))
        return Sight(**{**facts, **made})

    def _answer(self, opened: Opened, key: Hashable, job: InspectJob, reading: Reading) -> Fields:
        recipe = opened.spec.preprocess if isinstance(opened, Painter) else opened.backbone.spec.preprocess
        pages = job.pages or (0,) * len(job.images)
        views = self._gallery.look(job.images, pages, reading, recipe)
        self.check()
        if isinstance(opened, Painter):
            made = self._painted(opened, key, views, job)
        elif job.show == "attention":
            made = self._attended(opened, key, views, job)
        else:
            made = self._mapped(opened, key, views, job)
        size = recipe.size
        other = job.image_size not in (0, size)
        notes = [f"It gets {size} px: its patches don't tile {job.image_size}."] if other else []
        made["notes"] = (*notes, *made["notes"])
        return {**made, "reasons": views.reasons, "pictures": views.shown(), "seen": views.seen}

    def _open(self, job: InspectJob, model: str, reading: Reading, painting: bool) -> Opened:
        size, memo = job.image_size or None, Path(job.memo) if job.memo else None
        if not painting:
            return open_vision(model, self.device, image_size=size, nearest=True, reading=reading, memo=memo)
        if reading.num_channels != 3:
            raise ValueError(
                f"Masked autoencoders paint three colours, and these pictures have {reading.num_channels} channels. "
                "Pick three of them on the Data page, or take their mean."
            )
        return open_painter(model, self.device, image_size=size, nearest=True, memo=memo)

    # What each view needs

    def _attended(self, vision: Vision, key: Hashable, views: Views, job: InspectSettings) -> Fields:
        notes: list[str] = []
        parts = self._reads.get((key, views.key), lambda: self._read(vision, key, views))
        read, good, total = parts[0], views.good, len(views.reasons)
        wanted = self._query(job, vision, notes)
        queries = [wanted if place is None else place for place in _own_patches(job, views, read.grid, notes)]
        rows, beside, rolled = [], [], []
        layer = job.layer if 0 < job.layer <= read.depth else read.depth
        first = 0
        for part in parts:
            last = first + part.layers[0].queries.shape[0]
            own = queries[first:last]
            patches = np.empty((len(own), read.depth, read.heads, read.grid[0] * read.grid[1]), np.float16)
            rest = np.empty(patches.shape[:3], np.float32)
            path = np.empty((len(own), patches.shape[-1]), np.float32)
            for query in dict.fromkeys(own):
                self.check()
                same = [place for place, each in enumerate(own) if each == query]
                found = part.rows(query)
                patches[same], rest[same] = found.patches[same], found.prefix[same].sum(-1)
                if job.rollout:
                    fusion: Fusion = job.rollout  # type: ignore[assignment]
                    path[same] = part.rollout(query, fusion=fusion, through=layer - 1)[same]
            rows.append(patches)
            beside.append(rest)
            rolled.append(path)
            first = last
        if job.rollout and layer != (job.layer or layer):
            notes.append(f"It has {count(read.depth, 'layer')}: attention is followed to its last.")
        flags = find_artefacts(np.concatenate([part.norms for part in parts])).flagged
        if flags.any():
            notes.append(
                f"{count(int(flags.sum()), 'patch', 'patches')} of {flags.size:,} are used as scratch paper: their "
                "tokens are far longer than all others and say nothing of their place."
            )
        return {
            "attention": _rows(total, good, np.concatenate(rows)),
            "beside": _rows(total, good, np.concatenate(beside)),
            "rollout": _rows(total, good, np.concatenate(rolled)) if job.rollout else None,
            "artefacts": _rows(total, good, flags),
            "grid": read.grid,
            "depth": read.depth,
            "heads": read.heads,
            "notes": notes,
        }

    def _mapped(self, vision: Vision, key: Hashable, views: Views, job: InspectSettings) -> Fields:
        notes: list[str] = []
        layer = _layer(vision, job.layer, notes)
        patches = self._patches.get((key, views.key, layer), lambda: self._tokens(vision, key, views, layer))
        good, total, tokens = views.good, len(views.reasons), patches.tokens
        grid = tokens.shape[1:3]
        made: Fields
        if job.show == "patch-pca":
            side: patch_maps.Side = job.side  # type: ignore[assignment]
            maps = patch_maps.component_maps(tokens, side)
            if job.side != "all" and maps.foreground.all():
                notes.append(
                    "Nothing of these pictures looks like background to it, so all patches have colours."
                )
            made = {
                "colours": _rows(total, good, maps.colours),
                "foreground": _rows(total, good, maps.foreground),
                "shares": maps.shares,
            }
        elif job.show == "segments":
            made = {"groups": _rows(total, good, patch_maps.segments(tokens, job.groups, job.seed), -1)}
        elif job.show == PLUGGED:
            values = looked_apart(self._apart, job.inspection, tokens, views.shown()[good])
            made = {"values": _rows(total, good, values, np.nan)}
        else:
            values = patch_maps.likeness_to(tokens, self._asked(vision, patches, views, job, notes))
            made = {"values": _rows(total, good, values, np.nan)}
        return {**made, "grid": grid, "notes": notes}

    def _painted(self, painter: Painter, key: Hashable, views: Views, job: InspectSettings) -> Fields:
        notes = []
        good, total, grid = views.good, len(views.reasons), painter.grid
        if job.boxes:
            corners = job.drawn_boxes().reshape(-1, 2, 2)
            hidden = np.stack([drawn_hidden(in_view(corners, seen), grid) for seen in views.seen])
            if not hidden[good].any():
                notes.append(
                    "The boxes are smaller than its patches, so nothing is hidden. Draw larger ones."
                )
        else:
            hidden = np.tile(random_hidden(grid, job.mask_ratio, job.seed), (total, 1, 1))
        hidden = hidden & np.isin(np.arange(total), good)[:, None, None]

        def paint(part: slice) -> Any:
            return painter.paint(views.pixels[part], hidden[good][part], own_statistics=job.own_statistics)

        parts = self._in_parts(len(good), _BATCH, paint, key)
        if parts[0].statistics == "own":
            notes.append(
                "Hidden patches have the true picture's brightness and contrast, which it was never asked to paint: "
                "this looks better than the model is."
            )
        elif parts[0].statistics == "guessed":
            notes.append(
                "It learnt without each patch's brightness and contrast: those of hidden patches are guessed from "
                "the visible ones around."
            )
        painted, errors, whole = (
            np.concatenate(each)
            for each in zip(
                *((part.painted, part.errors, part.picture_errors()) for part in parts), strict=True
            )
        )
        return {
            "painted": _rows(total, good, as_picture(painted)),
            "hidden": hidden,
            "errors": _rows(total, good, errors, np.nan),
            "picture_errors": _rows(total, good, whole.astype(np.float32), np.nan),
            "statistics": parts[0].statistics,
            "grid": (grid, grid),
            "notes": notes,
        }

    # Passes through a model

    def _read(self, vision: Vision, key: Hashable, views: Views) -> list[Attention]:
        width = vision.backbone.dimensions.get("mean", 1024)
        tokens = vision.prefix + vision.grid[0] * vision.grid[1]
        if not vision.attends:
            read_attention(vision, views.pixels[:1])  # which says so
        most = max(_READ // max(8 * max(vision.depth, 12) * tokens * width, 12 * tokens**2), 1)

        def read(part: slice) -> Attention:
            found = read_attention(vision, views.pixels[part])
            return (
                found
                if found.norms is not None
                else replace(found, norms=token_norms(vision, views.pixels[part]))
            )

        return self._in_parts(len(views.pixels), min(most, _BATCH), read, key)

    def _tokens(self, vision: Vision, key: Hashable, views: Views, layer: int | None) -> _Patches:
        parts = self._in_parts(
            len(views.pixels), _BATCH, lambda part: vision.tokens_and_class(views.pixels[part], layer), key
        )
        cls = [own for _, own in parts if own is not None]
        return _Patches(np.concatenate([own for own, _ in parts]), np.concatenate(cls) if cls else None)

    def _in_parts(self, total: int, size: int, work: Callable[[slice], Made], key: Hashable) -> list[Made]:
        """`work` on `size` pictures at a time, fewer where the device's memory doesn't hold so many."""
        made: list[Made] = []
        first = 0
        while first < total:
            self.check()
            part = slice(first, min(first + size, total))
            try:
                made.append(work(part))
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            else:
                first = part.stop
                continue
            # Outside the except block: there the traceback still holds the tensors that filled the memory.
            alone = len(self._models) <= 1 and not len(self._reads)
            if size == 1 and alone:
                raise ValueError(
                    "The device's memory is too small for one picture. Choose a smaller input size, or the CPU."
                )
            self._forget(key)
            size = max((part.stop - part.start) // 2, 1)
        return made

    def _forget(self, besides: Hashable = None) -> None:
        """Make room on the device."""
        self._models.forget(besides)
        self._reads.forget()
        _release(self.device)

    # What is asked

    def _query(self, job: InspectSettings, vision: Vision, notes: list[str]) -> Query:
        if job.query != _CLS:
            return None
        if not vision.has_cls:
            notes.append("It has no class token: the mean over all patches stands in for it.")
            return None
        return _CLS

    def _asked(
        self, vision: Vision, patches: _Patches, views: Views, job: InspectSettings, notes: list[str]
    ) -> np.ndarray:
        """(D,): what all patches are held against."""
        number = len(views.reasons)
        if not 1 <= job.query_image <= number:
            raise ValueError(
                f"There is no picture {job.query_image}: {count(number, 'picture')} were chosen."
            )
        asked = job.query_image - 1
        if views.reasons[asked]:
            raise ValueError(
                f"The picture of the query can't be read, so nothing can be like it. {views.reasons[asked]}"
            )
        row = int(np.flatnonzero(views.good == asked)[0])
        place = job.place()
        if place is not None:
            down, across = nearest_patch(place, views.seen[asked], patches.tokens.shape[1:3])
            own: np.ndarray = patches.tokens[row, down, across]
        elif self._query(job, vision, notes) == _CLS and patches.cls is not None:
            own = patches.cls[row]
        else:
            own = patches.tokens[row].mean((0, 1))
        return own


def _own_patches(
    job: InspectSettings, views: Views, grid: tuple[int, int], notes: list[str]
) -> list[int | None]:
    """Of each good picture the patch that the query names, for models cut pictures differently; else None."""
    place = job.place()
    if place is None:
        return [None] * len(views.good)
    shares = np.stack([in_view(np.asarray(place), views.seen[row]) for row in views.good])
    outside = int(((shares < 0) | (shares > 1)).any(axis=1).sum())
    if outside:
        notes.append(
            f"It is shown the middle of pictures, and in {count(outside, 'picture')} the place lies outside: the "
            "nearest patch stands in for it."
        )
    found = [nearest_patch(place, views.seen[row], grid) for row in views.good]
    return [row * grid[1] + column for row, column in found]


def _layer(vision: Vision, wanted: int, notes: list[str]) -> int | None:
    """Counted from 0; None for the last."""
    if not wanted or wanted == vision.depth:
        return None
    if not vision.attends:
        notes.append("Of its layers only the last map can be shown.")
        return None
    if wanted > vision.depth:
        have = f"It has {count(vision.depth, 'layer')}" if vision.depth else "Its inner layers can't be read"
        notes.append(f"{have}: its last is shown.")
        return None
    return wanted - 1


def _rows(total: int, good: np.ndarray, values: np.ndarray, empty: float = 0) -> np.ndarray:
    """(G, ...) -> (B, ...), `empty` where a picture can't be read."""
    made = np.full((total, *values.shape[1:]), empty, values.dtype)
    made[good] = values
    return made


def _parameter_bytes(opened: Opened) -> int:
    module = opened.module if isinstance(opened, Painter) else opened.backbone.module
    return sum(value.numel() * value.element_size() for value in module.parameters())


def _release(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
