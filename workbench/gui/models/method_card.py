"""How a comparison is made and decided, told where there is room on the screen for it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QVBoxLayout, QWidget

from workbench.gui.compare.words import VERDICT_HELP, VERDICT_SEVERITY
from workbench.gui.glossary import tip
from workbench.gui.models.words import FLOOR_SENTENCE
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, label

VERDICTS = (
    ("better", "the interval lies above zero"),
    ("worse", "the interval lies below zero"),
    ("equivalent", "the interval lies within your margin"),
    ("undecided", "the interval leaves it open"),
)
SENTENCES = (
    ("Frozen", "Every image goes once through each backbone as it was published; only the probe is fitted."),
    ("Same splits", "All backbones get the same resampled splits of the same images; groups are kept whole."),
    (
        "Validation",
        "The probe's strength and the k of k-NN are chosen on the validation part, never on the test.",
    ),
    ("Sealed test", "Then the test part is scored. How often it was opened is counted and shown above."),
    ("Paired", "Differences are taken split by split, and the interval allows for splits that share images."),
    ("Floors", FLOOR_SENTENCE),
)


class MethodCard(Card):
    """The four verdicts, and below them the six rules where there is room for these too."""

    def __init__(self) -> None:
        super().__init__("How it is decided", "interval of the difference")
        self.aside.set_tip(tip("difference", "interval"))
        verdicts = _grid(4)
        for row, (word, sentence) in enumerate(VERDICTS):
            chip = Chip(word, VERDICT_SEVERITY[word], VERDICT_HELP[word])
            verdicts.addWidget(chip, row, 0, Qt.AlignmentFlag.AlignVCenter)
            verdicts.addWidget(label(sentence, "dim", tip=VERDICT_HELP[word]), row, 1)
        self.rules = QWidget()
        inside = QVBoxLayout(self.rules)
        inside.setContentsMargins(0, 8, 0, 0)
        inside.setSpacing(8)
        inside.addWidget(label("How the comparison is made", "title"))
        rules = _grid(12)
        for row, (head, sentence) in enumerate(SENTENCES):
            rules.addWidget(label(head, "strong"), row, 0, Qt.AlignmentFlag.AlignTop)
            rules.addWidget(label(sentence, "dim", wrap=True), row, 1, Qt.AlignmentFlag.AlignTop)
        inside.addLayout(rules)
        self.body.addLayout(verdicts)
        self.body.addWidget(self.rules)
        self.body.addStretch(1)

    def fit(self, room: int, width: int) -> bool:
        """Show as much as `room` px of height hold at `width` px; False, and hidden, where that is nothing."""
        for rules in (True, False):
            self.rules.setVisible(rules)
            if self.height_at(width) <= room:
                self.show()
                return True
        self.hide()
        return False


def _grid(spacing: int) -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(spacing)
    grid.setColumnStretch(1, 1)
    return grid
