"""Where a model pack is, and where one goes: the two folders that are asked for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from workbench.gui.commands import Command
from workbench.gui.guarded import guarded
from workbench.gui.session import Session
from workbench.records.catalogue import BackboneFacts

IMPORT = "models.import_pack"


def import_command(session: Session, parent: QWidget) -> Command:
    return Command(
        id=IMPORT,
        title="Import a model pack…",
        run=lambda: ask_import(session, parent),
        why_not=lambda: "" if session.project is not None else "Open a project or make a new one first.",
        help="Check a folder that another machine has exported, and put its model on this machine",
        place="models",
    )


def ask_import(session: Session, parent: QWidget) -> None:
    chosen = QFileDialog.getExistingDirectory(
        parent, "Choose a model pack: a folder that ends in .workbench-pack", str(Path.home())
    )
    if chosen:
        guarded(session, lambda: session.models.import_pack(Path(chosen)))


def ask_export(session: Session, facts: BackboneFacts, parent: QWidget) -> None:
    chosen = QFileDialog.getExistingDirectory(
        parent, "Choose the folder that the pack is written into", str(Path.home())
    )
    if chosen:
        guarded(session, lambda: session.models.export_pack(facts.id, facts.title, Path(chosen)))
