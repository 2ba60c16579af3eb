"""Patterns to begin with: what a file name usually tells of a lot, a number, a date, in words."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMenu, QWidget

from workbench.gui.data.layout_trial import capture
from workbench.gui.plain_text import menu_text

STARTERS = (
    ("What stands before the first underscore", "^([^_]+)_"),
    ("What stands before the last underscore", "^(.+)_"),
    ("What stands before the first hyphen", "^([^-]+)-"),
    ("Everything before the last number", r"^(.+?)[ _.-]*[0-9]+[^0-9]*\.[^.]*$"),
    ("The letters at the start", r"^(\p{L}+)"),
    ("The first number", r"([0-9]+)"),
    ("A date such as 2024-05-31", r"([0-9]{4}-?[01][0-9]-?[0-3][0-9])"),
    ("A word with its number, such as lot12", "(lot[0-9]+)"),
)


class StarterMenu(QMenu):
    """Each line says what its pattern finds in `name`, a file of the user's; `choose(pattern)` when one is taken."""

    def __init__(self, name: str, choose: Callable[[str], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        for words, pattern in STARTERS:
            found = capture(pattern, name)
            # What follows a tab stands at the right, where other menus have their keys.
            action = self.addAction(f"{menu_text(words)}\t{menu_text(_short(found)) or '–'}")
            action.triggered.connect(lambda _=False, pattern=pattern: choose(pattern))


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:23]}…"
