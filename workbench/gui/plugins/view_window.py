"""A view that a plugin brings, in a window of its own beside the program's. Whatever it raises is kept and told."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from workbench.gui.plugin_views import PluginView, load_views
from workbench.plugins import Plugin, plugin_home
from workbench.records import plugin_state
from workbench.records.plugins import PluginError
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.commands import Commands
    from workbench.gui.session import Session

SIZE = (1120, 720)  # px, at the first time


class ViewWindow(QWidget):
    """Closes with the window that it belongs to. It is hidden and not destroyed: what it shows is there again."""

    def __init__(self, title: str, view: QWidget, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle(f"{printable(title)} - SSL workbench")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setObjectName("viewWindow")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(view)
        self.resize(*SIZE)

    def bring(self) -> None:
        """Show it before the others."""
        self.show()
        self.raise_()
        self.activateWindow()


def view_window(one: Plugin, name: str, session: Session, commands: Commands, parent: QWidget) -> ViewWindow:
    """A new window with the view `name` of a plugin, which is imported where that wasn't done yet.

    Raises:
        PluginError: it can't be loaded, or building it fails, which is counted as a crash; a sentence.
    """
    view = load_views(one)[name]
    return ViewWindow(view.title, _built(one, view, session, commands), parent)


def _built(one: Plugin, view: PluginView, session: Session, commands: Commands) -> QWidget:
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
