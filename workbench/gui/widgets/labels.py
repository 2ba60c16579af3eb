"""Text: headings, captions, chips, facts, and labels that shorten themselves."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from workbench.gui.plain_text import set_tip
from workbench.gui.theme import current_theme, restyle, themes
from workbench.records.text import printable


class PlainLabel(QLabel):
    """A label that never takes its text for HTML, and shows control characters as escapes."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(printable(text))


def label(text: str = "", role: str = "", *, wrap: bool = False, tip: str = "") -> PlainLabel:
    """A label of plain text. `role`: "" body, "heading", "title", "strong", "dim", "caption", "error"."""
    made = PlainLabel(text)
    if role:
        made.setProperty("role", role)
    made.setWordWrap(wrap)
    if wrap:
        made.setMinimumWidth(40)
    set_tip(made, tip)
    return made


class ElidedLabel(QLabel):
    """One line of plain text that loses its end or its middle rather than push its neighbours aside."""

    def __init__(
        self,
        text: str = "",
        role: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._tip = ""
        self._whole = ""
        self._floor = 32
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        shown = printable(text)
        if shown != self._whole:
            self._whole = shown
            super().setText(shown)
            self._refresh_tip()
            self.updateGeometry()

    def set_tip(self, tip: str) -> None:
        """What the tooltip says beside the whole text."""
        self._tip = tip
        self._refresh_tip()

    def set_floor(self, width: int) -> None:
        """The width in px below which the text is not cut, as long as it needs that much."""
        self._floor = width
        self.updateGeometry()

    def minimumSizeHint(self) -> QSize:
        return QSize(min(super().sizeHint().width(), self._floor), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._refresh_tip()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.style().drawItemText(
            painter,
            self.contentsRect(),
            int(self.alignment()) | Qt.TextFlag.TextSingleLine,
            self.palette(),
            self.isEnabled(),
            self.fontMetrics().elidedText(self._whole, self._mode, self.contentsRect().width()),
            self.foregroundRole(),
        )
        painter.end()

    def _refresh_tip(self) -> None:
        cut = self.fontMetrics().horizontalAdvance(self._whole) > self.contentsRect().width()
        set_tip(self, "\n".join(part for part in (self._whole if cut else "", self._tip) if part))


class Chip(PlainLabel):
    """A word on a coloured ground. `severity`: good, warn, bad, undecided, info, neutral, outline."""

    def __init__(self, text: str = "", severity: str = "neutral", tip: str = "") -> None:
        super().__init__(text)
        self.setProperty("chip", True)
        self.setProperty("severity", severity)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        set_tip(self, tip)

    def set(self, text: str, severity: str = "neutral", tip: str = "") -> None:
        self.setText(text)
        set_tip(self, tip)
        if self.property("severity") != severity:
            restyle(self, severity=severity)


class Fact(QFrame):
    """A boxed fact in which the numbers stand out: `Fact("**1,674** labelled · **6** classes")`."""

    def __init__(self, text: str = "", tip: str = "") -> None:
        super().__init__()
        self.setProperty("fact", True)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.RichText)
        self._label.setProperty("role", "dim")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 3, 8, 3)
        row.addWidget(self._label)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._parts: list[str] = []
        self._has_room = True
        self.set(text, tip)
        themes().changed.connect(self._render)

    def set(self, text: str, tip: str = "") -> None:
        """`**bold**` parts are set in the text colour; everything else is dim. Nothing is read as HTML."""
        self._parts = printable(text).split("**")
        self._render()
        self.setAccessibleName("".join(self._parts))
        set_tip(self, tip)
        self.setVisible(bool(text) and self._has_room)

    def give_room(self, has_room: bool) -> None:
        """Without room it stays hidden, whatever it says."""
        self._has_room = has_room
        self.setVisible(has_room and any(self._parts))

    def _render(self) -> None:
        strong = current_theme().text
        self._label.setText(
            "".join(
                f'<span style="font-weight:600;color:{strong}">{escape(part)}</span>'
                if i % 2
                else escape(part)
                for i, part in enumerate(self._parts)
            )
        )
