"""The sets of copies of a data set in the order in which they matter, and what a model finds alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from workbench.records.alike import Alike
from workbench.records.files import DocumentError
from workbench.records.index import ImageIndex
from workbench.records.leaks import conflicting_sets, leaking_sets
from workbench.records.project import Project
from workbench.records.splits import Split
from workbench.records.text import count, printable

Kind = Literal["exact", "near", "alike"]
KINDS: dict[Kind, tuple[str, str]] = {  # a word for the filter, and one for the set itself
    "exact": ("Identical files", "identical files"),
    "near": ("Look the same", "look the same"),
    "alike": ("Alike to the model", "alike to the model"),
}
MOST_ALIKE = 500  # pairs of one model; those further down are hardly copies
PARTS = ("training", "validation", "test")


@dataclass(frozen=True, slots=True)
class CopySet:
    """Pictures of which each is a copy of another."""

    positions: tuple[int, ...]  # in the index that counts, ascending
    kind: Kind
    leaks: bool  # a split can tear it apart
    conflict: bool  # it is there under two labels
    note: str = ""  # in place of the kind's own words

    def told(self, index: ImageIndex, split: Split | None) -> str:
        """How many images in how many groups and which parts."""
        parts = [self.note or KINDS[self.kind][1], count(len(self.positions), "image")]
        groups = {int(index.group[position]) for position in self.positions}
        if index.groups:
            named = len(groups - {-1})
            told = count(named, "group") if named else ""
            if -1 in groups:
                told = f"{told} and images in none" if told else "in no group"
            parts.append(told)
        if split is not None and len(split.part) == len(index):
            shown = sorted({int(split.part[position]) for position in self.positions} - {-1})
            if shown:
                parts.append(f"now in {', '.join(PARTS[part] for part in shown)}")
        return " · ".join(parts)


def find_sets(index: ImageIndex) -> list[CopySet]:
    """Leaks first, then pictures with two labels, then the harmless ones; any thread."""
    leaks = {int(index.copies[members[0]]) for members in leaking_sets(index)}
    conflicts = {int(index.copies[members[0]]) for members in conflicting_sets(index)}
    sets = []
    for members in index.copy_sets():
        code = int(index.copies[members[0]])
        first = index.digest[members[0]]
        exact = bool((index.digest[members] == first).all())
        sets.append(CopySet(tuple(members), "exact" if exact else "near", code in leaks, code in conflicts))
    return sorted(sets, key=lambda found: (not found.leaks, not found.conflict))


def find_alike(index: ImageIndex, project: Project) -> list[CopySet]:
    """Pairs that lie nearest to each other for the model that embedded the images last, most alike first; any thread.

    They are no copies until somebody has looked: other pieces of one material are alike too.
    """
    for run in reversed(project.runs("embed")):
        path = run.path / "alike.npz"
        if not path.exists():
            continue
        try:
            found = Alike.load(path)
            title = str(run.document().get("title", "")).removeprefix("Embed with ")
        except DocumentError:
            continue
        pairs, cosine = found.among(index.ids)
        apart = (index.copies[pairs[:, 0]] != index.copies[pairs[:, 1]]) | (index.copies[pairs[:, 0]] < 0)
        return [
            CopySet(
                tuple(sorted(pair)),
                "alike",
                leaks=False,
                conflict=len({int(index.label[position]) for position in pair} - {-1}) > 1,
                note=f"alike to {printable(title)}, cosine {value:.3f}",
            )
            for pair, value in zip(
                pairs[apart][:MOST_ALIKE].tolist(), cosine[apart][:MOST_ALIKE].tolist(), strict=True
            )
        ]
    return []


def left_out_by(sets: Iterable[CopySet]) -> int:
    """How many images go when one of each set stays; of a set with two labels, none does."""
    return sum(len(found.positions) - (0 if found.conflict else 1) for found in sets)
