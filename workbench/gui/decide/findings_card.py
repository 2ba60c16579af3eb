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
        self._roomy = False
        self.shown: tuple[Finding, ...] | None = None
        self.links: dict[str, QPushButton] = {}  # by the finding's rule
        self._lines: list[QWidget] = []
        self.calm = label("Nothing makes these numbers doubtful.", "dim", wrap=True)
        self.body.addWidget(self.calm)
        self.body.setSpacing(10)

    def fit(self, roomy: bool) -> None:
        """Show every finding whole from the start where the place has room."""
        if roomy != self._roomy:
            self._roomy = roomy
            self._rebuild(self.shown or ())

    def show_decision(self, decision: Decision) -> None:
        self.calm.setVisible(not decision.findings)
        self.calm.setText(
            "Nothing makes these numbers doubtful."
            if decision.standings
            else "Nothing was measured yet that could mislead."
        )
        if decision.findings != self.shown:
            self._rebuild(decision.findings)

    def _rebuild(self, findings: tuple[Finding, ...]) -> None:
        self.shown = findings
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self.links = {}
        self._lines = [self._line(finding) for finding in findings]
        for line in self._lines:
            self.body.addWidget(line)

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
        told = label("", wrap=True)
        first, rest = in_two(finding.advice)
        if rest:
            more = button("", kind="link")
            head.addWidget(more)

            def show(whole: bool) -> None:
                told.setText(finding.advice if whole else first)
                more.setText("Less" if whole else "More")
                more.setAccessibleName(f"{more.text()} of {printable(finding.name)}")

            more.clicked.connect(lambda: show(more.text() == "More"))
            show(self._roomy)
        else:
            told.setText(first)
        lead = MENDED.get(finding.name)
        if lead is not None:
            link = button(lead.word, lambda: self._go(lead), kind="link")
            link.setAccessibleName(f"{lead.word}: {printable(finding.name)}")
            self.links[finding.name] = link
            head.addWidget(link)
        column.addLayout(head)
        column.addWidget(told)
        return made
