"""What a check of a plugin has found: a line a step, and the last words of its process."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from workbench.gui.plain_text import printable_lines
from workbench.gui.plugins.checker import Checked
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.records.plugin_checks import Step
from workbench.records.text import count

CHIP = 70  # px
SAID_HEIGHT = 92  # px
OUTCOMES = {
    "running": ("trying", "info"),
    "ok": ("ok", "good"),
    "failed": ("failed", "bad"),
    "skipped": ("left out", "neutral"),
}
STARTS = "A process of its own is starting; the first step takes seconds."


class CheckPanel(QWidget):
    """Hidden until there is a check to show."""

    stop_asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._shown: Checked | None = None
        self.summary = ElidedLabel("", "dim")
        self.stop = button("Stop", self._on_stop, icon_name="stop")
        self.why = label("", "error", wrap=True)
        self.said = QPlainTextEdit()
        self.said.setReadOnly(True)
        self.said.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.said.setAccessibleName("What the check says")
        self.said.setFixedHeight(SAID_HEIGHT)
        self.said.setTabChangesFocus(True)
        self._steps = QVBoxLayout()
        self._steps.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(label("Check", "strong"))
        head.addWidget(self.summary, 1)
        head.addWidget(self.stop)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(6)
        outer.addLayout(head)
        outer.addWidget(self.why)
        outer.addLayout(self._steps)
        outer.addWidget(self.said)
        self.hide()

    def show_check(self, checked: Checked | None) -> None:
        before, self._shown = self._shown, checked
        self.setVisible(checked is not None)
        if checked is None:
            return
        self.summary.setText(summary_of(checked))
        self.stop.setVisible(checked.running)
        if before is None or before.name != checked.name or not before.running:
            self.stop.setEnabled(True)
        self.why.setText(checked.why)
        self.why.setVisible(bool(checked.why))
        if before is None or before.steps != checked.steps:
            self._show_steps(checked.steps)
        failed = any(step.outcome == "failed" for step in checked.steps)
        said = printable_lines(checked.said.strip("\n").expandtabs(4))
        self.said.setVisible(bool(said) and (checked.running or failed))
        if said != self.said.toPlainText():
            self.said.setPlainText(said)
            self.said.moveCursor(QTextCursor.MoveOperation.End)
            self.said.ensureCursorVisible()

    def _show_steps(self, steps: tuple[Step, ...]) -> None:
        while (item := self._steps.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for step in steps:
            made = _line(step)
            self._steps.addWidget(made)
            made.show()  # at once, so that its height counts

    def _on_stop(self) -> None:
        self.stop.setEnabled(False)
        self.stop_asked.emit()


def summary_of(checked: Checked) -> str:
    """ "4 steps done", "10 steps, all ok", "10 steps, 1 failed"."""
    ended = [step for step in checked.steps if step.outcome != "running"]
    if checked.running:
        return f"{count(len(ended), 'step')} done" if ended else STARTS
    failed = sum(step.outcome == "failed" for step in ended)
    left = sum(step.outcome == "skipped" for step in ended)
    if not ended:
        return ""
    parts = [f"{failed} failed"] if failed else ["all ok"] if not left else ["none failed"]
    parts += [f"{left} left out"] if left else []
    return f"{count(len(ended), 'step')}, {', '.join(parts)}, {sum(step.seconds for step in ended):.0f} s"


def _line(step: Step) -> QWidget:
    made = QWidget()
    row = QHBoxLayout(made)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    word, severity = OUTCOMES[step.outcome]
    chip = Chip(word, severity)
    chip.setAlignment(Qt.AlignmentFlag.AlignCenter)
    chip.setFixedWidth(CHIP)
    row.addWidget(chip, 0, Qt.AlignmentFlag.AlignTop)
    column = QVBoxLayout()
    column.setSpacing(0)
    column.addWidget(label(step.name, "", wrap=True))
    if step.why:
        column.addWidget(label(step.why, "error" if step.outcome == "failed" else "dim", wrap=True))
    row.addLayout(column, 1)
    if step.seconds >= 0.05:
        row.addWidget(label(f"{step.seconds:.1f} s", "dim"), 0, Qt.AlignmentFlag.AlignTop)
    return made
