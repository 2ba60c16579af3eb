"""The table of cases, where the place has room for it: what each calls for, the one that holds marked."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from workbench.gui.theme import restyle
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label


class CasesCard(Card):
    """Two lists, read from top to bottom."""

    def __init__(self) -> None:
        super().__init__("Cases", "the first that holds counts")
        self.lines: dict[str, tuple[QWidget, QWidget]] = {}  # by the row's id
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(4)
        for column in (1, 3):
            self._grid.setColumnStretch(column, 1)
        self.body.addLayout(self._grid)
        self.hide()

    def show_row(self, holds: str) -> None:
        """`holds` is the id of the row that does."""
        if not self.lines:
            self._fill()
        for identifier, line in self.lines.items():
            for part in line:
                restyle(part, role="strong" if identifier == holds else "dim")

    def _fill(self) -> None:
        # Here, because the rules bring scipy along, which has been loaded by the time that there is a decision.
        from workbench.decide.regime_rules import ROWS

        half = -(-len(ROWS) // 2)
        for place, row in enumerate(ROWS):
            self.lines[row.id] = (label(row.id), label(row.action))
            side, line = divmod(place, half)
            for column, part in enumerate(self.lines[row.id]):
                self._grid.addWidget(part, line, 2 * side + column)
