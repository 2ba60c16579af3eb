"""The Models place: the catalogue at the left, this comparison at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QStackedLayout, QVBoxLayout

from workbench.gui.commands import Command, Commands
from workbench.gui.compare.panes import Scrolled
from workbench.gui.compare.run_command import register_run
from workbench.gui.finetune.run_command import FINETUNE, register_finetune
from workbench.gui.guarded import guarded
from workbench.gui.models.any_model import AnyModel
from workbench.gui.models.catalogue_model import CatalogueModel
from workbench.gui.models.catalogue_table import CatalogueTable
from workbench.gui.models.chosen_card import ChosenCard
from workbench.gui.models.details_card import DetailsCard
from workbench.gui.models.method_card import MethodCard
from workbench.gui.models.pack_dialogs import import_command
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import command_button
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.records.asked import locked_feature
from workbench.records.text import count

SPACING = 12  # px between the cards
LEAST_WIDTH, MOST_WIDTH, SCROLL_BAR = 400, 720, 12  # px of the right column
WIDE = 560  # px, what the heading of the list needs beside a field that shows its whole hint
HEADING = "Which backbones to compare"
CAPTION = (
    "Frozen, as they were published: the same images go through each, and a probe tells which features "
    "separate your classes."
)


class ModelsView(Page):
    """Everything that is chosen goes to the session and is shown from there."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__(HEADING, CAPTION)
        self.session, self.commands = session, commands
        register_run(session, commands)
        register_finetune(session, commands, self)
        self.model = CatalogueModel(self)
        self.model.ticked.connect(self._on_ticked)
        self.table = CatalogueTable(self.model)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Search names, licences, all of timm…")
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName("Filter backbones")
        self.filter.textChanged.connect(self._on_filter)
        self.any_model = AnyModel(self._add_named, self._fetch_named)
        self.chosen = ChosenCard(session, commands)
        self.tune = command_button(commands, FINETUNE)
        self.chosen.add_head(self.tune)
        session.dataset_changed.connect(self.tune.refresh)
        self.details = DetailsCard(self._add_with_feature, session)
        self.details.changed.connect(self._fit)
        self.method = MethodCard()
        self.table.current_changed.connect(self._show_details)
        self.chosen.changed.connect(self._fit)
        self.empty = EmptyState(
            "Looking up the backbones",
            "The list of backbones, and which of them are on this machine, is on its way.",
            actions=[("Look again", self._look_again, "")],
            icon_name="models",
        )
        self.nothing = EmptyState(
            "Nothing holds all of these words",
            "Neither the list nor timm's names do. Any Hugging Face id can be typed below, and downloaded.",
            actions=[("Clear the search", self.filter.clear, "")],
            icon_name="models",
        )
        self._lay_out()
        self._register()
        session.backbones_changed.connect(self.refresh)
        session.brought_changed.connect(self._show_opened)
        self._show_opened()
        session.project_changed.connect(self._restore)
        self._restore()
        self.refresh()

    def _lay_out(self) -> None:
        self.card = Card("Backbones")
        self.card.add_head(self.filter)
        self.stack = QStackedLayout()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.nothing)
        self.card.body.addLayout(self.stack, 1)
        self.card.body.addWidget(self.any_model)
        scrolled = Scrolled()
        scrolled.setMinimumWidth(LEAST_WIDTH)
        scrolled.setMaximumWidth(MOST_WIDTH)
        self.right = right = QVBoxLayout(scrolled.content)
        right.setContentsMargins(0, 0, 0, 0)
        right.setSpacing(SPACING)
        right.addWidget(self.chosen, 1)
        right.addWidget(self.details)
        right.addWidget(self.method, 1)
        self.method.hide()
        columns = QHBoxLayout()
        columns.setSpacing(SPACING)
        columns.addWidget(self.card, 5)
        columns.addWidget(scrolled, 3)
        for card in (self.chosen, self.details, self.method):
            card.setMinimumWidth(LEAST_WIDTH - SCROLL_BAR)
        self.body.addLayout(columns, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where there is room left the cards hug what they hold, and the method is told below them."""
        self.filter.setMinimumWidth(280 if self.card.width() >= WIDE else 160)  # else no heading is left
        width = self.chosen.width()
        room = self.card.height() - self.chosen.wanted_height() - 2 * SPACING
        if not self.details.isHidden():
            room -= self.details.height_at(width)
        told = self.method.fit(room, width)
        self.chosen.fit(told)
        self.right.setStretch(0, 0 if told else 1)

    def _register(self) -> None:
        made = self._filter_command(), import_command(self.session, self)
        self.destroyed.connect(self.commands.add_all(made))

    def _filter_command(self) -> Command:
        return Command(
            id="models.filter",
            title="Filter the backbones",
            run=lambda: self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason),
            keys="Ctrl+F",
            help="Find a backbone in the list by name, family, training data or licence",
            place="models",
        )

    def _restore(self) -> None:
        self.filter.setText(str(self.session.recall("models.filter", "")))

    def refresh(self) -> None:
        """The catalogue arrived, or the choice changed."""
        session = self.session
        kept = self.table.current()
        self.model.show_entries(session.catalogue, session.names)
        self.model.show_chosen(choice.backbone for choice in session.settings.chosen)
        self._show_table()
        listed = [facts for facts in self.model.entries if facts.listed]
        here = sum(facts.available for facts in listed)
        aside = f"{count(len(listed), 'backbone')}, {here} on this machine"
        self.card.set_title("Backbones", aside if session.catalogue else "")
        if session.catalogue and self.table.current() is None:
            self.table.go_to(kept.id if kept else session.catalogue[0].id)
        self._show_details()

    def _show_opened(self) -> None:
        self.any_model.show_opened(self.session.brought.backbones)

    def _show_table(self) -> None:
        found = 1 if self.table.filter.rowCount() else 2
        self.stack.setCurrentIndex(found if self.session.catalogue else 0)

    def _show_details(self, _: str = "") -> None:
        facts = self.table.current()
        if facts != self.details.facts or facts is None:
            self.details.show_facts(facts)
            self._fit()

    # Doing

    def _on_ticked(self, backbone: str, wanted: bool) -> None:
        """A tick takes the usual feature and size; unticking takes every version of the backbone out."""
        if wanted:
            self.session.choose(backbone)
            return
        for choice in [known for known in self.session.settings.chosen if known.backbone == backbone]:
            self.session.unchoose(choice.backbone, choice.feature, choice.image_size)

    def _add_named(self, backbone: str) -> None:
        """A name that the list holds is shown there as well."""
        known = {facts.id for facts in self.model.entries}
        named = f"timm/{backbone}" if f"timm/{backbone}" in known else backbone
        self.session.choose(named)
        self.table.go_to(named)

    def _fetch_named(self, backbone: str) -> None:
        guarded(self.session, lambda: self.session.models.fetch(backbone, self.session.title_of(backbone)))

    def _add_with_feature(self, backbone: str, feature: str) -> None:
        """What the lock gives the backbone anyway is no exception."""
        facts, settings = self.details.facts, self.session.settings
        wanted = feature or (facts.default_feature if facts else "")
        self.session.choose(backbone, "" if facts and wanted == locked_feature(settings, facts) else wanted)

    def _look_again(self) -> None:
        if self.session.project is not None:
            self.session.describe()

    def _on_filter(self, text: str) -> None:
        self.table.filter.set_text(text)
        self._show_table()
        self.session.remember("models.filter", text)
