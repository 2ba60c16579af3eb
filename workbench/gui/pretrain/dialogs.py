"""Going on from a run: more epochs for the run itself, or another run from one of its checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import set_tip
from workbench.gui.pretrain.plan import FILES
from workbench.gui.pretrain.words import ago
from workbench.gui.theme import FIELD_MARGINS
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.number_field import NumberField

MOST_EPOCHS = 100_000
WIDTH = 480  # px


class _Asking(QDialog):
    """A sentence, some fields, and a button that says what happens."""

    def __init__(self, title: str, sentence: str, word: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label(sentence, "dim", wrap=True))
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(8)
        self._grid.setColumnStretch(1, 1)
        outer.addLayout(self._grid)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(button("Cancel", self.reject))
        self.go = button(word, self.accept, kind="primary")
        self.go.setDefault(True)
        row.addWidget(self.go)
        outer.addLayout(row)

    def _add(self, title: str, field: QWidget, help: str) -> None:
        number = self._grid.rowCount()
        name = label(title, tip=help)
        name.setBuddy(field)
        field.setAccessibleName(title)
        set_tip(field, help)
        self._grid.addWidget(name, number, 0)
        self._grid.addWidget(field, number, 1)
        self._grid.addWidget(label(help, "caption", wrap=True), number + 1, 1)


class ContinueDialog(_Asking):
    """`extend` is called with the new number of epochs altogether."""

    def __init__(
        self, planned: int, done: float, extend: Callable[[int], object], parent: QWidget | None = None
    ) -> None:
        super().__init__(
            "Continue for more epochs",
            f"The run was planned for {planned:,} epochs and has {done:.3g}. It goes on in its own folder, from its "
            "last checkpoint.",
            "Continue",
            parent,
        )
        self._extend = extend
        self.epochs = _epochs(planned + 1, 2 * planned)
        self._add(
            "Epochs altogether",
            self.epochs,
            "Schedules are laid over all epochs anew, so that the learning rate rises to what such a run has there.",
        )

    def accept(self) -> None:
        self._extend(self.epochs.value())
        super().accept()


class BranchDialog(_Asking):
    """`start` is called with the values of the new run."""

    def __init__(
        self,
        config: dict[str, Any],
        checkpoints: Sequence[tuple[int, Path]],
        start: Callable[[dict[str, Any]], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            "Branch from here",
            "Another run begins with the weights of a checkpoint. The first run stays as it is, and both can be "
            "drawn over each other.",
            "Start branch",
            parent,
        )
        self._config, self._start = config, start
        self.checkpoint = QComboBox()
        for step, path in checkpoints:
            self.checkpoint.addItem(f"Step {step:,}{_age(path)}", str(path))
        self._add("Checkpoint", self.checkpoint, "Those that the run has kept, the newest first.")
        self.epochs = _epochs(1, int(config.get("epochs", 100)))
        self._add(
            "Epochs", self.epochs, "How often each image is learnt from, counted from the start of the run."
        )
        self.rate = NumberField()
        self.rate.setDecimals(6)
        self.rate.setRange(0, 100)
        self.rate.setSingleStep(1e-4)
        self.rate.setValue(float(config.get("learning_rate", 0.0)))
        self.rate.lineEdit().setTextMargins(*FIELD_MARGINS)
        self._add("Learning rate", self.rate, "Peak learning rate; 0 takes the published rule's.")

    def values(self) -> dict[str, Any]:
        kept = {name: value for name, value in self._config.items() if name not in FILES}
        return {
            **kept,
            "branch": str(self.checkpoint.currentData()),
            "epochs": self.epochs.value(),
            "learning_rate": self.rate.value(),
        }

    def accept(self) -> None:
        self._start(self.values())
        super().accept()


def _epochs(least: int, value: int) -> QSpinBox:
    field = QSpinBox()
    field.setRange(least, MOST_EPOCHS)
    field.setValue(value)
    field.setGroupSeparatorShown(True)
    field.lineEdit().setTextMargins(*FIELD_MARGINS)
    return field


def _age(path: Path) -> str:
    try:
        return f", {ago(time.time() - path.stat().st_mtime)}"
    except OSError:
        return ""
