"""The selected images, whoever selected them. A click looks at one of them without losing the others."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QWidget

from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.maps.atlas import NO_CODE, Atlas
from workbench.gui.session import Session
from workbench.records.text import printable

HOW = "Drag around points on a map to see their images here. Ctrl adds to what is selected, Esc clears it."


class ChosenPanel(ImagesPanel):
    """What is selected outside is shown; what is clicked in the grid is selected, and the grid stays."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Selected images", parent)
        self.atlas: Atlas | None = None
        self._own = False
        self.grid.selected.disconnect(session.select)
        self.grid.selected.connect(self._select)
        session.selection_changed.connect(self.refresh)

    def show_atlas(self, atlas: Atlas | None) -> None:
        self.atlas = atlas
        self.refresh()

    def refresh(self) -> None:
        if self._own:
            return
        atlas, selected = self.atlas, self.session.selected
        places = sorted(atlas.places(selected).tolist()) if atlas is not None else []
        if atlas is None or not places:
            self.tell("Selected images", "", HOW if atlas is not None else "")
            return
        labels = atlas.labels
        images = []
        for place in places:
            code = int(labels.code[place])
            name = atlas.paths[place].rsplit("/", 1)[-1]
            told = printable(labels.names[code] if code != NO_CODE else name)
            images.append((atlas.ids[place], told, told))
        self.show_images("Selected images", images, "by path")
        self.grid.set_selected(frozenset())  # all of them are: a frame is for what is picked among them

    def look(self, place: int) -> None:
        """Show an item of the atlas large; it is selected first where it isn't."""
        atlas = self.atlas
        if atlas is None:
            return
        if atlas.ids[place] not in self.session.selected:
            self.session.select([atlas.ids[place]])
        places = sorted(atlas.places(self.session.selected).tolist())
        if self.grid.isVisible() and place in places and self.grid.num_items == len(places):
            self.grid.go_to(places.index(place))
            self._look(places.index(place))

    def _select(self, ids: Iterable[str]) -> None:
        wanted = list(ids)
        self._own = bool(wanted)
        try:
            self.session.select(wanted)
        finally:
            self._own = False
