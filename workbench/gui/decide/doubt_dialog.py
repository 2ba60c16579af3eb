"""Asked before hours of work that what was measured speaks against: why, what it costs, what would justify it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.decide.words import PRETRAIN, escalation_lines
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.decision import Decision, NextStep

WIDTH = 520  # px
CONDITIONS = 4  # lines of an escalation that say what must hold


class DoubtDialog(QDialog):
    """Enter and Esc leave it; `start` is called only where "Run it all the same" is pressed.

    Args:
        doubt: what speaks against the step.
        look: opens Pretrain, where a pretraining is estimated before it runs.
    """

    def __init__(
        self,
        step: NextStep,
        doubt: str,
        decision: Decision,
        start: Callable[[], object],
        look: Callable[[], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Run it all the same?")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._start, self._look = start, look
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(10)
        outer.addWidget(label(step.title, "title", wrap=True))
        outer.addWidget(label(doubt, wrap=True))
        outer.addWidget(label(f"Expected cost: {step.cost}.", "strong", wrap=True))
        if step.step == "pretrain":
            for line in escalation_lines(decision)[:CONDITIONS]:
                outer.addWidget(label(line, "dim", wrap=True))
        self.leave = button("Don't run it", self.reject, kind="primary")
        self.leave.setDefault(True)
        self.estimate = button(
            PRETRAIN.word,
            self._go,
            tip="Fill in what is proposed there: memory and time, before anything runs",
        )
        self.estimate.setVisible(step.step == "pretrain")
        self.run = button("Run it all the same", self.accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.run)
        row.addWidget(self.estimate)
        row.addStretch(1)
        row.addWidget(self.leave)
        outer.addStretch(1)
        outer.addLayout(row)
        self.setFixedSize(WIDTH, outer.totalHeightForWidth(WIDTH))
        self.leave.setFocus()

    def accept(self) -> None:
        super().accept()
        self._start()

    def _go(self) -> None:
        self.reject()
        self._look()
