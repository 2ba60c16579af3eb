"""Leaks: copies of one picture that a split can tear apart, so that the test repeats what was learnt.

A set of copies is safe when one group holds all its labelled images, since groups stay whole, or when an official
split has them all in one part. Copies without a label take no part in a split and leak nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from workbench.records.duplicates import copy_sets
from workbench.records.index import ImageIndex


def leaking_sets(index: ImageIndex) -> list[list[int]]:
    """Positions of the labelled images of every set of copies, exact or near, that is not safe."""
    leaks = []
    official = index.plan.kind == "official"
    for members in index.copy_sets():
        labelled = [position for position in members if index.label[position] >= 0]
        if official:
            labelled = [position for position in labelled if index.part[position] >= 0]
            parts = {int(index.part[position]) for position in labelled}
            torn = len(parts) > 1
        else:
            groups = {int(index.group[position]) for position in labelled}
            torn = len(labelled) > 1 and (len(groups) > 1 or groups == {-1})
        if torn:
            leaks.append(labelled)
    return leaks


def conflicting_sets(index: ImageIndex) -> list[list[int]]:
    """Sets of copies whose images are labelled differently: one of the labels is wrong."""
    return [
        members
        for members in index.copy_sets()
        if len({int(index.label[position]) for position in members} - {-1}) > 1
    ]


def superfluous(index: ImageIndex, sets: Iterable[Sequence[int]]) -> list[str]:
    """Names of the images to leave out so that one of each set is left: the first that has a label.

    Of a set whose labels contradict each other none is left, since nobody knows which label is right.
    """
    names = []
    for members in sets:
        labels = {int(index.label[position]) for position in members} - {-1}
        kept = next((position for position in members if index.label[position] >= 0), members[0])
        names += [index.name(position) for position in members if len(labels) > 1 or position != kept]
    return names


def in_pool(
    index: ImageIndex,
    pool: ImageIndex,
    confirm: Callable[[np.ndarray, Callable[[int], tuple[ImageIndex, int]]], np.ndarray] | None = None,
) -> np.ndarray:
    """Positions in `pool` of copies, exact or near, of the labelled images: pretraining on them would see the test.

    Under an official split only copies of its test images count; otherwise any labelled image may be tested.

    Args:
        confirm: asked for doubtful pairs, with a function that says which image of which index a number stands for;
            without it they are no copies.
    """
    labelled = index.labelled()
    if index.plan.kind == "official":
        labelled = labelled[index.part[labelled] == 2]
    if not len(labelled) or not len(pool):
        return np.zeros(0, dtype=np.int64)

    def image(number: int) -> tuple[ImageIndex, int]:
        return (index, int(labelled[number])) if number < len(labelled) else (pool, number - len(labelled))

    codes = copy_sets(
        np.concatenate([index.digest[labelled], pool.digest]),
        np.concatenate([index.signature[labelled], pool.signature]),
        confirm=None if confirm is None else lambda pairs: confirm(pairs, image),
    )
    ours, theirs = codes[: len(labelled)], codes[len(labelled) :]
    return np.flatnonzero((theirs >= 0) & np.isin(theirs, ours[ours >= 0]))
