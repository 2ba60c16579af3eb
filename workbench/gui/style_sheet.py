"""The Qt style sheet, generated from a theme's tokens.

Widgets say what they are by a dynamic property (`role`, `kind`, `card`, `severity`); how that looks is
said here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.records.resources import resource

if TYPE_CHECKING:
    from workbench.gui.theme import Theme

SEVERITIES = ("good", "warn", "bad", "undecided")


def style_sheet(theme: Theme) -> str:
    """The whole application's sheet. Lengths are in device-independent pixels on a 4-px grid."""
    return "\n".join(
        (
            _base(theme),
            _text(theme),
            _chips(theme),
            _buttons(theme),
            _fields(theme),
            _items(theme),
            _frame(theme),
        )
    )


def _glyph(name: str, theme: Theme) -> str:
    """A style sheet can't tint a picture, so that its three glyphs exist once for each theme."""
    return f'url("{resource(f"icons/qss/{name}-{theme.name}.svg").as_posix()}")'


def _base(t: Theme) -> str:
    return f"""
QMainWindow, QDialog, QWidget#viewWindow {{ background: {t.background}; }}
QWidget {{ color: {t.text}; }}
QToolTip {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line}; padding: 4px 8px; }}
QFrame[card="true"] {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: 10px; }}
QFrame[rule="true"] {{ background: {t.line}; border: none; max-height: 1px; min-height: 1px; }}
QScrollArea, QScrollArea > QWidget > QWidget {{ background: transparent; border: none; }}
QSplitter::handle {{ background: transparent; }}
QScrollBar:vertical {{ background: transparent; width: 12px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: 12px; margin: 0; }}
QScrollBar::handle {{ background: {t.line}; border-radius: 4px; margin: 2px; }}
QScrollBar::handle:vertical {{ min-height: 28px; }}
QScrollBar::handle:horizontal {{ min-width: 28px; }}
QScrollBar::handle:hover {{ background: {t.dim}; }}
QAbstractScrollArea::corner {{ background: transparent; border: none; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QProgressBar {{ background: {t.track}; border: none; border-radius: 2px; max-height: 4px; min-height: 4px; }}
QProgressBar::chunk {{ background: {t.accent}; border-radius: 2px; }}
QProgressBar[severity="bad"]::chunk {{ background: {t.bad}; }}
QProgressBar[severity="good"]::chunk {{ background: {t.good}; }}
QProgressBar[severity="quiet"]::chunk {{ background: {t.dim}; }}
"""


def _text(t: Theme) -> str:
    return f"""
QLabel {{ background: transparent; }}
QLabel[role="heading"] {{ font-size: 18px; font-weight: 600; }}
QLabel[role="title"], QLabel[role="strong"] {{ font-weight: 600; }}
QLabel[role="dim"], QLabel[role="caption"] {{ color: {t.dim}; }}
QLabel[role="caption"] {{ font-size: 12px; }}
QLabel[role="error"] {{ color: {t.bad}; }}
"""


def _chips(t: Theme) -> str:
    rules = [
        f"""
QLabel[chip="true"] {{ background: {t.hover}; color: {t.dim}; border-radius: 9px; padding: 1px 8px;
    min-height: 16px; }}
QLabel[chip="true"][severity="info"] {{ background: {t.accent_on}; color: {t.accent_ink}; }}
QLabel[chip="true"][severity="outline"] {{ background: transparent; color: {t.dim};
    border: 1px solid {t.line}; border-radius: 5px; padding: 0 6px; font-size: 12px; }}
QFrame[fact="true"] {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 6px; }}
QFrame[notice="true"] {{ background: {t.accent_on}; border: none; border-radius: 8px; }}
QFrame[notice="true"] QLabel {{ color: {t.text}; }}"""
    ]
    for name in SEVERITIES:
        ink, ground = getattr(t, name), getattr(t, f"{name}_on")
        rules.append(f'QLabel[chip="true"][severity="{name}"] {{ background: {ground}; color: {ink}; }}')
        rules.append(f'QFrame[notice="true"][severity="{name}"] {{ background: {ground}; }}')
    return "\n".join(rules)


def _buttons(t: Theme) -> str:
    # The focus ring is a border of two pixels; the padding gives back the one that it takes.
    return f"""
QPushButton, QToolButton[kind] {{ background: {t.raised}; color: {t.text}; border: 1px solid {t.line};
    border-radius: 6px; padding: 5px 12px; min-height: 18px; }}
QPushButton:hover, QToolButton[kind]:hover {{ background: {t.hover}; }}
QPushButton:pressed, QToolButton[kind]:pressed {{ background: {t.line}; }}
QPushButton:focus, QToolButton[kind]:focus {{ border: 2px solid {t.accent}; padding: 4px 11px; }}
QPushButton:disabled, QToolButton[kind]:disabled {{ color: {t.dim}; background: transparent; }}
QPushButton:checked, QToolButton[kind]:checked {{ background: {t.accent_on}; color: {t.accent_ink};
    border-color: {t.accent}; }}
QPushButton[kind="primary"] {{ background: {t.accent}; color: {t.accent_text}; border-color: {t.accent}; }}
QPushButton[kind="primary"]:hover {{ background: {t.accent_ink}; }}
QPushButton[kind="primary"]:focus {{ border: 2px solid {t.text}; }}
QPushButton[kind="primary"]:disabled {{ background: {t.track}; color: {t.dim}; border-color: {t.line}; }}
QPushButton[kind="quiet"], QToolButton[kind="quiet"] {{ background: transparent; border-color: transparent;
    padding: 3px 8px; }}
QPushButton[kind="quiet"]:hover, QToolButton[kind="quiet"]:hover {{ background: {t.hover}; }}
QPushButton[kind="quiet"]:focus, QToolButton[kind="quiet"]:focus {{ border: 2px solid {t.accent};
    padding: 2px 7px; }}
QPushButton[kind="segment"] {{ background: transparent; border-color: transparent; color: {t.dim};
    padding: 2px 6px; min-height: 18px; }}
QPushButton[kind="segment"]:hover {{ background: {t.hover}; color: {t.text}; }}
QPushButton[kind="segment"]:checked {{ background: {t.accent_on}; color: {t.accent_ink};
    border-color: transparent; }}
QPushButton[kind="segment"]:focus {{ border: 2px solid {t.accent}; padding: 1px 5px; }}
QPushButton[kind="segment"]:disabled {{ color: {t.dim}; }}
QPushButton[kind="option"] {{ padding: 2px 4px; min-height: 18px; }}
QPushButton[kind="option"]:focus {{ border: 2px solid {t.accent}; padding: 1px 3px; }}
QPushButton[kind="danger"] {{ color: {t.bad}; }}
QPushButton[kind="link"] {{ background: transparent; border: 2px solid transparent; color: {t.accent_ink};
    border-radius: 4px; padding: 0 2px; min-height: 16px; text-align: left; }}
QPushButton[kind="link"]:hover {{ text-decoration: underline; }}
QPushButton[kind="link"]:focus {{ border: 2px solid {t.accent}; padding: 0 2px; }}
QToolButton[kind="icon"] {{ background: transparent; border: 1px solid transparent; border-radius: 6px;
    padding: 3px; min-height: 16px; }}
QToolButton[kind="icon"]:hover {{ background: {t.hover}; }}
QToolButton[kind="icon"]:focus {{ border: 2px solid {t.accent}; padding: 2px; }}
QToolButton::menu-indicator, QPushButton::menu-indicator {{ image: none; width: 0; }}
"""


def _fields(t: Theme) -> str:
    down, up, check = (_glyph(name, t) for name in ("chevron-down", "chevron-up", "check"))
    return f"""
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QPlainTextEdit, QTextEdit {{ background: {t.raised};
    color: {t.text}; border: 1px solid {t.line}; border-radius: 6px; padding: 4px 8px; min-height: 20px;
    selection-background-color: {t.accent}; selection-color: {t.accent_text}; }}
QLineEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QPlainTextEdit:focus, QTextEdit:focus {{
    border: 2px solid {t.accent}; padding: 3px 7px; }}
QLineEdit[invalid="true"], QComboBox[invalid="true"], QSpinBox[invalid="true"], QDoubleSpinBox[invalid="true"] {{
    border-color: {t.bad}; }}
QLineEdit:disabled, QComboBox:disabled, QSpinBox:disabled, QDoubleSpinBox:disabled {{ color: {t.dim};
    background: {t.background}; }}
QComboBox QLineEdit, QComboBox QLineEdit:focus {{ background: transparent; border: none; padding: 0;
    min-height: 0; }}
QComboBox::drop-down {{ border: none; width: 24px; }}
QComboBox::down-arrow {{ image: {down}; width: 12px; height: 12px; }}
QSpinBox::up-button, QDoubleSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::down-button {{
    border: none; background: transparent; width: 18px; }}
QSpinBox::up-arrow, QDoubleSpinBox::up-arrow {{ image: {up}; width: 9px; height: 9px; }}
QSpinBox::down-arrow, QDoubleSpinBox::down-arrow {{ image: {down}; width: 9px; height: 9px; }}
QComboBox QAbstractItemView {{ background: {t.raised}; border: 1px solid {t.line}; padding: 4px;
    selection-background-color: {t.accent_on}; selection-color: {t.text}; outline: none; }}
QCheckBox, QRadioButton {{ spacing: 8px; padding: 2px; border: 2px solid transparent; border-radius: 4px; }}
QCheckBox:focus, QRadioButton:focus {{ border-color: {t.accent}; }}
QCheckBox::indicator, QRadioButton::indicator, QTableView::indicator {{ width: 14px; height: 14px;
    border: 1px solid {t.dim}; background: {t.raised}; }}
QCheckBox:disabled, QRadioButton:disabled {{ color: {t.dim}; }}
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled {{ border-color: {t.line};
    background: {t.background}; }}
QCheckBox::indicator, QTableView::indicator {{ border-radius: 4px; }}
QRadioButton::indicator {{ border-radius: 8px; }}
QCheckBox::indicator:checked, QTableView::indicator:checked {{ background: {t.accent};
    border-color: {t.accent}; image: {check}; }}
QRadioButton::indicator:checked {{ border: 5px solid {t.accent}; width: 6px; height: 6px; }}
QSlider::groove:horizontal {{ height: 4px; background: {t.track}; border-radius: 2px; }}
QSlider::sub-page:horizontal {{ background: {t.accent}; border-radius: 2px; }}
QSlider::handle:horizontal {{ width: 14px; height: 14px; margin: -5px 0; border-radius: 7px;
    background: {t.accent}; border: 1px solid {t.panel}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {t.text}; }}
"""


def _items(t: Theme) -> str:
    return f"""
QTableView, QListView, QTreeView {{ background: transparent; border: none; gridline-color: {t.line};
    selection-background-color: {t.accent_on}; selection-color: {t.text}; outline: none; }}
QTableView::item {{ padding: 0 8px; border: none; border-bottom: 1px solid {t.line}; }}
QTableView::item:selected, QListView::item:selected {{ background: {t.accent_on}; color: {t.text}; }}
QTableView:focus, QListView:focus, QTreeView:focus {{ border: 1px solid {t.accent}; border-radius: 4px; }}
QHeaderView {{ background: transparent; }}
QHeaderView::section {{ background: transparent; color: {t.dim}; border: none;
    border-bottom: 1px solid {t.line}; padding: 4px 8px; font-weight: 400; }}
QTableCornerButton::section {{ background: transparent; border: none; }}
#fixed_column, #fixed_column QHeaderView {{ background: {t.panel}; }}
#fixed_column {{ border: none; border-right: 1px solid {t.line}; border-radius: 0; }}
QMenu {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 6px; padding: 4px; }}
QMenu::item {{ padding: 5px 24px 5px 12px; border-radius: 4px; }}
QMenu::item:selected {{ background: {t.accent_on}; }}
QMenu::item:disabled {{ color: {t.dim}; }}
QMenu::separator {{ height: 1px; background: {t.line}; margin: 4px 8px; }}
"""


def _frame(t: Theme) -> str:
    return f"""
QFrame#topBar {{ background: {t.panel}; border: none; border-bottom: 1px solid {t.line}; }}
QFrame#tray {{ background: {t.panel}; border: none; border-top: 1px solid {t.line}; }}
QFrame#rail {{ background: {t.panel}; border: none; border-right: 1px solid {t.line}; }}
QFrame#rail QToolButton {{ background: transparent; color: {t.dim}; border: 2px solid transparent;
    border-radius: 8px; padding: 6px 0 5px 0; font-size: 12px; }}
QFrame#rail QToolButton:hover {{ background: {t.hover}; color: {t.text}; }}
QFrame#rail QToolButton:checked {{ background: {t.accent_on}; color: {t.accent_ink}; font-weight: 600; }}
QFrame#rail QToolButton:focus {{ border-color: {t.accent}; }}
QFrame[job="true"] {{ background: {t.panel}; border: 1px solid {t.line}; border-radius: 8px; }}
QFrame[job="true"][severity="bad"] {{ border-color: {t.bad}; }}
QFrame#palette {{ background: {t.raised}; border: 1px solid {t.line}; border-radius: 10px; }}
"""
