"""Many points as pixels, by numpy alone: discs of which the last lies on top, or where there are too many for that,
how many there are and of which colour. No Qt.

Pictures are (H, W, 4) float32 from 0 to 1: red, green, blue as they are, and how opaque each pixel is.
"""

from __future__ import annotations

import numpy as np

FLOOR = 0.3  # how opaque a pixel with a single point is, where the densest is opaque


def discs(x: np.ndarray, y: np.ndarray, colour: np.ndarray, size: tuple[int, int], radius: int) -> np.ndarray:
    """Discs of `radius` px around pixels x, y (N,) in `colour` (N, 3), 0 to 1; `size` is width and height.

    Of points on one pixel the last is seen, as if each had been painted over those before it.
    """
    width, height = size
    pad = 2 * radius  # so that no disc of a point in or near the picture leaves what is numbered
    wide = width + 2 * pad
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    near = (column >= -radius) & (column < width + radius) & (row >= -radius) & (row < height + radius)
    point = np.flatnonzero(near).astype(np.int32)
    pixel = (row[point] + pad) * wide + column[point] + pad
    top = np.full(wide * (height + 2 * pad), -1, np.int32)  # the last point on each pixel
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            if right * right + down * down <= radius * (radius + 0.7):
                there = pixel + (down * wide + right)
                # Of equal indices numpy assigns the last, and the points come in ascending order.
                top[there] = np.maximum(top[there], point)
    seen = top.reshape(height + 2 * pad, wide)[pad : pad + height, pad : pad + width].ravel()
    out = np.zeros((height * width, 4), np.float32)
    covered = np.flatnonzero(seen >= 0)
    out[covered, :3] = colour[seen[covered]]
    out[covered, 3] = 1.0
    return out.reshape(height, width, 4)


def density(
    x: np.ndarray, y: np.ndarray, colour: np.ndarray, code: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """A two-dimensional histogram of pixels x, y (N,): opaque by the logarithm of the number of points.

    A pixel has the mean colour of its points; `colour` is (K, 3), 0 to 1, and `code` (N,) names each point's.
    """
    width, height = size
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    pixel = row[inside] * width + column[inside]
    kinds = code[inside]
    pixels = width * height
    number = np.bincount(pixel, minlength=pixels)
    out = np.zeros((pixels, 4), np.float32)
    filled = np.flatnonzero(number)
    if not len(filled):
        return out.reshape(height, width, 4)
    for channel in range(3):
        total = np.bincount(pixel, weights=colour[kinds, channel], minlength=pixels)
        out[filled, channel] = total[filled] / number[filled]
    some = number[filled]
    full = max(float(np.quantile(some, 0.99)), 1.0)
    share = np.log1p(some) / np.log1p(full) if full > 1 else np.ones(len(some))
    out[filled, 3] = FLOOR + (1 - FLOOR) * np.clip(share, 0, 1)
    return out.reshape(height, width, 4)


def over(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """`upper` painted over `lower`, both pictures as above (Porter and Duff 1984, "over")."""
    above, below = upper[..., 3:], lower[..., 3:] * (1 - upper[..., 3:])
    opaque = above + below
    with np.errstate(invalid="ignore", divide="ignore"):
        mixed = (upper[..., :3] * above + lower[..., :3] * below) / opaque
    return np.concatenate([np.where(opaque > 0, mixed, 0), opaque], axis=2).astype(np.float32)


def as_argb(picture: np.ndarray) -> np.ndarray:
    """(H, W) uint32, "ARGB" with the colours multiplied by how opaque the pixel is, as Qt wants it."""
    flat = picture.reshape(-1, 4)
    out = np.zeros(len(flat), np.uint32)
    covered = np.flatnonzero(flat[:, 3] > 0)
    parts = np.clip(flat[covered], 0, 1)
    parts[:, :3] *= parts[:, 3:]
    red, green, blue, alpha = (parts * 255 + 0.5).astype(np.uint32).T
    out[covered] = (alpha << 24) | (red << 16) | (green << 8) | blue
    return out.reshape(picture.shape[:2])
