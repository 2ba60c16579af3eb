"""Pictures that tests draw for themselves."""

from __future__ import annotations

import numpy as np
from PIL import Image


def photograph(seed: int, side: int = 240) -> Image.Image:
    """Structure at every scale, amplitude falling with frequency, in colour."""
    rng = np.random.default_rng(seed)
    waves = np.fft.rfft2(rng.standard_normal((3, side, side)), axes=(1, 2))
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    planes = np.fft.irfft2(waves / (np.hypot(down, across) + 1 / side) ** 1.2, s=(side, side), axes=(1, 2))
    planes = planes * 0.3 + planes[:1]  # mostly shared by the colours
    planes = 128 + 40 * planes / planes.std()
    return Image.fromarray(np.moveaxis(planes, 0, 2).clip(0, 255).astype(np.uint8))
