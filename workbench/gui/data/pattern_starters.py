"""Patterns to begin with: what a file name usually tells of a lot, a number, a date, in words."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from PySide6.QtWidgets import QMenu, QWidget

from workbench.gui.data.layout_trial import capture
from workbench.gui.plain_text import menu_text
from workbench.records.index import ImageIndex

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
GUESSED = (STARTERS[0][1], STARTERS[2][1])  # patterns whose captures are groups more often than not
SAMPLE = 500  # names that a guess is made from
FITS = 0.8  # of them a guess must fit


def sample_names(index: ImageIndex) -> list[str]:
    """File names, spread over the data set."""
    places = (
        np.linspace(0, len(index) - 1, min(len(index), SAMPLE)).astype(int).tolist() if len(index) else []
    )
    return [str(index.paths[place]).rsplit("/", 1)[-1] for place in places]


def guess(index: ImageIndex) -> str:
    """A pattern that seems to tell what belongs together, such as a patient's number before the underscore; or "".

    It finds a word with a number in most names, the same one in several of them, and not the same in all.
    """
    names = sample_names(index)
    for pattern in GUESSED:
        found = [word for word in (capture(pattern, name) for name in names) if re.search("[0-9]", word)]
        different = len(set(found))
        if len(found) >= FITS * len(names) and 2 <= different <= len(found) / 2:
            return pattern
    return ""


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
