"""The data regime: how many images there are of what, in the few numbers that an advice can be read from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from workbench.records.index import ImageIndex
from workbench.records.leaks import conflicting_sets, leaking_sets

UNITS = 2  # images or groups of a class, below which it can't be both learnt from and tested
SMALL = 96  # pixels, the shorter side: below it a picture holds little that a usual input of 224 could show


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """Counts of one data set and its pool; a class is one that has an image.

    Attributes:
        unlabelled: images of the data set that have no label.
        pool: images of the unlabelled pool, which are others.
        smallest: labelled images of the smallest class.
        median: labelled images of the class in the middle, the lower one of two.
        groups: that hold a labelled image; an image without a group is none.
        ungrouped: labelled images without a group.
        imbalance: largest class over smallest; 0 where there is no class.
        colours: "grey", "colour" (three channels), "many channels", "mixed", or "" where there is no image.
        bits: a channel of most images, as stored; 0 where there is no image.
        bits_mixed: whether others have another number of bits.
        side: median of the shorter sides, pixels; 0 where there is no image.
        leaks: sets of copies that a split can tear apart.
        conflicts: sets of copies that are under more than one label.
        testable: classes with images in `UNITS` groups, or with as many that have none; under an official split, with
            images in its training and its test part. None: not counted.
    """

    images: int = 0
    labelled: int = 0
    unlabelled: int = 0
    pool: int = 0
    classes: int = 0
    smallest: int = 0
    median: int = 0
    largest: int = 0
    groups: int = 0
    ungrouped: int = 0
    imbalance: float = 0.0
    colours: str = ""
    bits: int = 0
    bits_mixed: bool = False
    side: int = 0
    leaks: int = 0
    conflicts: int = 0
    testable: int | None = None

    @property
    def all_unlabelled(self) -> int:
        """What pretraining could learn from beside the labelled images."""
        return self.unlabelled + self.pool

    @property
    def small(self) -> bool:
        return 0 < self.side < SMALL

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Regime:
        """Keys that are missing keep their defaults; others are left out."""
        return cls(**{field.name: body[field.name] for field in fields(cls) if field.name in body})


def describe_regime(
    index: ImageIndex | None, pool: ImageIndex | None = None, leaks: int | None = None
) -> Regime:
    """Count the index that counts; any thread.

    Args:
        leaks: how many sets of copies leak, where that is known already.
    """
    in_pool = len(pool) if pool is not None else 0
    if index is None or not len(index):
        return Regime(pool=in_pool)
    labelled = index.label >= 0
    sizes = np.bincount(index.label[labelled], minlength=1)
    sizes = np.sort(sizes[sizes > 0])
    groups = index.group[labelled]
    modes = index.mode_counts()
    bits: dict[int, int] = {}
    for mode, number in modes.items():
        bits[_bits(mode)] = bits.get(_bits(mode), 0) + number
    return Regime(
        images=len(index),
        labelled=int(labelled.sum()),
        unlabelled=int((~labelled).sum()),
        pool=in_pool,
        classes=len(sizes),
        smallest=int(sizes[0]) if len(sizes) else 0,
        median=int(sizes[(len(sizes) - 1) // 2]) if len(sizes) else 0,
        largest=int(sizes[-1]) if len(sizes) else 0,
        groups=len(np.unique(groups[groups >= 0])),
        ungrouped=int((groups < 0).sum()),
        imbalance=float(sizes[-1] / sizes[0]) if len(sizes) else 0.0,
        colours=_colours(modes),
        bits=max(bits, key=lambda found: bits[found], default=0),
        bits_mixed=len(bits) > 1,
        side=int(np.median(np.minimum(index.width, index.height))),
        leaks=len(leaking_sets(index)) if leaks is None else leaks,
        conflicts=len(conflicting_sets(index)),
        testable=_testable(index, labelled),
    )


def _testable(index: ImageIndex, labelled: np.ndarray) -> int:
    label, part = index.label[labelled], index.part[labelled]
    if index.plan.kind == "official" and np.any(part == 2):
        return len(np.intersect1d(label[part == 0], label[part == 2]))
    return int(np.sum(_units(label, index.group[labelled]) >= UNITS))


def _units(label: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(K,) of each class, the groups that hold its images, and those of its images that have none."""
    classes = int(label.max(initial=-1)) + 1
    held = group >= 0
    pairs = np.unique(label[held].astype(np.int64) * (int(group.max(initial=0)) + 1) + group[held])
    owners = pairs // (int(group.max(initial=0)) + 1)
    return np.bincount(label[~held], minlength=classes) + np.bincount(owners, minlength=classes)


def _bits(mode: str) -> int:
    """A channel's bits of a mode such as "grey float 32-bit"; 0 for a name that tells none."""
    number = mode.split()[-1].removesuffix("-bit") if mode.split() else ""
    return int(number) if number.isdecimal() else 0


def _colours(modes: Mapping[str, int]) -> str:
    """As the files store it: a grey picture that is saved as RGB counts as colour."""
    kinds = {
        "grey" if mode.startswith("grey") else "many channels" if " channels " in mode else "colour"
        for mode in modes
    }
    return kinds.pop() if len(kinds) == 1 else "mixed" if kinds else ""
