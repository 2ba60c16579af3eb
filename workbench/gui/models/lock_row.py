"""The lock of the comparison: one feature, one choice of layers, one input size and one scaling for all backbones."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtWidgets import QComboBox, QGridLayout, QVBoxLayout, QWidget

from workbench.gui.compare.words import feature_name
from workbench.gui.glossary import tip
from workbench.gui.plain_text import set_tip
from workbench.gui.session import Session
from workbench.gui.widgets.labels import label
from workbench.records.asked import FAMILY, RULES
from workbench.records.layers import LAST_WORD, check_layers

SIZES = (224, 336, 448, 518)  # px; any other can be given to one backbone
LAYERS = ("last4", "last2")  # others are typed
STANDARDISE = {"z-score": "z-score", "l2": "L2"}
NARROWEST = 60  # px
OWN_TIP = (
    "Family's own: CLS for DINO, the mean of the patches for ViTMAE, pooled for a convolutional network."
)
LOCK_TIP = "Holds for every chosen backbone, so that a difference between two comes from the backbones alone."


class LockRow(QWidget):
    """Shows what is locked; edits go to the session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.feature = QComboBox()
        for rule in RULES:
            self.feature.addItem("family's own" if rule == FAMILY else feature_name(rule), rule)
        self.layers = QComboBox()
        self.layers.setEditable(True)
        self.layers.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.layers.addItems([LAST_WORD, *LAYERS])
        self.size_field = QComboBox()
        self.scaling = QComboBox()
        for value, words in STANDARDISE.items():
            self.scaling.addItem(words, value)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        grid = QGridLayout()
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        fields = (
            ("Feature", self.feature, 125, f"{tip('feature')}\n{OWN_TIP}"),
            ("Layers", self.layers, 77, tip("layer")),
            (
                "Input",
                self.size_field,
                92,
                f"{tip('input size')}\nTwice the side costs four to eight times the work.",
            ),
            ("Probe on", self.scaling, 90, tip("z-score", "L2")),
        )
        for column, (text, field, share, words) in enumerate(fields):
            caption = label(text, "caption")
            caption.setBuddy(field)
            field.setAccessibleName(f"{text}, for every backbone")
            field.setMinimumWidth(NARROWEST)
            field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            set_tip(field, f"{words}\n{LOCK_TIP}")
            grid.addWidget(caption, 0, column)
            grid.addWidget(field, 1, column)
            grid.setColumnStretch(column, share)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(grid)
        column.addWidget(self.error)
        self.feature.activated.connect(
            lambda _: session.set_lock(feature_rule=str(self.feature.currentData()))
        )
        self.layers.activated.connect(lambda _: self._take_layers())
        self.layers.lineEdit().editingFinished.connect(self._take_layers)
        self.size_field.activated.connect(
            lambda _: session.set_lock(image_size=int(self.size_field.currentData()))
        )
        self.scaling.activated.connect(
            lambda _: session.set_lock(standardise=str(self.scaling.currentData()))
        )
        self.refresh()

    def refresh(self) -> None:
        settings = self.session.settings
        with QSignalBlocker(self.feature), QSignalBlocker(self.size_field), QSignalBlocker(self.scaling):
            self.feature.setCurrentIndex(max(self.feature.findData(settings.feature_rule), 0))
            self.size_field.clear()
            self.size_field.addItem("own px", 0)
            for size in sorted({*SIZES, settings.image_size} - {0}):
                self.size_field.addItem(f"{size} px", size)
            self.size_field.setCurrentIndex(self.size_field.findData(settings.image_size))
            self.scaling.setCurrentIndex(max(self.scaling.findData(settings.standardise), 0))
        if self.error.isHidden():
            with QSignalBlocker(self.layers):
                self.layers.setEditText(settings.layers or LAST_WORD)
                self.layers.lineEdit().setCursorPosition(0)

    def _take_layers(self) -> None:
        """What can't be layers stays in the field with the reason, and changes nothing."""
        text = self.layers.currentText().strip()
        wanted = "" if text == LAST_WORD else text
        try:
            check_layers(wanted)
        except ValueError as error:
            self.error.setText(str(error))
            self.error.show()
            return
        self.error.hide()
        if wanted != self.session.settings.layers:
            self.session.set_lock(layers=wanted)
        else:
            self.refresh()
