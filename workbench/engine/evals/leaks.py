"""Copies of test images among the images that are learnt from: counted for every result, whatever the answer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.records.results import Finding, Leaks
from workbench.records.splits import Split
from workbench.records.text import count


def find_leaks(
    copies: Sequence[str], splits: Sequence[Split], *, near: bool
) -> tuple[Leaks, tuple[Finding, ...]]:
    """Look for sets of copies that the splits tear apart.

    Args:
        copies: (N,) name of the set of exact or near copies that each item is in, "" for none. Where all are empty,
            the ids tell exact copies still: they differ behind "~" only.
        splits: N items each, in the same order.
        near: whether `copies` were looked for by their looks too.
    """
    ids = splits[0].ids
    codes = _codes(copies if any(copies) else [name.partition("~")[0] for name in ids])
    worst_sets = worst_images = 0
    for split in splits:
        tested = np.isin(codes, codes[(split.part == 2) & (codes >= 0)])
        learnt = np.isin(codes, codes[(split.part >= 0) & (split.part < 2) & (codes >= 0)])
        torn = tested & learnt & (codes >= 0)
        worst_sets = max(worst_sets, len(np.unique(codes[torn])))
        worst_images = max(worst_images, int((torn & (split.part == 2)).sum()))
    leaks = Leaks(sets=worst_sets, test_images=worst_images, near=near)
    if not worst_sets:
        return leaks, ()
    have = "has a copy" if worst_images == 1 else "have copies"
    advice = (
        f"Up to {count(worst_images, 'image')} of the test part {have} in the parts that are learnt from: scores are "
        "too high by as much as these are easy. Leave the copies out or put them into one group."
    )
    return leaks, (Finding(name="leak", severity="bad", advice=advice),)


def _codes(names: Sequence[str]) -> np.ndarray:
    known: dict[str, int] = {}
    return np.asarray([known.setdefault(name, len(known)) if name else -1 for name in names], dtype=np.int64)
