"""Which part of a picture a view shows, and how it is turned: drawn as torchvision does, in shares of the picture.

Positions are shares of the picture's own width and height, so that they mean the same on pixels that are stored
squashed to a square: sampling the square at them undoes the squashing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np

from workbench.engine.augment.streams import Purpose, uniform
from workbench.engine.methods.base import Draw
from workbench.records.augmentation import View

RATIO = (3 / 4, 4 / 3)  # of a crop's width to its height, torchvision's RandomResizedCrop
TRIES = 10


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the views of B pictures lie. The crop is mirrored and flipped, then transposed, then rotated."""

    box: np.ndarray  # (B, 4) float64: left, top, right, bottom, as shares
    mirrored: np.ndarray  # (B,) bool: columns run backwards
    flipped: np.ndarray  # (B,) bool: rows run backwards
    transposed: np.ndarray  # (B,) bool: rows and columns change places
    angle: np.ndarray  # (B,) float64, radians, anticlockwise

    def rows(self, some: slice) -> Placement:
        return Placement(*(getattr(self, item.name)[some] for item in fields(self)))

    def corners(self) -> np.ndarray:
        """(B, 4, 2) float32: of the view's top left, top right, bottom right and bottom left, the share of the
        picture's width and height. Outside 0..1 the picture is reflected."""
        at = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
        cos, sin = np.cos(self.angle)[:, None], np.sin(self.angle)[:, None]
        x, y = cos * at[:, 0] - sin * at[:, 1], sin * at[:, 0] + cos * at[:, 1]
        swap = self.transposed[:, None]
        x, y = np.where(swap, y, x), np.where(swap, x, y)
        x, y = np.where(self.mirrored[:, None], -x, x), np.where(self.flipped[:, None], -y, y)
        left, top, right, bottom = (self.box[:, [side]] for side in range(4))
        shares = [left + (x + 0.5) * (right - left), top + (y + 0.5) * (bottom - top)]
        return np.stack(shares, axis=-1).astype(np.float32)


def place(view: View, shapes: np.ndarray, draw: Draw, number: int) -> Placement:
    """Draw where view `number` lies.

    Args:
        shapes: (B, 2) width and height of each picture, px.
    """
    turns = uniform(draw, number, Purpose.TURN, 5)
    mirror, flip = turns[:, 0] < view.mirror, turns[:, 1] < view.flip
    quarters = np.where(turns[:, 2] < view.quarters, 1 + np.floor(3 * turns[:, 3]), 0)
    return Placement(
        box=crops(view, shapes, draw, number),
        # A turn by a quarter, anticlockwise, is a mirroring and a transposition; by three, a flip and one.
        mirrored=mirror ^ np.isin(quarters, (1, 2)),
        flipped=flip ^ np.isin(quarters, (2, 3)),
        transposed=quarters % 2 == 1,
        angle=np.radians(view.rotate * (2 * turns[:, 4] - 1)),
    )


def crops(view: View, shapes: np.ndarray, draw: Draw, number: int) -> np.ndarray:
    """(B, 4) left, top, right, bottom as shares, as torchvision's `RandomResizedCrop.make_params` draws them: whole
    pixels of the picture, the first of ten tries that fits into it, else the largest central crop of such a ratio."""
    width, height = shapes[:, [0]].astype(np.float64), shapes[:, [1]].astype(np.float64)
    tries = uniform(draw, number, Purpose.CROP, TRIES, 2)
    area = width * height * (view.crop_min + (view.crop_max - view.crop_min) * tries[..., 0])
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = np.exp(low + (high - low) * tries[..., 1])
    across, down = np.round(np.sqrt(area * ratio)), np.round(np.sqrt(area / ratio))
    fits = (across > 0) & (across <= width) & (down > 0) & (down <= height)
    first, rows = fits.argmax(1), np.arange(len(shapes))
    found = fits.any(1)
    width, height = width[:, 0], height[:, 0]
    narrow, wide = width < RATIO[0] * height, width > RATIO[1] * height
    w = np.where(found, across[rows, first], np.where(wide, np.round(height * RATIO[1]), width))
    h = np.where(found, down[rows, first], np.where(narrow, np.round(width / RATIO[0]), height))
    corner = uniform(draw, number, Purpose.CORNER, 2)
    x = np.where(found, np.floor(corner[:, 0] * (width - w + 1)), (width - w) // 2)
    y = np.where(found, np.floor(corner[:, 1] * (height - h + 1)), (height - h) // 2)
    return np.stack([x / width, y / height, (x + w) / width, (y + h) / height], axis=1)
