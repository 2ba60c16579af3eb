"""The page's part of what is known: the plugins as they stand, and the installation that is going on.

Reading, trials and pip run in threads; what comes of them is told by signals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QObject, Signal

from workbench import plugins
from workbench.gui.background import Background
from workbench.gui.plugins.offered import views_of
from workbench.gui.plugins.words import where_found
from workbench.new_plugin import new_plugin
from workbench.plugin_install.install import Installation
from workbench.plugin_install.origins import origin_of
from workbench.plugin_install.pip_runs import PipError, Stop, Stopped
from workbench.plugin_install.plan import Outcome, Plan
from workbench.plugin_install.removal import Removal
from workbench.plugins import Plugin

if TYPE_CHECKING:
    from workbench.gui.session import Session

Work = Installation | Removal


@dataclass(frozen=True, slots=True)
class Listed:
    plugin: Plugin
    origin: str  # where it came from


class PluginStore(QObject):
    """`plan` is what the last preview said, until it is carried out or dropped; `words` what is being done, "" while
    nothing is; `failure` why it didn't work, with `log` of pip."""

    changed = Signal()  # the plugins
    work_changed = Signal()
    told = Signal(str, str)  # severity, sentence
    made = Signal(Path)  # a plugin was begun in that folder

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._reader = Background(
            session, threads=2
        )  # a switch doesn't wait for a trial; closed with the session
        self._worker = Background(session)
        self.listed: tuple[Listed, ...] = ()
        self.read = False  # whether `listed` is what is there
        self.trying = False
        self.tried = False  # whether what is wrong with them is known
        self._asked_again = False
        self.plan: Plan | None = None
        self.words, self.failure, self.log = "", "", ""
        self.stoppable = False
        self._work: Work | None = None
        self._stop = Stop()
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop)

    # The list

    def look(self) -> None:
        """Read what is there, and try what nobody has tried as it is now."""
        if self.trying:
            self._asked_again = True
            return
        self.trying = True
        self._reader.run(lambda: _listed(plugins.plugins()), self._try_out, self._fail_trial)

    def switch(self, name: str, on: bool) -> None:
        """Switched on, what went wrong before is forgotten and it is tried once more."""
        self._reader.run(
            lambda: plugins.switch(name, on), lambda _: self._look_everywhere(), self._complain_and_look
        )

    def begin(self, name: str, into: Path) -> None:
        """Write the template of a plugin."""
        self._reader.run(lambda: new_plugin(name, into), self.made.emit, self._complain)

    def _try_out(self, listed: tuple[Listed, ...]) -> None:
        self._show(listed)
        self._reader.run(lambda: _listed(plugins.tried()), self._end_trial, self._fail_trial)

    def _show(self, listed: tuple[Listed, ...]) -> None:
        self.read = True
        self.listed = listed
        self.changed.emit()
        views_of(self._session).look()

    def _end_trial(self, listed: tuple[Listed, ...]) -> None:
        self.trying, self.tried = False, True
        self._show(listed)
        if self._asked_again:
            self._asked_again = False
            self.look()

    def _fail_trial(self, error: Exception) -> None:
        self.trying = False
        self._complain(error)
        self.changed.emit()

    def _complain(self, error: Exception) -> None:
        self.told.emit("bad", str(error))

    def _complain_and_look(self, error: Exception) -> None:
        """What is shown is no longer so."""
        self._complain(error)
        self.look()

    def _look_everywhere(self) -> None:
        """Here, and in the lists of methods and backbones."""
        self.look()
        if self._session.project is not None:
            self._session.describe(devices=False, plugins=True)

    # Installing and removing

    @property
    def working(self) -> bool:
        return bool(self.words)

    def preview(self, what: str) -> None:
        """Find out what installing would change, without the network."""
        self._begin(lambda stop, told: Installation(what, stop=stop, told=told), "Looking at it")

    def preview_removal(self, name: str) -> None:
        self._begin(lambda stop, told: Removal(name, stop=stop, told=told), "Looking at it")

    def ask_network(self) -> None:
        """Once more, with the network."""
        work = self._work
        if work is not None and not self.working:
            self._run(
                "Asking the package index", lambda: work.look(network=True), self._show_plan, stoppable=True
            )

    def carry_out(self) -> None:
        """Do what the preview said."""
        work = self._work
        if work is not None and self.plan is not None and self.plan.ready and not self.working:
            self._run("Beginning", work.carry_out, self._end_work, stoppable=False)

    def stop(self) -> None:
        """What is being looked at ends soon, and nothing is changed; what is being installed goes on to its end."""
        if self.stoppable:
            self._stop.ask()

    def drop(self) -> None:
        """Forget the preview."""
        if not self.working:
            self._forget()
            self.work_changed.emit()

    def _begin(self, make: Callable[[Stop, Callable[[str], object]], Work], words: str) -> None:
        if self.working:
            return
        self._forget()
        tell = self._worker.telling(self._on_progress)

        def look() -> Plan:
            self._work = make(self._stop, tell)
            return self._work.look(network=False)

        self._run(words, look, self._show_plan, stoppable=True)

    def _run(
        self, words: str, work: Callable[[], object], done: Callable[[object], None], *, stoppable: bool
    ) -> None:
        self.words, self.stoppable, self.failure, self.log = words, stoppable, "", ""
        self.work_changed.emit()
        self._worker.run(work, done, self._fail)

    def _on_progress(self, words: str) -> None:
        if self.working:
            self.words = words
            self.work_changed.emit()

    def _show_plan(self, plan: object) -> None:
        assert isinstance(plan, Plan)
        self.words, self.plan = "", plan
        self.work_changed.emit()

    def _fail(self, error: Exception) -> None:
        self._forget()
        if not isinstance(error, Stopped):
            self.failure = str(error)
            self.log = error.log if isinstance(error, PipError) else ""
        self.work_changed.emit()

    def _end_work(self, outcome: object) -> None:
        assert isinstance(outcome, Outcome) and self.plan is not None
        found = where_found(self.plan.provides) if self.plan.action == "install" else ""
        self._forget()
        if outcome.done:
            self.told.emit("good", f"{outcome.sentence} {found}".strip())
        else:
            self.failure = " ".join(part for part in (outcome.sentence, outcome.left) if part)
            self.log = outcome.log
        self.work_changed.emit()
        self._look_everywhere()

    def _forget(self) -> None:
        if self._work is not None:
            self._work.close()
        self._work, self.plan, self._stop = None, None, Stop()
        self.words, self.failure, self.log, self.stoppable = "", "", "", False


def _listed(found: tuple[Plugin, ...]) -> tuple[Listed, ...]:
    return tuple(Listed(one, origin_of(one.found)) for one in found)
