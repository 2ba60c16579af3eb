"""A field for a number that reads the same in every country."""

from __future__ import annotations

from PySide6.QtCore import QLocale
from PySide6.QtWidgets import QDoubleSpinBox


class NumberField(QDoubleSpinBox):
    """Shows a point, as every number in the window has one, and takes a comma that is typed for that point.

    Qt's own field follows the system: where a comma is the decimal mark it drops a point as a mark of thousands, and
    "1.5" becomes 15 without a word; elsewhere "1,5" does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def validate(self, text: str, position: int) -> object:
        return super().validate(self._with_point(text), position)

    def valueFromText(self, text: str) -> float:
        return super().valueFromText(self._with_point(text))

    def textFromValue(self, value: float) -> str:
        """Without the noughts at its end, which say nothing: 5 and not 5.000."""
        text = super().textFromValue(value)
        return text.rstrip("0").rstrip(".") if "." in text else text

    def _with_point(self, text: str) -> str:
        return text if text == self.specialValueText() else text.replace(",", ".")
