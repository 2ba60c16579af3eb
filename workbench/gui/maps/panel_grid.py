"""Panels side by side, in as many columns as leave the maps largest."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from workbench.gui.maps.panel import MapPanel

GAP = 12  # px between maps
AROUND = 60  # px of a panel's height that aren't its map


class PanelGrid(QWidget):
    """Fills its room."""

    def __init__(self) -> None:
        super().__init__()
        self.panels: list[MapPanel] = []
        self.columns = 1
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GAP)

    def show_panels(self, panels: Sequence[MapPanel]) -> None:
        """These instead of those before, which are done with."""
        for panel in self.panels:
            self._grid.removeWidget(panel)
            panel.hide()
            panel.deleteLater()
        self.panels = list(panels)
        self._place(anew=True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self, *, anew: bool = False) -> None:
        number = len(self.panels)
        columns = best_columns(number, self.width(), self.height())
        if not number or (columns == self.columns and not anew):
            return
        for line in range(max(number, self._grid.columnCount(), self._grid.rowCount())):
            self._grid.setColumnStretch(line, int(line < columns))
            self._grid.setRowStretch(line, int(line < math.ceil(number / columns)))
        for place, panel in enumerate(self.panels):
            self._grid.removeWidget(panel)
            self._grid.addWidget(panel, *divmod(place, columns))
        self.columns = columns


def best_columns(number: int, width: int, height: int) -> int:
    """The columns at which the shorter side of the maps is longest; the fewest of those."""

    def side(columns: int) -> float:
        rows = math.ceil(number / columns)
        return min((width - GAP * (columns - 1)) / columns, (height - GAP * (rows - 1)) / rows - AROUND)

    return max(range(1, number + 1), key=side, default=1)
