"""What can be done on the Maps page by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.gui.commands import Command

if TYPE_CHECKING:
    from workbench.gui.maps.page import MapsPage


def register(page: MapsPage) -> None:
    """The page's commands, for as long as it lives."""
    made = [
        Command(
            id="maps.draw",
            title="Draw the maps of the compared models",
            run=lambda: page.draw(page.column.form.values()),
            why_not=page.why_not_draw,
            help="A map of each model's vectors, as the Maps page is set.",
            place="inspect",
        ),
        Command(
            id="maps.whole",
            title="Show the whole of every map",
            run=page.show_whole,
            help="Undo every zoom and move.",
            place="inspect",
        ),
    ]
    page.destroyed.connect(page.commands.add_all(made))
