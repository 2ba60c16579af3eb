"""Changes of light and colour, each picture by its own amount and in its own order, as torchvision's ColorJitter.

Every change but that of hue is a matrix for the colours of a picture and an offset, so that one pass over the pixels
serves whichever change is a picture's turn; hue is that of HSV, as in torchvision. After each change values are cut
to 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import torch

from workbench.engine.augment.streams import Purpose, uniform
from workbench.engine.methods.base import Draw
from workbench.records.augmentation import View

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
GREY = (0.2989, 0.587, 0.114)  # torchvision's rgb_to_grayscale

Change = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Colours:
    """What is done to the colours of B pictures."""

    jittered: np.ndarray  # (B,) bool
    factors: np.ndarray  # (B, 4): of brightness, contrast and saturation, and the shift of hue in turns
    order: np.ndarray  # (B, n) int, which of the n changes that there are comes first, second...
    grey: np.ndarray  # (B,) bool

    def rows(self, some: slice) -> Colours:
        return Colours(*(getattr(self, item.name)[some] for item in fields(self)))


def draw_colours(view: View, channels: int, draw: Draw, number: int) -> Colours:
    """Pictures of other than three channels have brightness and contrast, and neither saturation, hue nor grey."""
    numbers = uniform(draw, number, Purpose.COLOUR, 10)
    strengths = np.array([view.brightness, view.contrast, view.saturation, view.hue])
    low = np.array([*np.maximum(1 - strengths[:HUE], 0), -view.hue])
    high = np.array([*(1 + strengths[:HUE]), view.hue])
    coloured = channels == 3
    active = np.flatnonzero(strengths * (1, 1, coloured, coloured) > 0)
    return Colours(
        jittered=(numbers[:, 0] < view.jitter) & bool(len(active)),
        factors=low + (high - low) * numbers[:, 1:5],
        order=active[np.argsort(numbers[:, 5:9][:, active], axis=1)],
        grey=(numbers[:, 9] < view.grey) & coloured,
    )


def plan(colours: Colours, channels: int) -> dict[str, np.ndarray]:
    """Numbers that `coloured` takes, for pictures of `channels`."""
    found = {"weights": _grey_weights(channels).astype(np.float32)}
    rows = np.flatnonzero(colours.jittered)
    if len(rows):
        found["jittered"] = rows
        for slot in range(colours.order.shape[1]):
            found |= _slot(colours.order[rows, slot], colours.factors[rows], channels, str(slot))
    if colours.grey.any():
        found["grey"] = np.flatnonzero(colours.grey)
    return found


def _slot(change: np.ndarray, factors: np.ndarray, channels: int, slot: str) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    factor = np.where(change == HUE, 1.0, factors[np.arange(len(change)), change])
    towards_grey = np.tile(_grey_weights(channels), (channels, 1))
    matrix = factor[:, None, None] * np.eye(channels)
    matrix += np.where(change == SATURATION, 1 - factor, 0.0)[:, None, None] * towards_grey
    found["matrix" + slot] = matrix.astype(np.float32)
    if (change == CONTRAST).any():
        found["mean" + slot] = np.where(change == CONTRAST, 1 - factor, 0.0).astype(np.float32)
    if (change == HUE).any():
        found["hued" + slot] = np.flatnonzero(change == HUE)
        found["shift" + slot] = factors[change == HUE, HUE].astype(np.float32)
    return found


def coloured(views: torch.Tensor, sent: dict[str, torch.Tensor]) -> torch.Tensor:
    """(b, C, S, S) float32 in 0..1, which may be written to -> the same, changed as `sent`, of `plan`, says."""
    if "jittered" in sent:
        views = onto(views, sent["jittered"], lambda some: _jittered(some, sent))
    if "grey" in sent:
        views = onto(views, sent["grey"], lambda some: grey_of(some, sent["weights"]).expand_as(some))
    return views


def onto(views: torch.Tensor, rows: torch.Tensor, change: Change) -> torch.Tensor:
    """Change the pictures at `rows`, (k,) int64 in order, and leave the others."""
    if len(rows) == len(views):
        return change(views)
    return views.index_copy_(0, rows, change(views[rows]))


def _jittered(views: torch.Tensor, sent: dict[str, torch.Tensor]) -> torch.Tensor:
    num, channels, size, _ = views.shape
    flat = views.reshape(num, channels, size * size)
    slot = 0
    while f"matrix{slot}" in sent:
        matrix = sent[f"matrix{slot}"]
        if f"mean{slot}" in sent:
            offset = (flat.mean(2) @ sent["weights"]) * sent[f"mean{slot}"]
            flat = torch.baddbmm(offset.view(-1, 1, 1), matrix, flat)
        else:
            flat = torch.bmm(matrix, flat)
        flat.clamp_(0, 1)
        if f"hued{slot}" in sent:
            shift = sent[f"shift{slot}"].view(-1, 1)
            flat = onto(flat, sent[f"hued{slot}"], lambda some, shift=shift: hue_shifted(some, shift))
        slot += 1
    return flat.view(num, channels, size, size)


def hue_shifted(colours: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """(k, 3, n) red, green, blue -> the same, its hue turned by `shift` (k, 1), in turns of the colour circle.

    Value and saturation of HSV stay, so only the hue itself has to be computed, and each colour follows from it, the
    largest value and the smallest.
    """
    red, green, blue = colours.unbind(1)
    value = colours.amax(1)
    chroma = value - colours.amin(1)
    safe = torch.where(chroma == 0, 1.0, chroma)
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    sixths += 6 * shift
    shifted = []
    for first in (5, 3, 1):
        place = torch.remainder(sixths + first, 6)
        shifted.append(value - chroma * torch.minimum(place, 4 - place).clamp_(0, 1))
    return torch.stack(shifted, dim=1)


def grey_of(views: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(k, C, S, S), (C,) -> (k, 1, S, S)."""
    return (views * weights.view(1, -1, 1, 1)).sum(1, keepdim=True)


def solarised(views: torch.Tensor) -> torch.Tensor:
    """Tones from the middle on, inverted."""
    return torch.where(views >= 0.5, 1 - views, views)


def _grey_weights(channels: int) -> np.ndarray:
    return np.array(GREY) if channels == 3 else np.full(channels, 1 / channels)
