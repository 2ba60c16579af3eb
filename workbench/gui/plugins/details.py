"""One plugin closely: what it adds, what is wrong with it, where it lies, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import printable_lines, set_tip
from workbench.gui.plugins.check_panel import CheckPanel
from workbench.gui.plugins.checker import Checked
from workbench.gui.plugins.store import Listed
from workbench.gui.plugins.words import HELP, WHERE, reload_note, restart_needed, state_chip, switch_word
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.records.plugins import KINDS, ONE
from workbench.records.text import printable

LEAST_TRACEBACK = 160  # px
MARGIN, SCROLL_BAR = 12, 14  # px
CHIP = 84  # px
CHECK = "Try all that it brings on tiny pictures, in a process of its own; takes about a minute"


class DetailsCard(Card):
    """Emits what is asked for, with the plugin's name."""

    switched = Signal(str, bool)
    folder_asked = Signal(str)
    removal_asked = Signal(str)
    view_asked = Signal(str, str)  # the plugin's name and the view's
    check_asked = Signal(str)

    def __init__(self) -> None:
        super().__init__("Plugin")
        self.listed: Listed | None = None
        self.state = Chip()
        self.add_head(self.state)
        self.summary = label("", wrap=True)
        self.error = label("", "error", wrap=True)
        self.restart = label("", wrap=True)
        self.traceback = QPlainTextEdit()
        self.traceback.setReadOnly(True)
        self.traceback.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.traceback.setAccessibleName("What Python or the crashed process said")
        self.traceback.setMinimumHeight(LEAST_TRACEBACK)
        self.traceback.setTabChangesFocus(True)
        self.copy_button = button("Copy error", self._copy, icon_name="copy")
        self._told_head = label("What it said", "strong")
        self.check = CheckPanel()
        self._things = QVBoxLayout()
        self._things.setSpacing(6)
        self._adds_head = label("Adds", "strong")
        self.origin = label("", "dim", wrap=True)
        self.place = ElidedLabel("", "dim", Qt.TextElideMode.ElideMiddle)
        self.reloading = label("", "dim", wrap=True)
        self.switch = button("", self._on_switch)
        self.folder = button("Open folder", lambda: self._emit(self.folder_asked), icon_name="folder")
        self.try_out = button("Check", lambda: self._emit(self.check_asked), tip=CHECK)
        self.remove = button("Remove…", lambda: self._emit(self.removal_asked), kind="danger")
        self._lay_out()

    def _lay_out(self) -> None:
        inside = QWidget()
        self._column = column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(8)
        column.addWidget(self.summary)
        column.addWidget(self.error)
        column.addWidget(self.restart)
        told = QHBoxLayout()
        told.addWidget(self._told_head)
        told.addStretch(1)
        told.addWidget(self.copy_button)
        column.addLayout(told)
        column.addWidget(self.traceback, 1)
        column.addWidget(self.check)
        column.addWidget(self._adds_head)
        column.addLayout(self._things)
        column.addWidget(label("Where it comes from", "strong"))
        column.addWidget(self.origin)
        column.addWidget(self.place)
        column.addWidget(self.reloading)
        column.addStretch(0)
        self._area = area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inside)
        self.body.addWidget(area, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.switch)
        row.addWidget(self.folder)
        row.addWidget(self.try_out)
        row.addStretch(1)
        row.addWidget(self.remove)
        self.body.addLayout(row)

    def wanted_height(self, width: int) -> int:
        """px that everything takes at `width` px, so that nothing has to be scrolled."""
        self._column.invalidate()
        frame = self.height_at(width) - self._area.sizeHint().height()
        return frame + self._column.totalHeightForWidth(width - 2 * MARGIN - SCROLL_BAR)

    def show_plugin(self, listed: Listed) -> None:
        self.listed = listed
        one = listed.plugin
        manifest = one.found.manifest
        self.set_title(f"{printable(one.name)} {manifest.version if manifest else ''}".strip())
        word, severity = state_chip(one)
        self.state.set(word, severity, HELP[word])
        self.summary.setText(manifest.summary if manifest else "")
        self.summary.setVisible(bool(manifest and manifest.summary))
        self.error.setText(one.error)
        self.error.setVisible(bool(one.error))
        restart = restart_needed(one)
        self.restart.setText(restart)
        self.restart.setVisible(bool(restart))
        self._show_things(listed)
        for widget in (self.traceback, self.copy_button, self._told_head):
            widget.setVisible(bool(one.traceback))
        told = printable_lines(one.traceback.strip("\n").expandtabs(4))
        if told != self.traceback.toPlainText():
            self.traceback.setPlainText(told)
            self.traceback.moveCursor(QTextCursor.MoveOperation.End)  # the last line names the error
            QTimer.singleShot(0, self.traceback.ensureCursorVisible)
        self._column.setStretch(self._column.count() - 1, 0 if one.traceback else 1)
        self.origin.setText(f"{listed.origin}.")
        self.place.setText(str(one.found.place))
        note = reload_note(one)
        self.reloading.setText(note)
        self.reloading.setVisible(bool(note))
        self.switch.setText(switch_word(one))
        self.switch.setVisible(bool(switch_word(one)))
        self.switch.setEnabled(True)

    def show_check(self, checked: Checked | None, checking: str) -> None:
        """Of the plugin that is shown; `checking` names the one whose check goes on, whichever that is."""
        self.check.show_check(checked)
        usable = self.listed is not None and self.listed.plugin.usable
        self.try_out.setEnabled(usable and not checking)
        reason = CHECK if not checking else f"The check of {printable(checking)} goes on"
        set_tip(self.try_out, reason if usable else "It can't be checked as it stands")

    def _show_things(self, listed: Listed) -> None:
        while (item := self._things.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        one = listed.plugin
        provides = one.found.manifest.provides if one.found.manifest else {}
        for kind in KINDS:
            for name, sentence in provides.get(kind, {}).items():
                made = _Thing(kind, name, sentence)
                if kind == "views":
                    made.offer(one.state == "enabled", partial(self.view_asked.emit, one.name, name))
                self._things.addWidget(made)
                made.show()  # at once, so that its height counts
        self._adds_head.setVisible(self._things.count() > 0)

    def _on_switch(self) -> None:
        if self.listed is not None:
            self.switch.setEnabled(False)
            self.switched.emit(self.listed.plugin.name, self.switch.text() != "Switch off")

    def _emit(self, signal: object) -> None:
        if self.listed is not None:
            signal.emit(self.listed.plugin.name)  # type: ignore[attr-defined]

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.error.text()}\n\n{self.traceback.toPlainText()}")


class _Thing(QWidget):
    """One thing that a plugin adds: what it is, its name, and the sentence about it below."""

    def __init__(self, kind: str, name: str, sentence: str) -> None:
        super().__init__()
        self._name = name
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(12)
        chip = Chip(ONE[kind], "outline", f"Found in {WHERE[kind]}.")
        chip.setAlignment(Qt.AlignmentFlag.AlignCenter)
        chip.setFixedWidth(CHIP)
        self._row.addWidget(chip, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(ElidedLabel(name, "strong", Qt.TextElideMode.ElideMiddle))
        if sentence:
            column.addWidget(label(sentence, "dim", wrap=True))
        self._row.addLayout(column, 1)

    def offer(self, enabled: bool, run: Callable[[], object]) -> None:
        """A view can be opened."""
        made = button("Open", run, kind="link", tip=f"Show {self._name} in this window")
        made.setAccessibleName(f"Open the view {self._name}")
        made.setEnabled(enabled)
        self._row.addWidget(made, 0, Qt.AlignmentFlag.AlignTop)
