"""What happens to sheet metal: six defects, and the harmless marks that look a little like them.

Each function changes a `Surface` in place. `strength` runs from about 0.35 (barely there) to 1 (plain);
position, size, direction and number are drawn from the Generator.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workbench.engine.sample.textures import CANVAS, Plane, Surface, cloud, grid, oriented_noise, smoothstep

Defect = Callable[[np.random.Generator, Surface, float], None]
Curve = NDArray[np.float64]


def scratch(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """One to four grooves, thin and long, each a shiny floor with a burr; some chatter, some run in parallel."""
    heading = rng.uniform(0, np.pi)
    together = rng.random() < 0.4
    for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.3, 0.3, 0.22, 0.18]))):
        angle = heading + rng.normal(0, 0.03) if together else rng.uniform(0, np.pi)
        length = rng.uniform(80, 240)
        curve = _stroke(rng, _place(rng, 40), angle, length, bend=rng.normal(0, 0.25))
        along = np.linspace(0, 1, len(curve))
        depth = np.minimum(1, 6 * np.minimum(along, 1 - along)) * rng.uniform(0.7, 1.0)
        if rng.random() < 0.3:  # the tool chattered
            depth *= np.clip(np.sin(along * length / rng.uniform(2, 6)) + rng.uniform(0.2, 0.9), 0, 1)
        width = rng.uniform(0.7, 1.6)
        groove = _draw(curve, depth, width)
        shine = rng.choice([1.0, -0.8], p=[0.82, 0.18])  # fresh and bright, or filled with dirt
        surface.height -= np.float32(1.2 * strength * width) * groove
        surface.albedo += np.float32(0.5 * strength * shine) * groove


def pit(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """Corrosion pits: small round holes, dark floored, lit on the far wall; scattered or in a nest."""
    number = int(rng.integers(10, 70))
    nest, spread = _place(rng, 50), rng.uniform(22, 80)
    holes, floor = np.zeros((2, CANVAS, CANVAS), dtype=np.float32)
    size = rng.uniform(1.5, 3.4)
    for _ in range(number):
        x, y = nest + rng.normal(0, spread, 2)
        radius = size * rng.lognormal(0, 0.35)
        _dent(holes, x, y, radius, rng.uniform(0.6, 1.0))
        _dent(floor, x, y, radius * 0.8, rng.uniform(0.5, 1.0))
    surface.height -= np.float32(2.4 * strength) * np.minimum(holes, 1.2)
    surface.albedo *= 1 - np.float32(0.5 * strength) * np.minimum(floor, 1)


def stain(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """Oil, water or heat: one to three soft-edged patches with a rim, darker or lighter, lightly tinted."""
    mask = np.zeros((CANVAS, CANVAS), dtype=np.float32)
    rim = np.zeros_like(mask)
    wobble = cloud(rng, rng.uniform(9, 18))
    for _ in range(int(rng.choice([1, 2, 3], p=[0.45, 0.33, 0.22]))):
        radius = rng.uniform(30, 78)
        distance = _ellipse(_place(rng, 40), radius, radius * rng.uniform(0.45, 1.0), rng.uniform(0, np.pi))
        level = 1 - distance + np.float32(0.3) * wobble
        soft = rng.uniform(0.1, 0.5)
        mask = np.maximum(mask, smoothstep(level, -soft / 2, soft / 2))
        rim = np.maximum(rim, np.exp(-((level / 0.09) ** 2)).astype(np.float32))
    sign = rng.choice([-1.0, 1.0], p=[0.8, 0.2])
    surface.albedo *= 1 + np.float32(sign * strength * rng.uniform(0.16, 0.36)) * mask
    surface.albedo *= 1 - np.float32(strength * rng.uniform(0.0, 0.2)) * rim
    tint = np.array(
        rng.choice([[0.07, 0.0, -0.16], [-0.1, -0.01, 0.08], [0.0, 0.0, 0.0]], p=[0.45, 0.3, 0.25])
    )
    surface.colour *= 1 + (mask[..., None] * (strength * tint)).astype(np.float32)


def crack(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """A dark jagged line that wanders and branches, with a lit lip."""
    trunk = _walk(rng, _place(rng, 45), rng.uniform(0, 2 * np.pi), int(rng.uniform(90, 210)))
    curves = [(trunk, 1.0)]
    for _ in range(int(rng.integers(1, 7))):
        root = int(rng.integers(len(trunk) // 6, len(trunk)))
        step = trunk[root] - trunk[max(root - 5, 0)]
        heading = np.arctan2(step[1], step[0]) + rng.choice([-1, 1]) * rng.uniform(0.5, 1.2)
        curves.append((_walk(rng, trunk[root], heading, int(rng.uniform(18, 70))), 0.7))
    line = np.zeros((CANVAS, CANVAS), dtype=np.float32)
    for curve, share in curves:
        along = np.linspace(0, 1, len(curve))
        taper = share * np.minimum(1, 4 * (1 - along)) * rng.uniform(0.75, 1.25, len(curve))
        line = np.maximum(line, _draw(curve, taper, rng.uniform(0.7, 1.3)))
    surface.height -= np.float32(1.3 * strength) * line
    surface.albedo *= 1 - np.float32(0.62 * strength) * np.minimum(line, 1)


def inclusion(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """Slag stretched by rolling: dark ragged slivers in a row along the rolling direction."""
    centre = _place(rng, 45)
    axis = np.array([np.cos(surface.direction), np.sin(surface.direction)])
    normal = np.array([-axis[1], axis[0]])
    ragged = oriented_noise(rng, surface.direction, 4.5, 1.2)
    mask = np.zeros((CANVAS, CANVAS), dtype=np.float32)
    for _ in range(int(rng.integers(4, 14))):
        where = centre + axis * rng.normal(0, 42) + normal * rng.normal(0, rng.uniform(2, 9))
        length = rng.uniform(12, 46)
        width = np.clip(length * rng.uniform(0.07, 0.2), 1.4, 6.0)
        level = 1 - _ellipse(where, length, width, surface.direction) + np.float32(0.28) * ragged
        mask = np.maximum(mask, smoothstep(level, 0.0, 0.45))
    surface.albedo *= 1 - np.float32(strength * rng.uniform(0.42, 0.66)) * mask
    surface.height += np.float32(0.5 * strength) * mask
    surface.colour *= 1 + (mask[..., None] * np.array([0.02, 0.0, -0.04])).astype(np.float32)


def scale(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """Rolled-in oxide: many small flakes, matt, some reddish, dense in some places and absent in others."""
    flakes = oriented_noise(rng, surface.direction, rng.uniform(3.2, 7.0), rng.uniform(1.5, 2.8))
    where = smoothstep(cloud(rng, rng.uniform(20, 40)), rng.uniform(-1.7, -0.7), 0.9)
    cut = rng.uniform(0.8, 1.35)
    mask = smoothstep(flakes + 0.9 * where - 0.5, cut, cut + 0.5) * np.minimum(1, 0.15 + where)
    surface.albedo *= 1 - np.float32(strength * rng.uniform(0.32, 0.52)) * mask
    surface.height += np.float32(0.8 * strength) * mask
    rust = rng.choice([0.03, 0.17], p=[0.4, 0.6]) * strength
    surface.colour *= 1 + (mask[..., None] * np.array([rust, 0.0, -rust])).astype(np.float32)


def clean(rng: np.random.Generator, surface: Surface, strength: float) -> None:
    """Nothing: a good part, which may still carry harmless marks."""


DEFECTS: dict[str, Defect] = {
    "clean": clean,
    "scratch": scratch,
    "stain": stain,
    "scale": scale,
    "pit": pit,
    "crack": crack,
    "inclusion": inclusion,
}


def harmless(rng: np.random.Generator, surface: Surface) -> None:
    """Marks that no inspector would reject: dust, a hairline, a smudge, roll marks, a reflection."""
    if rng.random() < 0.35:  # dust, in focus and not
        for _ in range(int(rng.integers(1, 5))):
            x, y = _place(rng, 6)
            _dent(surface.albedo, x, y, rng.uniform(0.8, 1.8), rng.choice([-0.3, 0.3]) * rng.uniform(0.4, 1))
    if rng.random() < 0.22:  # a hairline in the brushing direction
        angle = surface.direction + rng.normal(0, 0.04)
        curve = _stroke(rng, _place(rng, 20), angle, rng.uniform(40, 150), bend=0.03)
        surface.albedo += np.float32(rng.uniform(-0.1, 0.12)) * _draw(curve, np.ones(len(curve)), 0.6)
    if rng.random() < 0.22:  # a wiped finger mark
        radius = rng.uniform(18, 40)
        level = _ellipse(_place(rng, 10), radius, radius * 0.6, rng.uniform(0, np.pi))
        surface.albedo *= 1 + np.float32(rng.uniform(-0.07, 0.07)) * np.exp(-(level**2)).astype(np.float32)
    if rng.random() < 0.15:  # the roll's chatter, straight across
        x, y = grid()
        phase = x * np.cos(surface.direction) + y * np.sin(surface.direction)
        wave = np.sin(phase * (2 * np.pi / rng.uniform(14, 40)) + rng.uniform(0, 6.3))
        surface.albedo *= 1 + np.float32(rng.uniform(0.01, 0.03)) * wave.astype(np.float32)


def _place(rng: np.random.Generator, margin: float) -> Curve:
    return rng.uniform(margin, CANVAS - margin, 2)


def _stroke(rng: np.random.Generator, centre: Curve, angle: float, length: float, bend: float) -> Curve:
    """A gently bent line of half-pixel steps through `centre`: (n, 2) points x, y."""
    t = np.linspace(-0.5, 0.5, int(length * 2))
    heading = angle + bend * t + 0.012 * np.cumsum(rng.normal(0, 0.12, len(t)))
    step = np.stack([np.cos(heading), np.sin(heading)], axis=1) * 0.5
    points = np.cumsum(step, axis=0)
    return centre + points - points[len(points) // 2]


def _walk(rng: np.random.Generator, start: Curve, heading: float, steps: int) -> Curve:
    """A crack's path: it keeps a mean heading and turns sharply every few pixels."""
    turns = np.zeros(steps * 2)
    at = 0
    while at < len(turns):
        run = int(rng.integers(4, 15))
        turns[at : at + run] = rng.normal(0, 0.6)
        at += run
    drift = np.cumsum(rng.normal(0, 0.03, len(turns)))
    angle = heading + turns + drift
    step = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.5
    return start + np.cumsum(step, axis=0)


def _draw(curve: Curve, depth: NDArray[np.float64], width: float) -> Plane:
    """The curve as a line about `2 * width` pixels wide with peak `depth`, antialiased by splatting and blur."""
    x, y = curve[:, 0], curve[:, 1]
    inside = (x >= 0) & (y >= 0) & (x < CANVAS - 1) & (y < CANVAS - 1)
    x, y, d = x[inside], y[inside], depth[inside]
    x0, y0 = x.astype(np.intp), y.astype(np.intp)
    fx, fy = x - x0, y - y0
    base = y0 * CANVAS + x0
    plane = np.zeros(CANVAS * CANVAS)
    for offset, weight in (
        (0, (1 - fx) * (1 - fy)),
        (1, fx * (1 - fy)),
        (CANVAS, (1 - fx) * fy),
        (CANVAS + 1, fx * fy),
    ):
        plane += np.bincount(base + offset, weights=d * weight, minlength=CANVAS * CANVAS)
    line = ndimage.gaussian_filter(plane.reshape(CANVAS, CANVAS).astype(np.float32), width, truncate=3)
    # Two points a pixel, blurred over sqrt(2 pi) width: scaled so that a straight line peaks at its depth.
    return np.asarray(line * np.float32(np.sqrt(2 * np.pi) * width / 2), dtype=np.float32)


def _dent(plane: Plane, x: float, y: float, radius: float, depth: float) -> None:
    """Add a round bump of `depth` to `plane`; flat in the middle, smooth at the wall."""
    reach = int(np.ceil(radius * 2.2))
    x0, x1 = max(int(x) - reach, 0), min(int(x) + reach + 1, CANVAS)
    y0, y1 = max(int(y) - reach, 0), min(int(y) + reach + 1, CANVAS)
    if x0 >= x1 or y0 >= y1:
        return
    yy, xx = np.mgrid[y0:y1, x0:x1]
    r2 = ((xx - x) ** 2 + (yy - y) ** 2) / radius**2
    plane[y0:y1, x0:x1] += (depth * np.exp(-(r2**1.5))).astype(np.float32)


def _ellipse(centre: Curve, a: float, b: float, angle: float) -> Plane:
    """Distance from `centre`, 1 on the ellipse with half-axes `a` (lying in `angle`) and `b`."""
    x, y = grid()
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return np.asarray(
        np.hypot((dx * c + dy * s) / np.float32(a), (dy * c - dx * s) / np.float32(b)), np.float32
    )
