"""What was decided about a data set, carried over to one with a folder more or less."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from workbench.records.curation import Curation
from workbench.records.layout import Layout
from workbench.records.roots import Roots


def carried(curation: Curation, before: Roots, after: Roots) -> Curation:
    """`curation`, speaking of the folders `after` as it spoke of those `before`.

    With several folders, paths begin with a folder's own name. So rules that count folders are moved by one where
    one folder becomes several or the other way round, and images are named by where their folder stands now. What
    was said of images whose folder is gone is dropped. Where no folder stays, nothing is carried over.
    """
    now = {folder: name for name, folder in after.items()}
    renamed = {name: now[folder] for name, folder in before.items() if folder in now}
    if not renamed:
        return Curation()
    shift = ("" not in after) - ("" not in before)
    labels, group_by = (_shifted(rule, shift) for rule in (curation.layout.labels, curation.layout.group_by))
    layout = Layout(labels="folder" if labels == "folder:1" else labels, group_by=group_by)
    joined = [_named(names, renamed) for names in curation.joined]
    return replace(
        curation,
        layout=layout,
        left_out=frozenset(_named(curation.left_out, renamed)),
        joined=tuple(tuple(sorted(names)) for names in joined if len(names) > 1),
    )


def _shifted(rule: str, by: int) -> str:
    """ "folder:2" for "folder" where a level is put before it; the first folder stays the first."""
    kind, _, number = rule.partition(":")
    if kind != "folder" or number == "last" or not by:
        return rule
    return f"folder:{max(int(number or '1') + by, 1)}"


def _named(names: frozenset[str] | tuple[str, ...], renamed: Mapping[str, str]) -> list[str]:
    """Names of images in their folders' new names, without those whose folder is gone."""
    found = []
    for name in names:
        root, _, rest = ("", "", name) if "" in renamed else name.partition("/")
        if root in renamed:
            found.append(f"{renamed[root]}/{rest}" if renamed[root] else rest)
    return found
