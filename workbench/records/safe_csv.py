"""Rows of untrusted text as CSV for people: no cell that a spreadsheet would run, no control character."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from workbench.records.index import Refused
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
