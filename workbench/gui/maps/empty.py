"""The page before there is a map: why it is empty, and the next step as a button."""

from __future__ import annotations

from PySide6.QtCore import Signal

from workbench.gui.maps.atlas import Atlas
from workbench.gui.session import Session
from workbench.gui.widgets.cards import EmptyState
from workbench.records.text import count

COMPARE, DRAW = "compare", "draw"


class MapsAwaited(EmptyState):
    """`wanted` brings COMPARE or DRAW."""

    wanted = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__("", "", [("Draw the maps", self._next, "primary")], "inspect")
        self._session = session
        self._step = ""

    def refresh(self, atlas: Atlas | None) -> None:
        maps = self._session.maps
        if self._session.result is None:
            text = "Maps show what a comparison has embedded. Run one first."
            self._show(COMPARE, "No comparison yet", text, "Go to Compare")
        elif maps.problem:
            self._show("", "The maps can't be read", maps.problem)
        elif atlas is None:
            self._show("", "Reading the maps…", "")
        elif maps.drawing:
            text = "They appear here. The bar below shows how far they are, and can stop them."
            self._show("", "The maps are being drawn", text)
        elif len(atlas.problems) == len(atlas.maps):
            self._show("", "The embedding files can't be read", " ".join(atlas.problems.values()))
        else:
            text = (
                "A map lays similar images side by side, once for each model, to show what a model mixes up."
            )
            what = f"{count(len(atlas.maps), 'model')}, {count(len(atlas.ids), 'image')}."
            self._show(DRAW, "No maps yet", f"{text} {what} Nothing leaves this machine.", "Draw the maps")

    def _show(self, step: str, title: str, text: str, action: str = "") -> None:
        self._step = step
        self.set(title, text)
        self.buttons[0].setText(action)
        self.buttons[0].setVisible(bool(action))

    def _next(self) -> None:
        self.wanted.emit(self._step)
