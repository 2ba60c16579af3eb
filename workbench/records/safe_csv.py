"""Rows of untrusted text as CSV for people: no cell that a spreadsheet would run, no control character."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from workbench.records.index import ImageIndex, Refused
from workbench.records.text import spreadsheet_safe

REFUSED = ("path", "reason")


def safe_csv(head: Sequence[str], rows: Iterable[Sequence[int | str]]) -> str:
    """A line for `head` and one for each row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([spreadsheet_safe(str(value)) for value in row] for row in rows)
    return text.getvalue()


def refused_csv(refused: Iterable[Refused]) -> str:
    """The files that can't be used, each with its reason."""
    return safe_csv(REFUSED, ((item.path, item.reason) for item in refused))


def labels_csv(index: ImageIndex) -> str:
    """A label table to fill in, as `label_table.read_table` takes it: every file once, those without a label first.

    A file of several pages is labelled as a whole, by what its first page says.
    """
    first: dict[str, int] = {}
    for position, path in enumerate(index.paths):
        first.setdefault(str(path), position)
    lacking_first = sorted(first.values(), key=lambda position: bool(index.label[position] >= 0))
    grouped = bool(index.groups)
    rows = []
    for position in lacking_first:
        label, group = int(index.label[position]), int(index.group[position])
        row = [str(index.paths[position]), index.classes[label] if label >= 0 else ""]
        rows.append([*row, index.groups[group] if group >= 0 else ""] if grouped else row)
    return safe_csv(("path", "label", "group") if grouped else ("path", "label"), rows)
