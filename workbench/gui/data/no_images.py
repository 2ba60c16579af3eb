"""Why there is no image to show, and the next step."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QStackedWidget

from workbench.gui.widgets.cards import EmptyState
from workbench.records.arrange import Arranged
from workbench.records.index import ImageIndex
from workbench.records.text import count


class NoImages(QStackedWidget):
    """In the place of the grid: a filter lets nothing through, or the data set holds nothing."""

    clear_asked = Signal()
    folders_asked = Signal()
    refused_asked = Signal()
    left_out_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.filtered = EmptyState(
            "No image passes the filter",
            "Take a part of it away above, or all of it.",
            (("Clear filters", self.clear_asked.emit, "primary"),),
            "search",
        )
        self.empty = EmptyState(
            "No image in this folder can be used",
            " ",
            (
                ("Other folders…", self.folders_asked.emit, "primary"),
                ("Show refused files", self.refused_asked.emit, ""),
                ("Bring images back…", self.left_out_asked.emit, ""),
            ),
            "folder",
        )
        self.addWidget(self.filtered)
        self.addWidget(self.empty)

    def show_why(self, index: ImageIndex, arranged: Arranged | None) -> None:
        """`index` holds no image, or none that is let through."""
        self.setCurrentWidget(self.filtered if len(index) else self.empty)
        refused = len(index.refused)
        out = len(arranged.left_out) + arranged.ignored if arranged is not None else 0
        told = []
        if refused:
            told.append(f"{count(refused, 'file')} can't be used, each for a reason that is listed.")
        if out:
            told.append(f"{count(out, 'image')} left out by you.")
        if not told:
            told.append("There is no image in the folder, nor in the folders below it.")
        self.empty.set("No image in this folder can be used", " ".join(told))
        _, show_refused, bring_back = self.empty.buttons
        show_refused.setVisible(bool(refused))
        bring_back.setVisible(bool(out))
