"""Another name for a class. A name that is taken merges the two, and the dialog says so before it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.data.class_list import natural
from workbench.gui.plain_text import plain
from workbench.gui.theme import restyle
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

LONGEST = 200  # characters of a name
ROW = 28  # px
MOST_ROWS = 12  # in sight before the list scrolls


class ClassDialog(QDialog):
    """Renames or merges by `Dataset.rename_class`, which can be undone."""

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        """`name` of one of the index's classes."""
        super().__init__(parent)
        index = session.index
        assert index is not None
        self._session, self._name = session, name
        self._counts = index.class_counts()
        self._taken = {printable(other): other for other in index.classes if other != name}
        self.setWindowTitle("Rename or merge a class")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(440, 200 + (34 + ROW * min(len(self._taken), MOST_ROWS) if self._taken else 0))
        title = ElidedLabel(f"Rename “{printable(name)}”", "title")
        self.field = QLineEdit(printable(name))
        self.field.setMaxLength(LONGEST)
        self.field.setAccessibleName("New name of the class")
        self.field.selectAll()
        self.told = label("", "dim", wrap=True)
        self.others = QListWidget()
        self.others.setAccessibleName("Classes to merge it with")
        for shown in sorted(self._taken, key=natural):
            images = count(self._counts[self._taken[shown]], "image")
            item = QListWidgetItem(f"{shown} · {images}")
            item.setData(Qt.ItemDataRole.UserRole, shown)
            item.setToolTip(plain(shown))
            item.setSizeHint(QSize(100, ROW))
            self.others.addItem(item)
        self.apply = button("Rename", self.accept, kind="primary")
        self.apply.setDefault(True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(title)
        outer.addWidget(self.field)
        outer.addWidget(self.told)
        if self._taken:
            card = Card("Or merge it with")
            card.body.addWidget(self.others)
            outer.addWidget(card, 1)
        else:
            outer.addStretch(1)
        outer.addLayout(row)
        self.field.textChanged.connect(self.refresh)
        self.others.currentItemChanged.connect(self._take)
        self.others.itemActivated.connect(lambda _: self.accept())
        self.refresh()
        self.field.setFocus()

    def new_name(self) -> str:
        text = self.field.text().strip()
        return self._taken.get(text, text)

    def refresh(self) -> None:
        """Say what would happen."""
        text, shown = self.field.text().strip(), printable(self._name)
        merges = text in self._taken
        images = count(self._counts[self._name], "image")
        if not text:
            told = "A class needs a name."
        elif text == shown:
            told = "The files keep their names; undo takes it back."
        elif merges:
            told = f"Merge {images} of {shown} into {text}."
        else:
            told = f"{images} of {shown} will be called {text}."
        self.told.setText(told)
        restyle(self.told, role="error" if not text else "dim")
        restyle(self.field, invalid=not text)
        self.apply.setText("Merge" if merges else "Rename")
        self.apply.setEnabled(bool(text) and text != shown)
        if not merges and self.others.currentItem() is not None:
            self.others.blockSignals(True)
            self.others.setCurrentItem(None)
            self.others.clearSelection()
            self.others.blockSignals(False)

    def accept(self) -> None:
        """Rename or merge; a refusal is told here."""
        if not self.apply.isEnabled():
            return
        try:
            self._session.dataset.rename_class(self._name, self.new_name())
        except (ValueError, OSError) as error:
            self.told.setText(str(error))
            restyle(self.told, role="error")
            return
        super().accept()

    def _take(self, item: QListWidgetItem | None) -> None:
        if item is not None:
            self.field.setText(str(item.data(Qt.ItemDataRole.UserRole)))
