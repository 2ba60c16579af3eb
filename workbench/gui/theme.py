"""Colours, type and the style sheet. Every colour of the window is a token of `Theme`; nothing else names one.

`install` dresses an application and follows the system's light or dark scheme until the user overrides
it. What paints by itself reads `current_theme()` while it paints and so needs no signal; what caches
tinted pictures listens to `themes().changed`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from workbench.gui.style_sheet import style_sheet
from workbench.records.plotting import PALETTE

Preference = Literal["system", "light", "dark"]
Severity = Literal["good", "warn", "bad", "undecided", "info", "neutral"]

GRID = 4  # px; 8, 12 and 16 between things
FONT_SIZE = 13  # px


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Colours as "#rrggbb". A pair such as `good` and `good_on` is ink and the ground under it."""

    name: str
    background: str  # behind the cards
    panel: str  # cards, rail, bars
    raised: str  # buttons, fields, menus
    line: str
    text: str
    dim: str
    good: str
    good_on: str
    warn: str
    warn_on: str
    bad: str
    bad_on: str
    undecided: str
    undecided_on: str
    accent: str
    accent_on: str
    accent_ink: str  # accent-coloured text on `accent_on`
    accent_text: str  # text on a button that is filled with the accent
    hover: str  # a raised thing under the pointer
    track: str  # the empty part of a bar

    @property
    def dark(self) -> bool:
        return self.name == "dark"

    def colour(self, token: str) -> QColor:
        return QColor(getattr(self, token))


LIGHT = Theme(
    name="light",
    background="#f6f7f9",
    panel="#ffffff",
    raised="#ffffff",
    line="#dfe3e8",
    text="#1b2430",
    dim="#66717f",
    good="#0f7b52",
    good_on="#e2f4ec",
    warn="#9a5b00",
    warn_on="#fdf1dc",
    bad="#b3261e",
    bad_on="#fce8e6",
    undecided="#5b5f97",
    undecided_on="#ecedf8",
    accent="#2563eb",
    accent_on="#e8effd",
    accent_ink="#1f57d4",  # the accent itself has 4.48 : 1 there, a hair too little for text
    accent_text="#ffffff",
    hover="#f3f5f8",
    track="#eceff3",
)
DARK = Theme(
    name="dark",
    background="#14171c",
    panel="#1b1f26",
    raised="#222730",
    line="#2f3641",
    text="#e6e9ee",
    dim="#93a0b0",
    good="#5fd3a2",
    good_on="#1c3a30",
    warn="#f0b860",
    warn_on="#3d3118",
    bad="#ff8a80",
    bad_on="#43221f",
    undecided="#b3b6f0",
    undecided_on="#2b2d4a",
    accent="#6ea0ff",
    accent_on="#23314d",
    accent_ink="#6ea0ff",
    accent_text="#14171c",  # white on this accent would have a contrast of 2.6
    hover="#2a303b",
    track="#2a303b",
)


class Themes(QObject):
    """Which theme is on. One a process: `themes()`."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.preference: Preference = "system"
        self.current = LIGHT
        self.following = False  # whether the system's changes arrive

    def set_preference(self, preference: Preference) -> None:
        """Follow the system, or stay light or dark whatever the system says."""
        self.preference = preference
        hints = QGuiApplication.styleHints()
        if preference == "system":
            hints.unsetColorScheme()
        else:
            dark = preference == "dark"
            hints.setColorScheme(Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light)
        self.refresh()

    def refresh(self) -> None:
        wanted = self.preference
        if wanted == "system":
            scheme = QGuiApplication.styleHints().colorScheme()
            wanted = "dark" if scheme == Qt.ColorScheme.Dark else "light"
        theme = DARK if wanted == "dark" else LIGHT
        app = QApplication.instance()
        if theme is self.current and isinstance(app, QApplication) and app.styleSheet():
            return
        self.current = theme
        if isinstance(app, QApplication):
            app.setPalette(palette(theme))
            app.setStyleSheet(style_sheet(theme))
        self.changed.emit()


FIELD_MARGINS = (6, 0, 0, 0)  # px; the style sheet's padding doesn't reach the text of a spin box

_themes = Themes()
_models: dict[str, int] = {}  # model name -> its place in PALETTE, in the order of first sight


def themes() -> Themes:
    return _themes


def current_theme() -> Theme:
    return _themes.current


def install(app: QApplication, preference: Preference = "system") -> None:
    """Dress the application: font, palette, style sheet; then follow the system live."""
    app.setStyle("Fusion")
    app.setFont(interface_font())
    if not _themes.following:
        QGuiApplication.styleHints().colorSchemeChanged.connect(_themes.refresh)
        _themes.following = True
    app.setStyleSheet("")
    _themes.set_preference(preference)


def interface_font() -> QFont:
    """The system's interface font at 13 px, with figures of one width so that columns of numbers align."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont)
    font.setPixelSize(FONT_SIZE)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def font_of(weight: str = "regular", size: int = FONT_SIZE) -> QFont:
    """A variant for what paints itself: "regular" or "semibold", `size` in px."""
    font = interface_font()
    font.setPixelSize(size)
    if weight == "semibold":
        font.setWeight(QFont.Weight.DemiBold)
    return font


def palette(theme: Theme) -> QPalette:
    """The Qt palette, for what the style sheet doesn't reach (text cursors, selections, placeholders)."""
    roles = QPalette.ColorRole
    colours = {
        roles.Window: theme.background,
        roles.WindowText: theme.text,
        roles.Base: theme.panel,
        roles.AlternateBase: theme.hover,
        roles.Text: theme.text,
        roles.Button: theme.raised,
        roles.ButtonText: theme.text,
        roles.BrightText: theme.bad,
        roles.ToolTipBase: theme.raised,
        roles.ToolTipText: theme.text,
        roles.PlaceholderText: theme.dim,
        roles.Highlight: theme.accent,
        roles.HighlightedText: theme.accent_text,
        roles.Link: theme.accent,
        roles.LinkVisited: theme.accent,
        roles.Accent: theme.accent,
        roles.Mid: theme.line,
        roles.Midlight: theme.line,
        roles.Light: theme.raised,
        roles.Dark: theme.line,
        roles.Shadow: theme.line,
    }
    made = QPalette()
    for role, colour in colours.items():
        made.setColor(role, QColor(colour))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.dim))
    return made


def severity_colours(severity: str) -> tuple[str, str]:
    """Ink and ground of a verdict or a notice; anything unknown is neutral."""
    theme = current_theme()
    if severity in ("good", "warn", "bad", "undecided"):
        return getattr(theme, severity), getattr(theme, f"{severity}_on")
    if severity in ("info", "accent"):
        return theme.accent_ink, theme.accent_on
    return theme.dim, theme.hover


def model_colour(model: str | int) -> str:
    """The colour of a model or a class, from a set that colour-blind readers can tell apart.

    A number is a place in the set. A name gets the next free place when it is first seen and keeps it,
    so that a model has one colour in every view; `known_models` and `know_models` carry that over to
    the next session.
    """
    place = model if isinstance(model, int) else _models.setdefault(model, len(_models))
    return PALETTE[place % len(PALETTE)]


def know_models(names: Iterable[str], *, forget: bool = False) -> None:
    """Give colours to `names` in this order, after those that are known already (or instead of them)."""
    if forget:
        _models.clear()
    for name in names:
        _models.setdefault(name, len(_models))


def known_models() -> list[str]:
    return list(_models)


def contrast(ink: str, ground: str) -> float:
    """Contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2, "relative luminance")."""
    high, low = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def restyle(widget: QWidget, **properties: object) -> None:
    """Set dynamic properties that the style sheet selects by, and let the style see them."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
    widget.update()


TOKENS = tuple(item.name for item in fields(Theme) if item.name != "name")
