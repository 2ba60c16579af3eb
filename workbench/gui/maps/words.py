"""What is said of maps: how one was drawn, how far it can be trusted, how alike two models are. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.records.projection import JUDGED, MAPS, PairOverlap
from workbench.records.text import count, printable

MOST_PAIRS = 3  # in a line
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
    """ "Keeps 63 % of neighbours · trust 0.97"; "" where nothing is known."""
    told = []
    overlap, trust = facts.get("overlap"), facts.get("trustworthiness")
    if isinstance(overlap, int | float):
        told.append(f"keeps {percent(float(overlap))} of neighbours")
    if isinstance(trust, int | float):
        told.append(f"trust {float(trust):.2f}")
    text = " · ".join(told)
    return text[:1].upper() + text[1:]


def pair_told(pair: PairOverlap, titles: Mapping[str, str]) -> str:
    """ "DINOv2 and histogram 41 % (32 % on the maps)"."""
    one, other = (printable(titles.get(name, name)) for name in (pair.one, pair.other))
    if pair.vectors is None:
        return f"{one} and {other} have too few images in common"
    told = f"{one} and {other} {percent(pair.vectors)}"
    return told if pair.maps is None else f"{told} ({percent(pair.maps)} on the maps)"


def pairs_told(pairs: Sequence[PairOverlap], titles: Mapping[str, str]) -> tuple[str, str]:
    """In a line, and all of them for a tooltip. Of many pairs the line names the most and the least alike."""
    if not pairs:
        return "", ""
    head = f"Of the {JUDGED} nearest of an image, the same in both models:"
    ordered = sorted(pairs, key=lambda pair: -1.0 if pair.vectors is None else pair.vectors, reverse=True)
    told = [pair_told(pair, titles) for pair in ordered]
    few = len(told) <= MOST_PAIRS
    line = " · ".join(told) if few else f"most {told[0]}, least {told[-1]}"
    return f"{head} {line}.", "\n".join(told)


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"
