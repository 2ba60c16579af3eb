"""Which row of the regime table holds, what it advises and why; folded under it, the evidence that was read."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from workbench.gui.decide.words import counts_line, evidence_rows
from workbench.gui.widgets.buttons import button, set_icon
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.decision import Decision
from workbench.records.evidence import Evidence

MARGIN = 12  # px, of a card


class RegimeCard(Card):
    """Advice and counts; `fold` shows or hides the reason and the evidence."""

    def __init__(self) -> None:
        super().__init__("Advice")
        self.advice = label("", wrap=True)
        self.reason = label("", wrap=True)
        self.counts = label("", "caption", wrap=True)
        self.fold = button("Why, and what was known", self._toggle, kind="link", icon_name="chevron-right")
        self.fold.setCheckable(True)
        self.evidence = QWidget()
        column = QVBoxLayout(self.evidence)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.reason)
        self._grid = QGridLayout()
        column.addLayout(self._grid)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._pressed = False
        self._rows: list[tuple[str, str]] = []
        self.evidence.hide()
        self.body.setSpacing(6)
        for part in (self.advice, self.counts):
            self.body.addWidget(part)
        line = QHBoxLayout()
        line.addWidget(self.fold)
        line.addStretch(1)
        self.body.addLayout(line)
        self.body.addWidget(self.evidence)

    def show_decision(self, decision: Decision, evidence: Evidence) -> None:
        self.set_title("Advice", decision.advice.row)
        self.aside.set_tip("The row of the table of cases that holds; the first that does is taken")
        self.advice.setText(decision.advice.advice)
        self.reason.setText(decision.advice.reason)
        self.counts.setText(counts_line(evidence))
        rows = evidence_rows(evidence)
        if rows == self._rows:
            return
        self._rows = rows
        while (item := self._grid.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        for row, (name, value) in enumerate(rows):
            self._grid.addWidget(label(name, "dim"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(label(value, wrap=True), row, 1)

    def least_height(self, width: int) -> int:
        """px that the card wants at `width` px while it is folded."""
        whole = self.height_at(width)
        return whole - self._open_height(width) if self.fold.isChecked() else whole

    def _open_height(self, width: int) -> int:
        """px that unfolding adds."""
        return self.evidence.layout().totalHeightForWidth(width - 2 * MARGIN) + self.body.spacing()

    def fit(self, room: int, width: int) -> None:
        """Open the fold where there are `room` px for it at `width` px, unless the user has opened or closed it."""
        if not self._pressed:
            self.fold.setChecked(self._open_height(width) <= room)
            self._show_fold()

    def _toggle(self) -> None:
        self._pressed = True
        self._show_fold()

    def _show_fold(self) -> None:
        shown = self.fold.isChecked()
        self.evidence.setVisible(shown)
        set_icon(self.fold, "chevron-down" if shown else "chevron-right")
