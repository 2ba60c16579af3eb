"""What the window says of the images: counted once in a thread whenever the index changes, then only read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from workbench.gui.background import Background
from workbench.records.arrange import Arranged
from workbench.records.dataset_findings import find, of_levels
from workbench.records.index import ImageIndex
from workbench.records.leaks import in_pool, leaking_sets
from workbench.records.regime import Regime, describe_regime
from workbench.records.results import Finding
from workbench.records.roots import Roots
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
    moved: bool = False  # a folder of images is not where it was
    refused: int = 0
    duplicate_sets: int = 0  # of copies, exact or near
    leaks: int = 0  # sets of copies that a split can tear apart
    saturated: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))  # (images,)
    pool_copies: tuple[str, ...] = ()  # names of the pool's images that are copies of labelled ones
    left_out: int = 0
    ignored: int = 0  # images of ignored classes
    unmatched: int = 0  # rows of the label table that did not count
    unlisted: int = 0  # images without a row, where there is a label table
    regime: Regime = field(default_factory=Regime)
    findings: tuple[Finding, ...] = ()  # the gravest first
    split_hash: str = ""
    pool: int = 0
    official: bool = False  # parts are given that the plan doesn't use
    group_hint: str = ""  # a pattern that seems to tell groups, where there are none

    @property
    def groups(self) -> int:
        return len(self.group_sizes)


def count_facts(
    index: ImageIndex | None,
    split: Split | None,
    pool: ImageIndex | None,
    arranged: Arranged | None = None,
    roots: Roots | None = None,
) -> DatasetFacts:
    """Count; any thread. For a million images this takes seconds, mostly for the hash of the split."""
    if index is None:
        return DatasetFacts(pool=len(pool) if pool is not None else 0)
    # Here, because the window opens before there are images, and the decoders take their time.
    from workbench.gui.data.pattern_starters import guess
    from workbench.pixels.histogram import dim, saturated
    from workbench.pixels.overlap import seen_alike

    rest = arranged or Arranged(index)
    leaks = len(leaking_sets(index))
    at_an_end = saturated(index)
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
        moved=_moved(roots or {}),
        refused=len(index.refused),
        duplicate_sets=len(index.copy_sets()),
        leaks=leaks,
        saturated=at_an_end,
        pool_copies=tuple(pool.name(int(i)) for i in in_pool(index, pool, seen_alike))
        if pool is not None
        else (),
        left_out=len(rest.left_out),
        ignored=rest.ignored,
        unmatched=len(rest.unmatched),
        unlisted=rest.unlisted,
        regime=describe_regime(index, pool, leaks),
        findings=(
            *find(index, leaks),
            *of_levels(int(at_an_end.sum()), int(dim(index).sum()), len(index), index.reading.window),
        ),
        split_hash=split.hash if split is not None else "",
        pool=len(pool) if pool is not None else 0,
        official=index.plan.kind != "official" and bool((index.part >= 0).any()),
        group_hint=guess(index) if len(index.labelled()) and not index.groups else "",
    )


def _moved(roots: Mapping[str, str]) -> bool:
    return any(not Path(folder).is_dir() for folder in roots.values())


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
        self._failed: frozenset[str] = frozenset()
        session.jobs_changed.connect(self._on_jobs)
        self.count()

    def count(self) -> None:
        session = self._session
        index, split, pool = session.index, session.split, session.pool_index
        arranged, roots = session.dataset.arranged, dict(session.dataset.roots)
        self._asked += 1
        asked = self._asked

        def work() -> DatasetFacts:
            for images in (index, pool):
                if images is not None:
                    _ = images.ids  # made here once, so that no view makes a million of them while it paints
            return count_facts(index, split, pool, arranged, roots)

        def show(facts: DatasetFacts) -> None:
            if asked == self._asked:
                self.facts = facts
                self.changed.emit()

        self._background.run(work, show, lambda error: session.message.emit("bad", str(error)))

    def _on_jobs(self) -> None:
        """A job that fails may have found the folder of images gone, by a disk that was pulled out."""
        before = self._failed
        self._failed = frozenset(job.id for job in self._session.jobs if job.status.state == "failed")
        roots, asked = dict(self._session.dataset.roots), self._asked
        if self._failed <= before or not roots:
            return

        def show(moved: bool) -> None:
            if asked == self._asked and moved != self.facts.moved:
                self.facts = replace(self.facts, moved=moved)
                self.changed.emit()

        self._background.run(lambda: _moved(roots), show, lambda _: None)

    def close(self) -> None:
        self._background.close()


def watcher_of(session: Session) -> DatasetWatcher:
    """The session's watcher; made when it is first asked for."""
    found = session.findChild(DatasetWatcher)
    return found if isinstance(found, DatasetWatcher) else DatasetWatcher(session)
