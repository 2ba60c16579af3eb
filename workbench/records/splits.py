"""Seeded, stratified train / validation / test splits that keep groups whole, with a hash that names them.

Three ways to divide (`SplitPlan`): by shares, as somebody else has decided ("official"), or in folds, each of which
is the test part once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workbench.records.files import read_document, write_document

VERSION = 1
PARTS = ("train", "val", "test")
UNUSED = -1
FRACTIONS = (0.6, 0.2, 0.2)
FOLDS = 5
BLOCK = 1 << 16  # lines of a hash at a time
KINDS = ("shares", "official", "folds")


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlan:
    """How the labelled images are divided, for every seed anew.

    Attributes:
        kind: "shares" - by `fractions`; "official" - the parts that a label table gives, where what it leaves open
            (a validation part, a test part) is drawn; "folds" - seed s has fold s % folds as its test part and the
            next one for validation, and every `folds` seeds the folds are drawn anew.
        fractions: shares of train, validation and test.
        folds: how many.

    Raises:
        ValueError: with a sentence, for a plan that divides nothing.
    """

    kind: str = "shares"
    fractions: tuple[float, float, float] = FRACTIONS
    folds: int = FOLDS

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a split is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if len(self.fractions) != 3 or min(self.fractions) <= 0 or abs(sum(self.fractions) - 1) > 1e-9:
            raise ValueError(
                f"the shares of train, validation and test must be positive and sum to 1, not {self.fractions}."
            )
        if not 3 <= self.folds <= 100:
            raise ValueError(f"there must be 3 to 100 folds, not {self.folds}: one to test, one to validate.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> SplitPlan:
        known = {"kind", "fractions", "folds"}
        values = {key: value for key, value in body.items() if key in known}
        if "fractions" in values:
            values["fractions"] = tuple(values["fractions"])
        return cls(**values)

    @classmethod
    def parse(cls, text: str) -> SplitPlan:
        """From a command line: "60/20/20", "official" or "folds:5". Raises ValueError with a sentence."""
        kind, _, number = text.partition(":")
        try:
            if kind == "folds":
                return cls(kind="folds", folds=int(number or FOLDS))
            if text == "official":
                return cls(kind="official")
            shares = [float(share) for share in text.split("/")]
            train, val, _ = (share / sum(shares) for share in shares)
        except (ValueError, ZeroDivisionError) as error:
            if isinstance(error, ValueError) and "there must be" in str(error):
                raise
            raise ValueError(
                f'a split is written "60/20/20" (train, validation, test), "official" or "folds:5", not {text!r}.'
            ) from None
        return cls(fractions=(train, val, 1 - train - val))

    def told(self) -> str:
        """In a few words."""
        if self.kind == "folds":
            return f"{self.folds} folds"
        if self.kind == "official":
            return "official parts"
        return " / ".join(f"{100 * share:.0f}" for share in self.fractions) + " %"


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
        state = hashlib.blake2b(digest_size=8)
        order = _sorted(self.ids)
        for start in range(0, len(order), BLOCK):
            rows = order[start : start + BLOCK].tolist()
            lines = "\n".join(f"{self.ids[row]} {self.part[row]}" for row in rows)
            state.update((("\n" if start else "") + lines).encode("utf-8", "surrogatepass"))
        return state.hexdigest()

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
    plan: SplitPlan | None = None,
    official: np.ndarray | None = None,
) -> Split:
    """Divide the labelled items by class, keeping every group in one part.

    Items are first put in the order of their ids, so that the split depends on what the images are and
    not on how the folder was listed.

    Args:
        ids: (N,) unique item ids.
        labels: (N,) integer class codes, negative where there is no label.
        groups: (N,) integer group codes; negative codes are items that form a group each. None: no groups.
        plan: how to divide; by default 60 / 20 / 20.
        official: (N,) parts that a plan of kind "official" holds to; negative: not used.

    Raises:
        ValueError: ids that repeat; an official plan without an official training part.
    """
    plan = plan or SplitPlan()
    if len(set(ids)) != len(ids):
        raise ValueError("item ids repeat; a split needs unique ids.")
    labels = np.asarray(labels)
    order = _sorted(ids)
    order = order[labels[order] >= 0]
    codes = None if groups is None else np.asarray(groups)
    grouped = codes is not None and bool(np.any(codes[order] >= 0))
    part = np.full(len(ids), UNUSED, dtype=np.int8)

    def divide(members: np.ndarray, shares: Sequence[float], key: int) -> np.ndarray:
        rng = np.random.default_rng([key, 0x5B117])
        if grouped:
            assert codes is not None
            return _by_group(labels[members], codes[members], rng, shares)
        return _by_class(labels[members], rng, shares)

    if plan.kind == "official":
        part[order] = _complete(
            np.asarray(official)[order] if official is not None else None, order, plan, seed, divide
        )
    elif plan.kind == "folds":
        fold = divide(order, [1 / plan.folds] * plan.folds, seed // plan.folds)
        test = seed % plan.folds
        part[order] = np.where(fold == test, 2, np.where(fold == (test + 1) % plan.folds, 1, 0))
    else:
        part[order] = divide(order, plan.fractions, seed)
    return Split(seed=seed, fractions=plan.fractions, ids=tuple(ids), part=part, grouped=grouped)


def _sorted(ids: Sequence[str]) -> np.ndarray:
    """Positions in the order of the ids. By numpy, which lets other threads go on while it sorts a million."""
    keys = np.array([name.encode("utf-8", "surrogatepass") for name in ids], dtype=bytes)
    return np.argsort(keys, kind="stable") if len(keys) else np.zeros(0, dtype=np.int64)


def _complete(
    given: np.ndarray | None,
    order: np.ndarray,
    plan: SplitPlan,
    seed: int,
    divide: Callable[[np.ndarray, Sequence[float], int], np.ndarray],
) -> np.ndarray:
    """The official parts of the items in `order`; a part that is missing is drawn from training."""
    if given is None or not np.any(given == 0):
        raise ValueError(
            'there is no official training part. Give the label table a column "split" with train, val or test in '
            "every row, or choose another way to split."
        )
    part = given.astype(np.int8)
    open_parts = [number for number in (1, 2) if not np.any(part == number)]
    if open_parts:
        members = np.flatnonzero(part == 0)
        shares = [plan.fractions[0], *(plan.fractions[number] for number in open_parts)]
        drawn = divide(order[members], [share / sum(shares) for share in shares], seed)
        part[members] = np.asarray([0, *open_parts], dtype=np.int8)[drawn]
    return part


def _by_class(labels: np.ndarray, rng: np.random.Generator, shares: Sequence[float]) -> np.ndarray:
    """Every class is shuffled and cut, the last part first; a class of as many items as parts is in all of them."""
    part = np.zeros(len(labels), dtype=np.int8)
    order = np.argsort(labels, kind="stable")
    starts = np.unique(labels[order], return_index=True)[1]
    for members in np.split(order, starts[1:]):
        members = rng.permutation(members)
        for number in range(len(shares) - 1, 0, -1):
            held = _share(len(members), shares[number] / sum(shares[: number + 1]))
            part[members[:held]] = number
            members = members[held:]
    return part


def _share(size: int, fraction: float) -> int:
    """How many of `size` are held out: the rounded share, at least one where two or more are there."""
    if size < 2:
        return 0
    return min(max(round(size * fraction), 1), size - 1)


def _by_group(
    labels: np.ndarray, groups: np.ndarray, rng: np.random.Generator, fractions: Sequence[float]
) -> np.ndarray:
    """Greedy: the largest groups first, each to the part that it brings nearest to its share of every class.

    Items without a group come last, class by class, and fill up what the groups have left open.
    """
    classes, codes = np.unique(labels, return_inverse=True)
    totals = np.bincount(codes, minlength=len(classes))
    part = np.zeros(len(labels), dtype=np.int8)
    filled = np.zeros((len(fractions), len(classes)))  # items of each class in each part
    grouped = np.flatnonzero(groups >= 0)
    if len(grouped):
        names, members = np.unique(groups[grouped], return_inverse=True)
        whole = len(grouped) == len(groups)
        chosen = _greedy(members, codes[grouped], len(names), totals, filled, rng, fractions, whole)
        part[grouped] = chosen[members]
    single = rng.permutation(np.flatnonzero(groups < 0))
    single = single[np.argsort(codes[single], kind="stable")]
    bounds = np.searchsorted(codes[single], np.arange(len(classes) + 1))
    for code in np.flatnonzero(np.diff(bounds)):
        alone = single[bounds[code] : bounds[code + 1]]
        wanted = np.maximum(np.asarray(fractions) * totals[code] - filled[:, code], 0)
        wanted = wanted if wanted.sum() > 0 else np.asarray(fractions, dtype=float)
        ends = np.round(np.cumsum(wanted) / wanted.sum() * len(alone)).astype(np.int64)
        part[alone] = np.searchsorted(ends, np.arange(len(alone)), side="right").astype(np.int8)
    return part


def _greedy(
    members: np.ndarray,
    codes: np.ndarray,
    num_groups: int,
    totals: np.ndarray,
    filled: np.ndarray,
    rng: np.random.Generator,
    fractions: Sequence[float],
    whole: bool,
) -> np.ndarray:
    """(groups,) part of each group. `filled` is brought up to date. `whole`: no item is without a group, so that no
    other will fill a part that is left empty.

    Only the classes that a group has are looked at: many groups and many classes need no table of both.
    """
    num_classes = len(totals)
    pairs, counts = np.unique(members.astype(np.int64) * num_classes + codes, return_counts=True)
    of_group, of_class = np.divmod(pairs, num_classes)
    starts = np.searchsorted(of_group, np.arange(num_groups + 1))
    # A class weighs the same however many images it has: without this the rare ones are left to chance.
    weights = counts / totals[of_class]
    size = np.bincount(of_group, weights=weights, minlength=num_groups)
    shares = np.asarray(fractions)[:, None]
    # Jitter makes another seed another split, also among groups of nearly one size.
    order = np.argsort(-size * rng.uniform(0.5, 1.5, num_groups), kind="stable")
    ties = rng.uniform(0, 1e-9, (num_groups, len(fractions)))
    share = np.zeros_like(filled)  # of each class in each part
    chosen = np.zeros(num_groups, dtype=np.int8)
    for group in order.tolist():
        there = slice(starts[group], starts[group + 1])
        before = share[:, of_class[there]] - shares
        after = before + weights[there]
        cost = ((after**2 - before**2) / shares).sum(axis=1) + ties[group]
        best = int(np.argmin(cost))
        share[best, of_class[there]] += weights[there]
        filled[best, of_class[there]] += counts[there]
        chosen[group] = best
    for empty in np.flatnonzero(filled.sum(axis=1) == 0).tolist() if whole else ():
        _lend(empty, chosen, size, starts, of_class, counts, filled)
    return chosen


def _lend(
    empty: int,
    chosen: np.ndarray,
    size: np.ndarray,
    starts: np.ndarray,
    of_class: np.ndarray,
    counts: np.ndarray,
    filled: np.ndarray,
) -> None:
    """Give a part without any item the smallest group of the part that has most of them: of three groups each would
    rather be learnt from, and a comparison needs all three parts."""
    num = np.bincount(chosen, minlength=len(filled))
    rich = int(np.argmax(num))
    if num[rich] < 2:
        return
    members = np.flatnonzero(chosen == rich)
    group = int(members[np.argmin(size[members])])
    there = slice(starts[group], starts[group + 1])
    filled[rich, of_class[there]] -= counts[there]
    filled[empty, of_class[there]] += counts[there]
    chosen[group] = empty
