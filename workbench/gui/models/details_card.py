"""One backbone closely: what it is, how to get it, and adding it with another feature or size."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox, QHBoxLayout

from workbench.gui.glossary import tip
from workbench.gui.models.words import FLOOR_SENTENCE, feature_choices, is_floor, parameters_text
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.catalogue import BackboneFacts


class DetailsCard(Card):
    """Shows what the list's current row is."""

    def __init__(self, add: Callable[[str, str], None]) -> None:
        super().__init__("Backbone")
        self._add = add
        self.facts: BackboneFacts | None = None
        self.what = label("", "dim", wrap=True)
        self.remedy = label("", wrap=True)
        self.feature = QComboBox()
        self.feature.setAccessibleName("Feature to add")
        set_tip(self.feature, tip("feature"))
        self.add_button = button("Add with this feature", self._on_add)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.feature, 1)
        row.addWidget(self.add_button)
        self.body.addWidget(self.what)
        self.body.addWidget(self.remedy)
        self.body.addStretch(1)
        self.body.addLayout(row)

    def show_facts(self, facts: BackboneFacts | None) -> None:
        self.facts = facts
        self.setVisible(facts is not None)
        if facts is None:
            return
        self.set_title(facts.title, "on this machine" if facts.available else "not here")
        size = f"{facts.input_size} px" if facts.input_size else "any size"
        what = [
            f"{facts.family}, {parameters_text(facts.parameters)} parameters, {size}.",
            f"Trained on {facts.training_data}." if not is_floor(facts) else FLOOR_SENTENCE,
            f"Licence: {facts.licence}.",
        ]
        self.what.setText(" ".join(what))
        self.remedy.setText(facts.remedy)
        self.remedy.setVisible(not facts.available and bool(facts.remedy))
        self.feature.clear()
        for value, words in feature_choices(facts):
            self.feature.addItem(words, value)
        self.feature.setEnabled(self.feature.count() > 1)

    def _on_add(self) -> None:
        if self.facts is not None:
            self._add(self.facts.id, str(self.feature.currentData()))
