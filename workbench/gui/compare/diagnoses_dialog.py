"""Why probe and k-NN disagree on one model: every number that was measured, and what to do about it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from workbench.gui.compare.disagreement import Disagreement, value_text
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import Chip, label
from workbench.records.text import printable

WIDTH, HEIGHT = 720, 420  # px
TOP = Qt.AlignmentFlag.AlignTop
HEADS = ("What was measured", "Value", "Reason", "What it means and what to do")


class DiagnosesDialog(QDialog):
    """A small table, the likely reasons first. Esc or Enter closes it."""

    def __init__(self, found: Disagreement, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(printable(f"Why probe and k-NN disagree: {found.title}"))
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label(found.sentence, wrap=True))
        outer.addWidget(self._table(found), 1)
        row = QHBoxLayout()
        row.addStretch(1)
        close = button("Close", self.accept, kind="primary")
        close.setDefault(True)
        row.addWidget(close)
        outer.addLayout(row)
        self.resize(WIDTH, HEIGHT)

    def _table(self, found: Disagreement) -> QScrollArea:
        inside = QWidget()
        grid = QGridLayout(inside)
        grid.setContentsMargins(12, 8, 12, 8)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(3, 1)
        for column, head in enumerate(HEADS):
            side = Qt.AlignmentFlag.AlignRight if column == 1 else Qt.AlignmentFlag.AlignLeft
            grid.addWidget(label(head, "dim"), 0, column, side)
        for number, diagnosis in enumerate(found.diagnoses):
            rule = QFrame()
            rule.setProperty("rule", True)
            grid.addWidget(rule, 2 * number + 1, 0, 1, len(HEADS))
            row = 2 * number + 2
            name = label(f"{diagnosis.name[:1].upper()}{diagnosis.name[1:]}", "strong", wrap=True)
            name.setMinimumWidth(130)
            grid.addWidget(name, row, 0, TOP)
            grid.addWidget(label(value_text(diagnosis)), row, 1, TOP | Qt.AlignmentFlag.AlignRight)
            chip = Chip("likely", "warn") if diagnosis.likely else Chip("unlikely", "neutral")
            grid.addWidget(chip, row, 2, TOP)
            grid.addWidget(label(diagnosis.advice, wrap=True), row, 3, TOP)
        grid.setRowStretch(2 * len(found.diagnoses) + 1, 1)
        scroll = QScrollArea()
        scroll.setProperty("card", True)
        scroll.setWidgetResizable(True)
        scroll.setAccessibleName("Diagnoses")
        scroll.setWidget(inside)
        return scroll
