"""The data regime: the few numbers that decide which way of learning is worth trying first."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy

from workbench.gui.glossary import tip
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.records.regime import SMALL, Regime
from workbench.records.text import count

_ROWS = (
    ("labelled", "Labelled", "label"),
    ("sizes", "A class has", ""),
    ("unlabelled", "Unlabelled", "unlabelled pool"),
    ("groups", "Groups", "group"),
    ("kind", "Images", ""),
)


class RegimeCard(Card):
    """A line for each fact, and the leaks as a verdict."""

    def __init__(self) -> None:
        super().__init__("Data regime")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.title.set_tip("What advice on labels, backbones and pretraining rests on")
        self.leaks = Chip()
        self.add_head(self.leaks)
        self.values: dict[str, ElidedLabel] = {}
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        for row, (key, title, term) in enumerate(_ROWS):
            self.values[key] = ElidedLabel("")
            name = label(title, "dim", tip=tip(term) if term else "")
            grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignVCenter)
            grid.addWidget(self.values[key], row, 1)
        self.body.addLayout(grid)
        self.hide()

    def show_regime(self, regime: Regime) -> None:
        """Hidden while there is no image."""
        self.setVisible(bool(regime.images))
        texts = {
            "labelled": _labelled(regime),
            "sizes": _sizes(regime),
            "unlabelled": _unlabelled(regime),
            "groups": _groups(regime),
            "kind": _kind(regime),
        }
        for key, text in texts.items():
            self.values[key].setText(text)
        small = f"; under {SMALL} little is left for a model to see" if regime.small else ""
        self.values["kind"].set_tip(f"Pixels of the shorter side, as the median{small}")
        if regime.leaks:
            self.leaks.set(f"{count(regime.leaks, 'leak')} left in", "bad", tip("leak"))
        else:
            self.leaks.set("no leaks", "good", tip("leak"))
        self.leaks.setVisible(bool(regime.labelled))


def _labelled(regime: Regime) -> str:
    if not regime.labelled:
        return "none"
    return f"{count(regime.labelled, 'image')} in {count(regime.classes, 'class', 'classes')}"


def _sizes(regime: Regime) -> str:
    if not regime.classes:
        return "no labels, no classes"
    if regime.smallest == regime.largest:
        return f"{count(regime.smallest, 'image')} each"
    ratio = f"{regime.imbalance:.1f}" if regime.imbalance < 10 else f"{regime.imbalance:,.0f}"
    return f"{regime.smallest:,} to {regime.largest:,}, median {regime.median:,} ({ratio} : 1)"


def _unlabelled(regime: Regime) -> str:
    if not regime.all_unlabelled:
        return "none"
    if regime.unlabelled and regime.pool:
        return f"{regime.all_unlabelled:,} ({regime.unlabelled:,} here, {regime.pool:,} in the pool)"
    return f"{count(regime.all_unlabelled, 'image')}, {'in the pool' if regime.pool else 'here'}"


def _groups(regime: Regime) -> str:
    if not regime.groups:
        return "none: every image stands by itself"
    rest = f", {count(regime.ungrouped, 'image')} in none" if regime.ungrouped else ""
    return f"{regime.groups:,} among the labelled images{rest}"


def _kind(regime: Regime) -> str:
    bits = ("mostly " if regime.bits_mixed else "") + f"{regime.bits}-bit"
    small = ", small" if regime.small else ""
    colours = {"mixed": "grey and colour"}.get(regime.colours, regime.colours)
    return f"{colours}, {bits}, {regime.side:,} px{small}"
