"""The command that opens the fine-tuning dialog, under one name for every place that offers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from workbench.gui.commands import Command, Commands

if TYPE_CHECKING:
    from workbench.gui.session import Session

FINETUNE = "finetune.run"


def why_not_finetune(session: Session) -> str:
    """A sentence that says why nothing can be fine-tuned now and what to do; "" when it can."""
    if session.project is None or session.index is None:
        return "Choose an image folder first."
    if not len(session.index.labelled()) or len(session.index.classes) < 2:
        return (
            "Fine-tuning needs labelled images of at least two classes: say under Labels and groups what tells "
            "them."
        )
    return ""


def register_finetune(session: Session, commands: Commands, owner: QWidget) -> Callable[[], None]:
    """Add the command unless it is there: a place may be shown without the window. Returns what removes it."""
    if any(command.id == FINETUNE for command in commands.all()):
        return lambda: None

    def ask() -> None:
        from workbench.gui.finetune.dialog import FinetuneDialog

        FinetuneDialog(session, owner.window()).open()

    return commands.add(
        Command(
            id=FINETUNE,
            title="Fine-tune…",
            run=ask,
            why_not=lambda: why_not_finetune(session),
            help="Let the last blocks of a backbone learn from your labels; shown in a table of its own",
        )
    )
