"""A choice whose text ends in an ellipsis where it doesn't fit; the whole stands in its tooltip."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from workbench.gui.plain_text import set_tip


class ElidedCombo(QComboBox):
    """The style sheet's own drawing cuts a letter in two."""

    def __init__(self, name: str, tip: str = "") -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._tip = tip
        self.currentTextChanged.connect(self._tell)
        self._tell(self.currentText())

    def _tell(self, text: str) -> None:
        set_tip(self, "\n".join(part for part in (text, self._tip) if part))

    def shown_text(self, room: int) -> str:
        """What fits into `room` px."""
        return self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideRight, max(room, 0))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        option.currentText = self.shown_text(field.width() - 4)  # type: ignore[misc]
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
