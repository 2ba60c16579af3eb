"""The rail: one button a place, an icon over a word, the one that is open marked."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
)

from workbench.gui.places import Place
from workbench.gui.plain_text import menu_text, plain, set_tip
from workbench.gui.widgets.buttons import ToolButton, set_icon

WIDTH = 88  # px


class Rail(QFrame):
    """Emits `chosen` with a place's id when its button is pressed. Views of plugins share one button, which is there
    when there is one."""

    chosen = Signal(str)

    def __init__(self, places: Sequence[Place]) -> None:
        super().__init__()
        self.setObjectName("rail")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName("Places")
        self._buttons: dict[str, QToolButton] = {}
        self._marked: QAbstractButton | None = None
        self._views: tuple[tuple[str, str, str], ...] = ()
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        group = self._group = QButtonGroup(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(5, 12, 5, 12)
        column.setSpacing(4)
        for place in [place for place in places if not place.bottom]:
            column.addWidget(self._button(place, group))
        column.addStretch(1)
        self.views = self._tool("Views", "table", group)
        self.views.clicked.connect(self._open_views)
        self.views.hide()
        column.addWidget(self.views)
        for place in [place for place in places if place.bottom]:
            column.addWidget(self._button(place, group))
        for number, place in enumerate(places[:9]):
            set_tip(self._buttons[place.id], f"{place.title} (Ctrl+{number + 1})")

    def show_views(self, views: Sequence[tuple[str, str, str]]) -> None:
        """(id of the place, title, tip) of each view that plugins bring."""
        self._views = tuple(views)
        self.menu.clear()
        for identifier, title, tip in views:
            action = self.menu.addAction(menu_text(title), lambda place=identifier: self.chosen.emit(place))
            action.setToolTip(plain(tip))
        names = ", ".join(title for _, title, _ in views[:6])
        set_tip(self.views, f"What plugins show: {names}{', …' if len(views) > 6 else ''}")
        self.views.setVisible(bool(views))

    def mark(self, identifier: str) -> None:
        if identifier in self._buttons:
            self._buttons[identifier].setChecked(True)
        elif any(identifier == place for place, _, _ in self._views):
            self.views.setChecked(True)
        self._marked = self._group.checkedButton()

    def _open_views(self) -> None:
        """The only one at once, of several the one that is chosen."""
        if self._marked is not None:
            self._marked.setChecked(True)  # until one is shown
        if len(self._views) == 1:
            self.chosen.emit(self._views[0][0])
        else:
            self.menu.popup(self.views.mapToGlobal(self.views.rect().topRight()))

    def _button(self, place: Place, group: QButtonGroup) -> QToolButton:
        made = self._tool(place.title, place.icon, group)
        made.clicked.connect(lambda: self.chosen.emit(place.id))
        self._buttons[place.id] = made
        return made

    def _tool(self, title: str, icon: str, group: QButtonGroup) -> QToolButton:
        made = ToolButton()
        made.setText(title)
        made.setAccessibleName(title)
        made.setCheckable(True)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_icon(made, icon, "dim", "accent_ink", 20)
        made.setIconSize(QSize(20, 20))
        group.addButton(made)
        return made
