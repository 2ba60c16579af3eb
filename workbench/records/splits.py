"""Seeded, stratified train / validation / test splits that keep groups whole, with a hash that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workbench.records.files import read_document, write_document

VERSION = 1
PARTS = ("train", "val", "test")
UNUSED = -1
FRACTIONS = (0.6, 0.2, 0.2)


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """`part[i]` is 0 train, 1 validation, 2 test, -1 unused (no label) for item `ids[i]`."""

    seed: int
    fractions: tuple[float, float, float]
    ids: tuple[str, ...]
    part: np.ndarray  # (N,) int8
    grouped: bool

    @property
    def hash(self) -> str:
        """Hex digits that change when any item changes its part; the order of the items doesn't matter."""
        lines = sorted(f"{name} {part}" for name, part in zip(self.ids, self.part.tolist(), strict=True))
        return hashlib.blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()

    def counts(self) -> tuple[int, int, int]:
        train, val, test = (int(np.sum(self.part == part)) for part in range(3))
        return train, val, test

    def names(self) -> list[str]:
        return [PARTS[part] if part >= 0 else "" for part in self.part.tolist()]

    def save(self, path: Path) -> None:
        body = {
            "seed": self.seed,
            "fractions": self.fractions,
            "grouped": self.grouped,
            "hash": self.hash,
            "ids": self.ids,
            "part": self.part.tolist(),
        }
        write_document(path, "split", VERSION, body)

    @classmethod
    def load(cls, path: Path) -> Split:
        body = read_document(path, "split", VERSION)
        return cls(
            seed=body["seed"],
            fractions=tuple(body["fractions"]),
            ids=tuple(body["ids"]),
            part=np.asarray(body["part"], dtype=np.int8),
            grouped=body["grouped"],
        )


def make_split(
    ids: Sequence[str],
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    seed: int = 0,
    fractions: tuple[float, float, float] = FRACTIONS,
) -> Split:
    """Divide the labelled items by class, keeping every group in one part.

    Items are first put in the order of their ids, so that the split depends on what the images are and
    not on how the folder was listed.

    Args:
        ids: (N,) unique item ids.
        labels: (N,) integer class codes, negative where there is no label.
        groups: (N,) integer group codes; negative codes are items that form a group each. None: no groups.
        fractions: shares of train, validation and test; must be positive and sum to 1.

    Raises:
        ValueError: fractions that don't sum to 1, or ids that repeat.
    """
    if min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-9:
        raise ValueError(
            f"the shares of train, validation and test must be positive and sum to 1, not {fractions}."
        )
    if len(set(ids)) != len(ids):
        raise ValueError("item ids repeat; a split needs unique ids.")
    labels = np.asarray(labels)
    order = np.asarray(sorted(np.flatnonzero(labels >= 0).tolist(), key=lambda i: ids[i]), dtype=np.int64)
    part = np.full(len(ids), UNUSED, dtype=np.int8)
    grouped = groups is not None and bool(np.any(np.asarray(groups)[order] >= 0))
    rng = np.random.default_rng([seed, 0x5B117])
    if grouped:
        assert groups is not None
        part[order] = _by_group(labels[order], np.asarray(groups)[order], rng, fractions)
    else:
        part[order] = _by_class(labels[order], rng, fractions)
    return Split(seed=seed, fractions=fractions, ids=tuple(ids), part=part, grouped=grouped)


def _by_class(
    labels: np.ndarray, rng: np.random.Generator, fractions: tuple[float, float, float]
) -> np.ndarray:
    """Every class is shuffled and cut; a class of three or more is in all three parts."""
    part = np.zeros(len(labels), dtype=np.int8)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        test = _share(len(members), fractions[2])
        val = _share(len(members) - test, fractions[1] / (fractions[0] + fractions[1]))
        part[members[:test]] = 2
        part[members[test : test + val]] = 1
    return part


def _share(size: int, fraction: float) -> int:
    """How many of `size` are held out: the rounded share, at least one where two or more are there."""
    if size < 2:
        return 0
    return min(max(round(size * fraction), 1), size - 1)


def _by_group(
    labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator, fractions: tuple[float, float, float]
) -> np.ndarray:
    """Greedy: the largest groups first, each to the part that it brings nearest to its share of every class."""
    single = groups < 0
    codes = groups.astype(np.int64).copy()
    codes[single] = codes.max(initial=0) + 1 + np.arange(int(single.sum()))
    names, codes = np.unique(codes, return_inverse=True)
    classes, label_codes = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(names), len(classes)))
    np.add.at(counts, (codes, label_codes), 1)
    # A class weighs the same however many images it has: without this the rare ones are left to chance.
    counts /= counts.sum(axis=0)
    shares = np.asarray(fractions)[:, None]
    filled = np.zeros((3, len(classes)))
    size = counts.sum(axis=1)
    # Jitter makes another seed another split, also among groups of nearly one size.
    order = np.argsort(-size * rng.uniform(0.5, 1.5, len(names)), kind="stable")
    chosen = np.zeros(len(names), dtype=np.int8)
    for group in order:
        with_group = filled[None] + np.eye(3)[:, :, None] * counts[group]
        cost = (((with_group - shares) / np.sqrt(shares)) ** 2).sum(axis=(1, 2))
        gain = cost + rng.uniform(0, 1e-9, 3)
        best = int(np.argmin(gain))
        filled[best] += counts[group]
        chosen[group] = best
    return chosen[codes]
