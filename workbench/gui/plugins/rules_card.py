"""How plugins are kept apart from the program, told where there is room on the screen for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QSizePolicy

from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label

RULES = (
    (
        "Tried first",
        "Each is loaded in a process of its own. One that fails, hangs or crashes is listed, and nothing else stops.",
    ),
    ("Two crashes", "After the second it is switched off, until you try it again."),
    (
        "Changes",
        "A job is a new process: what changes in a plugin's files counts from the next job on. Views that were shown "
        "stay as they are until the program is restarted.",
    ),
    (
        "Installing",
        "What is previewed is what is installed. A change that would lower, break or remove what the program needs "
        "is refused.",
    ),
    ("Network", "Used after you agreed to it, and for nothing else."),
    ("Trust", "A plugin is a program and may do whatever you may."),
)


class RulesCard(Card):
    def __init__(self) -> None:
        super().__init__("How plugins are kept apart")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        for row, (head, sentence) in enumerate(RULES):
            grid.addWidget(label(head, "strong"), row, 0, top)
            grid.addWidget(label(sentence, "dim", wrap=True), row, 1, top)
        self.body.addLayout(grid)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def fit(self, room: int, width: int) -> None:
        """Shown where it fits into `room` px of height at `width` px, else hidden."""
        self.setVisible(self.height_at(width) <= room)
