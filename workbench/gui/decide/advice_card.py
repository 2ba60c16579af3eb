"""Which row of the regime table holds, and what it advises."""

from __future__ import annotations

from workbench.gui.decide.words import counts_line
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.decision import Decision
from workbench.records.evidence import Evidence


class AdviceCard(Card):
    """The advice and the counts that it is about; its reason stands under "Because"."""

    def __init__(self) -> None:
        super().__init__("Advice")
        self.advice = label("", wrap=True)
        self.counts = label("", "caption", wrap=True)
        self.body.setSpacing(6)
        for part in (self.advice, self.counts):
            self.body.addWidget(part)

    def show_decision(self, decision: Decision, evidence: Evidence) -> None:
        self.set_title("Advice", decision.advice.row)
        self.aside.set_tip("The row of the table of cases that holds; the first that does is taken")
        self.advice.setText(decision.advice.advice)
        self.counts.setText(counts_line(evidence))
