"""Findings with their advice, one under the other: a word that says how grave, a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from workbench.gui.widgets.labels import Chip, label
from workbench.records.results import Finding
from workbench.records.text import printable

_GRAVITY = {"bad": 0, "warn": 1, "info": 2}


class FindingsList(QWidget):
    """Hidden while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: tuple[Finding, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._lines: list[QWidget] = []
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_findings(self, findings: Sequence[Finding]) -> None:
        wanted = tuple(sorted(findings, key=lambda one: _GRAVITY.get(one.severity, 3)))
        if wanted == self.shown:
            return
        self.shown = wanted
        for line in self._lines:
            line.hide()
            line.deleteLater()
        self._lines = [self._line(finding) for finding in wanted]
        for line in self._lines:
            self._column.addWidget(line)
        self.setVisible(bool(wanted))

    def _line(self, finding: Finding) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        severity = "neutral" if finding.severity == "info" else finding.severity
        row.addWidget(Chip(finding.name, severity, finding.advice), 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(label(finding.advice, wrap=True), 1)
        line.setAccessibleName(f"{printable(finding.name)}: {printable(finding.advice)}")
        return line
