"""What the reader must know before believing a number, the gravest first, each with its word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.compare.diagnoses_dialog import DiagnosesDialog
from workbench.gui.compare.disagreement import CHIP, Disagreement
from workbench.gui.plain_text import set_tip
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import Chip, label
from workbench.records.results import DISAGREEMENT, Finding
from workbench.records.text import printable

LINES = (
    (900, 8),
    (620, 2),
    (0, 1),
)  # (height of the place in px, lines from the start): the rest is one click away
_GRAVITY = {"bad": 0, "warn": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class Line:
    """A word, a sentence, and what is behind it."""

    word: str
    severity: str
    text: str
    behind: Disagreement | None = None


class Findings(QFrame):
    """A card of one line a finding; hidden while there is nothing to say."""

    why_opened = Signal(str)  # name of the model whose diagnoses are shown

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", True)
        self.setAccessibleName("Findings")
        self.lines: list[tuple[Chip, str]] = []
        self.dialog: DiagnosesDialog | None = None
        self._found: tuple[Line, ...] = ()
        self._all = False
        self._at_first = 2
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.setSpacing(6)
        self.more = button("", self._toggle, kind="link")
        self.hide()

    def show_findings(self, found: Sequence[Finding], disagreements: Sequence[Disagreement] = ()) -> None:
        lines = [Line(CHIP, "warn", one.sentence, one) for one in disagreements]
        # What the diagnoses say in a line of their own is not said twice.
        told = [one for one in found if not (disagreements and one.name == DISAGREEMENT)]
        lines += [Line(one.name, one.severity, one.advice) for one in told]
        self._found = tuple(sorted(lines, key=lambda line: _GRAVITY.get(line.severity, 3)))
        self._rebuild()

    def fit(self, height: int) -> None:
        """Show as many lines from the start as a place of this height has room for."""
        lines = next(lines for least, lines in LINES if height >= least)
        if lines != self._at_first:
            self._at_first = lines
            self._rebuild()

    def _toggle(self) -> None:
        self._all = not self._all
        self._rebuild()

    def _rebuild(self) -> None:
        self.more.setParent(None)
        while (item := self._column.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().deleteLater()
        self.lines = []
        shown = self._found if self._all else self._found[: self._at_first]
        for number, found in enumerate(shown):
            line = QWidget()
            row = QHBoxLayout(line)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            chip = Chip(found.word, "neutral" if found.severity == "info" else found.severity)
            row.addWidget(chip, 0, Qt.AlignmentFlag.AlignTop)
            text = label(found.text, wrap=True)
            set_tip(text, found.text)
            row.addWidget(text, 1)
            line.setAccessibleName(f"{printable(found.word)}: {printable(found.text)}")
            if found.behind is not None:
                why = button("Why", lambda behind=found.behind: self._explain(behind), kind="link")
                why.setAccessibleName(f"Why do probe and k-NN disagree on {printable(found.behind.title)}")
                row.addWidget(why, 0, Qt.AlignmentFlag.AlignTop)
            if number == len(shown) - 1 and len(self._found) > self._at_first:
                rest = len(self._found) - self._at_first
                self.more.setText("Show fewer" if self._all else f"{rest} more")
                row.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
            self._column.addWidget(line)
            self.lines.append((chip, found.text))
        self.setVisible(bool(self._found))

    def _explain(self, behind: Disagreement) -> None:
        self.dialog = DiagnosesDialog(behind, self)
        self.dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.dialog.open()
        self.why_opened.emit(behind.model)
