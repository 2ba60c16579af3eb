"""Whether two pictures are one, perhaps shifted, cropped, scaled or relit: told from their pixels.

Signatures (`signature.py`) find copies in no time, but they can't tell a picture that was shifted by three hundredths
from another of the same kind. Here the two are laid over each other: their details, evened out so that strong and
faint ones count alike, are correlated for all shifts at once by Fourier transforms, at each of some scales.

Measured on the 80 pairs nearest by signature, exact copies aside, of each of four sets of images (steel, clothes,
skies and the drawn sample): copies fit at 0.58 and more, other pictures at up to 0.47.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from workbench.pixels.decode import ImageError, read_image
from workbench.pixels.histogram import largest
from workbench.pixels.signature import grey
from workbench.records.index import ImageIndex

SAME = 0.5  # of two pictures that fit as well as this or better one is a copy of the other

_SIDE = 96  # pixels along both sides of what is compared
_SCALES = tuple(1 + 0.01 * step for step in range(8))  # by which one is larger than the other
_REACH = 8  # pixels of _SIDE that one is shifted by at most, each way
_DETAIL = 2.0  # pixels: what varies more slowly is light, not detail
_AROUND = 4.0  # pixels over which the strength of details is evened out
_FAINT = 0.1  # of the mean strength: weaker details are not raised to the others
_KEPT = 256  # pictures, a third of a megabyte each


class _Views(NamedTuple):
    """A picture at all scales, ready to be correlated."""

    spectra: np.ndarray  # (scales, _SIDE, _SIDE // 2 + 1) complex64
    lengths: np.ndarray  # (scales,) float32, Euclidean


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """How well two pictures fit at the best shift and scale, 0 to 1; from `SAME` on they are copies.

    Both are (H, W, 3) or (H, W), uint8 or float32 in 0..1, of any size; sizes and shapes may differ, as the
    pictures are brought to one square. A picture without details fits nothing.
    """
    return _fit(_views(first), _views(second))


def confirm(
    pairs: np.ndarray,
    read: Callable[[int], np.ndarray],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> np.ndarray:
    """(Q,) bool: which of `pairs`, (Q, 2) positions, are copies. What `records.duplicates.copy_sets` asks for.

    Args:
        read: the picture at a position, as `overlap` takes it; a pair with one that raises ImageError is none.
        on_progress: called with (done, Q) after each pair; may raise to stop.
    """

    @lru_cache(maxsize=_KEPT)
    def views(position: int) -> _Views | None:
        try:
            return _views(read(position))
        except ImageError:
            return None

    agreed = np.zeros(len(pairs), dtype=bool)
    for number, (first, second) in enumerate(pairs.tolist()):
        one, two = views(first), views(second)
        agreed[number] = one is not None and two is not None and _fit(one, two) >= SAME
        on_progress(number + 1, len(pairs))
    return agreed


def reader(index: ImageIndex) -> Callable[[int], np.ndarray]:
    """Reads the picture at a position of `index`, JPEGs reduced, as `confirm` wants it."""
    limit = largest(index)

    def read(position: int) -> np.ndarray:
        page = int(index.page[position])
        file = index.file(position)
        return read_image(file, at_least=_SIDE, reading=index.reading, page=page, max_pixels=limit)

    return read


def seen_alike(pairs: np.ndarray, image: Callable[[int], tuple[ImageIndex, int]]) -> np.ndarray:
    """`confirm` for pairs of images of several indices: what `records.leaks.in_pool` asks for."""

    def read(number: int) -> np.ndarray:
        index, position = image(number)
        return reader(index)(position)

    return confirm(pairs, read)


def _fit(first: _Views, second: _Views) -> float:
    # Each at its own size against the other at all scales.
    spectra = np.concatenate(
        [first.spectra[0].conj() * second.spectra, second.spectra[0].conj() * first.spectra[1:]]
    )
    lengths = np.concatenate([first.lengths[0] * second.lengths, second.lengths[0] * first.lengths[1:]])
    sums = np.fft.irfft2(spectra, s=(_SIDE, _SIDE))
    shifts = np.arange(-_REACH, _REACH + 1)
    best = sums[:, shifts[:, None], shifts].max(axis=(1, 2))
    return float(np.max(best / np.maximum(lengths, 1e-12)).clip(0, 1))


def _views(picture: np.ndarray) -> _Views:
    image = Image.fromarray(grey(picture))
    reduced = image.resize((_SIDE, _SIDE), Image.Resampling.HAMMING)
    stack = []
    for scale in _SCALES:
        margin = (_SIDE - _SIDE / scale) / 2
        box = (margin, margin, _SIDE - margin, _SIDE - margin)
        stack.append(np.asarray(reduced.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC, box=box)))
    details = _details(np.stack(stack))
    window = _window()
    details = (details - (details * window).sum(axis=(1, 2), keepdims=True) / window.sum()) * window
    lengths = np.sqrt((details * details).sum(axis=(1, 2)))
    return _Views(np.fft.rfft2(details).astype(np.complex64), lengths)


def _details(stack: np.ndarray) -> np.ndarray:
    """(n, _SIDE, _SIDE) without what varies slowly, and everywhere of nearly the same strength; zeros if flat."""
    fine = stack - _blurred(stack, _DETAIL)
    power = fine * fine
    floor = _FAINT**2 * power.mean(axis=(1, 2), keepdims=True)
    return np.asarray(fine / np.sqrt(np.maximum(_blurred(power, _AROUND), 0) + floor + 1e-18), np.float32)


def _blurred(stack: np.ndarray, deviation: float) -> np.ndarray:
    kernel = _kernel(deviation)
    return np.asarray(kernel @ stack @ kernel.T)


@lru_cache(maxsize=4)
def _kernel(deviation: float) -> np.ndarray:
    """(_SIDE, _SIDE) float32: Gaussian means along one side; what lies outside is left out of them."""
    places = np.arange(_SIDE)
    weights = np.exp(-(((places[:, None] - places) / deviation) ** 2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    """(_SIDE, _SIDE) float32: falls to 0 at the borders, where shifted pictures differ."""
    side = np.hanning(_SIDE + 2)[1:-1]
    return np.asarray(np.outer(side, side), np.float32)
