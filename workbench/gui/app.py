"""The program with a window: application, session, window, in that order, and nothing that is slow to import."""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path, user_data_path
from PySide6.QtCore import QLocale, QTimer
from PySide6.QtWidgets import QApplication

from workbench.gui import theme
from workbench.gui.commands import Commands
from workbench.gui.faults import tell_faults
from workbench.gui.garbage import GarbageSearch
from workbench.gui.main_window import MainWindow
from workbench.gui.plugin_views import release_views
from workbench.gui.session import Session
from workbench.records.files import write_text
from workbench.records.project import UNTITLED


def application() -> QApplication:
    """The one QApplication, themed."""
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        app = QApplication(sys.argv[:1])
        app.setApplicationName("SSL workbench")
        app.setDesktopFileName("ssl-workbench")
        # Numbers look alike in fields and in sentences; these are in English, wherever the system stands.
        QLocale.setDefault(QLocale(QLocale.Language.English, QLocale.Country.UnitedStates))
        theme.install(app)
    return app


def build_window() -> tuple[Session, MainWindow]:
    """A window on a session without a project. Close the session after the window."""
    session = Session()
    return session, MainWindow(session, Commands())


def open_window(folder: Path | None) -> int:
    """Show the window on a project folder, on the last one, or on a new one; returns the exit code.

    Raises:
        ValueError: `folder` is given and holds no project that this program reads.
    """
    if folder is not None and not (folder / "project.json").exists():
        raise ValueError(
            f"{folder} holds no project. Start `workbench` without a path and choose the image folder in the window."
        )
    app = application()
    session, window = build_window()
    window.show()
    # The first paint comes before the disk is asked for anything.
    QTimer.singleShot(0, lambda: open_or_new(session, folder or last_project()))
    return run(app, session)


def run(app: QApplication, session: Session) -> int:
    """The event loop; the workers are stopped, and their work kept, when it ends."""
    signal.signal(signal.SIGINT, lambda *_: app.quit())
    beat = QTimer(interval=500)
    beat.timeout.connect(lambda: None)  # lets Python see the signal
    beat.start()
    for signal_of_a_choice in (session.project_changed, session.dataset_changed):
        signal_of_a_choice.connect(lambda: _remember(session))
    ignore_faults = tell_faults(session)
    garbage = GarbageSearch()
    code = app.exec()
    ignore_faults()
    session.close()
    garbage.close()
    release_views()
    return int(code)


def open_or_new(session: Session, folder: Path | None) -> None:
    """Open `folder`; where that can't be done say why and begin a new project."""
    if folder is not None:
        try:
            session.open_project(folder)
            return
        except ValueError as error:  # damaged, newer than this program, or open in another window
            session.message.emit("bad", str(error))
    new_project(session)


def new_project(session: Session) -> None:
    """Begin an untitled project; it is kept like any other."""
    place = user_data_path("ssl-workbench") / "projects" / time.strftime("untitled-%Y%m%d-%H%M%S")
    session.create_project(place, UNTITLED)


def last_project() -> Path | None:
    """The project that was open last, where it still exists."""
    try:
        known = json.loads(_recent().read_text("utf-8"))["last"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    folder = Path(str(known))
    return folder if (folder / "project.json").exists() else None


def _remember(session: Session) -> None:
    """Keep which project is open. An empty one, begun because the last is open elsewhere, doesn't take its place."""
    project, last = session.project, last_project()
    if project is None or project.folder == last or (last is not None and not project.settings.roots):
        return
    with suppress(OSError):  # a full disk costs a choice at the next start, nothing else
        write_text(_recent(), json.dumps({"last": str(project.folder)}))


def _recent() -> Path:
    return user_config_path("ssl-workbench") / "recent.json"
