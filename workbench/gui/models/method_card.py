"""How a comparison is made, in six sentences, for who has the room on the screen and the doubt in mind."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout

from workbench.gui.models.words import FLOOR_SENTENCE
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import label

SENTENCES = (
    ("Frozen", "Every image goes once through each backbone as it was published; only the probe is fitted."),
    ("Same splits", "All backbones get the same resampled splits of the same images; groups are kept whole."),
    (
        "Validation",
        "The probe's strength and the k of k-NN are chosen on the validation part, never on the test.",
    ),
    ("Sealed test", "Then the test part is scored. How often it was opened is counted and shown above."),
    (
        "Paired",
        "Compared split by split: better needs an interval without zero, equivalent one within your margin.",
    ),
    ("Floors", FLOOR_SENTENCE),
)


class MethodCard(Card):
    """Words only."""

    def __init__(self) -> None:
        super().__init__("How the comparison is made")
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        for row, (head, sentence) in enumerate(SENTENCES):
            grid.addWidget(label(head, "strong"), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(label(sentence, "dim", wrap=True), row, 1, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(grid)
        self.body.addStretch(1)
