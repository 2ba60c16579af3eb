"""What can be done on the Neighbours page by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.commands import Command

if TYPE_CHECKING:
    from workbench.gui.neighbours.page import NeighboursPage


def register(page: NeighboursPage) -> None:
    """The page's commands, for as long as it lives."""

    def from_file() -> None:
        page.commands.run("inspect.show_neighbours")
        page.choose_file()

    remove = page.commands.add(
        Command(
            id="neighbours.from_file",
            title="Find the neighbours of a picture from a file…",
            run=from_file,
            why_not=page.why_not_ask_file,
            help="It is embedded by every compared model, just as the images were.",
            place="inspect",
        )
    )
    page.destroyed.connect(lambda: remove())
