"""The window's frame: rail, facts, the open place, notices, jobs. A place is built when it is first shown."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QCoreApplication, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QStackedWidget, QVBoxLayout, QWidget

from workbench.gui import project_commands, theme
from workbench.gui.commands import Command, Commands
from workbench.gui.dataset_facts import watcher_of
from workbench.gui.palette import Palette
from workbench.gui.places import Place, find_places
from workbench.gui.plugins.offered import Offered, is_view, views_of
from workbench.gui.rail import Rail
from workbench.gui.thumbnails import Thumbnails
from workbench.gui.top_bar import TopBar
from workbench.gui.tray import Tray
from workbench.gui.widgets.cards import NoticeBar
from workbench.records.text import printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

LOOK_MS = 300  # after the window is shown, plugins are asked for their views
SIZE = (1280, 800)  # px, at the first start
INFO_SECONDS = 8.0  # how long good news stays; bad news stays until it is sent away


class MainWindow(QMainWindow):
    """Shows a session. `places` are found in `gui/views` where none are given."""

    def __init__(
        self, session: Session, commands: Commands | None = None, places: Sequence[Place] | None = None
    ) -> None:
        super().__init__()
        self.session = session
        self.commands = commands if commands is not None else Commands()
        self.places = list(places) if places is not None else find_places()
        self._built: dict[str, QWidget] = {}
        self._shortcuts: dict[str, QShortcut] = {}
        self._looked = False  # which views plugins bring
        self._view_commands: list[Callable[[], None]] = []
        self._num_done = 0
        self._restored = ""  # folder of the project whose look was restored last
        self._awaited = (
            ""  # the view of a plugin that was open last, until it is offered or somebody goes elsewhere
        )
        self.place = ""
        self.setWindowTitle("SSL workbench")
        self.resize(*SIZE)
        self.setMinimumSize(960, 600)
        self.top_bar = TopBar(session)
        self.rail = Rail(self.places)
        self.stack = QStackedWidget()
        self.notice = NoticeBar()
        self.tray = Tray(session)
        self._lay_out()
        self._watcher = watcher_of(session)
        self._register()
        self.palette_box = Palette(self.commands, self, lambda: self.place, self._refuse)
        self.top_bar.search.clicked.connect(self.palette_box.open)
        self.rail.chosen.connect(self.show_place)
        self._views = views_of(session)
        self._views.changed.connect(self._offer_views)
        self._views.asked.connect(self.show_place)
        self._views.looked.connect(self._reopen)
        self._offer_views()
        self._watcher.changed.connect(self._show_facts)
        session.result_changed.connect(self._show_facts)
        session.finetunes_changed.connect(self._show_facts)
        session.message.connect(self._tell)
        session.project_changed.connect(self._restore)
        application = QCoreApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self._end)
        self._restore()
        if not self.place and self.places:
            self._show(self.places[0].id)

    def _lay_out(self) -> None:
        middle = QVBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.stack, 1)
        self._notice_row = QWidget()  # hidden with the notice, so that it leaves no gap
        notice = QHBoxLayout(self._notice_row)
        notice.setContentsMargins(20, 0, 20, 12)
        notice.addWidget(self.notice)
        self._notice_row.hide()
        self.notice.dismissed.connect(self._notice_row.hide)
        middle.addWidget(self._notice_row)
        across = QHBoxLayout()
        across.setSpacing(0)
        across.addWidget(self.rail)
        across.addLayout(middle, 1)
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        column.addLayout(across, 1)
        column.addWidget(self.tray)
        self.setCentralWidget(whole)

    # Places

    def show_place(self, identifier: str) -> None:
        """Open a place, building it the first time. Raises KeyError for a place that there is not."""
        self._awaited = ""
        self._show(identifier)
        self.session.remember("place", identifier)

    def _show(self, identifier: str) -> None:
        if identifier not in self._built:
            widget = self._build(identifier)
            self._built[identifier] = widget
            self.stack.addWidget(widget)
            self._bind_keys()
        self.place = identifier
        self.rail.mark(identifier)
        self.stack.setCurrentWidget(self._built[identifier])
        self._built[identifier].setFocus()

    def _build(self, identifier: str) -> QWidget:
        """Raises KeyError for a place that there is not."""
        offered = self._views.find(identifier)
        if offered is not None:
            from workbench.gui.plugins.view_place import ViewPlace

            return ViewPlace(self.session, self.commands, offered)
        place = next((place for place in self.places if place.id == identifier), None)
        if place is None:
            raise KeyError(identifier)
        return place.build(self.session, self.commands)

    def _offer_views(self) -> None:
        """What plugins bring, on the rail and among the commands."""
        for remove in self._view_commands:
            remove()
        offered = self._views.offered
        self._view_commands = [
            self.commands.add(
                Command(
                    id=f"go.{one.place}",
                    title=f"Go to {printable(one.title)}",
                    run=lambda place=one.place: self.show_place(place),
                    help=_told(one),
                )
            )
            for one in offered
        ]
        self.rail.show_views([(one.place, printable(one.title), _told(one)) for one in offered])
        self.rail.mark(self.place)

    def widget_of(self, identifier: str) -> QWidget | None:
        """The widget of a place that was built."""
        return self._built.get(identifier)

    # Commands

    def _register(self) -> None:
        project_commands.register(self.commands, self.session, self)
        for number, place in enumerate(self.places):
            self.commands.add(
                Command(
                    id=f"go.{place.id}",
                    title=f"Go to {place.title}",
                    run=lambda identifier=place.id: self.show_place(identifier),
                    keys=f"Ctrl+{number + 1}" if number < 9 else "",
                    help=f"Open the place {place.title}",
                )
            )
        self.commands.add(
            Command(
                id="help.palette", title="Search commands", run=lambda: self.palette_box.open(), keys="Ctrl+K"
            )
        )
        self.commands.add(
            Command(
                id="help.show",
                title="Shortcuts and terms",
                run=self._show_help,
                keys="F1",
                help="Every shortcut, and one sentence for every term of the trade",
            )
        )
        self._bind_keys()

    def _bind_keys(self) -> None:
        for command in self.commands.all():
            if command.keys and command.keys not in self._shortcuts:
                shortcut = QShortcut(QKeySequence(command.keys), self)
                shortcut.activated.connect(lambda keys=command.keys: self._press(keys))
                self._shortcuts[command.keys] = shortcut

    def _press(self, keys: str) -> None:
        """One key may mean one thing in each place; the place that is open is asked first."""
        bound = [command for command in self.commands.all() if command.keys == keys]
        here = [command for command in bound if command.place == self.place]
        everywhere = [command for command in bound if not command.place]
        for command in (here or everywhere)[:1]:
            self._refuse(self.commands.run(command.id))

    def _refuse(self, reason: str) -> None:
        if reason:
            self._notice_row.show()
            self.notice.tell("warn", reason, seconds=INFO_SECONDS)

    def _show_help(self) -> None:
        from workbench.gui.help_window import HelpWindow

        HelpWindow(self.commands, self).show()

    # What the session says

    def _show_facts(self) -> None:
        self.top_bar.show_facts(self._watcher.facts)

    def _tell(self, severity: str, sentence: str) -> None:
        done = self.session.num_done
        undo = done > self._num_done
        self._num_done = done
        self._notice_row.show()
        seconds = INFO_SECONDS if severity in ("info", "good") else 0.0
        if undo:
            self.notice.tell(
                severity, sentence, "Undo", lambda: self.commands.run("edit.undo"), seconds=2 * seconds
            )
        else:
            self.notice.tell(severity, sentence, seconds=seconds)

    # What the window remembers

    def _restore(self) -> None:
        project = self.session.project
        folder = str(project.folder) if project else ""
        self._num_done = self.session.num_done
        if project:
            self.setWindowTitle(f"{printable(self.session.settings.name)} - SSL workbench")
        if not project or folder == self._restored:
            return
        if self._restored:  # what was said of another project
            self.notice.clear()
        self._restored = folder
        recall = self.session.recall
        theme.know_models(recall("models", []), forget=True)
        geometry = recall("geometry", "")
        with suppress(ValueError):  # damaged: the window has a size already
            self.restoreGeometry(QByteArray(b64decode(geometry)))
        preference = recall("theme", "system")
        if preference in ("system", "light", "dark") and preference != theme.themes().preference:
            theme.themes().set_preference(preference)
        place = recall("place", "")
        if place != self.place and any(place == known.id for known in self.places):
            self.show_place(place)
        elif is_view(place):
            self._awaited = place
            self._reopen()

    def _reopen(self) -> None:
        """The view that was open last, as soon as its plugin is found; else another place stays open."""
        if not self._awaited or not self._views.known:
            return
        if self._views.find(self._awaited) is not None:
            self.show_place(self._awaited)
        self._awaited = ""

    def _end(self) -> None:
        """Before the application goes: write down the look, end the threads of this window."""
        self.session.remember("geometry", b64encode(self.saveGeometry().data()).decode())
        self.session.remember("models", theme.known_models())
        self._watcher.close()
        self._views.close()
        thumbnails = self.session.findChild(Thumbnails)
        if isinstance(thumbnails, Thumbnails):
            thumbnails.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._looked:  # after the first paint, which waits for no disk
            self._looked = True
            QTimer.singleShot(LOOK_MS, self._views.look)

    def closeEvent(self, event: QCloseEvent) -> None:
        self._end()
        super().closeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.palette_box.isVisible():
            self.palette_box.open()


def _told(one: Offered) -> str:
    return printable(f"{one.sentence} By the plugin {one.plugin}.".strip())
