"""The labelled images of an index, coded as the `evaluate` job codes them, so that splits of one seed are equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.records.index import ImageIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledItems:
    """N labelled images."""

    ids: list[str]
    labels: np.ndarray  # (N,) int64, positions in `classes`
    groups: np.ndarray  # (N,) int32
    classes: tuple[str, ...]
    copies: list[str]

    @classmethod
    def of(cls, index: ImageIndex, rows: np.ndarray) -> LabelledItems:
        names = [index.classes[code] for code in index.label[rows]]
        classes = tuple(sorted(set(names)))
        code = {name: number for number, name in enumerate(classes)}
        groups = [index.groups[group] if group >= 0 else "" for group in index.group[rows]]
        known = {name: number for number, name in enumerate(sorted({name for name in groups if name}))}
        return cls(
            ids=[index.ids[i] for i in rows],
            labels=np.asarray([code[name] for name in names], dtype=np.int64),
            groups=np.asarray([known.get(name, -1) for name in groups], dtype=np.int32),
            classes=classes,
            copies=[f"set {number + 1}" if number >= 0 else "" for number in index.copies[rows].tolist()],
        )
