"""What rules for labels and groups would make of the images, found out in a thread before they are put in force."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex

from workbench.records.arrange import Arranged, arrange
from workbench.records.curation import Curation
from workbench.records.dataset_findings import find
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.label_table import LabelTable
from workbench.records.layout import Layout
from workbench.records.results import Finding
from workbench.records.splits import PARTS
from workbench.records.text import count, printable

EXAMPLES = 200  # images in the preview, spread over the data set
QUICK = 2000  # images that a first answer is made of, spread likewise
PATIENCE = 0.5  # seconds for a pattern on the examples

Span = tuple[int, int]  # characters of a path, the end not included


@dataclass(frozen=True, slots=True)
class Example:
    """One image under the rules. Spans say which characters of its path tell label and group, where any do."""

    path: str
    label: str
    group: str
    part: str
    label_span: Span | None = None
    group_span: Span | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """What the rules would make of the images."""

    arranged: Arranged
    examples: tuple[Example, ...]  # spread over all images
    lacking: tuple[Example, ...]  # spread over those that the rules give no label or no group
    num_lacking: int
    official: tuple[int, int, int]  # images in the parts that the table gives
    findings: tuple[Finding, ...]
    whole: bool  # not a sample


def try_layout(
    files: ImageIndex, curation: Curation, table: LabelTable | None = None, *, quick: bool = False
) -> Trial:
    """Arrange `files` as `curation` says. Any thread.

    Args:
        table: the label table that the layout speaks of.
        quick: look at `QUICK` images at most. A table's rows can only be matched to all images.

    Raises:
        ValueError: rules that can't be applied, with a sentence; among them a pattern that takes too long.
    """
    layout = curation.layout
    whole = not quick or len(files) <= QUICK
    if not whole:
        files = files.take(_spread(np.arange(len(files)), QUICK))
    _check_pace(layout, files)
    arranged = arrange(files, curation, table)
    index = arranged.index
    bare = np.zeros(len(index), dtype=bool)
    if layout.labels != "none":
        bare |= index.label == NO_CODE
    if layout.group_by:
        bare |= index.group == NO_CODE
    lacking = np.flatnonzero(bare)
    official = tuple(int((index.part == part).sum()) for part in range(3)) if table is not None else (0, 0, 0)
    return Trial(
        arranged=arranged,
        examples=_examples(index, layout, np.arange(len(index))),
        lacking=_examples(index, layout, lacking),
        num_lacking=len(lacking),
        official=(official[0], official[1], official[2]),
        findings=(*_of_rules(arranged, layout), *find(index)) if whole else (),
        whole=whole,
    )


def summary(trial: Trial) -> str:
    """Classes, groups and what has none, in a line."""
    index = trial.arranged.index
    classes = int((np.bincount(index.label[index.label >= 0], minlength=1) > 0).sum())
    parts = [count(len(index), "image"), count(classes, "class", "classes") if classes else "no labels"]
    unlabelled = int((index.label == NO_CODE).sum())
    if classes and unlabelled:
        parts.append(f"{unlabelled:,} without a label")
    alone = int((index.group == NO_CODE).sum())
    parts.append(count(len(index.groups), "group") if index.groups else "no groups")
    if index.groups and alone:
        parts.append(f"{alone:,} in no group")
    return " · ".join(parts)


def capture(pattern: str, name: str) -> str:
    """What a pattern captures in one file name; "" for nothing, also where the pattern is none."""
    try:
        match = regex.compile(pattern).search(name, timeout=PATIENCE)
    except (regex.error, TimeoutError):
        return ""
    return str(match.group(1) or "") if match else ""


def _of_rules(arranged: Arranged, layout: Layout) -> list[Finding]:
    """Rules that find nothing at all are most likely meant otherwise."""
    found = []
    if layout.labels != "none" and not arranged.found and len(arranged.index):
        what = "The table gives no image a label." if layout.labels == "table" else _no_folder(layout.labels)
        found.append(Finding(name="no labels", severity="bad", advice=what))
    if layout.group_by and not arranged.index.groups and len(arranged.index):
        what = {
            "table": "The table gives no image a group.",
            "folder": _no_folder(layout.group_by),
            "name": "The pattern fits no file name, so that every image would stand by itself.",
        }[layout.group_by.partition(":")[0]]
        found.append(Finding(name="no groups", severity="bad", advice=what))
    return found


def _no_folder(rule: str) -> str:
    number = rule.partition(":")[2] or "1"
    if number == "last":
        return "No image lies in a folder below the data set's own."
    if number == "1":
        return "No image lies in a folder of its class. A table (CSV) with a row for each file can tell the labels."
    return f"No image lies below a folder {number}: choose one with a smaller number."


def _check_pace(layout: Layout, files: ImageIndex) -> None:
    """A pattern that backtracks for ever is found out on few names, rather than after seconds on all of them."""
    if not layout.group_by.startswith("name:"):
        return
    pattern = regex.compile(layout.group_by[5:])
    ends = time.monotonic() + PATIENCE
    for position in _spread(np.arange(len(files)), EXAMPLES).tolist():
        name = str(files.paths[position]).rsplit("/", 1)[-1]
        try:
            pattern.search(name, timeout=max(ends - time.monotonic(), 1e-3))
        except TimeoutError:
            raise ValueError(
                f"This pattern takes too long: it was given up at {printable(name)}. Write it without repeats "
                "inside repeats, such as (a+)+."
            ) from None


def _examples(index: ImageIndex, layout: Layout, positions: np.ndarray) -> tuple[Example, ...]:
    pattern = regex.compile(layout.group_by[5:]) if layout.group_by.startswith("name:") else None
    return tuple(_example(index, layout, pattern, i) for i in _spread(positions, EXAMPLES).tolist())


def _example(index: ImageIndex, layout: Layout, pattern: Any, position: int) -> Example:
    path = str(index.paths[position])
    label, group, part = (int(column[position]) for column in (index.label, index.group, index.part))
    group_span = _folder_span(path, layout.group_by) if pattern is None else _name_span(path, pattern)
    return Example(
        path=path,
        label=index.classes[label] if label != NO_CODE else "",
        group=index.groups[group] if group != NO_CODE else "",
        part={"val": "validation"}.get(PARTS[part], PARTS[part]) if part != NO_CODE else "",
        label_span=_folder_span(path, layout.labels) if label != NO_CODE else None,
        group_span=group_span if group != NO_CODE else None,
    )


def _folder_span(path: str, rule: str) -> Span | None:
    """Where the folder that "folder:N" names stands in a path."""
    kind, _, number = rule.partition(":")
    folders = path.split("/")[:-1]
    if kind != "folder" or not folders:
        return None
    place = len(folders) - 1 if number == "last" else int(number or "1") - 1
    if place >= len(folders):
        return None
    start = sum(len(folder) + 1 for folder in folders[:place])
    return start, start + len(folders[place])


def _name_span(path: str, pattern: Any) -> Span | None:
    name = path.rsplit("/", 1)[-1]
    try:
        match = pattern.search(name, timeout=PATIENCE)
    except TimeoutError:
        return None
    if match is None or match.start(1) < 0:
        return None
    before = len(path) - len(name)
    return before + match.start(1), before + match.end(1)


def _spread(positions: np.ndarray, most: int) -> np.ndarray:
    """At most `most` of `positions`, evenly spread, in their order."""
    if len(positions) <= most:
        return positions
    return positions[np.linspace(0, len(positions) - 1, most).astype(np.int64)]
