"""Tokens, contrast, the style sheet, icons and the colours of models."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QColor, QFont
from PySide6.QtWidgets import QLabel

from workbench.gui import glossary, icons, theme
from workbench.gui.style_sheet import style_sheet
from workbench.gui.theme import DARK, LIGHT, contrast
from workbench.records.resources import resources_folder

GROUNDS = ("background", "panel", "raised", "hover")
INKS = ("text", "dim", "good", "warn", "bad", "undecided", "accent_ink")


def slow_contrast(ink: str, ground: str) -> float:
    """WCAG 2.2 relative luminance, written out from QColor's floats."""

    def luminance(name: str) -> float:
        colour = QColor(name)
        linear = []
        for value in (colour.redF(), colour.greenF(), colour.blueF()):
            linear.append(value / 12.92 if value <= 0.04045 else pow((value + 0.055) / 1.055, 2.4))
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    a, b = luminance(ink), luminance(ground)
    return (max(a, b) + 0.05) / (min(a, b) + 0.05)


def pairs(tokens: theme.Theme) -> list[tuple[str, str]]:
    """Every ink on every ground that the style sheet or a delegate puts it on."""
    found = [(ink, ground) for ink in INKS for ground in GROUNDS]
    found += [(name, f"{name}_on") for name in ("good", "warn", "bad", "undecided")]
    found += [
        ("accent_ink", "accent_on"),
        ("text", "accent_on"),
        ("text", "track"),
        ("accent_text", "accent"),
    ]
    found += [("text", f"{name}_on") for name in ("good", "warn", "bad", "undecided")]
    return [(getattr(tokens, ink), getattr(tokens, ground)) for ink, ground in found]


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read(tokens: theme.Theme) -> None:
    weak = {pair: contrast(*pair) for pair in pairs(tokens) if contrast(*pair) < 4.5}
    assert not weak


def test_contrast_agrees_with_a_slow_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    for ink, ground in pairs(LIGHT) + pairs(DARK):
        assert contrast(ink, ground) == pytest.approx(slow_contrast(ink, ground), rel=1e-3)


def test_tokens_are_the_agreed_ones() -> None:
    assert (LIGHT.background, LIGHT.line, LIGHT.text, LIGHT.dim) == (
        "#f6f7f9",
        "#dfe3e8",
        "#1b2430",
        "#66717f",
    )
    assert (DARK.background, DARK.panel, DARK.raised, DARK.line) == (
        "#14171c",
        "#1b1f26",
        "#222730",
        "#2f3641",
    )
    assert (LIGHT.accent, LIGHT.accent_on, DARK.accent, DARK.accent_on) == (
        "#2563eb",
        "#e8effd",
        "#6ea0ff",
        "#23314d",
    )
    assert (LIGHT.undecided, LIGHT.undecided_on) == ("#5b5f97", "#ecedf8")


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_style_sheet_names_only_tokens(tokens: theme.Theme) -> None:
    sheet = style_sheet(tokens)
    known = {getattr(tokens, token) for token in theme.TOKENS}
    assert set(re.findall(r"#[0-9a-f]{6}\b", sheet)) <= known
    for path in re.findall(r'url\("([^"]+)"\)', sheet):
        glyph = Path(path).read_text("utf-8")
        assert set(re.findall(r"#[0-9a-f]{6}\b", glyph)) <= known


def test_overriding_the_system_changes_the_application(qapp) -> None:
    heard = []
    theme.themes().changed.connect(lambda: heard.append(theme.current_theme().name))
    theme.themes().set_preference("dark")
    assert theme.current_theme() is DARK
    assert qapp.palette().window().color().name() == DARK.background
    assert DARK.panel in qapp.styleSheet()
    theme.themes().set_preference("light")
    assert LIGHT.panel in qapp.styleSheet()
    assert heard == ["dark", "light"]


def test_font_is_13_px_with_figures_of_one_width(qapp) -> None:
    font = qapp.font()
    assert font.pixelSize() == 13
    assert font.featureValue(QFont.Tag("tnum")) == 1


def test_a_model_keeps_its_colour() -> None:
    first = theme.model_colour("a")
    second = theme.model_colour("b")
    assert first != second
    assert theme.model_colour("a") == first
    names = theme.known_models()
    theme.know_models(["y", "z"], forget=True)
    assert theme.model_colour("b") != second
    theme.know_models(names, forget=True)
    assert theme.model_colour("b") == second
    assert len(set(theme.PALETTE)) == len(theme.PALETTE) == 8


def test_icons_take_the_colour_and_the_density(qapp) -> None:
    made = icons.pixmap("stop", "#ff0000", 24, 2.0)
    assert made.size().width() == 48
    assert made.devicePixelRatio() == 2.0
    colours = {
        made.toImage().pixelColor(x, 24).name()
        for x in range(48)
        if made.toImage().pixelColor(x, 24).alpha() > 250
    }
    assert colours == {"#ff0000"}


def test_every_icon_is_an_svg_in_the_current_colour() -> None:
    folder = resources_folder() / "icons"
    names = [path.stem for path in folder.glob("*.svg")]
    assert {"data", "models", "compare", "pause", "stop", "trash"} <= set(names)
    for name in names:
        assert "currentColor" in (folder / f"{name}.svg").read_text("utf-8")
        assert not icons.pixmap(name, "#000000", 24, 1.0).isNull()


def test_the_glossary_has_one_sentence_a_term() -> None:
    for term, sentence in glossary.TERMS.items():
        assert sentence.endswith("."), term
        assert sentence.count(". ") == 0, term
        assert sentence[0].isupper(), term
    wanted = (
        "linear probe",
        "k-NN",
        "macro-F1",
        "balanced accuracy",
        "CLS token",
        "embedding",
        "split",
        "seed",
    )
    assert all(glossary.tip(term) for term in wanted)


def test_calls_into_qt_do_not_use_up_none(qapp) -> None:
    """PySide6 6.12.0 loses one reference to None a call where None can die, which ends the program (Python 3.11)."""
    text = QLabel()
    before = sys.getrefcount(None)
    for _ in range(500):
        text.setText("a")
        QObject.setObjectName(text, "b")
    assert sys.getrefcount(None) > before - 100
