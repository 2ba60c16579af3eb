"""One backbone closely: what it is, how to get it, and adding it with another feature or size."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout

from workbench.gui.glossary import tip
from workbench.gui.guarded import guarded
from workbench.gui.models.pack_dialogs import ask_export, ask_import
from workbench.gui.models.words import FLOOR_SENTENCE, feature_choices, is_floor, parameters_text
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.catalogue import PLUGIN, BackboneFacts
from workbench.records.text import data_size

NOT_IN_A_PACK = ("built in", "package", PLUGIN)  # the program has them, or needs the plugin for them
AT_A_HUB = ("huggingface", "timm")
NETWORK = "Downloading is the only thing in this program that uses the network."


class DetailsCard(Card):
    """Shows what the list's current row is. `changed` comes when its height may be another."""

    changed = Signal()

    def __init__(self, add: Callable[[str, str], None], session: Session) -> None:
        super().__init__("Backbone")
        self._add, self._session = add, session
        self.facts: BackboneFacts | None = None
        self.what = label("", "dim", wrap=True)
        self.remedy = label("", wrap=True)
        self.fetch = button("Download", self._on_fetch, icon_name="save", tip=NETWORK)
        self.import_pack = button(
            "Import a model pack…",
            lambda: ask_import(session, self),
            tip="Take the model from a folder that another machine has exported. Every hash is checked first.",
        )
        self.export_pack = button(
            "Export as a model pack…",
            self._on_export,
            tip="Write the model as a folder with hashes, for a machine without a network.",
        )
        getting = QHBoxLayout()
        getting.setSpacing(8)
        for made in (self.fetch, self.import_pack, self.export_pack):
            getting.addWidget(made)
        getting.addStretch(1)
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
        self.body.addLayout(getting)
        self.body.addStretch(1)
        self.body.addLayout(row)
        session.jobs_changed.connect(self.refresh_fetch)

    def show_facts(self, facts: BackboneFacts | None) -> None:
        self.facts = facts
        self.setVisible(facts is not None)
        if facts is None:
            return
        self.set_title(facts.title, "on this machine" if facts.available else "not here")
        size = f"{facts.input_size} px" if facts.input_size else "any size"
        numbers = (
            f"{parameters_text(facts.parameters) if facts.parameters else 'no'} parameters, {size}"
            if facts.parameters is not None
            else size
        )
        what = [
            f"{facts.family}, {numbers}.",
            f"Trained on {facts.training_data}." if not is_floor(facts) else FLOOR_SENTENCE,
            f"Licence: {facts.licence}.",
        ]
        self.what.setText(" ".join(what))
        self.remedy.setText(facts.remedy)
        self.remedy.setVisible(not facts.available and bool(facts.remedy))
        self.import_pack.setVisible(not facts.available and facts.source in AT_A_HUB)
        self.export_pack.setVisible(facts.available and facts.source not in NOT_IN_A_PACK)
        self.refresh_fetch()
        self.feature.clear()
        for value, words in feature_choices(facts):
            self.feature.addItem(words, value)
        self.feature.setEnabled(self.feature.count() > 1)

    def refresh_fetch(self) -> None:
        """Whether the backbone can be downloaded, or is being."""
        facts = self.facts
        if facts is None:
            return
        busy = self._session.models.is_fetching(facts.id)
        about = f" (about {data_size(facts.download)})" if facts.download else ""
        self.fetch.setText("Downloading…" if busy else f"Download{about}")
        self.fetch.setEnabled(not busy)
        self.fetch.setVisible(not facts.available and facts.source in AT_A_HUB)
        self.changed.emit()

    def _on_fetch(self) -> None:
        facts = self.facts
        if facts is not None:
            guarded(self._session, lambda: self._session.models.fetch(facts.id, facts.title))
            self.refresh_fetch()

    def _on_export(self) -> None:
        if self.facts is not None:
            ask_export(self._session, self.facts, self)

    def _on_add(self) -> None:
        if self.facts is not None:
            self._add(self.facts.id, str(self.feature.currentData()))
