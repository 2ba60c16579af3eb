"""What a picture looks like, in 40 bytes: the signs of its 320 lowest cosine frequencies.

The picture in grey is taken as a function on the unit square and expanded in cosines along both sides; the mean is
left out, and of every other coefficient the sign is kept, lowest frequencies first. Brightness and contrast change no
sign, another size, another encoding and a narrow crop change few, another picture changes half of them. The first
40 signs, which change least, are for finding copies, all of them for telling copies from others
(`records/duplicates.py`). After the DCT hash of pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual
Image Hash Functions"), but with the coefficients of the picture itself instead of a 32 x 32 reduction of it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

BYTES = 40  # of a signature
NONE = bytes(BYTES)  # of a picture without structure

_SIGNS = BYTES * 8
_ORDERS = 25  # frequencies along each side, the mean's included: the first 320 below the diagonal lie within
_ENOUGH = 256  # pixels along a side; longer ones are reduced to less than twice that first
_FLAT = {
    np.dtype(np.uint8): 0.1 / 255,
    np.dtype(np.float32): 1e-6,
}  # deviation, of full scale, that shows nothing
_LIVE = 0.01  # of the mean strength: weaker coefficients are taken for rounding
_MIN_LIVE = 64  # stripes and plain gradients have fewer, and would all look alike
_GREY = np.asarray([0.299, 0.587, 0.114], np.float32)  # BT.601, as Pillow's "L"


def signature(picture: np.ndarray) -> bytes:
    """The 40 bytes of a picture, (H, W, 3) or (H, W), uint8 or float32 in 0..1.

    A picture that shows nothing, or nothing but stripes or an even gradient, has `NONE`: its looks make it no copy.
    """
    values = grey(picture)
    square = _basis(values.shape[0]) @ values @ _basis(values.shape[1]).T
    coefficients = square[_lowest()]
    power = coefficients * coefficients
    if power.sum() < _FLAT[picture.dtype] ** 2:
        return NONE
    if np.count_nonzero(power > _LIVE**2 * power.mean()) < _MIN_LIVE:
        return NONE
    return np.packbits(coefficients > 0).tobytes()


def grey(picture: np.ndarray) -> np.ndarray:
    """(h, w) float32 in 0..1: the picture's brightness, each side of less than 512 pixels.

    Longer sides are reduced by a whole factor each, so the shape may change; what is where, as a share, does not.
    """
    if picture.dtype == np.uint8:
        image = Image.fromarray(picture)
        if image.mode != "L":
            image = image.convert("L")
    else:
        image = Image.fromarray(picture @ _GREY if picture.ndim == 3 else picture)
    factors = max(image.width // _ENOUGH, 1), max(image.height // _ENOUGH, 1)
    if factors != (1, 1):
        image = image.reduce(factors)
    values = np.asarray(image, np.float32)
    return values / np.float32(255) if picture.dtype == np.uint8 else values


@lru_cache(maxsize=64)
def _basis(length: int) -> np.ndarray:
    """(_ORDERS, length) float32: each pixel's share of the integral over 0..1 of sqrt(2) cos(pi u t)."""
    edges = np.linspace(0, 1, length + 1)
    orders = np.arange(1, _ORDERS)[:, None]
    waves = np.diff(np.sin(np.pi * orders * edges)) * (np.sqrt(2) / (np.pi * orders))
    return np.concatenate([np.full((1, length), 1 / length), waves]).astype(np.float32)


@lru_cache(maxsize=1)
def _lowest() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the lowest frequencies, the mean left out: diagonal by diagonal."""
    down, across = np.indices((_ORDERS, _ORDERS)).reshape(2, -1)
    order = np.lexsort((across, down + across))[1 : _SIGNS + 1]
    return down[order], across[order]
