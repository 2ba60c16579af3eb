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

    def why_not_step() -> str:
        several = len(page.session.pictures.pictures) > 1
        return "" if several else "There are not several pictures from files. Drop some on the page first."

    made = (
        Command(
            id="neighbours.from_file",
            title="Find the neighbours of pictures from files…",
            run=from_file,
            why_not=page.why_not_ask_file,
            help="Each is embedded by every compared model, just as the images were.",
            place="inspect",
        ),
        Command(
            id="neighbours.next_file",
            title="Neighbours of the next picture from a file",
            run=lambda: page.strip.step(1),
            why_not=why_not_step,
            help="Alt and the right arrow",
            place="inspect",
        ),
        Command(
            id="neighbours.previous_file",
            title="Neighbours of the picture from a file before",
            run=lambda: page.strip.step(-1),
            why_not=why_not_step,
            help="Alt and the left arrow",
            place="inspect",
        ),
    )
    page.destroyed.connect(page.commands.add_all(made))
