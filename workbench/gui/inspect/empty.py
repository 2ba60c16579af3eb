"""Why a board is empty, and the next step as a button."""

from __future__ import annotations

from workbench.gui.commands import Commands
from workbench.gui.compare.run_command import go
from workbench.gui.inspect.board import Board
from workbench.gui.widgets.cards import Card, EmptyState

Reason = tuple[str, str, str, str]  # title, text, button, what it does


def why_empty(board: Board) -> Reason | None:
    """None where there is something to look at, or will be in a moment."""
    session, rows = board.session, board.plan.rows
    if (board.index is None or not len(board.index)) and not (board.rows or rows.kind == "files"):
        return (
            "No images yet",
            "Choose a folder with images. Nothing in it is changed.",
            "Choose an image folder",
            "go:data",
        )
    if not board.columns:
        return (
            "No model to look into",
            "Choose backbones for a comparison, or add models that are on this machine by the button above.",
            "Choose backbones",
            "go:models",
        )
    if board.rows or board.choosing:
        return None
    if rows.kind == "picked":
        return (
            "No image is picked",
            "Select images in Data, in the plots of Compare or on this board: they are the rows then.",
            "Show random images",
            "rows:random",
        )
    if rows.kind == "files":
        return (
            "No picture from a file" if not rows.ids else "None of these files can be shown",
            "Drop image files or folders here, from wherever they are: each picture is a row, and they join no data "
            "set.",
            "Choose files",
            "run:inspect.files",
        )
    if rows.kind in ("misses", "hardest") and session.predictions is None:
        return (
            "No comparison is shown",
            "Which images a model gets wrong is known from the test part of a comparison.",
            "Go to Compare",
            "go:compare",
        )
    if rows.kind in ("misses", "hardest"):
        return (
            "No such image",
            "This model gets every test image of this folder right, or the images that were compared are not in it.",
            "Show random images",
            "rows:random",
        )
    return (
        "None of these images is here",
        "The images of this board are not in the folder that is open now.",
        "Show random images",
        "rows:random",
    )


class BoardAwaited(Card):
    """Shows the reason that `why_empty` gives."""

    def __init__(self, board: Board, commands: Commands) -> None:
        super().__init__()
        self.board, self.commands = board, commands
        self._step = ""
        self.state = EmptyState("", icon_name="inspect", actions=[("Next", self._next, "primary")])
        self.body.addWidget(self.state)

    def show_reason(self, reason: Reason) -> None:
        title, text, word, self._step = reason
        self.state.set(title, text)
        self.state.buttons[0].setText(word)

    def _next(self) -> None:
        what, where = self._step.split(":")
        if what == "go":
            go(self.commands, where)
        elif what == "run":
            self.commands.run(where)
        else:
            self.board.set_rows(kind=where)
