"""Lots and the camera: how the same sheet looks on another day.

Over the lots the inspection station ages - the lens loses sharpness, the sensor runs warmer, the mill
changes its brushes - and at `LAMP_CHANGED` the lamp is replaced, which turns light, colour and gain at once.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workbench.engine.sample.textures import CANVAS, FINISHES, Surface, grid

LOTS = 16
LAMP_CHANGED = 8  # the first lot under the new lamp

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """One delivery of sheet and the state of the station on that day."""

    name: str
    number: int  # from 1
    lamp: str  # "old" or "new"
    gain: float  # exposure, multiplies the light
    warmth: float  # red over blue, 0 is neutral
    green: float  # green over magenta, 0 is neutral
    gradient: float  # how much brighter the lit side is than the far side
    light_angle: float  # radians, where the lamp stands
    texture_scale: float  # magnification of the finish's grain
    blur: float  # pixels, standard deviation of the lens
    noise: float  # standard deviation of the sensor, of full scale
    finishes: tuple[float, ...]  # share of each of FINISHES

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "finishes": dict(zip(FINISHES, self.finishes, strict=True))}


def lot(number: int, seed: int) -> Lot:
    """Lot `number` (from 1): a slow drift, a day's own scatter, and the step when the lamp is changed."""
    rng = np.random.default_rng([seed, 7001, number])
    age = (number - 1) / (LOTS - 1)
    new = number >= LAMP_CHANGED
    mix = rng.dirichlet([2.2, 1.6, 1.2, 1.2]) * 0.8 + 0.05
    return Lot(
        name=f"lot{number:02d}",
        number=number,
        lamp="new" if new else "old",
        gain=round((0.80 if new else 0.98 - 0.16 * age) * (1 - 0.10 * age * new) + rng.normal(0, 0.025), 4),
        warmth=round((-0.045 if new else 0.055 + 0.04 * age) + rng.normal(0, 0.010), 4),
        green=round((0.012 if new else -0.006) + rng.normal(0, 0.006), 4),
        gradient=round((0.34 if new else 0.16 + 0.12 * age) + rng.normal(0, 0.03), 4),
        light_angle=round((2.5 if new else -0.7 + 0.5 * age) + rng.normal(0, 0.08), 4),
        texture_scale=round(0.85 + 0.5 * age + rng.normal(0, 0.05), 4),
        blur=round(max(0.42 + 0.45 * age - 0.18 * new + rng.normal(0, 0.05), 0.3), 4),
        noise=round(0.007 + 0.011 * age + abs(rng.normal(0, 0.0015)), 4),
        finishes=tuple(round(float(share), 4) for share in mix / mix.sum()),
    )


def photograph(rng: np.random.Generator, surface: Surface, day: Lot) -> Picture:
    """`surface` under the lot's lamp through its lens: (CANVAS, CANVAS, 3), 0 to 1. Uses up `surface.colour`."""
    gy, gx = np.gradient(surface.height)
    angle = day.light_angle + rng.normal(0, 0.15)
    lx, ly = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    relief = np.clip(1 + np.float32(0.55) * (gx * lx + gy * ly), 0.25, 1.9)

    x, y = grid()
    across = (x - CANVAS / 2) * lx + (y - CANVAS / 2) * ly
    light = 1 - np.float32(day.gradient * rng.uniform(0.6, 1.3) / CANVAS) * across
    # Brushed metal mirrors a lamp as a band that lies across the grain.
    c, s = np.cos(surface.direction), np.sin(surface.direction)
    along = (x - CANVAS / 2) * c + (y - CANVAS / 2) * s - rng.uniform(-110, 110)
    light = light + np.float32(rng.uniform(0.0, 0.18)) * np.exp(-((along / rng.uniform(45, 95)) ** 2))

    grey = np.float32(0.54 * day.gain * rng.uniform(0.96, 1.04)) * surface.albedo * relief * light
    grey = ndimage.gaussian_filter(grey.astype(np.float32), day.blur, truncate=3)
    # A shoulder instead of a hard clip, as in any camera; then the sensor's noise, mostly shared by the channels.
    over = np.maximum(grey - np.float32(0.7), 0)
    grey -= over - over / (1 + over / np.float32(0.3))
    grey += np.float32(0.8 * day.noise) * rng.standard_normal(grey.shape, dtype=np.float32)
    balance = np.array([1 + day.warmth, 1 + day.green, 1 - day.warmth], dtype=np.float32)
    balance *= 1 + rng.normal(0, 0.006, 3).astype(np.float32)
    picture = rng.standard_normal((CANVAS, CANVAS, 3), dtype=np.float32)
    picture *= np.float32(0.45 * day.noise)
    surface.colour *= balance
    surface.colour *= grey[..., None]
    picture += surface.colour
    return np.clip(picture, 0, 1, out=picture)
