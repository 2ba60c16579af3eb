"""Ctrl+K: every command under one field, with its keys, and why it can't be run where it can't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from workbench.gui.commands import Command, Commands
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of

WIDTH, ROW, ROWS = 560, 44, 9  # px, px, rows

AnyIndex = QModelIndex | QPersistentModelIndex


def rank(command: Command, words: list[str]) -> tuple[int, str] | None:
    """A sort key for a command that has every word in its title or help; None for one that hasn't."""
    title, text = command.title.casefold(), f"{command.title} {command.help} {command.id}".casefold()
    if not all(word in text for word in words):
        return None
    if words and title.startswith(words[0]):
        return 0, title
    return (1 if all(word in title for word in words) else 2), title


class CommandModel(QAbstractListModel):
    """The commands that match what was typed, those that can be run now first."""

    def __init__(self, commands: Commands, place: Callable[[], str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands, self._place = commands, place
        self.found: list[tuple[Command, str]] = []

    def filter(self, text: str) -> None:
        words = text.casefold().split()
        ranked = []
        for command in self._commands.all():
            key = rank(command, words)
            if key is None or (command.place and command.place != self._place()):
                continue
            reason = command.why_not()
            ranked.append(((bool(reason), *key), command, reason))
        self.beginResetModel()
        self.found = [(command, reason) for _, command, reason in sorted(ranked, key=lambda item: item[0])]
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.found)

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        command, reason = self.found[cell.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return command.title
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            told = reason or command.help
            return plain(told) if role == Qt.ItemDataRole.ToolTipRole else told
        return None


class Palette(QFrame):
    """An overlay of the window. Enter runs, the arrows choose, Esc leaves."""

    def __init__(
        self,
        commands: Commands,
        parent: QWidget,
        place: Callable[[], str] = lambda: "",
        refused: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """`place()` is the place that is shown; `refused` hears why a chosen command can't be run."""
        super().__init__(parent)
        self.setObjectName("palette")
        self._commands, self._refused = commands, refused
        self._before: QWidget | None = None
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search commands")
        self.field.setAccessibleName("Search commands")
        self.field.setClearButtonEnabled(True)
        self.model = CommandModel(commands, place, self)
        self.list = QListView()
        self.list.setModel(self.model)
        self.list.setUniformItemSizes(True)
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName("Commands")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        self.field.textChanged.connect(self._filter)
        self.field.returnPressed.connect(self.run)
        self.list.clicked.connect(lambda _: self.run())
        self.field.installEventFilter(self)
        self.hide()

    def open(self) -> None:
        window = self.parentWidget()
        self._before = window.focusWidget()
        self.field.clear()
        self._filter("")
        width = min(WIDTH, window.width() - 32)
        self.setGeometry((window.width() - width) // 2, 64, width, min(ROW * ROWS + 60, window.height() - 96))
        self.show()
        self.raise_()
        self.field.setFocus()

    def close_palette(self) -> None:
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus()

    def run(self) -> None:
        """Run the chosen command; one that can't be run says why and leaves the palette open."""
        row = self.list.currentIndex().row()
        if not 0 <= row < len(self.model.found):
            return
        command, reason = self.model.found[row]
        if reason:
            self._refused(reason)
            return
        self.close_palette()
        reason = self._commands.run(command.id)
        if reason:
            self._refused(reason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            steps = {
                Qt.Key.Key_Down: 1,
                Qt.Key.Key_Up: -1,
                Qt.Key.Key_PageDown: ROWS,
                Qt.Key.Key_PageUp: -ROWS,
            }
            step = steps.get(Qt.Key(event.key()))
            if step is not None and self.model.found:
                row = min(max(self.list.currentIndex().row() + step, 0), len(self.model.found) - 1)
                self.list.setCurrentIndex(self.model.index(row, 0))
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.close_palette()
                return True
        if event.type() == QEvent.Type.FocusOut and self.isVisible():
            self.close_palette()
        return super().eventFilter(watched, event)

    def _filter(self, text: str) -> None:
        self.model.filter(text)
        if self.model.found:
            self.list.setCurrentIndex(self.model.index(0, 0))


class _Rows(QStyledItemDelegate):
    """Title and keys on one line, help or the reason why not under it."""

    def sizeHint(self, option: QStyleOptionViewItem, cell: AnyIndex) -> QSize:
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model = cell.model()
        assert isinstance(model, CommandModel)
        command, reason = model.found[cell.row()]
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = bool(option.state & QStyle.StateFlag.State_Selected)
        if marked:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("accent_on"))
            painter.drawRoundedRect(option.rect, 6, 6)
        inner = option.rect.adjusted(12, 5, -12, -5)
        upper = QRect(inner.left(), inner.top(), inner.width(), inner.height() // 2)
        lower = upper.translated(0, inner.height() // 2)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font_of("semibold"))
        painter.setPen(theme.colour("dim" if reason and not marked else "text"))
        painter.drawText(upper, left, command.title)
        painter.setFont(font_of(size=12))
        painter.setPen(theme.colour("text" if marked else "dim"))
        if command.keys:
            native = QKeySequence(command.keys).toString(QKeySequence.SequenceFormat.NativeText)
            painter.drawText(upper, right, native)
        if reason:
            painter.setPen(theme.colour("warn"))
        line = painter.fontMetrics().elidedText(
            reason or command.help, Qt.TextElideMode.ElideRight, lower.width()
        )
        painter.drawText(lower, left, line)
        painter.restore()
