"""The line above the images: what to show, what to find, how to sort; below it what is in force, chip by chip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from PySide6.QtCore import QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLayout,
    QLayoutItem,
    QLineEdit,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.data.image_filter import SORTS, Filter, ImageFacts
from workbench.gui.plain_text import menu_text, set_tip
from workbench.gui.widgets.buttons import button, menu_button
from workbench.records.index import NO_CODE, ImageIndex
from workbench.records.text import printable

PARTS = ((0, "Training"), (1, "Validation"), (2, "Test"), (-1, "In no part"))
ONLY = {
    "copies": "Copies",
    "leaks": "Leaks",
    "saturated": "Saturated",
    "wrong": "Misclassified",
}
TIPS = {
    "copies": "Images that are there more than once, exactly or nearly.",
    "leaks": "Copies that a split can tear apart.",
    "saturated": "More than 1 % of the pixels lie at the end of the range.",
    "wrong": "Images of a test part that the model gave another class.",
}
IN_MENU = 40  # names that a menu lists; the others are found by typing
IN_CHIP = 3  # names that a chip tells
PAUSE_MS = 200  # after the last letter, before the search begins


class FilterBar(QWidget):
    """Holds the filter that is in force; `changed` tells of a new one."""

    changed = Signal(object)  # Filter
    base_dropped = Signal()  # the chip of images that were chosen elsewhere was removed

    def __init__(self) -> None:
        super().__init__()
        self.filter = Filter()
        self._index: ImageIndex | None = None
        self._facts = ImageFacts()
        self._base = ""
        self.menu = QMenu(self)
        self.menu.setToolTipsVisible(True)
        self.menu.aboutToShow.connect(self._fill)
        self.choose = menu_button("Filter", self.menu, tip="Show only some of the images; filters combine")
        self.search = QLineEdit()
        self.search.setPlaceholderText("Find in the path")
        self.search.setAccessibleName("Find in the path")
        self.search.setClearButtonEnabled(True)
        set_tip(self.search, "Every word must be in the path; upper and lower case are the same")
        self._typed = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._typed.timeout.connect(self._find)
        self.search.textChanged.connect(lambda _: self._typed.start())
        self.search.returnPressed.connect(self._find)
        self._sorts = QMenu(self)
        self.sort = menu_button("Sort: Path", self._sorts, tip="In which order the images are shown")
        self._fill_sorts()
        self.links = QHBoxLayout()
        self.links.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.choose)
        row.addWidget(self.search, 1)
        row.addLayout(self.links)
        row.addWidget(self.sort)
        self._chips = QWidget()
        self._flow = Flow(self._chips)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._chips)
        self._show_chips()

    # What can be chosen

    def set_index(self, index: ImageIndex | None, chosen: Filter) -> None:
        """Another index, and the filter that goes with it; nothing is told."""
        self._index, self.filter = index, chosen
        self.search.setText(chosen.text)  # its signals must go out: the cross inside follows them
        self._typed.stop()
        self._show_sort()
        self._show_chips()

    def set_facts(self, facts: ImageFacts) -> None:
        self._facts = facts

    def set_base(self, title: str) -> None:
        """A chip for images that were chosen elsewhere, such as "Misclassified"; "" for none."""
        self._base = title
        self._show_chips()

    def set_links(self, links: Iterable[tuple[str, str, Callable[[], object]]]) -> None:
        """Ways to what no filter can show: (text, tip, run) each."""
        while (item := self.links.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for text, told, run in links:
            self.links.addWidget(button(text, run, kind="link", tip=told))

    def put(self, **parts: object) -> None:
        """Change some parts of the filter."""
        chosen = replace(self.filter, **parts)  # type: ignore[arg-type]
        if chosen != self.filter:
            self.filter = chosen
            self._show_sort()
            self._show_chips()
            self.changed.emit(chosen)

    def clear(self) -> None:
        """Everything is shown again; the order stays, but for the one that set copies side by side."""
        by_copies = self.filter.sort == "copies" and {"copies", "leaks"} & set(self.filter.only)
        sort = "path" if by_copies else self.filter.sort
        self.set_index(self._index, Filter(sort=sort, descending=self.filter.descending))
        had_base, self._base = bool(self._base), ""
        self._show_chips()
        if had_base:
            self.base_dropped.emit()
        self.changed.emit(self.filter)

    def _find(self) -> None:
        self._typed.stop()
        self.put(text=self.search.text())

    # The menus

    def _fill(self) -> None:
        """Made when it is opened: a data set may have thousands of groups."""
        self.menu.clear()
        index, facts = self._index, self._facts
        if index is None:
            return
        self._add_codes("Class", "label", index.classes, bool((index.label == NO_CODE).any()))
        part = self.menu.addMenu("Part")
        part.setEnabled(facts.part is not None)
        for code, word in PARTS:
            self._add_code(part, "part", code, word)
        if index.groups:
            self._add_codes("Group", "group", index.groups, bool((index.group == NO_CODE).any()))
        self.menu.addSeparator()
        there = {
            "copies": bool((index.copies >= 0).any()),
            "leaks": facts.leaks is not None and bool(facts.leaks.any()),
            "saturated": facts.saturated is not None and bool(facts.saturated.any()),
            "wrong": facts.said is not None,
        }
        for key, word in ONLY.items():
            action = self._check(self.menu, word, key in self.filter.only, lambda key=key: self._toggle(key))
            action.setEnabled(there[key] or key in self.filter.only)
            action.setToolTip(TIPS[key])
            if key == "wrong" and facts.model:
                action.setText(menu_text(f"{word} by {facts.model}"))
        if facts.said is not None:
            self._add_codes("Predicted as", "predicted", index.classes, False)
        self.menu.addSeparator()
        clear = self.menu.addAction("Clear filters", self.clear)
        clear.setEnabled(self.filter.narrows or bool(self._base))

    def _add_codes(self, title: str, name: str, names: Sequence[str], without: bool) -> None:
        menu = self.menu.addMenu(title)
        menu.setEnabled(bool(names))
        chosen = getattr(self.filter, name)
        for code in range(min(len(names), IN_MENU)):
            self._add_code(menu, name, code, names[code])
        for code in chosen:
            if code >= IN_MENU:
                self._add_code(menu, name, code, names[code])
        if len(names) > IN_MENU:
            menu.addAction(
                f"All {len(names):,}…", lambda: self._ask(title, name, [printable(text) for text in names])
            )
        if without:
            menu.addSeparator()
            self._add_code(menu, name, NO_CODE, f"Without a {title.lower()}")

    def _add_code(self, menu: QMenu, name: str, code: int, text: str) -> None:
        codes = getattr(self.filter, name)

        def toggle() -> None:
            now = getattr(self.filter, name)
            self.put(**{name: tuple(sorted(set(now) ^ {code}))})

        self._check(menu, text, code in codes, toggle)

    def _check(self, menu: QMenu, text: str, checked: bool, run: Callable[[], object]) -> QAction:
        action = menu.addAction(menu_text(text))
        action.setCheckable(True)
        action.setChecked(checked)
        action.triggered.connect(lambda _: run())
        return action

    def _ask(self, title: str, name: str, names: list[str]) -> None:
        """Choose one of many by typing."""
        dialog = QInputDialog(self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(f"Filter by {title.lower()}")
        dialog.setLabelText(f"{title}:")
        dialog.setComboBoxItems(names)
        dialog.setComboBoxEditable(True)

        def take(text: str) -> None:
            if text in names:
                codes = {*getattr(self.filter, name), names.index(text)}
                self.put(**{name: tuple(sorted(codes))})

        dialog.textValueSelected.connect(take)
        dialog.open()

    def _toggle(self, key: str) -> None:
        only = set(self.filter.only) ^ {key}
        self.put(only=tuple(sorted(only)))

    def _fill_sorts(self) -> None:
        group = QActionGroup(self)
        self._sort_actions: dict[str, QAction] = {}
        for key, word in SORTS.items():
            action = self._check(self._sorts, word, key == "path", lambda key=key: self.put(sort=key))
            group.addAction(action)
            self._sort_actions[key] = action
        self._sorts.addSeparator()
        self._down = self._check(
            self._sorts, "Largest or last first", False, lambda: self.put(descending=self._down.isChecked())
        )

    def _show_sort(self) -> None:
        self._sort_actions[self.filter.sort].setChecked(True)
        self._down.setChecked(self.filter.descending)
        word = f"Sort: {SORTS[self.filter.sort]}"
        self.sort.setText(f"{word} {'↓' if self.filter.descending else '▾'}")
        self.sort.setAccessibleName(word)

    # The chips

    def chips(self) -> list[tuple[str, Callable[[], object]]]:
        """What is in force, in words, each with the way to remove it."""
        index, chosen = self._index, self.filter
        if index is None:
            return []
        found: list[tuple[str, Callable[[], object]]] = []
        if self._base:
            found.append((printable(self._base), self._drop_base))
        for title, name, names in (
            ("Class", "label", index.classes),
            ("Part", "part", {code: word.lower() for code, word in PARTS}),
            ("Group", "group", index.groups),
            ("Predicted", "predicted", index.classes),
        ):
            codes = getattr(chosen, name)
            if codes:
                words = [
                    printable(names[code]) if code >= 0 or name == "part" else "none"
                    for code in codes[:IN_CHIP]
                ]
                more = f" and {len(codes) - IN_CHIP:,} more" if len(codes) > IN_CHIP else ""
                found.append((f"{title}: {', '.join(words)}{more}", lambda name=name: self.put(**{name: ()})))
        found += [(ONLY[key], lambda key=key: self._toggle(key)) for key in chosen.only]
        if chosen.text.strip():
            found.append((f"Path: {printable(chosen.text.strip())}", self._drop_text))
        return found

    def _drop_base(self) -> None:
        self._base = ""
        self._show_chips()
        self.base_dropped.emit()

    def _drop_text(self) -> None:
        self.search.clear()
        self._find()

    def _show_chips(self) -> None:
        self._flow.clear()
        found = self.chips()
        shown: list[QPushButton] = [_Chip(text, remove) for text, remove in found]
        if found:
            shown.append(button("Clear filters", self.clear, kind="link"))
        for widget in shown:
            self._flow.addWidget(widget)
            widget.show()
        self._chips.setVisible(bool(found))
        self._chips.updateGeometry()


class _Chip(QPushButton):
    """One part of the filter; pressing it takes that part away."""

    LONGEST = 320  # px

    def __init__(self, text: str, remove: Callable[[], object]) -> None:
        super().__init__()
        room = self.LONGEST - 40
        shown = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, room)
        self.setText(f"{shown.replace('&', '&&')}  ×")
        self.setAutoDefault(False)
        self.setCheckable(True)
        self.setChecked(True)  # wears the accent
        self.setAccessibleName(f"Remove the filter {text}")
        set_tip(self, f"{text}\nPress to remove" if shown != text else "Press to remove")
        self.setStyleSheet(
            "QPushButton { padding: 1px 9px; min-height: 18px; border-radius: 10px; }"
            "QPushButton:focus { padding: 0 8px; }"
        )
        self.clicked.connect(lambda: remove())


class Flow(QLayout):
    """Widgets side by side, on as many lines as they need."""

    SPACING = 6  # px

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self._items: list[QLayoutItem] = []

    def clear(self) -> None:
        for item in self._items:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._items = []
        self.invalidate()

    def addItem(self, item: QLayoutItem) -> None:
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        return self._place(QRect(0, 0, width, 0), move=False)

    def setGeometry(self, rect: QRect) -> None:
        super().setGeometry(rect)
        self._place(rect, move=True)

    def sizeHint(self) -> QSize:
        return self.minimumSize()

    def minimumSize(self) -> QSize:
        sizes = [item.sizeHint() for item in self._items]
        return QSize(
            max((size.width() for size in sizes), default=0),
            max((size.height() for size in sizes), default=0),
        )

    def _place(self, rect: QRect, *, move: bool) -> int:
        """Lay the widgets out; the height that they take, px."""
        x, y, line = rect.x(), rect.y(), 0
        for item in self._items:
            size = item.sizeHint()
            if x > rect.x() and x + size.width() > rect.right() + 1:
                x, y, line = rect.x(), y + line + self.SPACING, 0
            if move:
                item.setGeometry(QRect(x, y, size.width(), size.height()))
            x += size.width() + self.SPACING
            line = max(line, size.height())
        return y + line - rect.y()
