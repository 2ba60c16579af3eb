"""F1: every shortcut and every term of the trade, in one list that can be searched."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QFrame, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from workbench.gui.commands import Commands
from workbench.gui.glossary import TERMS
from workbench.gui.theme import current_theme

HANDS = (
    ("Space", "Quick look at the image under the cursor"),
    ("Arrows", "Move through images, rows and jobs; with Shift they select"),
    ("Ctrl+A", "Select every image that is shown"),
    ("Esc", "Leave; clear the selection"),
    ("Tab", "Next control"),
)


class HelpWindow(QDialog):
    """Shortcuts and glossary."""

    def __init__(self, commands: Commands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Shortcuts and terms")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 640)
        self._keys = [
            *(
                (QKeySequence(c.keys).toString(QKeySequence.SequenceFormat.NativeText), c.title)
                for c in commands.all()
                if c.keys
            ),
            *HANDS,
        ]
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search terms and shortcuts")
        self.field.setAccessibleName("Search terms and shortcuts")
        self.field.setClearButtonEnabled(True)
        self.text = QTextBrowser()
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setAccessibleName("Shortcuts and terms")
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(12)
        column.addWidget(self.field)
        column.addWidget(self.text, 1)
        self.field.textChanged.connect(self._show)
        self._show("")

    def _show(self, text: str) -> None:
        wanted = text.casefold().strip()
        dim = current_theme().dim

        def rows(pairs: list[tuple[str, str]]) -> str:
            return "".join(
                f'<tr><td style="padding:3px 16px 3px 0;font-weight:600;white-space:nowrap">{escape(left)}</td>'
                f'<td style="padding:3px 0;color:{dim}">{escape(right)}</td></tr>'
                for left, right in pairs
                if wanted in f"{left} {right}".casefold()
            )

        parts = [
            ("Shortcuts", rows(self._keys)),
            ("Terms", rows(sorted(TERMS.items(), key=lambda t: t[0].casefold()))),
        ]
        shown = [f"<h3>{title}</h3><table>{body}</table>" for title, body in parts if body]
        self.text.setHtml("".join(shown) or f"<p>Nothing here holds “{escape(text)}”.</p>")


def _native(keys: str) -> str:
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
