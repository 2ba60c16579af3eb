"""The health of a run: numbers that tell a collapse, each with its word, and what to do where something is wrong."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.plain_text import set_tip
from workbench.gui.pretrain.findings_list import FindingsList
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label
from workbench.records.pretraining import Health, HealthRow
from workbench.records.text import printable

AWAITED = (
    "Looked at as soon as it learns: whether features still differ between images, how many directions they use, and "
    "whether the numbers stay finite."
)


class HealthCard(Card):
    """Shows `health.json`; rebuilt only where it says something else."""

    def __init__(self) -> None:
        super().__init__("Health")
        self._shown: Health | None = None
        self.chips: list[Chip] = []
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 4, 0)
        column.setSpacing(8)
        self.awaited = label(AWAITED, "dim", wrap=True)
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(12)
        self._rows.setVerticalSpacing(6)
        self._rows.setColumnStretch(0, 1)
        self.findings = FindingsList()
        column.addWidget(self.awaited)
        column.addLayout(self._rows)
        column.addWidget(self.findings)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        scroll.setAccessibleName("Health")
        self.body.addWidget(scroll, 1)

    def show_health(self, health: Health | None) -> None:
        self.awaited.setVisible(health is None)
        aside = f"checked every {health.every:,} steps" if health is not None else ""
        self.set_title("Health", aside)
        if health is not None:
            self.aside.set_tip(f"Last at step {health.step:,}")
        rows, shown = health.rows if health else (), self._shown.rows if self._shown else ()
        self._shown = health
        self.findings.show_findings(health.findings if health else ())
        if rows == shown:
            return
        while (item := self._rows.takeAt(0)) is not None:
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        self.chips = []
        for number, row in enumerate(rows):
            self._add(2 * number, row, number < len(rows) - 1)

    def _add(self, place: int, row: HealthRow, ruled: bool) -> None:
        name = label(row.name, wrap=True, tip=row.means)
        value = label(row.value)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_tip(value, row.means)
        chip = Chip(row.word, row.state, row.means)
        chip.setAccessibleName(f"{printable(row.name)} {printable(row.value)}: {printable(row.word)}")
        self.chips.append(chip)
        for column, widget in enumerate((name, value, chip)):
            self._rows.addWidget(widget, place, column)
        if ruled:
            rule = QFrame()
            rule.setProperty("rule", True)
            self._rows.addWidget(rule, place + 1, 0, 1, 3)
