"""What the images are: groups, sizes, pixel types, split, pool. A line each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QPushButton, QSizePolicy

from workbench.gui.dataset_facts import DatasetFacts
from workbench.gui.glossary import tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

_ROWS = (
    ("groups", "Groups", "group"),
    ("split", "Split", "split"),
    ("size", "Size", ""),
    ("pixels", "Pixels", ""),
    ("pool", "Pool", "unlabelled pool"),
)


class FactsCard(Card):
    """Name, value, and at most one link a row."""

    def __init__(self, choose_pool: Callable[[], object], edit_layout: Callable[[], object]) -> None:
        super().__init__("What they are")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.values: dict[str, ElidedLabel] = {}
        self.links: dict[str, QPushButton] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        links = {"groups": edit_layout, "pool": choose_pool}
        for row, (key, title, term) in enumerate(_ROWS):
            name = label(title, "dim", tip=tip(term) if term else "")
            value = ElidedLabel("")
            self.values[key] = value
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(value, row, 1, 1, 1 if key in links else 2)
            if key in links:
                self.links[key] = button("", links[key], kind="link")
                grid.addWidget(self.links[key], row, 2)
        self.body.addLayout(grid)

    def show_facts(self, facts: DatasetFacts, session: Session) -> None:
        self.values["groups"].setText(_groups(facts))
        self.links["groups"].setText("Change…" if facts.groups else "Set…")
        self.links["groups"].setAccessibleName("Say which images belong together")
        split = "no labels, no split"
        if facts.split_hash:
            kept = "groups whole" if session.split is not None and session.split.grouped else "stratified"
            seed = session.split.seed if session.split is not None else 0
            split = f"{facts.split_hash[:8]} · seed {seed} · {kept}"
        self.values["split"].setText(split)
        self.values["size"].setText(_size(facts))
        self.values["pixels"].setText(
            " · ".join(
                f"{printable(mode)} {number:,}" if len(facts.modes) > 1 else printable(mode)
                for mode, number in facts.modes
            )
        )
        self.values["pool"].setText(count(facts.pool, "image") if facts.pool else "none")
        self.values["pool"].set_tip(session.settings.pool)
        self.links["pool"].setText("Change…" if facts.pool else "Choose…")
        self.links["pool"].setAccessibleName("Choose the unlabelled pool")


def _groups(facts: DatasetFacts) -> str:
    if not facts.groups:
        return "every image by itself"
    low, high = facts.group_sizes[0], facts.group_sizes[-1]
    return (
        f"{facts.groups:,} of {low:,} images"
        if low == high
        else f"{facts.groups:,} of {low:,} to {high:,} images"
    )


def _size(facts: DatasetFacts) -> str:
    """ "200 × 168 px", or "200 px wide, 168 to 200 px high" where the images differ."""
    if not facts.images:
        return ""

    def side(values: tuple[int, int, int]) -> str:
        low, _, high = values
        return f"{low:,}" if low == high else f"{low:,} to {high:,}"

    width, height = side(facts.widths), side(facts.heights)
    if " to " in width or " to " in height:
        return f"{width} px wide, {height} px high"
    return f"{width} × {height} px"
