"""What the decision was made of, line by line; what nobody knows says so."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from workbench.gui.decide.words import evidence_rows
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label
from workbench.records.evidence import Evidence


class KnownCard(Card):
    """Names and values. Last in its column: it is looked up and not acted on."""

    def __init__(self) -> None:
        super().__init__("What is known", "what the decision was made of")
        self._rows: list[tuple[str, str]] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)

    def show_evidence(self, evidence: Evidence) -> None:
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
