"""A view that a plugin brings, as a place of the window. Whatever it raises while it is built is kept and told."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QStackedLayout, QWidget

from workbench.gui.plugin_views import PluginView, load_views
from workbench.gui.plugins.offered import Offered, views_of
from workbench.gui.widgets.cards import Card, EmptyState, Page
from workbench.plugins import Plugin, plugin_home
from workbench.records import plugin_state
from workbench.records.plugins import PluginError
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session

OPENING = (
    "The plugin {plugin} is tried in a process of its own before the window loads it. It takes seconds, once."
)


class ViewPlace(QWidget):
    """First what it waits for, then the view itself, or why there is none and what to do."""

    def __init__(self, session: Session, commands: Commands, offered: Offered) -> None:
        super().__init__()
        self.session, self.commands, self.offered = session, commands, offered
        self.view: QWidget | None = None
        self._views = views_of(session)
        self._views.ready.connect(self._on_ready)
        self._views.failed.connect(self._on_failed)
        self.state = EmptyState(
            "",
            icon_name="plugins",
            actions=[("Try again", self.open, "primary"), ("Go to Plugins", self._go, "")],
        )
        waiting = Page(printable(offered.title), printable(offered.sentence))
        card = Card()
        card.body.addWidget(self.state)
        waiting.body.addWidget(card)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(waiting)
        self.open()

    def open(self) -> None:
        """Have the plugin tried, then load it."""
        self._tell("Opening the view", OPENING.format(plugin=printable(self.offered.plugin)), waits=True)
        self._views.load(self.offered)

    def _on_ready(self, one: Plugin, view: str) -> None:
        if self.view is not None or (one.name, view) != (self.offered.plugin, self.offered.view):
            return
        try:
            self.view = _built(one, load_views(one)[view], self.session, self.commands)
        except PluginError as error:
            self._views.failed.emit(one.name, view, str(error))
            return
        self._stack.addWidget(self.view)
        self._stack.setCurrentWidget(self.view)
        self.setFocusProxy(self.view)
        self._views.look()  # its title is known now

    def _on_failed(self, plugin: str, view: str, sentence: str) -> None:
        if self.view is None and (plugin, view) == (self.offered.plugin, self.offered.view):
            self._tell("The view can't be shown", sentence, waits=False)

    def _tell(self, title: str, text: str, *, waits: bool) -> None:
        self.state.set(title, text)
        for made in self.state.buttons:
            made.setVisible(not waits)

    def _go(self) -> None:
        self.commands.run("go.plugins")


def _built(one: Plugin, view: PluginView, session: Session, commands: Commands) -> QWidget:
    """Raises PluginError where building it fails, which is counted as a crash; a sentence."""
    try:
        made = view.build(session, commands)
        if not isinstance(made, QWidget):
            raise TypeError(f"build must return a widget, not {type(made).__name__}")
    except (Exception, SystemExit) as error:  # a plugin doesn't end the window
        why = printable(str(error))[:300]
        sentence = (
            f"The view {view.name} of the plugin {one.name} can't be shown: {type(error).__name__}: {why}."
        )
        plugin_state.crashed(plugin_home(), one.name, one.found.stamp, sentence, traceback.format_exc())
        raise PluginError(sentence) from error
    return made
