"""What the reader must know before believing the numbers, the gravest first, each with the way to mend it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from workbench.gui.decide.words import MENDED, Lead, in_two
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.decision import Decision
from workbench.records.results import Finding
from workbench.records.text import printable


class FindingsCard(Card):
    """A finding is a word, a sentence, the rest on a click, and a link to where it is mended."""

    def __init__(self, go: Callable[[Lead], object]) -> None:
        super().__init__("Findings")
        self._go = go
        self.shown: tuple[Finding, ...] | None = None
        self.links: dict[str, QPushButton] = {}  # by the finding's rule
        self._lines: list[QWidget] = []
        self.calm = label("Nothing makes these numbers doubtful.", "dim", wrap=True)
        self.body.addWidget(self.calm)
        self.body.setSpacing(10)

    def show_decision(self, decision: Decision) -> None:
        if decision.findings == self.shown:
            return
        self.shown = decision.findings
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self.links = {}
        self._lines = [self._line(finding) for finding in decision.findings]
        for line in self._lines:
            self.body.addWidget(line)
        self.calm.setVisible(not decision.findings)
        self.calm.setText(
            "Nothing makes these numbers doubtful."
            if decision.standings
            else "Nothing was measured yet that could mislead."
        )

    def _line(self, finding: Finding) -> QWidget:
        made = QWidget()
        made.setAccessibleName(f"{printable(finding.name)}: {printable(finding.advice)}")
        column = QVBoxLayout(made)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        head = QHBoxLayout()
        head.setSpacing(8)
        severity = "neutral" if finding.severity == "info" else finding.severity
        head.addWidget(Chip(finding.name, severity))
        head.addStretch(1)
        first, rest = in_two(finding.advice)
        told = label(first, wrap=True)
        if rest:
            more = button("More", kind="link")
            more.setAccessibleName(f"More of {printable(finding.name)}")

            def toggle() -> None:
                whole = more.text() == "More"
                told.setText(f"{first} {rest}" if whole else first)
                more.setText("Less" if whole else "More")

            more.clicked.connect(lambda: toggle())
            head.addWidget(more)
        lead = MENDED.get(finding.name)
        if lead is not None:
            link = button(lead.word, lambda: self._go(lead), kind="link")
            link.setAccessibleName(f"{lead.word}: {printable(finding.name)}")
            self.links[finding.name] = link
            head.addWidget(link)
        column.addLayout(head)
        column.addWidget(told)
        return made
