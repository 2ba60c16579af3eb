"""A table that tells labels, groups and parts: CSV or TSV with a row for each image.

Columns are found by name: `path` and `label` are needed, `group` and `split` are taken where they are. Paths may be
absolute, relative to the data root or to the folder that it lies in, or bare file names where these are unique. Where
nothing is called exactly so, small and capital letters count as one, and an ending such as .jpg may be missing.
Whatever doesn't fit is reported, row by row; nothing is guessed.
"""

from __future__ import annotations

import csv
import io
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workbench.records.roots import Roots
from workbench.records.text import count, printable

_NAMES = {
    "path": (
        "path",
        "file",
        "filename",
        "file_name",
        "filepath",
        "file_path",
        "image",
        "image_path",
        "name",
        "id",
    ),
    "label": ("label", "class", "category", "target", "diagnosis", "species", "class_name"),
    "group": ("group", "patient", "patient_id", "subject", "lot", "slide", "site", "case", "group_id"),
    "split": ("split", "part", "subset", "partition"),
}
_PARTS = {
    **dict.fromkeys(("train", "training", "trn"), 0),
    **dict.fromkeys(("val", "valid", "validation", "dev"), 1),
    **dict.fromkeys(("test", "testing", "tst", "holdout"), 2),
}
MAX_BYTES = 1 << 30
NO_LABEL = ("", "nan", "none", "null", "n/a", "na", "?")


class Row(NamedTuple):
    line: int  # in the file, 1 is the first
    path: str
    label: str
    group: str
    split: str


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The rows of a label table, as written."""

    rows: tuple[Row, ...]
    columns: dict[str, str]  # "path", "label", "group", "split" -> the column's name in the file

    @property
    def has_groups(self) -> bool:
        return "group" in self.columns

    @property
    def has_parts(self) -> bool:
        return "split" in self.columns


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A row that tells nothing, and why."""

    line: int
    path: str
    reason: str


@dataclass(slots=True)
class Matched:
    """What a table says of N images. Images without a row have no label, no group and no part."""

    labels: list[str]
    groups: list[str]
    parts: np.ndarray  # (N,) int8, -1 where none is given
    rows: int = 0  # that found an image
    images: int = 0  # that were found by a row
    unmatched: list[Unmatched] = field(default_factory=list)


def read_table(path: Path) -> LabelTable:
    """Read a CSV or TSV; the separator is found by itself (comma, semicolon or tab).

    Raises ValueError with a sentence: a file that can't be read, is no table, or lacks a column.
    """
    name = printable(path.name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{name} is too large for a label table ({path.stat().st_size / 1e9:.1f} GB).")
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{printable(str(path))} can't be read: {error.strerror or error}.") from None
    return parse_table(_decoded(data), name)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("cp1252", "replace")  # what spreadsheets of the West write when they don't write UTF-8


def parse_table(text: str, name: str = "the table") -> LabelTable:
    """`read_table` of a text. Raises ValueError."""
    if "\0" in text:
        raise ValueError(f"{name} is not a text file. Save it as CSV from your spreadsheet.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise ValueError(f"{name} is empty. It needs a first row with the columns path and label.")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(first))
    try:
        rows = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        if "field limit" in str(error):
            raise ValueError(
                f"{name}, line {reader.line_num}: a cell of over {csv.field_size_limit():,} characters. "
                "Is a quotation mark opened and never closed?"
            ) from None
        raise ValueError(f"{name}, line {reader.line_num}: {error}.") from None
    head = [cell.strip() for cell in rows[0][1]]
    columns = _columns(head)
    names = [_plain(cell) for cell in head]
    for column in columns.values():
        if names.count(_plain(column)) > 1:
            raise ValueError(
                f'{name} has more than one column "{printable(column)}". Rename or delete those that don\'t count.'
            )
    for needed in ("path", "label"):
        if needed not in columns:
            raise ValueError(
                f'{name} has no column "{needed}". Its first row is {printable(", ".join(head[:8]))}; write path and '
                "label there, and group and split where you have them."
            )
    place = {kind: head.index(column) for kind, column in columns.items()}

    def cell(row: list[str], kind: str) -> str:
        return row[place[kind]].strip() if kind in place and place[kind] < len(row) else ""

    return LabelTable(
        rows=tuple(
            Row(line, cell(row, "path"), cell(row, "label"), cell(row, "group"), cell(row, "split"))
            for line, row in rows[1:]
        ),
        columns=columns,
    )


def _separator(first: str) -> str:
    """The one that leaves the most known columns in the first row; of several, the one that is there most often."""
    return max(
        "\t;,",
        key=lambda mark: (len(_columns([cell.strip() for cell in first.split(mark)])), first.count(mark)),
    )


def _plain(cell: str) -> str:
    return cell.strip('"').lower().replace(" ", "_")


def _columns(head: list[str]) -> dict[str, str]:
    """Which column is what; an exact name wins over another word for it."""
    by_name = {_plain(cell): cell for cell in reversed(head)}
    found: dict[str, str] = {}
    for kind, names in _NAMES.items():
        for known in names:
            if known in by_name and by_name[known] not in found.values():
                found[kind] = by_name[known]
                break
    return found


def match(table: LabelTable, paths: Sequence[str], roots: Roots) -> Matched:
    """Find each row's images among the `paths` of an index.

    A row's path is looked for as an absolute path below one of `roots`, then as a path relative to the root, then as
    one that begins with the root's own name, and by its end ("b/1.png" finds "a/b/1.png"), which must lead to one
    image only. Rows that contradict an earlier row
    of the same image are reported and not followed. A file of several pages is labelled as a whole.
    """
    finder = _Finder(paths, roots)
    told: dict[int, Row] = {}
    found = Matched(
        labels=[""] * len(paths), groups=[""] * len(paths), parts=np.full(len(paths), -1, dtype=np.int8)
    )
    for row in table.rows:
        positions, reason = finder.find(row.path)
        part = _PARTS.get(row.split.lower(), -1)
        if positions and not reason:
            earlier = told.get(positions[0])
            if earlier is not None and earlier[2:] != row[2:]:  # label, group, split
                reason = f"it contradicts line {earlier.line}, which is followed"
            elif earlier is not None:
                reason = f"it repeats line {earlier.line}"
        if reason:
            found.unmatched.append(Unmatched(row.line, row.path, reason))
            continue
        if row.split and part < 0:
            told_split = f'its split "{row.split}" is none of train, val and test; the label counts'
            found.unmatched.append(Unmatched(row.line, row.path, told_split))
        found.rows += 1
        found.images += len(positions)
        for position in positions:
            told[position] = row
            found.labels[position] = "" if row.label.lower() in NO_LABEL else row.label
            found.groups[position] = row.group
            found.parts[position] = part
    return found


class _Finder:
    def __init__(self, paths: Sequence[str], roots: Roots) -> None:
        self._whole: dict[str, list[int]] = {}
        for position, path in enumerate(paths):
            self._whole.setdefault(path, []).append(position)
        # By the number of names that an end has; below 0 for ends that are told apart less strictly.
        self._by_end: dict[int, dict[str, list[str]]] = {}
        self._roots = [(name, folder.replace("\\", "/").rstrip("/")) for name, folder in roots.items()]

    def find(self, path: str) -> tuple[list[int], str]:
        """Positions of the image's pages, and why there are none."""
        if not path:
            return [], "it has no path"
        if path in self._whole:
            return self._whole[path], ""
        wanted = posixpath.normpath(path.replace("\\", "/"))
        for name, folder in self._roots:
            if wanted.startswith(folder + "/"):
                wanted = "/".join(part for part in (name, wanted[len(folder) + 1 :]) if part)
                break
        if wanted in self._whole:
            return self._whole[wanted], ""
        if "\n" in path:
            return [], "its path has several lines: is a quotation mark opened and never closed?"
        if wanted.startswith("/") or wanted[1:3] == ":/":
            return [], "there is no such image in the chosen folders"
        found = self._of_end(wanted)
        for name, folder in self._roots:
            inner = wanted.removeprefix(folder.rpartition("/")[2] + "/")
            if not name and inner != wanted and inner in self._whole and inner not in found:
                found = [*found, inner]
        found = found or self._nearly(wanted)
        if len(found) == 1:
            return self._whole[found[0]], ""
        if found:
            return [], f"{count(len(found), 'image')} are called so; write more of the path"
        return [], "there is no such image in the chosen folders"

    def _nearly(self, wanted: str) -> list[str]:
        """The paths that end so but for small and capital letters, or but for the ending of the file's name, such as
        tables from Windows and lists of ids have them."""
        wanted = wanted.casefold()
        key = -1 - wanted.count("/")
        if key not in self._by_end:
            ends: dict[str, list[str]] = {}
            for path in self._whole:
                names = path.casefold().split("/")
                if len(names) >= -key:
                    end = "/".join(names[key:])
                    ends.setdefault(end, []).append(path)
                    bare = end[: end.rfind(".")] if "." in names[-1] else ""
                    if bare:
                        ends.setdefault(bare, []).append(path)
            self._by_end[key] = ends
        return self._by_end[key].get(wanted, [])

    def _of_end(self, wanted: str) -> list[str]:
        """The longer paths that end so. One table for each length: thousands of images may have one name."""
        length = wanted.count("/") + 1
        if length not in self._by_end:
            ends: dict[str, list[str]] = {}
            for path in self._whole:
                names = path.split("/")
                if len(names) > length:
                    ends.setdefault("/".join(names[-length:]), []).append(path)
            self._by_end[length] = ends
        return self._by_end[length].get(wanted, [])
