"""From vectors to a map and what it keeps of them: the one way that a job, a benchmark and a test take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workbench.engine.maps import tsne as by_tsne
from workbench.engine.maps.figures import Trust, overlap, trustworthiness
from workbench.engine.maps.linear import pca
from workbench.engine.maps.neighbours import Neighbours, checked, exact_neighbours, map_neighbours, scaled
from workbench.engine.maps.umap import umap
from workbench.records.projection import JUDGED, MapSettings

Report = Callable[[int, int, str, str], None]  # done, total, unit, what is being done


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """A map, the neighbours that it was drawn from and judged by, and the figures."""

    positions: np.ndarray  # (N, d) float32
    neighbours: Neighbours  # of the vectors; at least `JUDGED` where there are so many
    shown: Neighbours  # on the map
    trust: Trust
    overlap: (
        float | None
    )  # share of the `JUDGED` nearest vectors that are nearest on the map; None for one item
    perplexity: float | None  # that was taken; None where the map has none


def draw(
    X: np.ndarray,
    settings: MapSettings,
    *,
    ids: Sequence[str] | None = None,
    device: str = "cpu",
    report: Report | None = None,
) -> Drawn:
    """A map of X (N, D) and its figures.

    Args:
        ids: names of the items for what is said of them.
        report: called between steps; may raise to cancel.

    Raises:
        ValueError: no items, an item with numbers that aren't finite, a value out of range, or too many items for
            t-SNE.
    """
    X = checked(X, ids)
    items = len(X)
    if not items:
        raise ValueError("There are no items to draw a map of.")
    exact = "cpu" if device.startswith("mps") else device  # mps has neither float64 nor sums over segments
    if settings.map == "tsne":
        by_tsne.check_size(items, exact)
    perplexity = by_tsne.usual_perplexity(items, settings.perplexity) if settings.map == "tsne" else None
    needed = {
        "umap": settings.neighbours - 1,
        "tsne": by_tsne.neighbours_needed(items, perplexity or 1.0),
        "pca": 0,
    }[settings.map]
    neighbours = exact_neighbours(
        X,
        max(needed, JUDGED),
        metric=settings.metric,
        device=device,
        on_progress=_stage(report, "items", "Finding the nearest neighbours"),
    )
    placed = scaled(X, settings.metric)
    on_progress = _stage(report, "steps", "Laying out")
    if settings.map == "pca" or items < 3:  # of two items there is only one map
        positions = pca(placed, settings.dimensions)
    elif settings.map == "umap":
        positions = umap(
            placed,
            neighbours.first(needed),
            min_dist=settings.min_dist,
            dimensions=settings.dimensions,
            seed=settings.seed,
            device=exact,
            on_progress=on_progress,
        )
    else:
        positions = by_tsne.tsne(
            placed,
            neighbours.first(needed),
            perplexity=perplexity or 1.0,
            dimensions=settings.dimensions,
            device=exact,
            on_progress=on_progress,
        )
    trust = trustworthiness(
        X,
        positions,
        JUDGED,
        metric=settings.metric,
        device=exact,
        on_progress=_stage(report, "items", "Judging the map"),
    )
    shown = map_neighbours(positions, JUDGED)
    return Drawn(positions, neighbours, shown, trust, overlap(neighbours, shown, JUDGED), perplexity)


def _stage(report: Report | None, unit: str, what: str) -> Callable[[int, int], None] | None:
    if report is None:
        return None
    return lambda done, total: report(done, total, unit, what)
