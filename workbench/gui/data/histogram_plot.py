"""The histogram of a data set's levels with the intensity window on it, which can be dragged."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor

from workbench.gui.theme import current_theme, font_of, themes

TALLEST = 1.05  # of the highest bar: the plot's upper end


class HistogramPlot(pg.PlotWidget):
    """Counts are drawn by their logarithm, so that few bright pixels show beside a dark ground.

    Whoever can't drag uses the fields beside it, which say the same numbers.
    """

    dragged = Signal(float, float)  # the window's ends, in the numbers of the files

    def __init__(self) -> None:
        super().__init__(background=None)
        self._edges = np.asarray([0.0, 1.0])
        self._window: tuple[float, float] | None = None
        self._dragging = False
        item = self.getPlotItem()
        item.setMenuEnabled(False)
        item.hideButtons()
        item.setMouseEnabled(x=False, y=False)
        item.hideAxis("left")
        item.getAxis("bottom").setStyle(tickFont=font_of(size=12), tickTextOffset=6)
        item.getAxis("bottom").enableAutoSIPrefix(False)
        item.getViewBox().setDefaultPadding(0.0)
        self._bars = pg.PlotCurveItem(np.asarray([0.0, 1.0]), np.zeros(1), stepMode="center", fillLevel=0.0)
        self._region = pg.LinearRegionItem(movable=True, swapMode="block")
        item.addItem(self._bars)
        item.addItem(self._region)
        self._region.hide()
        self._region.sigRegionChanged.connect(self._on_dragged)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("Histogram of the levels, with the intensity window")
        self.setMinimumHeight(96)
        self.setStyleSheet("background: transparent; border: none;")
        themes().changed.connect(self._dress)
        self._dress()

    def show_counts(self, counts: np.ndarray, edges: np.ndarray) -> None:
        """(B,) counts between (B + 1,) edges; counts of zero show no bars."""
        heights = np.log10(1.0 + counts)
        self._edges = edges
        self._bars.setData(edges, heights)
        self.getPlotItem().setYRange(0.0, float(heights.max(initial=0.1)) * TALLEST, padding=0)
        self._fit()

    def show_window(self, window: tuple[float, float] | None) -> None:
        """Put the window onto the histogram; None where each picture has its own."""
        self._window = window
        self._region.setVisible(window is not None)
        if window is not None:
            with QSignalBlocker(self._region):
                self._region.setRegion(window)
        if not self._dragging:  # the ground must not move under the hand
            self._fit()

    @property
    def window(self) -> tuple[float, float] | None:
        return self._window

    def _fit(self) -> None:
        """Bars and window in sight, with some room to drag."""
        low, high = float(self._edges[0]), float(self._edges[-1])
        if self._window is not None:
            low, high = min(low, self._window[0]), max(high, self._window[1])
        room = (high - low) * 0.03 or 1.0
        self.getPlotItem().setXRange(low - room, high + room, padding=0)

    def _on_dragged(self) -> None:
        low, high = (float(value) for value in self._region.getRegion())
        if self._window is None or high <= low:
            return
        self._window = (low, high)
        self._dragging = True
        self.dragged.emit(low, high)
        self._dragging = False

    def _dress(self) -> None:
        theme = current_theme()
        ground, hover = QColor(theme.accent), QColor(theme.accent)
        ground.setAlphaF(0.16)
        hover.setAlphaF(0.26)
        self._bars.setPen(None)
        self._bars.setBrush(QColor(theme.dim))
        self._region.setBrush(ground)
        self._region.setHoverBrush(hover)
        for line in self._region.lines:
            line.setPen(pg.mkPen(theme.accent, width=2))
            line.setHoverPen(pg.mkPen(theme.accent, width=4))
        axis = self.getPlotItem().getAxis("bottom")
        axis.setPen(pg.mkPen(theme.line))
        axis.setTextPen(pg.mkPen(theme.dim))
