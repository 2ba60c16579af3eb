"""The selected images, whoever selected them. A click looks at one of them without losing the others."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.maps.atlas import NO_CODE, Atlas
from workbench.gui.maps.pointing import Known
from workbench.gui.session import Session
from workbench.records.text import printable

LISTED = 1_000  # images; more are scrolled through in Data
HOW = "Drag around points on a map to see their images here. Ctrl adds to what is selected, Esc clears it."


class ChosenPanel(ImagesPanel):
    """What is selected outside is shown; what is clicked in the grid is selected, and the grid stays."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Selected images", parent)
        self.places: list[int] = []  # of the selected items in the atlas, ascending
        self._atlas: Atlas | None = None
        self._picked: frozenset[str] = frozenset()  # in the grid
        self.grid.selected.disconnect(session.select)
        self.grid.selected.connect(self._select)

    def show_places(self, atlas: Atlas | None, places: np.ndarray, known: Known | None) -> None:
        """The selection, as places in the atlas; one that was made in the grid leaves it as it is."""
        if self._picked and atlas is self._atlas and self.session.selected == self._picked:
            self.mark()
            return
        self._atlas, self._picked = atlas, frozenset()
        self.places = np.sort(places).tolist()
        if atlas is None or not self.places:
            self.tell("Selected images", "", HOW if atlas is not None else "")
            return
        labels = atlas.labels
        images = []
        for place in self.places[:LISTED]:
            code = int(labels.code[place])
            name = atlas.paths[place].rsplit("/", 1)[-1]
            told = printable(labels.names[code] if code != NO_CODE else name)
            images.append((atlas.ids[place], told, told))
        order = "by path" if len(self.places) <= LISTED else f"the first of {len(self.places):,}"
        found = None
        if known is not None and known.index is not None and known.index is self.session.index:
            listed = self.places[:LISTED]
            at = known.position[listed].tolist()
            found = {atlas.ids[item]: place for item, place in zip(listed, at, strict=True) if place >= 0}
        self.show_images("Selected images", images, order, found)

    def mark(self) -> None:
        """All of them are selected: a frame is for what was picked among them."""
        self.grid.set_selected(self._picked)

    def look(self, place: int) -> None:
        """Show an item of the atlas large; it is selected first where it isn't."""
        if self._atlas is None:
            return
        if self._atlas.ids[place] not in self.session.selected:
            self.session.select([self._atlas.ids[place]])
        shown = self.places[:LISTED]
        if self.grid.isVisible() and place in shown and self.grid.num_items == len(shown):
            self.grid.go_to(shown.index(place))
            self._look(shown.index(place))

    def _select(self, ids: Iterable[str]) -> None:
        self._picked = frozenset(ids)
        self.session.select(self._picked)
