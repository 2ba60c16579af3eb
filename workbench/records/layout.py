"""From a file's relative path to its label and group: the rules that an expert chooses once for a folder."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a folder tells labels and groups.

    Attributes:
        labels: "folder" - the first folder below the root names the class; "none" - nothing is labelled.
        group_by: "" - no groups; "folder:N" - the N-th folder below the root (1 is the first);
            "name:REGEX" - what the first bracket of REGEX captures in the file's name.
    """

    labels: str = "folder"
    group_by: str = ""

    def __post_init__(self) -> None:
        if self.labels not in ("folder", "none"):
            raise ValueError(f'labels must be "folder" or "none", not {self.labels!r}.')
        kind, _, rule = self.group_by.partition(":")
        if not self.group_by:
            return
        if kind == "folder":
            if not rule.isdecimal() or int(rule) < 1:
                raise ValueError(
                    f'group rule {self.group_by!r}: write "folder:1" for the first folder, and so on.'
                )
        elif kind == "name":
            try:
                pattern = re.compile(rule)
            except re.error as error:
                raise ValueError(f"group rule {self.group_by!r} is not a valid pattern: {error}.") from None
            if not pattern.groups:
                raise ValueError(
                    f"group rule {self.group_by!r} captures nothing: put the part of the file name that "
                    'names the group in brackets, such as "name:(lot[0-9]+)".'
                )
        else:
            raise ValueError(f'group rule {self.group_by!r} must begin with "folder:" or "name:".')

    def label(self, path: str) -> str:
        """The label of a file by its path relative to the root; "" where there is none."""
        parts = path.split("/")
        return parts[0] if self.labels == "folder" and len(parts) > 1 else ""

    def group(self, path: str) -> str:
        kind, _, rule = self.group_by.partition(":")
        parts = path.split("/")
        if kind == "folder":
            return parts[int(rule) - 1] if len(parts) > int(rule) else ""
        if kind == "name":
            match = re.search(rule, parts[-1])
            return (match.group(1) or "") if match else ""
        return ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
