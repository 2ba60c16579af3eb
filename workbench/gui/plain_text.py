"""Text shown as it is. Qt reads what looks like HTML in a tooltip, and names on disk may look like anything.

Labels, paths, file names, project names and errors are untrusted: they reach a tooltip through `plain` or
`set_tip` only, a label through the classes of `gui/widgets/labels.py`, a menu through `menu_text`.
"""

from __future__ import annotations

from html import escape

from PySide6.QtWidgets import QWidget

from workbench.records.text import printable


def plain(text: str) -> str:
    """A tooltip that shows `text` literally, line by line, and wraps it where it is long."""
    return f'<p style="white-space:pre-wrap">{escape(printable_lines(text))}</p>' if text else ""


def set_tip(widget: QWidget, text: str) -> None:
    """Give `widget` a tooltip of plain text, which a screen reader hears as text too."""
    shown = plain(text)
    if shown == widget.toolTip():
        return
    # Qt tells a screen reader the tooltip where there is no description: it would read the markup aloud.
    if widget.accessibleDescription() in ("", widget.property("told")):
        told = printable_lines(text)
        widget.setAccessibleDescription(told)
        widget.setProperty("told", told)
    widget.setToolTip(shown)


def menu_text(text: str) -> str:
    """`text` for a menu or a button, in which "&" would otherwise mark a shortcut."""
    return printable(text).replace("&", "&&")


def printable_lines(text: str) -> str:
    """`printable`, but line breaks stay."""
    return "\n".join(printable(line) for line in text.split("\n"))
