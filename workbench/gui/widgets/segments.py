"""A few words in a row, or in some rows, of which one is chosen: one stop for Tab, arrow keys between them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QPushButton, QSizePolicy, QWidget

from workbench.gui.plain_text import menu_text, set_tip


class Segments(QWidget):
    """`options`: (key, word, tip) each; the first is chosen at the beginning."""

    chosen = Signal(str)  # the key that the user chose

    def __init__(
        self,
        name: str,
        options: Sequence[tuple[str, str, str]],
        parent: QWidget | None = None,
        *,
        columns: int = 0,
    ) -> None:
        """`columns`: so many words a row, each with a border; 0 puts all into one row without any."""
        super().__init__(parent)
        self.setAccessibleName(name)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4 if columns else 2)
        self._columns = columns or len(options)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QPushButton] = {}
        for key, word, tip in options:
            made = QPushButton(menu_text(word))
            made.setProperty("kind", "option" if columns else "segment")
            made.setCheckable(True)
            made.setAutoDefault(False)
            made.setAccessibleName(f"{name}: {word}")
            made.installEventFilter(self)
            set_tip(made, tip)
            made.clicked.connect(lambda _, k=key: self._pick(k))
            self._group.addButton(made)
            self.buttons[key] = made
            grid.addWidget(made, *divmod(len(self.buttons) - 1, self._columns))
        for column in range(columns):
            grid.setColumnStretch(column, 1)
        across = QSizePolicy.Policy.Preferred if columns else QSizePolicy.Policy.Fixed
        self.setSizePolicy(across, QSizePolicy.Policy.Fixed)
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
            steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
            if len(self.buttons) > self._columns:
                steps |= {Qt.Key.Key_Up: -self._columns, Qt.Key.Key_Down: self._columns}
            step = steps.get(Qt.Key(event.key()))
            if step is not None:
                keys = [key for key, made in self.buttons.items() if not made.isHidden()]
                at = min(max(keys.index(self.current) + step, 0), len(keys) - 1)
                self.buttons[keys[at]].setFocus()
                self._pick(keys[at])
                return True
        return super().eventFilter(watched, event)
