"""The images behind a cell of the confusion matrix, the most often confused first; linked by item id."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from workbench.gui.compare.behind import Behind, behind_cell, behind_class
from workbench.gui.compare.images_panel import ImagesPanel
from workbench.gui.session import Session
from workbench.gui.widgets.image_grid import TILE
from workbench.records.text import printable

SMALL_TILE = 76  # px, so that there are two in a row beside a matrix
GONE = "The predictions of this evaluation are gone. Run the comparison again."


class BehindPanel(ImagesPanel):
    """Shows one cell or one class at a time; what is clicked is selected in every view."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, "Images behind the cell", parent)
        self.items: list[Behind] = []

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.grid.set_tile(TILE if event.size().width() >= 2.2 * TILE else SMALL_TILE)

    def ids(self) -> list[str]:
        return [item.id for item in self.items]

    def show_cell(self, model: str, cell: tuple[int, int] | None) -> None:
        """Look up and show the images; a sentence says why where there are none."""
        result, predictions = self.session.result, self.session.predictions
        self.items = []
        if result is None or cell is None:
            self.tell("", "", "")
            return
        true, predicted = (printable(result.classes[code]) for code in cell)
        title = f"{true}, called so" if cell[0] == cell[1] else f"{true}, called {predicted}"
        if predictions is None:
            self.tell(title, "", GONE)
            return
        self._show(title, behind_cell(predictions, model, *cell), "No test image landed here.")

    def show_class(self, model: str, truth: int) -> None:
        """The images of one class that were called something else."""
        result, predictions = self.session.result, self.session.predictions
        self.items = []
        if result is None or not 0 <= truth < len(result.classes):
            self.tell("", "", "")
            return
        title = f"{printable(result.classes[truth])}, not found"
        if predictions is None:
            self.tell(title, "", GONE)
            return
        found = behind_class(predictions, model, truth)
        self._show(title, found, "Every test image of this class was found in every split.")

    def _show(self, title: str, found: list[Behind], none: str) -> None:
        self.items = found
        if not found:
            self.tell(title, "", none)
            return
        self.show_images(
            title, [(item.id, item.told, item.told) for item in found], "the most often so first"
        )
