"""Metal surfaces before anything happens to them: oriented grain, mill finishes and the canvas they live on.

Everything here is a pure function of the numpy Generator that is passed in, so that one picture is the
same whichever thread draws it and whatever was drawn before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.typing import NDArray

Plane = NDArray[np.float32]

CANVAS = 216  # pixels drawn; a picture is a crop of it, so that the same scene can be framed twice
FINISHES = ("brushed", "rolled", "ground", "matt")


@dataclass(slots=True)
class Surface:
    """What the lamp will fall on. All planes are CANVAS x CANVAS."""

    height: Plane  # micrometres, roughly; its slope towards the lamp is what shows
    albedo: Plane  # reflectance, 1 where the metal is bare
    colour: NDArray[np.float32]  # (CANVAS, CANVAS, 3) multiplier of the three channels
    direction: float  # radians, of rolling or brushing


def oriented_noise(
    rng: np.random.Generator, direction: float, along: float, across: float, ridge: float = 0.0
) -> Plane:
    """Unit-variance Gaussian noise, correlated over `along` x `across` pixels, `along` lying in `direction`.

    `ridge` in 0..1 mixes in a component twice as coarse and six times as long: the lone strokes of a brush.
    """
    fx, fy = _frequencies()
    u = fx * np.float32(np.cos(direction)) + fy * np.float32(np.sin(direction))
    v = fy * np.float32(np.cos(direction)) - fx * np.float32(np.sin(direction))
    weight = _bell(u, along) * _bell(v, across)
    if ridge:
        coarse = _bell(u, along * 6) * _bell(v, across * 2)
        weight += np.float32(ridge * 6) * coarse
    white = rng.standard_normal((CANVAS, CANVAS), dtype=np.float32)
    field = scipy.fft.irfft2(scipy.fft.rfft2(white) * weight, s=(CANVAS, CANVAS))
    field -= field.mean()
    return np.asarray(field / max(float(field.std()), 1e-6), dtype=np.float32)


def cloud(rng: np.random.Generator, size: float) -> Plane:
    """Unit-variance soft noise without a direction; `size` is the radius of its blobs in pixels."""
    return oriented_noise(rng, 0.0, size, size)


def grid() -> tuple[Plane, Plane]:
    """Pixel coordinates (x, y), each CANVAS x CANVAS; read-only."""
    return _grid()


def smoothstep(value: Plane, low: float, high: float) -> Plane:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def bare_metal(rng: np.random.Generator, finish: str, scale: float) -> Surface:
    """A clean piece of sheet with `finish`, its grain magnified by `scale`."""
    direction = float(rng.choice([0.0, np.pi / 2], p=[0.35, 0.65]) + rng.normal(0, 0.05))
    if rng.random() < 0.22:  # laid on the table any old way
        direction = float(rng.uniform(0, np.pi))
    if finish == "brushed":
        fine = oriented_noise(rng, direction, 16 * scale, 0.7 * scale, ridge=rng.uniform(0.1, 0.5))
        grain, relief = rng.uniform(0.035, 0.065), 0.08
    elif finish == "rolled":
        fine = oriented_noise(rng, direction, 7 * scale, 1.5 * scale, ridge=rng.uniform(0.3, 0.9))
        grain, relief = rng.uniform(0.022, 0.042), 0.11
    elif finish == "ground":
        fine = oriented_noise(rng, direction, 3.2 * scale, 0.8 * scale)
        grain, relief = rng.uniform(0.03, 0.055), 0.11
    elif finish == "matt":
        fine = oriented_noise(rng, direction, 1.1 * scale, 0.9 * scale)
        grain, relief = rng.uniform(0.025, 0.05), 0.15
    else:
        raise ValueError(f"finish must be one of {', '.join(FINISHES)}, not {finish!r}.")
    bands = oriented_noise(rng, direction, 140, rng.uniform(7, 22))
    mottle = cloud(rng, rng.uniform(14, 34))
    albedo = 1 + grain * fine + rng.uniform(0.008, 0.028) * bands + rng.uniform(0.005, 0.02) * mottle
    height = np.float32(relief) * fine + np.float32(0.4) * mottle
    colour = np.ones((CANVAS, CANVAS, 3), dtype=np.float32)
    return Surface(height, albedo.astype(np.float32), colour, direction)


@lru_cache(maxsize=1)
def _frequencies() -> tuple[Plane, Plane]:
    fy = np.fft.fftfreq(CANVAS).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(CANVAS).astype(np.float32)[None, :]
    return fx, fy


@lru_cache(maxsize=1)
def _grid() -> tuple[Plane, Plane]:
    y, x = np.mgrid[0:CANVAS, 0:CANVAS].astype(np.float32)
    x.setflags(write=False)
    y.setflags(write=False)
    return x, y


def _bell(frequency: Plane, length: float) -> Plane:
    """Transfer function of a Gaussian blur with standard deviation `length` pixels."""
    return np.asarray(np.exp(np.float32(-2 * np.pi**2 * length**2) * frequency**2), dtype=np.float32)
