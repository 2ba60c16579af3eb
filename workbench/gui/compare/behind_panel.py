"""The images behind a cell of the confusion matrix, the most often confused first; linked by item id."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from workbench.gui.background import Background
from workbench.gui.compare.behind import Behind, behind_cell
from workbench.gui.item_ids import positions
from workbench.gui.session import Session
from workbench.gui.thumbnails import thumbnails_of
from workbench.gui.widgets.image_grid import ImageGrid, describe
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.gui.widgets.quick_look import Item, QuickLook
from workbench.records.text import count, printable


class BehindGrid(ImageGrid):
    """Captions say how often instead of which file; the file's name is in the tooltip."""

    captions: tuple[str, ...] = ()

    def caption(self, place: int) -> str:
        return self.captions[place] if place < len(self.captions) else super().caption(place)


class BehindPanel(QWidget):
    """Shows one cell at a time; what is clicked is selected in every view."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.items: list[Behind] = []
        self.looking: QuickLook | None = None
        self._background = Background(self)
        self.title = ElidedLabel("", "strong")
        self.aside = ElidedLabel("", "caption")
        self.why = label("", "dim", wrap=True)
        self.grid = BehindGrid(thumbnails_of(session), session.file)
        self.grid.setAccessibleName("Images behind the cell")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(4)
        outer.addWidget(self.title)
        outer.addWidget(self.aside)
        outer.addWidget(self.why)
        outer.addWidget(self.grid, 1)
        outer.addStretch(0)
        self.setMinimumWidth(150)
        self.grid.selected.connect(session.select)
        self.grid.look.connect(self._look)
        session.selection_changed.connect(lambda: self.grid.set_selected(session.selected))

    def ids(self) -> list[str]:
        return [item.id for item in self.items]

    def show_cell(self, model: str, cell: tuple[int, int] | None) -> None:
        """Look up and show the images; a sentence says why where there are none."""
        session = self.session
        result, predictions, index = session.result, session.predictions, session.index
        self.items = []
        if result is None or cell is None:
            self._tell("", "", "")
            return
        true, predicted = (printable(result.classes[code]) for code in cell)
        title = f"{true}, called so" if cell[0] == cell[1] else f"{true}, called {predicted}"
        if predictions is None:
            self._tell(title, "", "The predictions of this evaluation are gone. Run the comparison again.")
            return
        self.items = behind_cell(predictions, model, *cell)
        if not self.items:
            self._tell(title, "", "No test image landed here.")
            return
        places = positions(index, self.ids()) if index is not None else {}
        shown = [item for item in self.items if item.id in places]
        lost = len(self.items) - len(shown)
        if not shown:
            self._tell(
                title,
                count(len(self.items), "image"),
                "These images are not in the folder that is open now. Open the folder that was compared.",
            )
            return
        aside = f"{count(len(shown), 'image')}, the most often so first"
        self._tell(title, aside + (f" · {lost:,} no longer in the folder" if lost else ""), "")
        self.grid.captions = tuple(item.told for item in shown)
        self.grid.set_items(index, np.asarray([places[item.id] for item in shown], dtype=np.int64))
        self.grid.set_selected(session.selected)

    def _tell(self, title: str, aside: str, why: str) -> None:
        self.title.setText(title)
        self.aside.setText(aside)
        self.aside.setVisible(bool(aside))
        self.why.setText(why)
        self.why.setVisible(bool(why))
        self.grid.setVisible(not why and bool(title))

    def _look(self, place: int) -> None:
        index = self.session.index
        if index is None or self.looking is not None:
            return

        def item(at: int) -> Item:
            position = self.grid.position(at)
            tile = self.grid.tile_of(at)
            caption = f"{describe(index, position)} · {self.grid.caption(at)}"
            preview = tile.image if tile else None
            page = int(index.page[position])
            return Item(self.session.file(position), caption, preview, page, self.session.reading)

        self.looking = QuickLook(item, self.grid.num_items, place, self.grid.go_to, self._background, self)
        self.looking.finished.connect(self._looked)
        self.looking.open()

    def _looked(self) -> None:
        self.looking = None
        self.grid.setFocus()
