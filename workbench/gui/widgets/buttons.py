"""Buttons: a word that says what happens, or an icon with a tooltip and an accessible name."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QDialog, QMenu, QPushButton, QToolButton
from shiboken6 import isValid

from workbench.gui.commands import Commands
from workbench.gui.icons import icon
from workbench.gui.plain_text import set_tip
from workbench.gui.theme import current_theme, themes

_tinted: WeakKeyDictionary[QAbstractButton, tuple[str, str, str, int]] = WeakKeyDictionary()


def set_icon(
    target: QAbstractButton, name: str, token: str = "text", checked: str = "", size: int = 16
) -> None:
    """Give a button an icon in the colour `token`, which keeps up when the theme changes."""
    _tinted[target] = (name, token, checked or token, size)
    target.setIconSize(QSize(size, size))
    _tint(target)


def _tint(target: QAbstractButton) -> None:
    name, token, checked, size = _tinted[target]
    theme = current_theme()
    target.setIcon(icon(name, getattr(theme, token), getattr(theme, checked), theme.dim, size))


def _tint_all() -> None:
    for target in list(_tinted):
        if isValid(target):
            _tint(target)


themes().changed.connect(_tint_all)


_BY_TAB = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class _PressedByEnter:
    """Of a button: Enter presses it as space does. In a dialog Enter means the main thing, unless Tab led here."""

    _tabbed = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._tabbed = event.reason() in _BY_TAB
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in _ENTER and not event.isAutoRepeat()
        if enter and (self._tabbed or not isinstance(self.window(), QDialog)):
            self.click()
        else:
            super().keyPressEvent(event)


class PushButton(_PressedByEnter, QPushButton):
    """A word."""


class ToolButton(_PressedByEnter, QToolButton):
    """An icon."""


def button(
    text: str,
    run: Callable[[], object] | None = None,
    *,
    kind: str = "",
    icon_name: str = "",
    tip: str = "",
) -> QPushButton:
    """A push button. `kind`: "" plain, "primary" (one a view), "quiet" (no border), "link", "danger"."""
    made = PushButton(text)
    if kind:
        made.setProperty("kind", kind)
    set_tip(made, tip)
    made.setCursor(Qt.CursorShape.PointingHandCursor if kind == "link" else Qt.CursorShape.ArrowCursor)
    made.setAutoDefault(False)
    if icon_name:
        set_icon(made, icon_name, "accent_text" if kind == "primary" else "text")
    if run is not None:
        made.clicked.connect(lambda: run())
    return made


def icon_button(name: str, tip: str, run: Callable[[], object] | None = None) -> QToolButton:
    """A square button with an icon only; `tip` is also what a screen reader says."""
    made = ToolButton()
    made.setProperty("kind", "icon")
    set_tip(made, tip)
    made.setAccessibleName(tip)
    made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    set_icon(made, name, "dim")
    if run is not None:
        made.clicked.connect(lambda: run())
    return made


def menu_button(text: str, menu: QMenu, *, tip: str = "") -> QPushButton:
    """A button that opens a menu; the little triangle says so."""
    made = button(f"{text} ▾", tip=tip)
    made.setMenu(menu)
    made.setAccessibleName(text)
    return made


def command_button(commands: Commands, identifier: str, *, text: str = "", kind: str = "") -> QPushButton:
    """A button that runs a command. Call its `refresh` after what the command depends on has changed."""
    return CommandButton(commands, identifier, text, kind)


class CommandButton(PushButton):
    """Enabled while its command can be run; else the tooltip says why not."""

    def __init__(self, commands: Commands, identifier: str, text: str = "", kind: str = "") -> None:
        super().__init__(text or commands[identifier].title)
        self._commands, self._id = commands, identifier
        if kind:
            self.setProperty("kind", kind)
        self.setAutoDefault(False)
        self.clicked.connect(self._run)
        self.refresh()

    def refresh(self) -> None:
        command = self._commands[self._id]
        reason = command.why_not()
        self.setEnabled(not reason)
        keys = f" ({command.keys})" if command.keys else ""
        set_tip(self, reason or f"{command.help or command.title}{keys}")
        self.setAccessibleDescription(reason or command.help)

    def _run(self) -> None:
        self._commands.run(self._id)
