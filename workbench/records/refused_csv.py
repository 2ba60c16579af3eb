"""Files that can't be used, as a table for people: one line a file, and no cell that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from workbench.records.files import write_text
from workbench.records.index import Refused
from workbench.records.text import spreadsheet_safe


def refused_csv(refused: Sequence[Refused]) -> str:
    """Path and reason."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("path", "reason"))
    writer.writerows((spreadsheet_safe(item.path), spreadsheet_safe(item.reason)) for item in refused)
    return text.getvalue()


def write_refused(refused: Sequence[Refused], path: Path) -> None:
    write_text(path, refused_csv(refused))
