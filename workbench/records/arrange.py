"""From the index of the files to the index that counts: the expert's decisions applied, no image read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from workbench.records.curation import IGNORED, Curation
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.label_table import LabelTable, Unmatched, match


@dataclass(frozen=True, slots=True)
class Arranged:
    """The index that counts, and what became of the rest."""

    index: ImageIndex
    found: tuple[str, ...] = ()  # classes before renaming, merging and ignoring
    left_out: tuple[str, ...] = ()  # names of images that the expert left out and that are there
    ignored: int = 0  # images of ignored classes
    rows: int = 0  # of the label table that found their image
    unlisted: int = 0  # images without a row, where there is a table
    unmatched: tuple[Unmatched, ...] = ()


def arrange(files: ImageIndex, curation: Curation, table: LabelTable | None = None) -> Arranged:
    """Apply `curation` to the index of the files.

    Args:
        table: the label table that the curation speaks of.

    Raises:
        ValueError: a group pattern that takes too long, or a layout that asks for a table that isn't there.
    """
    layout = curation.layout
    paths = list(files.paths)
    if table is None and "table" in (layout.labels, layout.group_by):
        raise ValueError("the labels are to come from a table, but there is none. Choose the table again.")
    told = match(table, paths, files.roots) if table is not None else None
    labels = told.labels if told and layout.labels == "table" else [layout.label(path) for path in paths]
    groups = told.groups if told and layout.group_by == "table" else layout.group_all(paths)
    part = told.parts if told else np.full(len(files), NO_CODE, dtype=np.int8)
    found = tuple(sorted({label for label in labels if label}))
    shown = [curation.classes.get(label, label) if label else label for label in labels]

    ignored = np.fromiter(
        (bool(label) and new == IGNORED for label, new in zip(labels, shown, strict=True)), bool, len(files)
    )
    out = np.zeros(len(files), dtype=bool)
    names: list[str] | None = None
    if curation.left_out or curation.joined:
        names = files.names()
    if names is not None and curation.left_out:
        out = np.fromiter((name in curation.left_out for name in names), bool, len(files))
    group_codes, group_names = _codes(groups)
    if names is not None and curation.joined:
        group_codes, group_names = _join(names, curation.joined, group_codes, group_names)
    label_codes, classes = _codes(shown)
    whole = replace(
        files,
        label=label_codes,
        group=group_codes,
        part=part.astype(np.int8),
        classes=classes,
        groups=group_names,
        reading=curation.reading,
        plan=curation.plan,
        _ids=None,
    )
    kept = np.flatnonzero(~(ignored | out))
    index = whole if len(kept) == len(files) else _compact(whole.take(kept))
    return Arranged(
        index=index,
        found=found,
        left_out=tuple(names[i] for i in np.flatnonzero(out)) if names is not None else (),
        ignored=int(ignored.sum()),
        rows=told.rows if told else 0,
        unlisted=len(files) - told.images if told else 0,
        unmatched=tuple(told.unmatched) if told else (),
    )


def _codes(names: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    known = tuple(sorted({name for name in names if name}))
    code = {name: number for number, name in enumerate(known)}
    return np.asarray([code.get(name, NO_CODE) for name in names], dtype=np.int32), known


def _join(
    names: Sequence[str], joined: Sequence[Sequence[str]], codes: np.ndarray, known: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Every set of images, with the whole of the groups that it touches, becomes one group."""
    place = {name: position for position, name in enumerate(names)}
    parent: dict[int, int] = {}  # group codes, and -2 - position for an image that has no group

    def top(node: int) -> int:
        while parent.setdefault(node, node) != node:
            parent[node] = node = parent[parent[node]]
        return node

    for members in joined:
        nodes = [
            int(codes[place[name]]) if codes[place[name]] >= 0 else -2 - place[name]
            for name in members
            if name in place
        ]
        for node in nodes[1:]:
            parent[top(node)] = top(nodes[0])
    together: dict[int, list[int]] = {}
    for node in sorted(parent):
        together.setdefault(top(node), []).append(node)
    called = list(known)
    renumbered = np.arange(
        len(known) + 1, dtype=np.int64
    )  # by code; the last stays for images without a group
    renumbered[-1] = NO_CODE
    alone: list[tuple[int, int]] = []  # position of an image that had no group, and its new one
    for nodes in together.values():
        if len(nodes) < 2:
            continue
        groups = [known[node] for node in nodes if node >= 0]
        images = [-2 - node for node in nodes if node < 0]
        called.append(_called(groups) if groups else f"copies of {names[min(images)]}")
        renumbered[[node for node in nodes if node >= 0]] = len(called) - 1
        alone += [(position, len(called) - 1) for position in images]
    out = renumbered[codes]
    for position, code in alone:
        out[position] = code
    return _codes_again(out, called)


def _called(groups: Sequence[str]) -> str:
    """ "lot1 + lot7", "lot1 + 12 more"."""
    return " + ".join(groups) if len(groups) <= 3 else f"{groups[0]} + {len(groups) - 1} more"


def _codes_again(codes: np.ndarray, called: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes in the order of the names, without names that nothing has; equal names are one group."""
    return _codes([called[code] if code >= 0 else "" for code in codes.tolist()])


def _compact(index: ImageIndex) -> ImageIndex:
    """Without the names of groups that have no image left. Classes keep theirs: an empty one is worth seeing."""
    used = np.unique(index.group[index.group >= 0])
    if len(used) == len(index.groups):
        return index
    new = np.full(len(index.groups) + 1, NO_CODE, dtype=np.int32)
    new[used] = np.arange(len(used), dtype=np.int32)
    return replace(index, group=new[index.group], groups=tuple(index.groups[code] for code in used))
