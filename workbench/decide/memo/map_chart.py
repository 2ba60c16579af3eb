"""The map of a backbone's vectors (UMAP) as SVG: classes by colour, each named where most of it lies."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from workbench.decide.memo.document import Inks
from workbench.decide.memo.svg import Svg
from workbench.records.plotting import PALETTE

MOST_POINTS = 3_000
COLOURED = 7  # classes that have a colour of their own: the set of colours without its grey
WIDTH, HEIGHT, EDGE = 720.0, 460.0, 14.0  # px
_GREY = 6  # its place in PALETTE


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MapPoints:
    """`places` (N, 2) float; `code` (N,) int, a place in `names`, negative for no class. At most `MOST_POINTS`."""

    places: np.ndarray
    code: np.ndarray
    names: tuple[str, ...]
    total: int  # points before thinning


def thinned(places: np.ndarray, labels: list[str]) -> MapPoints:
    """The points of a map, thinned evenly in each class by a draw that is the same each time.

    Args:
        places: (N, 2 or more) positions; a third axis is not drawn. labels: N classes, "" for none.
    """
    counts = Counter(label for label in labels if label)
    names = tuple(sorted(counts, key=lambda name: (-counts[name], name)))
    of = {name: number for number, name in enumerate(names)}
    code = np.asarray([of.get(label, -1) for label in labels], dtype=np.int64)
    keep = np.flatnonzero(np.isfinite(places[:, :2]).all(axis=1))
    if len(keep) > MOST_POINTS:
        keep = np.sort(np.random.default_rng(0).permutation(keep)[:MOST_POINTS])
    return MapPoints(
        places=places[keep, :2].astype(np.float64), code=code[keep], names=names, total=len(labels)
    )


def draw_map(points: MapPoints, title: str, words: str, inks: Inks) -> str:
    svg = Svg(WIDTH, HEIGHT, inks, title=title, words=words)
    svg.rect(0.5, 0.5, WIDTH - 1, HEIGHT - 1, "track", opacity=0.35, round_=6)
    low, high = points.places.min(axis=0), points.places.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    scale = float(min((WIDTH - 2 * EDGE) / span[0], (HEIGHT - 2 * EDGE) / span[1]))
    middle = (low + high) / 2
    shown = (points.places - middle) * scale * np.array([1.0, -1.0]) + np.array([WIDTH / 2, HEIGHT / 2])
    order = [*range(len(points.names)), -1]
    for code in reversed(order):  # the largest class on top, those without one below all
        inside = points.code == code
        if inside.any():
            svg.dots([(float(x), float(y)) for x, y in shown[inside]], _ink(code))
    for code in order[: min(len(points.names), COLOURED)]:
        inside = shown[points.code == code]
        if len(inside):
            x, y = _heart(inside)
            svg.text(
                min(max(x, 60.0), WIDTH - 60.0),
                min(max(y, 14.0), HEIGHT - 14.0),
                points.names[code],
                size=13,
                anchor="middle",
                bold=True,
                room=160.0,
                halo=True,
            )
    return svg.made()


def _ink(code: int) -> str:
    if not 0 <= code < COLOURED:
        return f"series{_GREY}"
    return f"series{code if code < _GREY else len(PALETTE) - 1}"


def _heart(places: np.ndarray) -> tuple[float, float]:
    """(n, 2) -> a place where many of them are: the one of at most 200 that has the others nearest, by median."""
    some = places[:: max(len(places) // 200, 1)]
    distances = np.median(np.linalg.norm(some[:, None] - places[None], axis=2), axis=1)
    x, y = some[int(np.argmin(distances))]
    return float(x), float(y)
