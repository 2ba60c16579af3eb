"""One plugin closely: what it adds, what is wrong with it, where it lies, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFontDatabase, QGuiApplication, QTextCursor
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPlainTextEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.plain_text import printable_lines, set_tip
from workbench.gui.plugins.store import Listed
from workbench.gui.plugins.words import HELP, WHERE, reload_note, restart_needed, state_chip, switch_word
from workbench.gui.widgets.buttons import button
from workbench.gui.widgets.cards import Card
from workbench.gui.widgets.labels import Chip, ElidedLabel, label
from workbench.plugins import Plugin
from workbench.records.plugins import KINDS, ONE
from workbench.records.text import printable

LEAST_TRACEBACK = 160  # px
MARGIN, SCROLL_BAR = 12, 14  # px


class DetailsCard(Card):
    """Emits what is asked for, with the plugin's name."""

    switched = Signal(str, bool)
    folder_asked = Signal(str)
    removal_asked = Signal(str)
    view_asked = Signal(str, str)  # the plugin's name and the view's

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
        self._things = QGridLayout()
        self._things.setHorizontalSpacing(12)
        self._things.setVerticalSpacing(6)
        self._things.setColumnStretch(2, 1)
        self._adds_head = label("Adds", "strong")
        self.origin = label("", "dim", wrap=True)
        self.place = ElidedLabel("", "dim", Qt.TextElideMode.ElideMiddle)
        self.reloading = label("", "dim", wrap=True)
        self.switch = button("", self._on_switch)
        self.folder = button("Open folder", lambda: self._emit(self.folder_asked), icon_name="folder")
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

    def _show_things(self, listed: Listed) -> None:
        while (item := self._things.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        manifest = listed.plugin.found.manifest
        row = 0
        for kind in KINDS:
            for name, sentence in (manifest.provides.get(kind, {}) if manifest else {}).items():
                chip = Chip(ONE[kind], "outline", f"Found in {WHERE[kind]}.")
                for column, shown in enumerate((chip, label(name), label(sentence, "dim", wrap=True))):
                    self._things.addWidget(shown, row, column, Qt.AlignmentFlag.AlignTop)
                    shown.show()  # at once, so that its height counts
                if kind == "views":
                    self._offer_view(listed.plugin, name, row)
                row += 1
        self._adds_head.setVisible(bool(row))

    def _offer_view(self, one: Plugin, name: str, row: int) -> None:
        made = button("Open", lambda: self.view_asked.emit(one.name, name), kind="link")
        made.setAccessibleName(f"Open the view {name}")
        set_tip(made, f"Show {name} in a window of its own")
        made.setEnabled(one.state == "enabled")
        self._things.addWidget(made, row, 3, Qt.AlignmentFlag.AlignTop)
        made.show()

    def _on_switch(self) -> None:
        if self.listed is not None:
            self.switch.setEnabled(False)
            self.switched.emit(self.listed.plugin.name, self.switch.text() != "Switch off")

    def _emit(self, signal: object) -> None:
        if self.listed is not None:
            signal.emit(self.listed.plugin.name)  # type: ignore[attr-defined]

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self.error.text()}\n\n{self.traceback.toPlainText()}")
