"""What the window says of the images: counted once in a thread whenever the index changes, then only read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.records.index import ImageIndex
from workbench.records.splits import Split

if TYPE_CHECKING:
    from workbench.gui.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetFacts:
    """Counts of one index under one split. Everything here is plain and small, but for the positions."""

    images: int = 0
    labelled: int = 0
    classes: tuple[str, ...] = ()
    parts: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))  # (classes, 3)
    group_parts: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))  # (groups, 3)
    class_sizes: tuple[int, ...] = ()
    group_sizes: tuple[int, ...] = ()  # ascending
    grouped_images: int = 0
    modes: tuple[tuple[str, int], ...] = ()  # the most frequent first
    widths: tuple[int, int, int] = (0, 0, 0)  # smallest, median, largest, pixels
    heights: tuple[int, int, int] = (0, 0, 0)
    refused: int = 0
    duplicates: np.ndarray = field(
        default_factory=lambda: np.zeros(0, dtype=np.int64)
    )  # positions, set by set
    duplicate_sets: int = 0
    leaks: int = 0  # sets of copies that lie in more than one part of the split
    split_hash: str = ""
    pool: int = 0

    @property
    def groups(self) -> int:
        return len(self.group_sizes)


def count_facts(index: ImageIndex | None, split: Split | None, pool: ImageIndex | None) -> DatasetFacts:
    """Count; any thread. For a million images this takes seconds, mostly for the hash of the split."""
    if index is None:
        return DatasetFacts(pool=len(pool) if pool is not None else 0)
    sets = index.exact_duplicates()
    part = split.part if split is not None else np.full(len(index), -1, dtype=np.int8)
    parts = np.zeros((len(index.classes), 3), dtype=np.int64)
    used = (part >= 0) & (index.label >= 0)
    np.add.at(parts, (index.label[used], part[used]), 1)
    group_parts = np.zeros((len(index.groups), 3), dtype=np.int64)
    used = (part >= 0) & (index.group >= 0)
    np.add.at(group_parts, (index.group[used], part[used]), 1)
    grouped = index.group[index.group >= 0]
    sizes = np.sort(np.bincount(grouped, minlength=len(index.groups))) if len(grouped) else np.zeros(0, int)
    return DatasetFacts(
        images=len(index),
        labelled=int((index.label >= 0).sum()),
        classes=index.classes,
        parts=parts,
        group_parts=group_parts,
        class_sizes=tuple(index.class_counts().values()),
        group_sizes=tuple(int(size) for size in sizes),
        grouped_images=len(grouped),
        modes=tuple(sorted(index.mode_counts().items(), key=lambda item: -item[1])),
        widths=_range(index.width),
        heights=_range(index.height),
        refused=len(index.refused),
        duplicates=np.asarray([position for copies in sets for position in copies], dtype=np.int64),
        duplicate_sets=len(sets),
        leaks=sum(len({int(part[p]) for p in copies if part[p] >= 0}) > 1 for copies in sets),
        split_hash=split.hash if split is not None else "",
        pool=len(pool) if pool is not None else 0,
    )


def _range(values: np.ndarray) -> tuple[int, int, int]:
    if not len(values):
        return 0, 0, 0
    return int(values.min()), int(np.median(values)), int(values.max())


class DatasetWatcher(QObject):
    """The facts of a session's images, counted again in a thread when they change. One a session."""

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.facts = DatasetFacts()
        self._asked = 0
        self._background = Background(self)
        session.dataset_changed.connect(self.count)
        self.count()

    def count(self) -> None:
        session = self._session
        index, split, pool = session.index, session.split, session.pool_index
        self._asked += 1
        asked = self._asked

        def work() -> DatasetFacts:
            for images in (index, pool):
                if images is not None:
                    _ = images.ids  # made here once, so that no view makes a million of them while it paints
            return count_facts(index, split, pool)

        def show(facts: DatasetFacts) -> None:
            if asked == self._asked:
                self.facts = facts
                self.changed.emit()

        self._background.run(work, show, lambda error: session.message.emit("bad", str(error)))

    def close(self) -> None:
        self._background.close()


def watcher_of(session: Session) -> DatasetWatcher:
    """The session's watcher; made when it is first asked for."""
    found = session.findChild(DatasetWatcher)
    return found if isinstance(found, DatasetWatcher) else DatasetWatcher(session)
