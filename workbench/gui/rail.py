"""The rail: one button a place, an icon over a word, the one that is open marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QFrame, QSizePolicy, QToolButton, QVBoxLayout

from workbench.gui.places import Place
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import set_icon

WIDTH = 88  # px


class Rail(QFrame):
    """Emits `chosen` with a place's id when its button is pressed."""

    chosen = Signal(str)

    def __init__(self, places: Sequence[Place]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Places")
        self._buttons: dict[str, QToolButton] = {}
        group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(5, 12, 5, 12)
        column.setSpacing(4)
        for place in [place for place in places if not place.bottom]:
            column.addWidget(self._button(place, group))
        column.addStretch(1)
        for place in [place for place in places if place.bottom]:
            column.addWidget(self._button(place, group))
        for number, place in enumerate(places[:9]):
            set_tip(self._buttons[place.id], f"{place.title} (Ctrl+{number + 1})")

    def mark(self, identifier: str) -> None:
        if identifier in self._buttons:
            self._buttons[identifier].setChecked(True)

    def _button(self, place: Place, group: QButtonGroup) -> QToolButton:
        made = QToolButton()
        made.setText(place.title)
        made.setAccessibleName(place.title)
        made.setCheckable(True)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_icon(made, place.icon, "dim", "accent_ink", 20)
        made.setIconSize(QSize(20, 20))
        made.clicked.connect(lambda: self.chosen.emit(place.id))
        group.addButton(made)
        self._buttons[place.id] = made
        return made
