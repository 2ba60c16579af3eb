"""From a file's relative path to its label and group: the rules that an expert chooses once for a data set."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

import regex  # the standard library's `re` can't be stopped, and a user's pattern may backtrack for ever

from workbench.records.params import param
from workbench.records.text import printable

PATIENCE = 5.0  # seconds for all the names that a pattern is tried on, and 20 µs more for each of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How paths tell labels and groups.

    Attributes:
        labels: "folder:N" - the N-th folder below the root names the class ("folder" is "folder:1"; "folder:last" the
            one that holds the file); "table" - a label table does; "none" - nothing is labelled.
        group_by: "" - no groups; "folder:N" - the N-th folder names the group; "name:REGEX" - what the first bracket
            of REGEX captures in the file's name; "table" - a label table does.

    Raises:
        ValueError: a rule that makes no sense, with a sentence.
    """

    labels: str = param(
        "folder",
        help='Where labels come from: "folder" for the first folder below the root, "folder:2" for the second, '
        '"folder:last" for the one that holds the file, "none", or a CSV or TSV file with columns path and label.',
    )
    group_by: str = param(
        "",
        help='What belongs together and must not be torn between train and test: "folder:2" for the second folder, '
        '"name:(lot[0-9]+)" for a part of the file name, "table" for the label table, empty for no groups.',
    )

    def __post_init__(self) -> None:
        kind, _, rule = self.labels.partition(":")
        if self.labels not in ("folder", "none", "table", "folder:last") and not (
            kind == "folder" and rule.isdecimal() and int(rule) > 0
        ):
            raise ValueError(
                'labels must be "folder", "folder:2", "folder:last", "table" or "none", '
                f"not {printable(self.labels)!r}."
            )
        self._check_group_rule()

    def _check_group_rule(self) -> None:
        kind, _, rule = self.group_by.partition(":")
        shown = printable(self.group_by)
        if self.group_by in ("", "table"):
            return
        if kind == "folder":
            if not rule.isdecimal() or int(rule) < 1:
                raise ValueError(f'group rule {shown!r}: write "folder:1" for the first folder, and so on.')
        elif kind == "name":
            if not _compiled(rule).groups:
                raise ValueError(
                    f"group rule {shown!r} captures nothing: put the part of the file name that "
                    'names the group in brackets, such as "name:(lot[0-9]+)".'
                )
        else:
            raise ValueError(f'group rule {shown!r} must begin with "folder:" or "name:", or be "table".')

    def label(self, path: str) -> str:
        """The label of a file by its path relative to the root; "" where there is none or a table tells it."""
        if self.labels in ("none", "table"):
            return ""
        return _folder(path, self.labels.partition(":")[2] or "1")

    def group(self, path: str) -> str:
        """The group of one file; "" where there is none or a table tells it."""
        return self.group_all([path])[0]

    def group_all(self, paths: Iterable[str]) -> list[str]:
        """The groups of many files. Raises ValueError when the pattern takes too long for them."""
        kind, _, rule = self.group_by.partition(":")
        if kind == "folder":
            return [_folder(path, rule) for path in paths]
        if kind == "name":
            return _captured(rule, list(paths))
        return ["" for _ in paths]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Layout:
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in body.items() if key in known})


def _folder(path: str, which: str) -> str:
    """The folder of a file by its number from the root, or the "last" one; "" where there is none."""
    parts = path.split("/")
    if which == "last":
        return parts[-2] if len(parts) > 1 else ""
    number = int(which)
    return parts[number - 1] if len(parts) > number else ""


def _captured(rule: str, paths: list[str]) -> list[str]:
    pattern = _compiled(rule)
    found = []
    ends = time.monotonic() + PATIENCE + 2e-5 * len(paths)
    for path in paths:
        try:
            match = pattern.search(path.rsplit("/", 1)[-1], timeout=max(ends - time.monotonic(), 1e-3))
        except TimeoutError:
            raise ValueError(
                f"the group pattern {printable(rule)!r} takes too long: at {printable(path)} it was given up. "
                "Write it without repeats inside repeats, such as (a+)+."
            ) from None
        found.append((match.group(1) or "") if match else "")
    return found


def _compiled(rule: str) -> Any:
    try:
        return regex.compile(rule)
    except regex.error as error:
        raise ValueError(
            f"group rule {printable('name:' + rule)!r} is not a valid pattern: {error}."
        ) from None
