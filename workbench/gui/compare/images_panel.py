"""Images that a view is about, linked by item id: what is clicked is selected everywhere, space is quick look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.item_ids import positions
from workbench.gui.session import Session
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.image_grid import ImageGrid, describe
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.text import count


class CaptionedGrid(ImageGrid):
    """Captions say what happened to an image instead of which file it is; the file's name is in the tooltip."""

    captions: tuple[str, ...] = ()

    def caption(self, place: int) -> str:
        return self.captions[place] if place < len(self.captions) else super().caption(place)


class ImagesPanel(QWidget):
    """A title, an aside, and either a grid or a sentence that says why there is none."""

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.looking: QuickLook | None = None
        self.background = Background(self)
        self.title = ElidedLabel("", "strong")
        self.aside = ElidedLabel("", "caption")
        self.why = label("", "dim", wrap=True)
        self.grid = CaptionedGrid(thumbnails_of(session), session.file)
        self.grid.setAccessibleName(name)
        self._told: tuple[str, ...] = ()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(self.title)
        outer.addWidget(self.aside)
        outer.addWidget(self.why)
        outer.addWidget(self.grid, 1)
        outer.addStretch(0)
        self.outer = outer
        self.setMinimumWidth(150)
        self.grid.selected.connect(session.select)
        self.grid.look.connect(self._look)
        session.selection_changed.connect(self.mark)

    def show_images(
        self,
        title: str,
        images: Sequence[tuple[str, str, str]],
        order: str,
        places: Mapping[str, int] | None = None,
    ) -> None:
        """Show (item id, caption, the caption in full) each; `order` says how they are sorted.

        `places` are the items' positions in the index, where they are known: to find them in a million takes 0.2 s.
        """
        index = self.session.index
        if places is None:
            places = positions(index, [image[0] for image in images]) if index is not None else {}
        shown = [image for image in images if image[0] in places]
        lost = len(images) - len(shown)
        if images and not shown:
            self.tell(
                title,
                count(len(images), "image"),
                "These images are not in the folder that is open now. Open the folder that was compared.",
            )
            return
        aside = f"{count(len(shown), 'image')}, {order}"
        self.tell(title, aside + (f" · {lost:,} no longer in the folder" if lost else ""), "")
        self.grid.captions = tuple(caption for _, caption, _ in shown)
        self._told = tuple(told for _, _, told in shown)
        self.grid.set_items(index, np.asarray([places[image[0]] for image in shown], dtype=np.int64))
        self.mark()

    def mark(self) -> None:
        """Frame what is selected."""
        self.grid.set_selected(self.session.selected)

    def tell(self, title: str, aside: str, why: str) -> None:
        """A sentence instead of images where `why` is not empty."""
        self.title.setText(title)
        self.title.setVisible(bool(title))
        self.aside.setText(aside)
        self.aside.setVisible(bool(aside))
        self.why.setText(why)
        self.why.setVisible(bool(why))
        self.grid.setVisible(not why and bool(title or aside))

    def _look(self, place: int) -> None:
        index = self.session.index
        if index is None or self.looking is not None:
            return

        def item(at: int) -> Item:
            position = self.grid.position(at)
            tile = self.grid.tile_of(at)
            told = self._told[at] if at < len(self._told) else self.grid.caption(at)
            caption = f"{describe(index, position)} · {told}"
            preview = tile.image if tile else None
            page = int(index.page[position])
            return Item(self.session.file(position), caption, preview, page, self.session.reading)

        self.looking = QuickLook(item, self.grid.num_items, place, self.grid.go_to, self.background, self)
        self.looking.finished.connect(self._looked)
        self.looking.open()

    def _looked(self) -> None:
        self.looking = None
        self.grid.setFocus()
