"""Indices for tests, made as the program makes them."""

from __future__ import annotations

from pathlib import Path

from workbench.engine.indexing import build_index
from workbench.records.arrange import arrange
from workbench.records.curation import Curation
from workbench.records.index import ImageIndex
from workbench.records.layout import Layout


def counted(*folders: Path, labels: str = "folder", group_by: str = "", check: str = "pixels") -> ImageIndex:
    """The index that counts of one folder, or of several under their own names."""
    roots = {"": str(folders[0])} if len(folders) == 1 else {folder.name: str(folder) for folder in folders}
    layout = Layout(labels=labels, group_by=group_by)
    return arrange(build_index(roots, check=check), Curation(layout=layout)).index
