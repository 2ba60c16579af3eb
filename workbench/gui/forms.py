"""A form made from a configuration's own description: what a field means, its unit, its range, its choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import set_tip
from workbench.gui.theme import FIELD_MARGINS, restyle
from workbench.gui.widgets.buttons import button, icon_button, set_icon
from workbench.gui.widgets.labels import label
from workbench.gui.widgets.number_field import NumberField
from workbench.records.params import Param, build, describe

Config = TypeVar("Config")
LARGEST_INT = 2**31 - 1
NARROWEST = 96  # px of a field, where Qt would make room for ten digits
NOTHING = "(default)"  # how an empty choice reads


class Form(QWidget, Generic[Config]):
    """Fields for the parameters of `config`, advanced ones folded away.

    `changed` comes after every edit. `value` is the configuration, checked; what is wrong is written
    under the field that it is about.
    """

    changed = Signal()

    def __init__(
        self,
        config: type[Config],
        values: Mapping[str, Any] | None = None,
        *,
        hidden: tuple[str, ...] = (),
        narrow: bool = False,
    ) -> None:
        """`values` fill the form; `hidden` parameters keep their value and get no field. A `narrow` form leaves what
        a parameter means to its tooltip."""
        super().__init__()
        self._narrow = narrow
        self._config = config
        self._kept = dict(values or {})
        self._params = {item.name: item for item in describe(config)}
        self.fields: dict[str, QWidget] = {}
        self._errors: dict[str, Any] = {}
        self.error = label("", "error", wrap=True)
        self.error.hide()
        shown = [item for item in self._params.values() if item.name not in hidden]
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(8)
        outer.addLayout(self._grid([item for item in shown if not item.advanced]))
        self.advanced = QWidget()
        advanced = [item for item in shown if item.advanced]
        self.fold = button("Advanced", self._toggle, kind="quiet", icon_name="chevron-right")
        self.fold.setCheckable(True)
        self.fold.setVisible(bool(advanced))
        if advanced:
            self.advanced.setLayout(self._grid(advanced))
        self.advanced.hide()
        row = QHBoxLayout()
        row.addWidget(self.fold)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addWidget(self.advanced)
        outer.addWidget(self.error)
        outer.addStretch(1)

    def values(self) -> dict[str, Any]:
        """What the fields say now, unchecked; the values of hidden parameters as they were given."""
        return {**self._kept, **{name: self._read(name) for name in self.fields}}

    def value(self) -> Config | None:
        """The checked configuration, or None with the error shown."""
        self._clear()
        try:
            return build(self._config, self.values())
        except ValueError as error:
            self._complain(str(error))
            return None

    def _grid(self, items: list[Param]) -> QGridLayout:
        grid = QGridLayout()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for number, item in enumerate(items):
            name = label(item.label + ("" if not item.required else " *"), tip=item.help)
            field = self._field(item)
            set_tip(field, item.help)
            field.setAccessibleName(item.label)
            field.setAccessibleDescription(item.help)
            name.setBuddy(field)
            self.fields[item.name] = field
            grid.addWidget(name, 3 * number, 0)
            grid.addWidget(self._with_picker(item, field), 3 * number, 1)
            error = label("", "error", wrap=True)
            error.hide()
            self._errors[item.name] = error
            if self._narrow:
                field.setMinimumWidth(NARROWEST)
                grid.addWidget(error, 3 * number + 1, 0, 1, 2)
                continue
            grid.addWidget(label(item.help, "caption", wrap=True), 3 * number + 1, 1)
            grid.addWidget(error, 3 * number + 2, 1)
        return grid

    def _field(self, item: Param) -> QWidget:
        value = self._kept.get(item.name, item.default)
        if item.choices:
            box = QComboBox()
            for choice in item.choices:
                box.addItem(choice or NOTHING, choice)
            box.setCurrentIndex(max(box.findData(value), 0))
            box.currentIndexChanged.connect(self._edited)
            return box
        if item.type == "bool":
            check = QCheckBox()
            check.setChecked(bool(value))
            check.toggled.connect(self._edited)
            return check
        if item.type in ("int", "float"):
            return self._number(item, value)
        line = QLineEdit(", ".join(value) if isinstance(value, list | tuple) else str(value or ""))
        line.textEdited.connect(self._edited)
        return line

    def _number(self, item: Param, value: Any) -> QWidget:
        """The range is checked, not enforced while typing: a field that corrects itself hides the mistake. But one
        whose smallest value reads as a word goes no lower, for Qt shows a word only there."""
        spin: QSpinBox | QDoubleSpinBox
        if item.type == "int":
            spin = QSpinBox()
            spin.setRange(int(item.minimum or 0) if item.at_minimum else -LARGEST_INT, LARGEST_INT)
            spin.setValue(int(value or 0))
        else:
            spin = NumberField()
            spin.setDecimals(_decimals(item, value))
            spin.setRange(item.minimum or 0.0 if item.at_minimum else -1e12, 1e12)
            spin.setValue(float(value or 0))
        spin.lineEdit().setTextMargins(*FIELD_MARGINS)
        spin.setGroupSeparatorShown(item.type == "int")
        spin.setSuffix(f" {item.unit}" if item.unit else "")
        if item.at_minimum:
            _read_as_word(spin, item.at_minimum)
        spin.valueChanged.connect(self._edited)
        spin.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel scrolls the page, not the value
        return spin

    def _with_picker(self, item: Param, field: QWidget) -> QWidget:
        if item.type != "path" or not isinstance(field, QLineEdit):
            return field
        both = QWidget()
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(field, 1)

        def pick() -> None:
            folder = QFileDialog.getExistingDirectory(self, item.label, field.text())
            if folder:
                field.setText(folder)
                self._edited()

        row.addWidget(icon_button("folder", f"Choose: {item.label}", pick))
        return both

    def _read(self, name: str) -> Any:
        field = self.fields[name]
        if isinstance(field, QComboBox):
            return field.currentData()
        if isinstance(field, QCheckBox):
            return field.isChecked()
        if isinstance(field, QSpinBox | QDoubleSpinBox):
            return field.value()
        assert isinstance(field, QLineEdit)
        text = field.text().strip()
        if self._params[name].type == "list":
            return tuple(part.strip() for part in text.split(",") if part.strip())
        return text

    def _edited(self, *_: object) -> None:
        self._clear()
        self.changed.emit()

    def _complain(self, sentence: str) -> None:
        """Under the field that the sentence begins with; under the form where it names none."""
        for name, field in self.fields.items():
            if sentence.startswith((name.replace("_", "-") + " ", name + " ")):
                self._errors[name].setText(sentence)
                self._errors[name].show()
                restyle(field, invalid=True)
                if self._params[name].advanced and not self.fold.isChecked():
                    self.fold.click()
                field.setFocus()
                return
        self.error.setText(sentence)
        self.error.show()

    def _clear(self) -> None:
        self.error.hide()
        for name, shown in self._errors.items():
            if not shown.isHidden():
                shown.hide()
                restyle(self.fields[name], invalid=False)

    def _toggle(self) -> None:
        self.advanced.setVisible(self.fold.isChecked())
        set_icon(self.fold, "chevron-down" if self.fold.isChecked() else "chevron-right")


def _read_as_word(spin: QSpinBox | QDoubleSpinBox, word: str) -> None:
    """Show the smallest value as `word`. Wherever the cursor is put in it, all of it is chosen: a number typed into
    the middle of a word would be none, and Qt would take no key."""
    spin.setSpecialValueText(f"{word[:1].upper()}{word[1:]}")
    line = spin.lineEdit()

    def choose_all(*_: object) -> None:
        text = line.text()
        if line.hasFocus() and text == spin.specialValueText() and line.selectedText() != text:
            line.selectAll()

    line.cursorPositionChanged.connect(choose_all)
    line.selectionChanged.connect(choose_all)


def _decimals(item: Param, value: Any) -> int:
    """As many as the numbers that are known of it need: a field that rounds its own default would change it."""
    known = [float(number) for number in (item.default, item.minimum, value) if number]
    needed = [len(f"{number:.8f}".rstrip("0").partition(".")[2]) for number in known]
    return max(3, *needed, 0)
