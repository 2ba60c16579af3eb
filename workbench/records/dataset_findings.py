"""What is worth knowing of a data set before anything is computed: small classes, few groups, copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workbench.records.index import ImageIndex
from workbench.records.leaks import conflicting_sets, leaking_sets
from workbench.records.results import Finding
from workbench.records.text import count, printable

FEW_IMAGES = 5  # of a class
FEW_GROUPS = 2  # that hold a class
MOST = 0.5  # of a class in one group
FEW_FOR_SHARES = 15  # groups, below which one split by shares hangs on which group is where
IMBALANCE = 3.0  # largest class over smallest
NAMED = 4  # classes in one sentence


def find(index: ImageIndex, leaks: int | None = None) -> list[Finding]:
    """The gravest first. `leaks`: how many sets of copies leak, where that is known already."""
    sizes = np.bincount(index.label[index.label >= 0], minlength=len(index.classes))
    found = [
        *_of_plan(index),
        *_of_copies(index, len(leaking_sets(index)) if leaks is None else leaks),
        *_of_sizes(sizes, index.classes),
        *_of_groups(index, sizes),
    ]
    order = {"bad": 0, "warn": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def of_levels(num_saturated: int, num_dim: int, images: int, window: str) -> list[Finding]:
    """For images with more than 1 % of their pixels at an end of the range, and deep ones that are near black."""
    found = []
    if num_saturated:
        mend = "Nothing can be told apart there" + (": widen the window." if window != "full" else ".")
        sentence = (
            f"{num_saturated:,} of {count(images, 'image')} with over 1 % of the pixels at the end of the range. "
            + mend
        )
        found.append(Finding(name="saturated", severity="warn", advice=sentence))
    if num_dim:
        sentence = (
            f"{count(num_dim, 'image')} with over 8 bits come out nearly black. They fill less than a tenth of their "
            "range: choose an intensity window, so that a backbone sees them."
        )
        found.append(Finding(name="dark", severity="warn", advice=sentence))
    return found


def _of_plan(index: ImageIndex) -> list[Finding]:
    """A way to split that these images don't allow."""
    labelled = index.labelled()
    if not len(labelled):
        return []
    if index.plan.kind == "official" and not (index.part[labelled] == 0).any():
        sentence = (
            "No image has an official training part. Give the label table a column split, or choose another way to "
            "split."
        )
        return [Finding(name="no official part", severity="bad", advice=sentence)]
    groups = index.group[labelled]
    units = len(np.unique(groups[groups >= 0])) + int((groups < 0).sum())
    if index.plan.kind == "folds" and units < index.plan.folds:
        sentence = (
            f"{count(units, 'group')} for {index.plan.folds} folds. Some fold is empty: choose fewer folds."
        )
        return [Finding(name="too many folds", severity="bad", advice=sentence)]
    return []


def _of_copies(index: ImageIndex, leaks: int) -> list[Finding]:
    found = []
    if leaks:
        sentence = (
            f"{count(leaks, 'set')} of copies that a split can tear apart. The test would then repeat what was "
            "learnt: leave the copies out, or make each set one group."
        )
        found.append(Finding(name="leak", severity="bad", advice=sentence))
    conflicts = len(conflicting_sets(index))
    if conflicts:
        sentence = f"{count(conflicts, 'picture')} under two labels. One of the labels must be wrong."
        found.append(Finding(name="two labels", severity="bad", advice=sentence))
    return found


def _of_sizes(sizes: np.ndarray, classes: Sequence[str]) -> list[Finding]:
    found = []
    few = np.flatnonzero((sizes > 0) & (sizes < FEW_IMAGES))
    if len(few):
        sentence = (
            f"{_names(few, classes)}: fewer than {FEW_IMAGES} images. No score of so small a class means much: label "
            "more, merge it with another, or ignore it."
        )
        found.append(Finding(name="small class", severity="warn", advice=sentence))
    sizes = sizes[sizes > 0]
    if len(sizes) > 1 and sizes.max() >= IMBALANCE * sizes.min():
        ratio = sizes.max() / sizes.min()
        sentence = f"The largest class is {ratio:.0f} times the smallest. Macro-F1 weighs all classes alike."
        found.append(Finding(name="imbalance", severity="info", advice=sentence))
    return found


def _of_groups(index: ImageIndex, sizes: np.ndarray) -> list[Finding]:
    both = (index.label >= 0) & (index.group >= 0)
    if not both.any():
        return []
    num_groups = len(index.groups)
    keys = index.label[both].astype(np.int64) * num_groups + index.group[both]
    pairs, counts = np.unique(keys, return_counts=True)
    of_class = pairs // num_groups
    # An image without a group is one by itself.
    alone = np.bincount(index.label[(index.label >= 0) & (index.group < 0)], minlength=len(sizes))
    groups = np.bincount(of_class, minlength=len(sizes)) + alone
    largest = np.zeros(len(sizes), dtype=np.int64)
    np.maximum.at(largest, of_class, counts)
    found = []
    few = np.flatnonzero((sizes > 0) & (groups < FEW_GROUPS))
    if len(few):
        names = _names(few, index.classes)
        sentence = f"{names}: all images are of one group, so that it can't be both learnt and tested."
        found.append(Finding(name="one group", severity="warn", advice=sentence))
    most = np.flatnonzero((groups >= FEW_GROUPS) & (sizes >= FEW_IMAGES) & (largest > MOST * sizes))
    if len(most):
        sentence = (
            f"{_names(most, index.classes)}: one group holds more than half of the images; where it goes decides "
            "the score."
        )
        found.append(Finding(name="dominant group", severity="warn", advice=sentence))
    if index.plan.kind == "shares" and num_groups + int(alone.sum()) < FEW_FOR_SHARES:
        sentence = (
            f"Only {count(num_groups, 'group')}. One split hangs on which of them it tests: choose folds, so that "
            "each is tested once."
        )
        found.append(Finding(name="few groups", severity="info", advice=sentence))
    return found


def _names(codes: np.ndarray, classes: Sequence[str]) -> str:
    shown = ", ".join(printable(classes[code]) for code in codes[:NAMED])
    return (
        shown
        if len(codes) <= NAMED
        else f"{shown} and {count(len(codes) - NAMED, 'other class', 'other classes')}"
    )
