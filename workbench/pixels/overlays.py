"""Maps of a network laid over the picture that they are of, as plain pixels: for the window and for files alike.

A map has one value a patch. Patches are drawn as squares, never smoothed: a smooth map would show more than there is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# From dark to light and from blue over red to yellow, so that it reads in grey and by the colour-blind too: nine
# colours of Smith and van der Walt's "inferno" (CC0), with lines between.
_HEAT = np.array(
    [
        *((0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85)),
        *((227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164)),
    ],
    dtype=np.float32,
)
# Okabe and Ito's, told apart by the colour-blind, then lighter ones of the same.
_KINDS = np.array(
    [
        *((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (213, 94, 0)),
        *(
            (240, 228, 66),
            (120, 120, 120),
            (128, 184, 216),
            (242, 207, 128),
            (128, 206, 185),
            (230, 188, 211),
        ),
    ],
    dtype=np.uint8,
)
KIND_NAMES = (
    *("blue", "orange", "green", "pink", "sky blue", "red"),
    *("yellow", "grey", "pale blue", "pale orange", "pale green", "pale pink"),
)
DIM = 0.35  # what is left of the light outside a mask


def heat(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """(...) -> (..., 3) uint8: `low` and below is dark, `high` and above is light, no number is black."""
    span = high - low if high > low else 1.0
    place = np.clip((np.nan_to_num(values, nan=low) - low) / span, 0, 1) * (len(_HEAT) - 1)
    before = np.minimum(place.astype(np.int64), len(_HEAT) - 2)
    part = (place - before)[..., None].astype(np.float32)
    return np.round(_HEAT[before] * (1 - part) + _HEAT[before + 1] * part).astype(np.uint8)


def kinds(numbers: np.ndarray) -> np.ndarray:
    """(...) whole numbers -> (..., 3) uint8, a colour a number; those below 0 are black, and colours come again."""
    colours = _KINDS[np.asarray(numbers) % len(_KINDS)]
    return np.where(np.asarray(numbers)[..., None] < 0, np.uint8(0), colours)


def spread(patches: np.ndarray, height: int, width: int) -> np.ndarray:
    """(h, w, ...) one value a patch -> (height, width, ...): every pixel gets that of its patch."""
    rows = (np.arange(height) * patches.shape[0]) // height
    columns = (np.arange(width) * patches.shape[1]) // width
    return patches[rows][:, columns]


def laid_over(picture: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """A picture under a map.

    Args:
        picture: (H, W, 3) uint8.
        colours: (h, w, 3) uint8, one a patch.
        opacity: of the map, 0 to 1.

    Returns:
        (H, W, 3) uint8.
    """
    above = spread(colours, *picture.shape[:2]).astype(np.float32)
    return np.round(picture * (1 - opacity) + above * opacity).astype(np.uint8)


def dimmed(picture: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 with the patches that are not `kept` (h, w) bool in the dark."""
    light = np.where(spread(kept, *picture.shape[:2]), np.float32(1), np.float32(DIM))
    return np.round(picture * light[..., None]).astype(np.uint8)


def outlined(
    picture: np.ndarray, marked: np.ndarray, colour: Sequence[int] = (0, 255, 255), *, width: int = 1
) -> np.ndarray:
    """(H, W, 3) uint8 with a line of `width` pixels, inside, around each patch that is `marked`, (h, w) bool."""
    height, across = picture.shape[:2]
    made = picture.copy()
    for row, column in np.argwhere(marked):
        top, bottom = (-(-(row + each) * height // marked.shape[0]) for each in (0, 1))
        left, right = (-(-(column + each) * across // marked.shape[1]) for each in (0, 1))
        patch = made[top:bottom, left:right]
        for side in (patch[:width], patch[-width:], patch[:, :width], patch[:, -width:]):
            side[...] = colour
    return made


def mass_mask(rows: np.ndarray, share: float = 0.6) -> np.ndarray:
    """(..., N) weights -> (..., N) bool: the fewest patches that hold `share` of each row's sum.

    As DINO's visualize_attention.py thresholds its maps (Caron et al. 2021). Of equal weights the earlier patches are
    taken. A row without any weight keeps nothing.

    Raises:
        ValueError: a share outside of 0..1.
    """
    if not 0 < share <= 1:
        raise ValueError(f"The share of the attention must lie above 0 and up to 1, not at {share}.")
    rows = np.asarray(rows, np.float64)
    order = np.argsort(-rows, axis=-1, kind="stable")
    falling = np.take_along_axis(rows, order, axis=-1)
    before = np.cumsum(falling, axis=-1) - falling
    kept = before < share * falling.sum(axis=-1, keepdims=True)
    mask = np.zeros(rows.shape, bool)
    np.put_along_axis(mask, order, kept & (falling > 0), axis=-1)
    return mask


def as_picture(values: np.ndarray) -> np.ndarray:
    """(..., 3) float in 0..1, cut off outside -> uint8."""
    return np.round(np.clip(np.nan_to_num(values), 0, 1) * 255).astype(np.uint8)


def three_channels(pixels: np.ndarray) -> np.ndarray:
    """(..., n) uint8, or float in 0..1 -> (..., 3) uint8. Of more than three channels the first three, of two the
    first."""
    shown = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1].repeat(3, -1)
    return shown if shown.dtype == np.uint8 else as_picture(shown)
