"""What lies below a folder: files with an image's ending, folders that can't be entered, and how many others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from workbench.pixels.source import EXTENSIONS
from workbench.records.index import Refused
from workbench.records.roots import Roots
from workbench.records.text import printable

REPORT = 5000  # files between two reports


@dataclass(slots=True)
class Listing:
    """Paths as an index has them (`records/roots.py`), sorted."""

    paths: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)  # folders that could not be read, or a second time
    others: Counter[str] = field(
        default_factory=Counter
    )  # files of other kinds, by their ending in small letters


def list_images(roots: Roots, on_found: Callable[[int], None] = lambda count: None) -> Listing:
    """List the images below every folder of `roots`.

    Hidden files and folders are passed over. Links to folders are followed, each real folder once, so that a loop
    ends; a link that leads to one again is told among what was refused. Raises ValueError when a root is not a folder
    that can be read.
    """
    listing = Listing()
    walk = _Walk(listing, on_found)
    for name, folder in roots.items():
        root = Path(folder)
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise ValueError(f"{printable(folder)} {what}. Choose the folder that holds the images.")
        try:
            os.scandir(root).close()
        except OSError as error:
            raise ValueError(
                f"{printable(folder)} can't be read: {error.strerror}. Check its permissions."
            ) from None
        walk.enter(root, f"{name}/" if name else "")
    listing.paths.sort()
    return listing


class _Walk:
    def __init__(self, listing: Listing, on_found: Callable[[int], None]) -> None:
        self._listing, self._on_found = listing, on_found
        self._seen: set[tuple[int, int]] = set()

    def enter(self, start: Path, prefix: str) -> None:
        """Without recursion: a folder may be nested as deep as the system allows."""
        waiting = [(str(start), prefix)]
        while waiting:
            folder, prefix = waiting.pop()
            try:
                facts = os.stat(folder)  # noqa: PTH116 - a hot loop
                key = (facts.st_dev, facts.st_ino)
                if key in self._seen and facts.st_ino:
                    if os.path.islink(folder):  # noqa: PTH114 - a hot loop
                        self._refuse(prefix, "It is a link to a folder that is listed already.")
                    continue
                self._seen.add(key)
                with os.scandir(folder) as entries:
                    folders = [entry for entry in entries if self._is_folder(entry, prefix)]
                waiting += [(entry.path, f"{prefix}{entry.name}/") for entry in folders]
            except OSError as error:
                reason = f"This folder can't be read ({error.strerror or error}); its images are missing."
                self._refuse(prefix, reason)

    def _refuse(self, prefix: str, reason: str) -> None:
        self._listing.refused.append(Refused(prefix.rstrip("/"), reason))

    def _is_folder(self, entry: os.DirEntry[str], prefix: str) -> bool:
        """Take note of a file; True for a folder that is to be entered."""
        name = entry.name
        if name.startswith("."):
            return False
        try:
            if entry.is_dir():
                return True
        except OSError:  # a link that leads back to itself
            pass
        ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a hot loop
        if ending in EXTENSIONS:
            paths = self._listing.paths
            paths.append(prefix + name)
            if len(paths) % REPORT == 0:
                self._on_found(len(paths))
        else:
            self._listing.others[ending[:16]] += 1
        return False
