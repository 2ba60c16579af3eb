"""How alike the images of two classes are in an embedding file: the mean cosine over all pairs of them. No Qt.

The mean over pairs is the product of the classes' prototypes, the means of their unit vectors, so that no pair has to
be looked at. Vectors are read block by block; a file is gone through twice at most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.gui.api import read_h5ad, vector_blocks

TINY = 1e-12
SHOWN = 24  # images that a pair of classes is shown with


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """Of C classes in one file. What was taken away from every vector first is `centre` (D,): zeros, or the mean."""

    path: Path
    classes: tuple[str, ...]
    counts: np.ndarray  # (C,) images
    cosines: np.ndarray  # (C, C) float64: mean over pairs of different images; nan where there is no pair
    prototypes: np.ndarray  # (C, D) float64: means of unit vectors
    centre: np.ndarray

    def nearest(self) -> tuple[int, int] | None:
        """The two classes that are most alike; None with fewer than two."""
        apart = np.where(np.eye(len(self.classes), dtype=bool), np.nan, self.cosines)
        if np.isnan(apart).all():
            return None
        row, column = np.unravel_index(int(np.nanargmax(apart)), apart.shape)
        return min(int(row), int(column)), max(int(row), int(column))

    def overlapping(self) -> list[int]:
        """Classes whose images are no more like each other than like those of another class."""
        found = []
        for code in range(len(self.classes)):
            others = np.delete(self.cosines[code], code)
            if len(others) and np.nanmax(others, initial=-2) >= self.cosines[code, code]:
                found.append(code)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """An image, how like it is to the other images of its class, and to those of the other one; cosines."""

    id: str
    code: int
    own: float
    other: float


def likeness_of(path: Path, order: Sequence[str], *, centred: bool) -> Likeness:
    """Of every class in the file, those of `order` first.

    Raises:
        DocumentError: the file is gone, or no embedding file.
        ValueError: it has no labels.
    """
    classes, codes, _ = _labels(path, order)
    counts = np.bincount(codes[codes >= 0], minlength=len(classes))
    centre: np.ndarray | None = None
    if centred:
        total = sum(block[keep].sum(0, dtype=np.float64) for block, keep, _ in _labelled(path, codes))
        centre = total / counts.sum()
    sums: np.ndarray | None = None
    for block, keep, own in _labelled(path, codes):
        if centre is None:
            centre = np.zeros(block.shape[1])
        if sums is None:
            sums = np.zeros((len(classes), block.shape[1]))
        np.add.at(sums, own, _unit(block[keep], centre))
    assert sums is not None and centre is not None
    pairs = counts[:, None] * counts.astype(np.float64)
    products = sums @ sums.T
    itself = np.arange(len(classes))
    products[itself, itself] -= counts  # an image is no pair with itself
    pairs[itself, itself] -= counts
    with np.errstate(divide="ignore", invalid="ignore"):
        cosines = np.where(pairs > 0, products / pairs, np.nan)
    return Likeness(
        path=path,
        classes=classes,
        counts=counts,
        cosines=cosines,
        prototypes=sums / counts[:, None],
        centre=centre,
    )


def between(likeness: Likeness, first: int, second: int, most: int = SHOWN) -> list[Between]:
    """The images of either class that lie farthest towards the other, farthest first; of one class with itself those
    that are least like the rest of it.

    Raises:
        DocumentError: the file is gone.
        ValueError: it has other rows by now.
    """
    classes, codes, ids = _labels(likeness.path, likeness.classes)
    if classes != likeness.classes or not np.array_equal(
        np.bincount(codes[codes >= 0], minlength=len(classes)), likeness.counts
    ):
        raise ValueError(f"{likeness.path} has changed. Choose the model again.")
    found: list[Between] = []
    row = 0
    for block, keep, own in _labelled(likeness.path, codes):
        wanted = (own == first) | (own == second)
        vectors = _unit(block[keep][wanted], likeness.centre)
        for place, code, vector in zip(np.flatnonzero(keep)[wanted] + row, own[wanted], vectors, strict=True):
            number = likeness.counts[code]
            whole = float(vector @ likeness.prototypes[code]) * number
            mine = (whole - 1) / (number - 1) if number > 1 else float("nan")
            theirs = float(vector @ likeness.prototypes[second if code == first else first])
            found.append(Between(id=ids[place], code=int(code), own=mine, other=theirs))
        found = sorted(found, key=lambda one: _rank(one, first == second))[:most]
        row += len(block)
    return found


def _rank(one: Between, alone: bool) -> float:
    value = one.own if alone or np.isnan(one.own) else one.own - one.other
    return float("inf") if np.isnan(value) else value


def _labels(path: Path, order: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray, list[str]]:
    """Classes, (N,) their codes, -1 for none, and ids."""
    file = read_h5ad(path, maps_only=True)
    there = set(file.labels) - {""}
    if not there:
        raise ValueError(
            f"{path} has no labels, so there are no classes to compare. Label images and compare again."
        )
    classes = (*(name for name in order if name in there), *sorted(there - set(order)))
    code_of = {name: code for code, name in enumerate(classes)}
    return classes, np.asarray([code_of.get(label, -1) for label in file.labels], np.int64), file.ids


def _labelled(path: Path, codes: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each block (n, D), which of its rows have a class, and the classes of these."""
    for start, block in vector_blocks(path):
        of_block = codes[start : start + len(block)]
        keep = of_block >= 0
        yield block, keep, of_block[keep]


def _unit(vectors: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(n, D) float64 of length 1, after the centre was taken away."""
    moved = vectors.astype(np.float64) - centre
    made: np.ndarray = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), TINY)
    return made
