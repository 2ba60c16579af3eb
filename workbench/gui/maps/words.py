"""What is said of maps: how one was drawn, how far it can be trusted, how alike two models are. No Qt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench.records.projection import JUDGED, MAPS, PairOverlap
from workbench.records.text import count, printable

CAUTION = "Distances between far groups on a map mean nothing. The probe above each map decides."


def how_drawn(facts: Mapping[str, Any]) -> str:
    """ "UMAP, 15 neighbours, least distance 0.1, by cosine, seed 0"; "" where nothing is known."""
    kind = facts.get("map")
    if kind not in MAPS:
        return ""
    parts = [MAPS[kind]]
    if kind == "umap":
        parts.append(count(int(facts.get("neighbours", 0)), "neighbour"))
        parts.append(f"least distance {float(facts.get('min_dist', 0)):g}")
    if kind == "tsne" and facts.get("perplexity"):
        parts.append(f"perplexity {float(facts['perplexity']):g}")
    if kind != "pca":
        parts.append(f"by {printable(str(facts.get('metric', '')))}")
        parts.append(f"seed {int(facts.get('seed', 0))}")
    return ", ".join(parts)


def how_true(facts: Mapping[str, Any]) -> str:
    """ "Of the 15 nearest vectors 63 % are nearest on the map · trustworthiness 0.97"."""
    told = []
    overlap, trust = facts.get("overlap"), facts.get("trustworthiness")
    if isinstance(overlap, int | float):
        told.append(f"keeps {percent(float(overlap))} of the {JUDGED} nearest")
    if isinstance(trust, int | float):
        told.append(f"trustworthiness {float(trust):.2f}")
    return " · ".join(told)


def pair_told(pair: PairOverlap, titles: Mapping[str, str]) -> str:
    """ "DINOv2 and histogram: 41 % the same, on the maps 32 %"."""
    one, other = (printable(titles.get(name, name)) for name in (pair.one, pair.other))
    if pair.vectors is None:
        return f"{one} and {other}: too few images in both"
    told = f"{one} and {other}: {percent(pair.vectors)}"
    return told if pair.maps is None else f"{told} ({percent(pair.maps)} on the maps)"


def pairs_told(pairs: Iterable[PairOverlap], titles: Mapping[str, str]) -> str:
    """All of them in a line; "" where nothing is known."""
    told = [pair_told(pair, titles) for pair in pairs]
    return f"Of an image's {JUDGED} nearest, the same in both. {' · '.join(told)}" if told else ""


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
