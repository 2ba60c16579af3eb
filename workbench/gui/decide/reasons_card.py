"""Why this verdict: because, against, what would change it, and what would justify escalating to pretraining."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.decide.words import against, escalation_lines, would_change
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.decision import Decision

AT_FIRST = 3  # lines of a section; the rest is one click away
CONDITIONS = 4  # lines that say what must hold before pretraining is justified


class ReasonsCard(Card):
    """Four short lists, two beside two. One that is empty is left out."""

    def __init__(self) -> None:
        super().__init__("Why")
        self.sections = {
            "because": Section("Because"),
            "against": Section("Against"),
            "change": Section("What would change it"),
            "escalation": Section("What would justify pretraining", CONDITIONS),
        }
        row = QHBoxLayout()
        row.setSpacing(20)
        for keys in (
            ("because", "change"),
            ("against", "escalation"),
        ):  # each side as long as it is by itself
            side = QVBoxLayout()
            side.setSpacing(12)
            for key in keys:
                side.addWidget(self.sections[key])
            side.addStretch(1)
            row.addLayout(side, 1)
        self.body.addLayout(row)

    def fit(self, roomy: bool) -> None:
        """Show every line of every list from the start where the place has room."""
        for section in self.sections.values():
            section.fit(roomy)

    def show_decision(self, decision: Decision) -> None:
        self.sections["because"].show_lines(decision.because)
        self.sections["against"].show_lines(against(decision), "Nothing that was measured speaks against it.")
        self.sections["change"].show_lines(would_change(decision))
        self.sections["escalation"].show_lines(escalation_lines(decision))


class Section(QWidget):
    """A title and its lines, each with a point before it."""

    def __init__(self, title: str, at_first: int = AT_FIRST) -> None:
        super().__init__()
        self._at_first = at_first
        self.setAccessibleName(title)
        self._title = title
        self._all = self._pressed = False
        self.lines: tuple[str, ...] = ()
        self._nothing = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(label(title, "strong"))
        self._rows: list[QWidget] = []
        self.more = button("", self._toggle, kind="link")
        self._column.addWidget(self.more, 0, Qt.AlignmentFlag.AlignLeft)

    def show_lines(self, lines: Sequence[str], nothing: str = "") -> None:
        """`nothing` is said where there is no line; without it the section is hidden then."""
        if tuple(lines) != self.lines or nothing != self._nothing or not self._rows:
            self.lines, self._nothing = tuple(lines), nothing
            self._rebuild()
        self.setVisible(bool(lines or nothing))

    def fit(self, roomy: bool) -> None:
        """As `ReasonsCard.fit`; what the user has unfolded or folded stays so."""
        if not self._pressed and self._all != roomy:
            self._all = roomy
            self._rebuild()

    def _toggle(self) -> None:
        self._pressed = True
        self._all = not self._all
        self._rebuild()

    def _rebuild(self) -> None:
        for row in self._rows:
            row.hide()
            row.deleteLater()
        shown = self.lines if self._all else self.lines[: self._at_first]
        self._rows = [_line(text) for text in shown] or ([label(self._nothing, "dim", wrap=True)])
        for place, row in enumerate(self._rows, start=1):
            self._column.insertWidget(place, row)
        rest = len(self.lines) - self._at_first
        self.more.setVisible(rest > 0)
        self.more.setText("Show fewer" if self._all else f"{rest} more")
        self.more.setAccessibleName(f"{self.more.text()}: {self._title}")


def _line(text: str) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(6)
    row.addWidget(label("•", "dim"), 0, Qt.AlignmentFlag.AlignTop)
    row.addWidget(label(text, wrap=True), 1)
    return made
