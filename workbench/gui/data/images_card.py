"""The images themselves: grid, size of the tiles, what is shown, what is selected, quick look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QSlider

from workbench.gui.background import Background
from workbench.gui.data.class_list import EVERYTHING
from workbench.gui.plain_text import set_tip
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.image_grid import TILE, ImageGrid, describe
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.index import ImageIndex
from workbench.records.text import count

if TYPE_CHECKING:
    from workbench.gui.session import Session

SMALLEST, LARGEST = 64, 256  # px of a tile


class ImagesCard(Card):
    """Linked to the session's selection in both directions."""

    def __init__(self, session: Session) -> None:
        super().__init__("Images")
        self._session = session
        self._index: ImageIndex | None = None
        self._looking: QuickLook | None = None
        self._background = Background(self)
        self.grid = ImageGrid(thumbnails_of(session), session.file)
        self.clear = button("Clear selection", lambda: session.select(()), kind="link")
        self.clear.hide()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(SMALLEST, LARGEST)
        self.slider.setSingleStep(16)
        self.slider.setFixedWidth(96)
        set_tip(self.slider, "Size of the pictures")
        self.slider.setAccessibleName("Size of the pictures")
        self._resize = QTimer(self, singleShot=True, interval=60)
        self._resize.timeout.connect(self._set_tile)
        self.slider.setValue(int(session.recall("tile", TILE)))
        self._set_tile()
        self.add_head(self.clear)
        self.add_head(self.slider)
        self.body.addWidget(self.grid, 1)
        self.slider.valueChanged.connect(lambda _: self._resize.start())
        self.grid.selected.connect(session.select)
        self.grid.look.connect(self.look)
        session.selection_changed.connect(self._show_selection)

    def set_index(self, index: ImageIndex | None) -> None:
        self._index = index
        self.show_coded("label", EVERYTHING, "All images")

    def refresh_files(self) -> None:
        """The files may lie elsewhere now."""
        self.grid.viewport().update()

    def show_coded(self, column: str, code: int, name: str) -> None:
        """Show the images whose "label" or "group" has a code."""
        if self._index is None:
            self.grid.set_items(None)
            return
        if code == EVERYTHING:
            self.show_positions(np.arange(len(self._index)), "All images")
        else:
            self.show_positions(np.flatnonzero(getattr(self._index, column) == code), name)

    def show_positions(self, positions: np.ndarray, title: str, aside: str = "") -> None:
        """Show the images at `positions` of the index under a title."""
        self._title, self._note = title, aside
        self.grid.set_items(self._index, positions)
        self._show_selection()

    def look(self, place: int) -> None:
        """Quick look at the image at `place` of the grid."""
        if self._looking is not None:
            return
        self._looking = QuickLook(
            self._item, self.grid.num_items, place, self.grid.go_to, self._background, self
        )
        self._looking.finished.connect(self._looked)
        self._looking.open()

    def _looked(self) -> None:
        self._looking = None
        self.grid.setFocus()

    def _item(self, place: int) -> Item:
        assert self._index is not None
        position = self.grid.position(place)
        tile = self.grid.tile_of(place)
        return (
            self._session.file(position),
            describe(self._index, position),
            tile.image if tile is not None else None,
        )

    def _set_tile(self) -> None:
        self.grid.set_tile(self.slider.value())
        self._session.remember("tile", self.slider.value())

    def _show_selection(self) -> None:
        chosen = self._session.selected
        self.grid.set_selected(chosen)
        parts = [self._note, count(self.grid.num_items, "image")]
        if chosen:
            parts.append(f"{len(chosen):,} selected")
        self.set_title(self._title, " · ".join(part for part in parts if part))
        self.clear.setVisible(bool(chosen))
