"""What can be done to a class in its list: rename, merge, ignore; and what was done, with the way back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from workbench.gui.data.class_dialog import ClassDialog
from workbench.gui.data.class_list import ClassList, natural
from workbench.gui.guarded import guarded
from workbench.gui.plain_text import menu_text
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import ElidedLabel
from workbench.records.curation import IGNORED
from workbench.records.text import count, printable

if TYPE_CHECKING:
    from workbench.gui.session import Session

MOST_IN_MENU = 20  # classes to merge with, before the dialog lists the rest
LONGEST_IN_MENU = 40  # characters of a name


class ClassEdits(QObject):
    """Gives the list of classes a menu and keys: F2 renames, Delete ignores."""

    def __init__(self, classes: ClassList, session: Session) -> None:
        super().__init__(classes)
        self._classes, self._session = classes, session
        classes.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        classes.customContextMenuRequested.connect(self._on_menu)
        for keys, act in ((Qt.Key.Key_F2, self.rename), (Qt.Key.Key_Delete, self.ignore)):
            shortcut = QShortcut(QKeySequence(keys), classes)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(act)

    def name(self) -> str | None:
        """The chosen class; None where the row stands for something else."""
        index, code = self._session.index, self._classes.choice()
        return index.classes[code] if index is not None and 0 <= code < len(index.classes) else None

    def rename(self) -> None:
        name = self.name()
        if name is not None:
            ClassDialog(self._session, name, self._classes.window()).open()

    def merge(self, other: str) -> None:
        name = self.name()
        if name is not None:
            guarded(self._session, lambda: self._session.dataset.rename_class(name, other))

    def ignore(self) -> None:
        """Its images take no part."""
        name = self.name()
        if name is not None:
            guarded(self._session, lambda: self._session.dataset.ignore_class(name))

    def menu(self) -> QMenu | None:
        """What can be done to the chosen class; None where nothing can."""
        name, index = self.name(), self._session.index
        if name is None or index is None:
            return None
        made = QMenu(self._classes)
        rename = made.addAction("Rename…", self.rename)
        rename.setShortcut(QKeySequence(Qt.Key.Key_F2))
        others = sorted((other for other in index.classes if other != name), key=natural)
        into = made.addMenu("Merge into")
        into.setEnabled(bool(others))
        for other in others[:MOST_IN_MENU]:
            action = into.addAction(_short(other))
            action.triggered.connect(lambda _=False, other=other: self.merge(other))
        if len(others) > MOST_IN_MENU:
            into.addSeparator()
            into.addAction("Another class…", self.rename)
        made.addSeparator()
        ignore = made.addAction("Ignore: its images take no part", self.ignore)
        ignore.setShortcut(QKeySequence(Qt.Key.Key_Delete))
        return made

    def _on_menu(self, point: QPoint) -> None:
        cell = self._classes.indexAt(point)
        if cell.isValid():
            self._classes.setCurrentIndex(cell)
        menu = self.menu()
        if menu is not None:
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self._classes.viewport().mapToGlobal(point))


class ClassChanges(QWidget):
    """A quiet line: which classes are ignored, renamed or merged. Hidden while none is."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.ignored, self.renamed = ElidedLabel("", "caption"), ElidedLabel("", "caption")
        self.back = button("Bring back", self._on_back, kind="link")
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(8)
        lines = QVBoxLayout()
        lines.setSpacing(2)
        lines.addWidget(self.ignored)
        lines.addWidget(self.renamed)
        row.addLayout(lines, 1)
        row.addWidget(self.back)
        session.dataset_changed.connect(self.refresh)
        self.refresh()

    def changes(self) -> dict[str, str]:
        """Class as found -> what it is called now, `IGNORED` for not at all; of those that the files have."""
        arranged = self._session.dataset.arranged
        found = arranged.found if arranged is not None else ()
        classes = self._session.settings.curation.classes
        return {name: classes[name] for name in sorted(found, key=natural) if name in classes}

    def refresh(self) -> None:
        changes = self.changes()
        self.setVisible(bool(changes))
        ignored = [printable(name) for name, new in changes.items() if new == IGNORED]
        renamed = [f"{printable(name)} → {printable(new)}" for name, new in changes.items() if new != IGNORED]
        for line, names, word in ((self.ignored, ignored, "ignored"), (self.renamed, renamed, "renamed")):
            line.setText(f"{len(names):,} {word}: {', '.join(names)}")
            line.setVisible(bool(names))
        self.back.setText("Bring back" if len(changes) == 1 else "Bring back ▾")
        what = next(iter(changes)) if len(changes) == 1 else count(len(changes), "class", "classes")
        self.back.setAccessibleName(f"Bring back {printable(what)} as found")

    def menu(self) -> QMenu:
        """One line a class, and one for all."""
        made = QMenu(self)
        for name, new in self.changes().items():
            now = "ignored" if new == IGNORED else f"now {printable(new)}"
            action = made.addAction(f"{_short(name)}: {_short(now)}")
            action.triggered.connect(lambda _=False, name=name: self.restore(name))
        made.addSeparator()
        made.addAction("All of them", self.restore_all)
        return made

    def restore(self, found: str) -> None:
        guarded(self._session, lambda: self._session.dataset.restore_class(found))

    def restore_all(self) -> None:
        dataset = self._session.dataset
        curation = replace(dataset.curation, classes={})
        guarded(self._session, lambda: dataset.decide("all classes brought back", curation))

    def _on_back(self) -> None:
        changes = self.changes()
        if len(changes) == 1:
            self.restore(next(iter(changes)))
        elif changes:
            menu = self.menu()
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.popup(self.back.mapToGlobal(self.back.rect().bottomLeft()))


def _short(name: str) -> str:
    shown = menu_text(name)
    return shown if len(shown) <= LONGEST_IN_MENU else f"{shown[:LONGEST_IN_MENU]}…"
