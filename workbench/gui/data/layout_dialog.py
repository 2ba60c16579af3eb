"""How a folder tells labels and groups, with what the rule makes of the user's own file names at once."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.data.rule_trial import RuleTrial
from workbench.gui.glossary import tip
from workbench.gui.plain_text import plain, set_tip
from workbench.gui.theme import current_theme, restyle
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.labels import label
from workbench.records.index import ImageIndex
from workbench.records.layout import Layout
from workbench.records.text import count, printable

EXAMPLES = 12  # files in the preview, spread over the folder
SAMPLE = 2000  # files that the summary counts, spread over the folder
LONGEST_RULE = 200  # characters


class LayoutDialog(QDialog):
    """Accepted with a rule that makes sense; `labels()` and `group_by()` then say which."""

    def __init__(self, index: ImageIndex, labels: str, group_by: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Labels and groups")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(720, 560)
        self._num_images = len(index)
        step = max(len(index) // SAMPLE, 1)
        self._paths = [str(index.paths[i]) for i in range(0, len(index), step)][:SAMPLE]
        self._make_fields(labels, group_by)
        self.error = label("", "error", wrap=True)
        self.summary = label("", "dim", wrap=True)
        self.preview = QTableWidget(0, 3)
        self.preview.setHorizontalHeaderLabels(["File", "Label", "Group"])
        self.preview.setAccessibleName("What the rules make of your files")
        self.preview.verticalHeader().hide()
        self.preview.setShowGrid(False)
        self.preview.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.preview.setSelectionMode(QTableWidget.SelectionMode.NoSelection)
        self.preview.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.preview.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.preview.horizontalHeader().setDefaultAlignment(
            Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        )
        self.preview.setColumnWidth(1, 150)
        self.preview.setColumnWidth(2, 150)
        self.apply = button("Index again", self.accept, kind="primary")
        self.apply.setDefault(True)
        self._trial = RuleTrial(self)
        self._trial.answered.connect(self._show)
        self._trial.refused.connect(self._refuse)
        self._lay_out()
        for signal in (
            self.label_box.currentIndexChanged,
            self.kind.currentIndexChanged,
            self.level.valueChanged,
            self.pattern.textChanged,
        ):
            signal.connect(self.refresh)
        self.refresh()

    def _make_fields(self, labels: str, group_by: str) -> None:
        self.label_box = QComboBox()
        self.label_box.addItem("The first folder names the class", "folder")
        self.label_box.addItem("Nothing is labelled", "none")
        self.label_box.setCurrentIndex(max(self.label_box.findData(labels), 0))
        self.label_box.setAccessibleName("Where labels come from")
        self.kind = QComboBox()
        self.kind.addItem("Every image stands by itself", "")
        self.kind.addItem("A folder names the group", "folder")
        self.kind.addItem("A part of the file name names the group", "name")
        self.kind.setAccessibleName("What belongs together")
        set_tip(self.kind, tip("group"))
        kind, _, rule = group_by.partition(":")
        self.kind.setCurrentIndex(max(self.kind.findData(kind), 0))
        self.level = QSpinBox()
        self.level.setRange(1, 20)
        self.level.setPrefix("folder ")
        self.level.setValue(int(rule) if kind == "folder" and rule.isdecimal() else 2)
        self.level.setAccessibleName("Which folder, counted from the root")
        self.pattern = QLineEdit(rule if kind == "name" else "(lot[0-9]+)")
        self.pattern.setMaxLength(LONGEST_RULE)
        self.pattern.setAccessibleName("Pattern whose bracket is the group")
        set_tip(
            self.pattern, 'A regular expression; what its first bracket captures is the group: "(lot[0-9]+)"'
        )
        self.rule = QStackedWidget()
        for field in (QWidget(), self.level, self.pattern):
            self.rule.addWidget(field)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(16)
        form.setVerticalSpacing(8)
        form.addRow(label("Labels", tip=tip("label")), self.label_box)
        both = QHBoxLayout()
        both.setSpacing(8)
        both.addWidget(self.kind, 3)
        both.addWidget(self.rule, 2)
        form.addRow(label("Groups", tip=tip("group")), both)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.summary, 1)
        row.addWidget(button("Cancel", self.reject))
        row.addWidget(self.apply)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        outer.addWidget(label("How the folder tells labels and groups", "title"))
        outer.addLayout(form)
        outer.addWidget(self.error)
        outer.addWidget(self.preview, 1)
        outer.addLayout(row)

    def labels(self) -> str:
        return str(self.label_box.currentData())

    def group_by(self) -> str:
        kind = str(self.kind.currentData())
        if kind == "folder":
            return f"folder:{self.level.value()}"
        return f"name:{self.pattern.text()}" if kind == "name" else ""

    def refresh(self, *_: object) -> None:
        """Try the rules on the sample of paths; a pattern's answer comes a moment later."""
        self.rule.setCurrentIndex(self.kind.currentIndex())
        self.apply.setEnabled(False)
        try:
            layout = Layout(labels=self.labels(), group_by=self.group_by())
        except ValueError as error:
            self._trial.close()
            self._refuse(str(error))
            return
        self.error.hide()
        restyle(self.pattern, invalid=False)
        self._trial.ask(layout.group_by, self._paths)

    def done(self, result: int) -> None:
        self._trial.close()
        super().done(result)

    def _show(self, groups: list[str]) -> None:
        """What the rules make of the sample: `groups[i]` belongs to path i."""
        self.apply.setEnabled(True)
        layout = Layout(labels=self.labels())
        labels = {layout.label(path) for path in self._paths} - {""}
        self.summary.setText(_summary(len(labels), groups, len(self._paths), self._num_images))
        step = max(len(self._paths) // EXAMPLES, 1)
        shown = list(zip(self._paths, groups, strict=True))[::step][:EXAMPLES]
        self.preview.setRowCount(len(shown))
        for row, (path, group) in enumerate(shown):
            for column, text in enumerate((path, layout.label(path), group)):
                item = QTableWidgetItem(printable(text) or "none")
                item.setToolTip(plain(text))
                if not text:
                    item.setForeground(QColor(current_theme().dim))
                self.preview.setItem(row, column, item)

    def _refuse(self, sentence: str) -> None:
        self.error.setText(sentence)
        self.error.show()
        self.summary.setText("")
        restyle(self.pattern, invalid=True)
        self.apply.setEnabled(False)


def _summary(num_labels: int, groups: list[str], seen: int, num_images: int) -> str:
    named = [group for group in groups if group]
    of = f"{count(num_images, 'image')}" if seen == num_images else f"a sample of {count(seen, 'image')}"
    parts = [count(num_labels, "class", "classes") if num_labels else "no labels"]
    if named:
        parts.append(count(len(set(named)), "group"))
        if len(named) < seen:
            parts.append(f"{count(seen - len(named), 'image')} in none")
    else:
        parts.append("no groups")
    return f"In {of}: {', '.join(parts)}."
