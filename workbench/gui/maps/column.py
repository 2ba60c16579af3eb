"""The one column of controls: what the colours mean and what is selected, or how the maps are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QComboBox, QStackedWidget, QVBoxLayout, QWidget

from workbench.gui.maps.chosen_panel import ChosenPanel
from workbench.gui.maps.colouring import TIPS, TITLES
from workbench.gui.maps.drawing_form import DrawingForm
from workbench.gui.maps.legend import Legend
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.segments import Segments

LOOK, DRAW = "look", "draw"
SETTINGS = "maps.settings"  # under which the project keeps how maps were asked for last
SETTLE_MS = 600  # after the last change, how maps are drawn is remembered
WIDTH = 284  # px


class Column(Card):
    """Only lays out and remembers; the page listens to its parts."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.setFixedWidth(WIDTH)
        self.segments = Segments(
            "Controls",
            [
                (LOOK, "Look", "What the points mean, and the selected images"),
                (DRAW, "Draw", "The kind of map and its parameters"),
            ],
        )
        self.segments.chosen.connect(self.show_part)
        self.colour = QComboBox()
        self.colour.setAccessibleName("Colour by")
        self.legend = Legend()
        self.chosen = ChosenPanel(session)
        self.form = DrawingForm(self._recalled())
        self._remember = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._remember.timeout.connect(lambda: session.remember(SETTINGS, self.form.values()))
        self.form.changed.connect(self._remember.start)
        name = label("Colour by", "dim")
        name.setBuddy(self.colour)
        look = QWidget()
        column = QVBoxLayout(look)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(name)
        column.addWidget(self.colour)
        column.addWidget(self.legend)
        column.addSpacing(6)
        column.addWidget(self.chosen, 1)
        self.parts = QStackedWidget()
        self.parts.addWidget(look)
        self.parts.addWidget(self.form)
        self.body.addWidget(self.segments)
        self.body.addWidget(self.parts, 1)

    def restore(self) -> None:
        """Another project: what it remembers of how maps are drawn."""
        self._remember.stop()  # else it would be told what the project before was to remember
        self.form.show_values(self._recalled())

    def _recalled(self) -> dict[str, Any]:
        before = self._session.recall(SETTINGS, {})
        return before if isinstance(before, dict) else {}

    @property
    def part(self) -> str:
        return self.segments.current

    def show_part(self, part: str) -> None:
        self.segments.choose(part)
        self.parts.setCurrentIndex(int(part == DRAW))

    def show_choices(self, keys: Sequence[str], chosen: str) -> None:
        """What points can be coloured by, without a signal."""
        self.colour.blockSignals(True)
        self.colour.clear()
        for key in keys:
            self.colour.addItem(TITLES[key], key)
        self.colour.setCurrentIndex(max(self.colour.findData(chosen), 0))
        self.colour.blockSignals(False)
        self.colour.setEnabled(bool(keys))
        set_tip(self.colour, TIPS.get(str(self.colour.currentData()), ""))
