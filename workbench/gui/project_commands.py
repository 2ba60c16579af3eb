"""What can be done in every place: projects, folders, the comparison, undo, theme. Registered once by the window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from workbench.gui.commands import Command, Commands
from workbench.gui.compare.run_command import register_run
from workbench.gui.decide.commands import register_decide
from workbench.gui.finetune.run_command import register_finetune
from workbench.gui.guarded import guarded
from workbench.gui.theme import Preference, themes
from workbench.records.runs import ENDED

if TYPE_CHECKING:
    from workbench.gui.session import Session

PREFERENCES: tuple[tuple[Preference, str], ...] = (
    ("system", "Follow the system's light or dark"),
    ("light", "Light theme"),
    ("dark", "Dark theme"),
)


def open_folder(session: Session, folder: Path) -> None:
    """Open the project in `folder`, or take `folder` as the images; what is wrong becomes a message."""

    def act() -> None:
        if (folder / "project.json").exists():
            session.open_project(folder)
        else:
            session.set_folder(folder)

    guarded(session, act)


def register(commands: Commands, session: Session, window: QWidget) -> list[Callable[[], None]]:
    """Add the commands; returns what removes them."""

    def ask(title: str, start: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(window, title, start or _home())
        return Path(chosen) if chosen else None

    def choose_folder() -> None:
        folder = ask("Choose the image folder, or a project", _first(session))
        if folder is not None:
            open_folder(session, folder)

    def choose_pool() -> None:
        folder = ask("Choose the folder of unlabelled images", session.settings.pool or _first(session))
        if folder is not None:
            guarded(session, lambda: session.dataset.set_pool(folder))

    def new_project() -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            window, "New project: name a folder", f"{_home()}/New project"
        )
        if chosen:
            guarded(session, lambda: session.create_project(Path(chosen), Path(chosen).name))

    def draw_sample() -> None:
        assert session.project is not None
        folder = session.project.folder / "sample"
        guarded(session, lambda: session.dataset.draw_sample(folder))

    def no_sample() -> str:
        if any(job.kind == "sample" and job.status.state not in ENDED for job in session.jobs):
            return "The sample is being drawn already."
        if session.settings.roots:
            return "This project has images of its own. Begin another one for the sample (Ctrl+N)."
        return no_project()

    def no_project() -> str:
        return "" if session.project is not None else "Open a project or make a new one first."

    listed = [
        Command(
            id="project.open",
            title="Choose image folder…",
            run=choose_folder,
            why_not=no_project,
            keys="Ctrl+O",
            help="Take a folder of images, one folder a class or none, or open a project folder",
        ),
        Command(
            id="project.new",
            title="New project…",
            run=new_project,
            keys="Ctrl+N",
            help="Begin an empty project in a folder of its own",
        ),
        Command(
            id="project.pool",
            title="Choose unlabelled pool…",
            run=choose_pool,
            why_not=no_project,
            help="Images without labels, which pretraining can learn from",
        ),
        Command(
            id="project.sample",
            title="Open the sample project",
            run=draw_sample,
            why_not=no_sample,
            help="Draw 600 labelled and 3,000 unlabelled pictures of rolled steel, to try everything out",
        ),
        Command(
            id="edit.undo",
            title="Undo",
            run=lambda: guarded(session, session.undo),
            why_not=session.why_not_undo,
            keys="Ctrl+Z",
            help="Take back the last edit of the images, or bring back the run that was discarded last",
        ),
        Command(
            id="edit.redo",
            title="Redo",
            run=lambda: guarded(session, session.redo),
            why_not=session.why_not_redo,
            keys="Ctrl+Shift+Z",
            help="Do again what undo took back",
        ),
        *(_theme_command(session, preference, title) for preference, title in PREFERENCES),
    ]
    return [
        *(commands.add(command) for command in listed),
        register_run(session, commands),
        register_finetune(session, commands, window),
        *register_decide(session, commands),
    ]


def _theme_command(session: Session, preference: Preference, title: str) -> Command:
    def run() -> None:
        themes().set_preference(preference)
        session.remember("theme", preference)

    def on_already() -> str:
        return "It is on." if themes().preference == preference else ""

    return Command(
        id=f"view.theme_{preference}", title=title, run=run, why_not=on_already, help="Colours of the window"
    )


def _first(session: Session) -> str:
    """The first folder of images, to begin a search at."""
    return next(iter(session.settings.roots.values()), "")


def _home() -> str:
    return QStandardPaths.writableLocation(QStandardPaths.StandardLocation.HomeLocation)
