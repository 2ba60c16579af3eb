"""A few words in a row of which one is chosen: one stop for Tab, arrow keys between them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from workbench.gui.plain_text import menu_text, set_tip


class Segments(QWidget):
    """`options`: (key, word, tip) each; the first is chosen at the beginning."""

    chosen = Signal(str)  # the key that the user chose

    def __init__(
        self, name: str, options: Sequence[tuple[str, str, str]], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for key, word, tip in options:
            made = QPushButton(menu_text(word))
            made.setProperty("kind", "segment")
            made.setCheckable(True)
            made.setAutoDefault(False)
            made.setAccessibleName(f"{name}: {word}")
            made.installEventFilter(self)
            set_tip(made, tip)
            made.clicked.connect(lambda _, k=key: self._pick(k))
            self._group.addButton(made)
            self.buttons[key] = made
            row.addWidget(made)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.choose(next(iter(self.buttons)))

    @property
    def current(self) -> str:
        return next(key for key, made in self.buttons.items() if made.isChecked())

    def choose(self, key: str) -> None:
        """Without a signal; an unknown key changes nothing."""
        if key in self.buttons:
            self.buttons[key].setChecked(True)
            for other, made in self.buttons.items():
                made.setFocusPolicy(Qt.FocusPolicy.StrongFocus if other == key else Qt.FocusPolicy.ClickFocus)

    def set_word(self, key: str, word: str, tip: str = "") -> None:
        made = self.buttons[key]
        made.setText(menu_text(word))
        made.setAccessibleName(f"{self.accessibleName()}: {word}")
        if tip:
            set_tip(made, tip)

    def _pick(self, key: str) -> None:
        self.choose(key)
        self.chosen.emit(key)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
            if step is not None:
                keys = list(self.buttons)
                at = min(max(keys.index(self.current) + step, 0), len(keys) - 1)
                self.buttons[keys[at]].setFocus()
                self._pick(keys[at])
                return True
        return super().eventFilter(watched, event)
