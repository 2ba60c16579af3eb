"""The views that plugins bring, offered from the start of the window on: by their manifests, without importing one.

Every session has one `PluginViews`. The rail and the palette show what it offers; who wants a view asks for it here,
and the window shows it as a place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from workbench import plugins
from workbench.gui.background import Background
from workbench.plugins import Plugin
from workbench.records.plugins import PluginError

if TYPE_CHECKING:
    from workbench.gui.session import Session

_VIEW = "view:"


def is_view(place: object) -> bool:
    """Whether the id of a place is one of a plugin's view, which may be there or not."""
    return isinstance(place, str) and place.startswith(_VIEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """One view. All is untrusted text."""

    plugin: str
    view: str  # as the manifest has it
    title: str
    sentence: str

    @property
    def place(self) -> str:
        """The id of its place in the window."""
        return f"{_VIEW}{self.plugin}:{self.view}"


class PluginViews(QObject):
    """Files are read and plugins tried in a thread; nothing of one runs in the window before a view is asked for."""

    changed = Signal()  # what is offered
    looked = Signal()  # what there is has been read, and may be what was known
    asked = Signal(str)  # a view is wanted: the id of its place
    ready = Signal(object, str)  # a Plugin that was tried and may be loaded, and the name of a view
    failed = Signal(str, str, str)  # plugin, view, and why it can't be shown

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.offered: tuple[Offered, ...] = ()
        self.known = False  # whether `offered` is what there is
        self._background = Background(session)  # closed with it

    def look(self) -> None:
        """Read which views there are now."""
        self._background.run(_offered, self._take, lambda _: None)  # the Plugins place says what is wrong

    def close(self) -> None:
        """Before the window goes."""
        self._background.close()

    def find(self, place: str) -> Offered | None:
        return next((one for one in self.offered if one.place == place), None)

    def ask(self, plugin: str, view: str) -> None:
        """Bring the window to the view, whether it is offered yet or not."""
        one = Offered(plugin=plugin, view=view, title=_words(view), sentence="")
        if self.find(one.place) is None:
            self._show((*self.offered, one))
        self.asked.emit(one.place)

    def load(self, one: Offered) -> None:
        """`ready` comes when the plugin was tried aside as it is now; else `failed`."""

        def tried() -> Plugin:
            plugins.facts_of(plugins.plugin(one.plugin), "views")
            found = plugins.plugin(one.plugin)
            if found.state != "enabled":
                raise PluginError(found.error or f"The plugin {one.plugin} is switched off.")
            return found

        self._background.run(
            tried,
            lambda found: self.ready.emit(found, one.view),
            lambda error: self.failed.emit(one.plugin, one.view, str(error)),
        )

    def _take(self, offered: tuple[Offered, ...]) -> None:
        self._show(offered)
        self.known = True
        self.looked.emit()

    def _show(self, offered: tuple[Offered, ...]) -> None:
        if offered != self.offered:
            self.offered = offered
            self.changed.emit()


def views_of(session: Session) -> PluginViews:
    """The session's views of plugins; made when they are first asked for."""
    found = session.findChild(PluginViews)
    return found if isinstance(found, PluginViews) else PluginViews(session)


def _offered() -> tuple[Offered, ...]:
    """By manifests; the titles that an earlier trial has written down, where there was one."""
    found = []
    for one in plugins.plugins():
        if one.state != "enabled" or not one.names("views"):
            continue
        facts = plugins.known_facts(one, "views") or {}
        titles = {known["name"]: known["title"] for known in facts.get("views", ())}
        for name, sentence in one.manifest.provides["views"].items():
            title = str(titles.get(name, _words(name)))
            found.append(Offered(plugin=one.name, view=name, title=title, sentence=sentence))
    return tuple(found)


def _words(name: str) -> str:
    """ "class_similarity" -> "Class similarity"."""
    return name.replace("_", " ").replace("-", " ").capitalize()
