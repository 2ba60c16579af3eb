"""How often an image's nearest neighbours in a frozen feature have its label: whether the feature knows the domain.

No probe is fitted and nothing is chosen, so that it says of the feature alone what is there. Neighbours that a split
would keep together with the image, its copies and its group, don't count: they would be near in any feature.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

NEIGHBOURS = 10
QUERIES = 2_000  # images that are asked about at most; their share is then known to about a point
BLOCK = 1 << 24  # similarities at a time: 64 MiB


def purity(
    features: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    copies: Sequence[str] = (),
    *,
    device: str | torch.device = "cpu",
) -> tuple[float, float] | None:
    """Share of the ten nearest by cosine that have the image's label, and the same of neighbours drawn at random.

    Args:
        features: (N, D). labels: (N,) class codes. groups: (N,) codes, negative for an image by itself.
        copies: (N,) name of the set of copies that each is in, "" for none; empty where it isn't known.

    Returns:
        Means over the images that have a neighbour at all, 0 to 1; None where none has.
    """
    X = normalize(torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)).to(device), dim=1)
    y = torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(device)
    apart = [_codes(len(X), groups), _codes(len(X), _sets(copies))]
    together = [torch.from_numpy(codes).to(device) for codes in apart]
    asked = np.arange(len(X))
    if len(X) > QUERIES:
        asked = np.sort(np.random.default_rng(0).choice(len(X), QUERIES, replace=False))
    shares, chances = [], []
    for rows in np.array_split(asked, max(1, -(-len(asked) * len(X) // BLOCK))):
        query = torch.from_numpy(rows).to(device)
        free = torch.ones(len(rows), len(X), dtype=torch.bool, device=device)
        for codes in together:
            free &= codes[query][:, None] != codes[None]
        near = X[query] @ X.T
        best, where = near.masked_fill(~free, -torch.inf).topk(min(NEIGHBOURS, len(X)), dim=1)
        there = best > -torch.inf
        some = there.any(1)
        same = y[query][:, None] == y[None]
        hits = (same.gather(1, where) & there).sum(1)[some] / there.sum(1)[some]
        shares.append(hits.double().cpu())
        chances.append(((same & free).sum(1)[some].double() / free.sum(1)[some]).cpu())
    found, chance = torch.cat(shares), torch.cat(chances)
    return (float(found.mean()), float(chance.mean())) if len(found) else None


def _codes(num: int, groups: np.ndarray | None) -> np.ndarray:
    """(N,) codes in which an item without a group has one of its own."""
    if groups is None:
        return np.arange(num)
    given = np.asarray(groups, dtype=np.int64)
    return np.where(given >= 0, given, given.max(initial=0) + 1 + np.arange(num))


def _sets(copies: Sequence[str]) -> np.ndarray | None:
    if not any(copies):
        return None
    codes = {name: code for code, name in enumerate(sorted({name for name in copies if name}))}
    return np.asarray([codes.get(name, -1) for name in copies])
