"""Beginning a plugin: a name and a folder, and a template that works is written there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.plugins import is_name
from workbench.records.text import printable

WIDTH = 520  # px
NAME_RULE = "Small letters, digits, _ and -, a letter first: my_method."


class NewPluginDialog(QDialog):
    """`write` is called with the name and the folder into which the plugin's own folder goes."""

    def __init__(self, write: Callable[[str, Path], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._write = write
        self.setWindowTitle("New plugin")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        told = (
            "A whole plugin is written: a method that trains, its settings, and a test. Change it into yours, "
            "install its folder here, and choose the method in Pretrain."
        )
        outer.addWidget(label(told, "dim", wrap=True))
        self.name = QLineEdit("my_method")
        self.name.setAccessibleName("Name of the plugin")
        self.name.textChanged.connect(self._refresh)
        self.into = QLineEdit(str(Path.home()))
        self.into.setAccessibleName("Folder that it is written into")
        self.into.textChanged.connect(self._refresh)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        for row, (word, field) in enumerate((("Name", self.name), ("Into", self.into))):
            buddy = label(word)
            buddy.setBuddy(field)
            grid.addWidget(buddy, row, 0)
            grid.addWidget(field, row, 1)
        grid.addWidget(button("Choose…", self._browse), 1, 2)
        outer.addLayout(grid)
        self.error = label("", "caption", wrap=True)
        outer.addWidget(self.error)
        ending = QHBoxLayout()
        ending.setSpacing(8)
        ending.addStretch(1)
        ending.addWidget(button("Cancel", self.reject))
        self.go = button("Write it", self.accept, kind="primary")
        self.go.setDefault(True)
        ending.addWidget(self.go)
        outer.addLayout(ending)
        self.name.selectAll()
        self._refresh()

    def accept(self) -> None:
        if self.go.isEnabled():
            self._write(self.name.text(), Path(self.into.text().strip()).expanduser())
            super().accept()

    def _refresh(self) -> None:
        fits = is_name(self.name.text()) and bool(self.into.text().strip())
        self.go.setEnabled(fits)
        where = Path(self.into.text().strip()).expanduser() / self.name.text()
        self.error.setText(f"Its folder: {printable(str(where))}" if fits else NAME_RULE)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, "Choose where the plugin's folder goes", self.into.text()
        )
        if chosen:
            self.into.setText(chosen)
