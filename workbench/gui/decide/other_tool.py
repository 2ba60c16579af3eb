"""What is not made of images is turned away kindly: which tool fits, why, and the way back if it was a slip."""

from __future__ import annotations

from collections.abc import Callable

from workbench.gui.decide.words import in_two
from workbench.gui.widgets.cards import Card, EmptyState
from workbench.records.decision import Decision


class OtherTool(Card):
    """`back` is what the button does."""

    def __init__(self, back: Callable[[], object]) -> None:
        super().__init__()
        self.state = EmptyState("", "", (("These are images after all", back, ""),), "decide")
        self.body.addWidget(self.state)
        self.hide()

    def show_decision(self, decision: Decision) -> None:
        first, rest = in_two(decision.advice.advice)
        self.state.set(first, f"{rest} {decision.advice.reason}")
