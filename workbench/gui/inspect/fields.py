"""What the control column of a board is made of: a title with its value, and under it what is moved or pressed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QSpinBox, QVBoxLayout, QWidget

from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.labels import label

WIDTH = 236  # px


class Field(QWidget):
    """A title, what it is set to at the right of it, and a body of one or more lines."""

    def __init__(self, title: str, tip: str, *parts: QWidget) -> None:
        super().__init__()
        self.title = label(title, "dim", tip=tip)
        self.value = label("", "dim")
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 0, 0)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.value)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(4)
        self.body.addLayout(head)
        for part in parts:
            self.body.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)


class SliderField(Field):
    """`moved` brings what the user moves it to; `words` says what a value is called, given it and the largest."""

    moved = Signal(int)

    def __init__(self, title: str, tip: str, span: tuple[int, int], words: Callable[[int, int], str]) -> None:
        self.slider = QSlider(Qt.Orientation.Horizontal)
        super().__init__(title, tip, self.slider)
        self._words = words
        self.slider.setAccessibleName(title)
        self.slider.setRange(*span)
        self.slider.setPageStep(max((span[1] - span[0]) // 10, 1))
        set_tip(self.slider, tip)
        self.slider.valueChanged.connect(self._on_moved)
        self._say()

    def show_value(self, value: int, span: tuple[int, int] | None = None) -> None:
        """Without a signal."""
        with QSignalBlocker(self.slider):
            if span is not None:
                self.slider.setRange(*span)
            self.slider.setValue(value)
        self._say()

    def _on_moved(self, value: int) -> None:
        self._say()
        self.moved.emit(value)

    def _say(self) -> None:
        self.value.setText(self._words(self.slider.value(), self.slider.maximum()))


def number_field(name: str, tip: str, span: tuple[int, int]) -> QSpinBox:
    made = QSpinBox()
    made.setRange(*span)
    made.lineEdit().setTextMargins(*FIELD_MARGINS)
    made.setAccessibleName(name)
    set_tip(made, tip)
    return made


def titled(title: str, tip: str, part: QWidget) -> QWidget:
    """A title with what it is set to beside it, in one line."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(label(title, "dim", tip=tip))
    row.addStretch(1)
    row.addWidget(part)
    return made


def line(*parts: QWidget) -> QWidget:
    """Side by side, the last with the room that is left behind it."""
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for part in parts:
        row.addWidget(part)
    row.addStretch(1)
    return made
