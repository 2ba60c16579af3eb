"""The Plugins place: what is installed at the left, one of them closely at the right, installing below."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from workbench.gui.commands import Command, Commands
from workbench.gui.file_manager import show_in_file_manager
from workbench.gui.plugins.checker import Checker
from workbench.gui.plugins.details import DetailsCard
from workbench.gui.plugins.install_card import InstallCard
from workbench.gui.plugins.new_dialog import NewPluginDialog
from workbench.gui.plugins.offered import views_of
from workbench.gui.plugins.plugin_list import PluginList, PluginModel
from workbench.gui.plugins.rules_card import RulesCard
from workbench.gui.plugins.store import PluginStore
from workbench.gui.plugins.words import heading
from workbench.gui.session import Session
from workbench.gui.widgets.buttons import command_button
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.plugins import plugin_folder
from workbench.records.plugins import MANIFEST
from workbench.records.runs import ACTIVE
from workbench.records.text import count, printable

SPACING = 12  # px between the cards
CAPTION = "What was added to the program. Each is tried in a process of its own, so a bad one can't harm the others."
NOTHING = (
    "A plugin is a small Python package, or one file in the plugin folder. The template is a method that trains "
    "already: change it into yours and install its folder below. `workbench new-plugin NAME` writes the same one."
)
WAIT = "A job is running that may use it: wait for its end, or stop it."


class PluginsView(Page):
    """Everything is asked of the store, and shown from there."""

    def __init__(self, session: Session, commands: Commands) -> None:
        super().__init__("Plugins", CAPTION, beside=True)
        self.session, self.commands = session, commands
        self.store = PluginStore(session, self)
        self.store.changed.connect(self.refresh)
        self.store.told.connect(session.message)
        self.store.made.connect(self._on_made)
        self.model = PluginModel()
        self.list = PluginList(self.model)
        self.list.chosen.connect(self._show_details)
        self.details = DetailsCard()
        self.details.switched.connect(self.store.switch)
        self.details.folder_asked.connect(self._open_folder_of)
        self.details.view_asked.connect(views_of(session).ask)
        views_of(session).failed.connect(lambda *_: self.store.look())
        self.checker = Checker(session, self)
        self.checker.changed.connect(lambda _: self._show_check())
        self.checker.ended.connect(lambda _: self.store.look())
        self.details.check_asked.connect(self.checker.start)
        self.details.check.stop_asked.connect(self.checker.stop)
        self.details.removal_asked.connect(self.store.preview_removal)
        self.rules = RulesCard()
        self.install = InstallCard(self.store, self._why_wait)
        session.jobs_changed.connect(self._on_jobs)
        self._register()
        self.empty = EmptyState(
            "Add a method, a backbone, an evaluation or a view",
            NOTHING,
            actions=[("New plugin from the template…", self._new, "primary")],
            icon_name="plugins",
        )
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        for identifier in ("plugins.look", "plugins.folder", "plugins.new"):
            self.add_tool(command_button(self.commands, identifier), right=True)
        self.card = Card("Installed")
        self.stack = QStackedLayout()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.list)
        self.card.body.addLayout(self.stack, 1)
        left = QVBoxLayout()
        left.setSpacing(SPACING)
        left.addWidget(self.card, 1)
        left.addWidget(self.install)
        columns = QHBoxLayout()
        columns.setSpacing(SPACING)
        columns.addLayout(left, 1)
        self.right = QWidget()
        column = QVBoxLayout(self.right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.details, 1)
        column.addWidget(self.rules)
        columns.addWidget(self.right, 1)
        self.body.addLayout(columns, 1)

    def _register(self) -> None:
        made = (
            Command(
                id="plugins.new",
                title="New plugin…",
                run=self._new,
                help="Write a plugin that works, to be changed into yours",
                place="plugins",
            ),
            Command(
                id="plugins.look",
                title="Reload plugins",
                run=self._look,
                keys="F5",
                help="Look at every plugin's files again and try those that have changed; nothing is restarted",
                place="plugins",
            ),
            Command(
                id="plugins.folder",
                title="Open plugin folder",
                run=self._open_plugin_folder,
                help="Where plugins lie that are single Python files",
                place="plugins",
            ),
        )
        self.destroyed.connect(self.commands.add_all(made))

    def showEvent(self, event: QShowEvent) -> None:
        """What is installed may have changed since the place was left."""
        super().showEvent(event)
        self.store.look()

    # Showing

    def refresh(self) -> None:
        listed = self.store.listed
        current = self.details.listed.plugin.name if self.details.listed else ""
        plugins = [one.plugin for one in listed]
        if self.store.read:
            self.set_heading(heading(plugins, tried=self.store.tried), CAPTION)
        self.card.set_title("Installed" if listed else "", self._aside())
        if tuple(plugins) != self.model.rows:
            self.model.show_rows(plugins)
            self.list.go_to(current)
        self.stack.setCurrentIndex(1 if listed else 0)
        self.right.setVisible(bool(listed))
        if listed:
            self._show_details(self.list.currentIndex().row())

    def _aside(self) -> str:
        if self.store.trying:
            return "trying what is new…"
        number = len(self.store.listed)
        return count(number, "plugin") if number else ""

    def _show_details(self, row: int) -> None:
        if 0 <= row < len(self.store.listed):
            self.details.show_plugin(self.store.listed[row])
        self._show_check()

    def _show_check(self) -> None:
        listed = self.details.listed
        checked = self.checker.of(listed.plugin.name) if listed is not None else None
        self.details.show_check(checked, self.checker.checking)
        self._fit()

    def _fit(self) -> None:
        """Where the plugin leaves room the rules are told below it."""
        width, height = self.details.width(), self.right.height()
        if self.store.listed:
            self.rules.fit(height - self.details.wanted_height(width) - SPACING, width)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _on_jobs(self) -> None:
        if self.store.plan is not None:
            self.install.refresh()

    # Doing

    def _why_wait(self) -> str:
        active = any(job.status.state in ACTIVE for job in self.session.jobs)
        return WAIT if active else ""

    def _look(self) -> None:
        self.store.look()
        if self.session.project is not None:
            self.session.describe(devices=False, plugins=True)

    def _new(self) -> None:
        NewPluginDialog(self.store.begin, self).show()

    def _on_made(self, folder: Path) -> None:
        where = printable(str(folder))
        self.session.message.emit("good", f"{where} is a plugin that works: install it when it is yours.")
        self.install.field.setText(str(folder))
        self.install.field.setFocus()

    def _open_folder_of(self, name: str) -> None:
        place = next(one.plugin.found.place for one in self.store.listed if one.plugin.name == name)
        self._show_folder(place / MANIFEST if place.is_dir() else place)

    def _open_plugin_folder(self) -> None:
        folder = plugin_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.session.message.emit("bad", f"{printable(str(folder))} can't be made: {error.strerror}.")
            return
        self._show_folder(folder / MANIFEST)  # a folder is shown by what lies in it

    def _show_folder(self, place: Path) -> None:
        wrong = show_in_file_manager(place)
        if wrong:
            self.session.message.emit("warn", wrong)
