"""The check of a plugin, asked for in the window: processes of its own do it, and what they find is told at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from workbench import plugins
from workbench.gui.background import Background
from workbench.plugin_checks import check
from workbench.records.plugin_checks import Step

if TYPE_CHECKING:
    from workbench.gui.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A check that goes on or has ended; `why` where it could not be done at all, `said` the last words of it."""

    name: str
    running: bool
    steps: tuple[Step, ...] = ()
    said: str = ""
    why: str = ""


class Checker(QObject):
    """One check at a time; of each plugin the last one is kept."""

    changed = Signal(str)  # the plugin's name
    ended = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._background = Background(session)  # closed with it
        self._checks: dict[str, Checked] = {}
        self._stop = threading.Event()
        self.checking = ""  # the name of the plugin
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    def of(self, name: str) -> Checked | None:
        return self._checks.get(name)

    def start(self, name: str) -> None:
        if self.checking:
            return
        self.checking = name
        self._stop = stop = threading.Event()
        self._put(Checked(name=name, running=True))
        tell = self._background.telling(self._on_told)

        def told(steps: tuple[Step, ...], said: str) -> bool:
            tell(name, steps, said)
            return not stop.is_set()

        self._background.run(lambda: check(plugins.plugin(name), told=told), self._end, self._fail)

    def stop(self) -> None:
        """What goes on is left out, and counts nothing against the plugin."""
        self._stop.set()

    def _on_told(self, name: str, steps: tuple[Step, ...], said: str) -> None:
        known = self._checks.get(name)
        if known is not None and known.running:
            self._put(replace(known, steps=steps, said=said))

    def _end(self, steps: tuple[Step, ...]) -> None:
        self._finish(replace(self._checks[self.checking], running=False, steps=steps))

    def _fail(self, error: Exception) -> None:
        self._finish(replace(self._checks[self.checking], running=False, why=str(error)))

    def _finish(self, checked: Checked) -> None:
        self.checking = ""
        self._put(checked)
        self.ended.emit(checked.name)

    def _put(self, checked: Checked) -> None:
        if self._checks.get(checked.name) != checked:
            self._checks[checked.name] = checked
            self.changed.emit(checked.name)
