"""The fields that say where labels and groups come from."""

from __future__ import annotations

import regex
from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QStackedWidget,
    QWidget,
)

from workbench.gui.data.pattern_starters import StarterMenu
from workbench.gui.glossary import tip
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS, restyle
from workbench.gui.widgets.buttons import menu_button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import ElidedLabel, label

DEEPEST = 20  # folders
LONGEST_RULE = 200  # characters
LABELS = (
    ("The first folder names the class", "folder"),
    ("Another folder names the class", "deeper"),
    ("The folder that holds the file names the class", "folder:last"),
    ("A table tells the class", "table"),
    ("Nothing is labelled", "none"),
)
GROUPS = (
    ("Every image stands by itself", ""),
    ("A folder names the group", "folder"),
    ("A part of the file name names the group", "name"),
    ("The table names the group", "table"),
)


class LabelFields(Card):
    """Where labels come from."""

    changed = Signal()

    def __init__(self, rule: str) -> None:
        """`rule` as `Layout.labels` has it."""
        super().__init__("Labels")
        self.title.set_tip(tip("label"))
        self.source = _box(LABELS, "Where labels come from")
        self.level = _level("Which folder names the class, counted from the top")
        kind, _, number = rule.partition(":")
        if kind == "folder" and number.isdecimal():
            self.level.setValue(int(number))
            rule = "deeper" if int(number) > 1 else "folder"
        self.choose(rule)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.source, 1)
        row.addWidget(self.level)
        self.body.addLayout(row)
        self.body.addStretch(1)
        self.source.currentIndexChanged.connect(self._on_change)
        self.level.valueChanged.connect(self.changed)
        self._fit()

    def choose(self, source: str) -> None:
        """One of the second members of `LABELS`."""
        self.source.setCurrentIndex(max(self.source.findData(source), 0))

    def rule(self) -> str:
        """As `Layout.labels` has it."""
        source = str(self.source.currentData())
        if source != "deeper":
            return source
        return f"folder:{self.level.value()}" if self.level.value() > 1 else "folder"

    def _on_change(self) -> None:
        self._fit()
        self.changed.emit()

    def _fit(self) -> None:
        self.level.setVisible(self.source.currentData() == "deeper")


class GroupFields(Card):
    """What belongs together."""

    changed = Signal()

    def __init__(self, rule: str, example: str, guessed: str = "") -> None:
        """`rule` as `Layout.group_by` has it; `example`: the name of one of the user's files; `guessed`: a rule."""
        super().__init__("Groups")
        self.title.set_tip(tip("group"))
        self.source = _box(GROUPS, "What belongs together")
        set_tip(self.source, tip("group"))
        self.level = _level("Which folder names the group, counted from the top")
        kind, _, told = rule.partition(":")
        if kind == "folder":
            self.level.setValue(int(told))
        self.pattern = QLineEdit(told if kind == "name" else guessed)
        self.pattern.setMaxLength(LONGEST_RULE)
        self.pattern.setPlaceholderText("A pattern such as (lot[0-9]+)")
        self.pattern.setAccessibleName("Pattern whose bracket is the group")
        set_tip(
            self.pattern,
            "A regular expression; what its first bracket captures in the file's name is the group: (lot[0-9]+)",
        )
        self.starters = menu_button(
            "Begin with", StarterMenu(example, self.pattern.setText, self), tip="Patterns that often fit"
        )
        named = QWidget()
        line = QHBoxLayout(named)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.pattern, 1)
        line.addWidget(self.starters)
        self._detail = QStackedWidget()
        self._detail.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._pages: dict[str, QWidget] = {}
        self._pages[""] = ElidedLabel("Pictures of one thing may then lie in train and in test.", "dim")
        self._pages["folder"] = _beside(self.level, "counted from the top")
        self._pages["name"] = named
        self._pages["table"] = self._column = ElidedLabel("", "dim")
        for page in self._pages.values():
            self._detail.addWidget(page)
        self.source.setCurrentIndex(max(self.source.findData(kind), 0))
        self.body.addWidget(self.source)
        self.body.addWidget(self._detail)
        self.source.currentIndexChanged.connect(self._on_change)
        self.level.valueChanged.connect(self.changed)
        self.pattern.textChanged.connect(self.changed)
        self.show_column("")
        self._fit()

    def choose(self, source: str) -> None:
        """One of the second members of `GROUPS`."""
        self.source.setCurrentIndex(max(self.source.findData(source), 0))

    def rule(self) -> str:
        """As `Layout.group_by` has it. A pattern may be none yet."""
        source = str(self.source.currentData())
        if source == "folder":
            return f"folder:{self.level.value()}"
        return f"name:{self.pattern.text()}" if source == "name" else source

    def check(self) -> None:
        """Raises ValueError, in the words of somebody who is writing it, for a pattern that is none yet."""
        if self.source.currentData() != "name":
            return
        if not self.pattern.text():
            raise ValueError("Write a pattern whose bracket captures the group, or begin with a ready one.")
        try:
            compiled = regex.compile(self.pattern.text())
        except regex.error as error:
            raise ValueError(f"This is no pattern yet: {error}.") from None
        if not compiled.groups:
            raise ValueError("Put the part that names the group in brackets, such as (lot[0-9]+).")

    def show_column(self, name: str) -> None:
        """Which column of the table tells groups; "" while there is none."""
        self._column.setText(
            f"Its column “{name}”." if name else "A column called group, patient, lot or the like."
        )

    def mark(self, *, invalid: bool) -> None:
        restyle(self.pattern, invalid=invalid)

    def _on_change(self) -> None:
        self._fit()
        if self.source.currentData() == "name":
            self.pattern.setFocus()
        self.changed.emit()

    def _fit(self) -> None:
        self._detail.setCurrentWidget(self._pages[str(self.source.currentData())])


def _box(entries: tuple[tuple[str, str], ...], name: str) -> QComboBox:
    box = QComboBox()
    for words, key in entries:
        box.addItem(words, key)
    box.setAccessibleName(name)
    return box


def _level(name: str) -> QSpinBox:
    level = QSpinBox()
    level.setRange(1, DEEPEST)
    level.setPrefix("folder ")
    level.setValue(2)
    level.setAccessibleName(name)
    level.lineEdit().setTextMargins(*FIELD_MARGINS)
    return level


def _beside(field: QWidget, words: str) -> QWidget:
    both = QWidget()
    row = QHBoxLayout(both)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(field)
    row.addWidget(label(words, "dim"), 1)
    return both
