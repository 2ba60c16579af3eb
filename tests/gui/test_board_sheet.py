"""Sheets: the right kind of file, all words on it, none cut off by the edge or by others, however long names are."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QFontMetricsF, QImage

from workbench.gui import board_sheet
from workbench.gui.board_sheet import CELL, MARGIN, SCALE, broken, save_board
from workbench.gui.theme import DARK, LIGHT, font_of
from workbench.pixels.boards import Board, Column, Row, make_board
from workbench.pixels.cells import Cell
from workbench.records.inspection import FOR_LOOKING, InspectSettings, Sight

LONG = "vit_giant_patch14_reg4_dinov2.lvd142m-and-then-some, pretrained here (1,144 steps) " * 3
SVG = "{http://www.w3.org/2000/svg}"


def cell(colour: tuple[int, int, int], caption: str = "", panel: str = "") -> Cell:
    return Cell(np.full((32, 32, 3), colour, np.uint8), caption, panel)


def board(columns: int = 2, rows: int = 3, panels: int = 1, **more: Any) -> Board:
    each = tuple(
        cell((200, 30, 30), "strongest patch 3.1 %", "painted" if panels > 1 else "") for _ in range(panels)
    )
    values: dict[str, Any] = {
        "title": "Attention: what they look at",
        "asked": "Attention of the class token, the last layer.",
        "columns": tuple(
            Column(title=f"Model {place}", words="layer 12 of 12, mean of 6 heads", probe="probe 0.931")
            for place in range(columns)
        ),
        "rows": tuple(
            Row(name=f"{place}.png", picture=cell((30, 30, 200)), cells=(each,) * columns)
            for place in range(rows)
        ),
        "notes": ("Model 0: It has no class token.",),
    }
    return Board(**{**values, **more})


def texts(path: Path) -> list[tuple[QRectF, str]]:
    """What is written on an SVG, and the room that each line takes."""
    found = []
    for item in ElementTree.parse(path).iter(f"{SVG}text"):
        weight = "semibold" if item.get("font-weight") == "600" else "regular"
        metrics = QFontMetricsF(font_of(weight, int(float(item.get("font-size", "0")))))
        text = "".join(item.itertext())
        x, y = float(item.get("x", "0")), float(item.get("y", "0"))
        room = QRectF(x, y - metrics.ascent(), metrics.horizontalAdvance(text), metrics.height())
        found.append((room, text))
    return found


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_a_png_has_its_size_its_colours_and_its_cells(qapp, tmp_path, theme) -> None:
    path = save_board(tmp_path / "board", board(5, 3), theme)
    assert path.name == "board.png" and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    image = QImage(str(path))
    assert image.width() == SCALE * (6 * CELL + 5 * 12 + 2 * MARGIN)
    assert image.pixelColor(1, 1) == image.pixelColor(1, image.height() - 1) == theme.colour("panel")
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)[:, : 3 * image.width()]
    pixels = pixels.reshape(image.height(), image.width(), 3)
    side = (SCALE * CELL) ** 2
    for colour, number in (((200, 30, 30), 15), ((30, 30, 200), 3)):
        assert abs((pixels == colour).all(-1).sum() / side - number) < 0.05 * number


def test_a_pdf_is_one_page_and_an_svg_holds_its_words(qapp, tmp_path) -> None:
    made = board(2, 2, notes=("A note.",))
    pdf = save_board(tmp_path / "b.pdf", made).read_bytes()
    (width, height) = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)", pdf)[0]
    assert pdf[:5] == b"%PDF-" and pdf.count(b"/MediaBox") == 1 and b"/Count 1" in pdf
    assert b"/DCTDecode" not in pdf, "no cell is a JPEG"
    svg = save_board(tmp_path / "b.svg", made)
    root = ElementTree.parse(svg).getroot()
    _, _, across, down = (float(part) for part in root.get("viewBox", "").split())
    assert (across, down) == pytest.approx((float(width) / 0.75, float(height) / 0.75), abs=2)
    assert len(list(root.iter(f"{SVG}image"))) == 6
    written = " ".join(text for _, text in texts(svg))
    for words in (
        made.title,
        made.asked,
        "Model 1",
        "probe 0.931",
        "mean of 6 heads",
        "0.png",
        "A note.",
        FOR_LOOKING,
    ):
        assert words in written, words


@pytest.mark.parametrize(("columns", "rows", "panels"), [(1, 1, 1), (2, 3, 1), (2, 2, 5), (9, 12, 1)])
def test_no_words_leave_the_sheet_or_lie_on_others(qapp, tmp_path, columns, rows, panels) -> None:
    made = board(columns, rows, panels)
    made = replace(
        made,
        title=LONG,
        asked=LONG * 3,
        notes=(LONG, "word" * 200),
        columns=tuple(Column(title=LONG, words=LONG, probe=LONG) for _ in range(columns)),
        rows=(
            *(replace(row, name="folder/" * 30 + "name.png") for row in made.rows[:-1]),
            Row(name=LONG, picture=Cell(None, reason=LONG), cells=((Cell(None, reason=LONG),),) * columns),
        ),
    )
    one = Row(name="a", picture=cell((1, 2, 3)), cells=((Cell(None, reason=LONG),),) * columns)
    path = save_board(tmp_path / "b.svg", replace(made, rows=(*made.rows, one)))
    _, _, across, down = (
        float(part) for part in ElementTree.parse(path).getroot().get("viewBox", "").split()
    )
    inside = QRectF(MARGIN, MARGIN - 1, across - 2 * MARGIN + 0.5, down - 2 * MARGIN + 2)
    found = texts(path)
    images = [
        QRectF(*(float(item.get(name, "0")) for name in ("x", "y", "width", "height")))
        for item in ElementTree.parse(path).iter(f"{SVG}image")
    ]
    assert len(found) > 10
    for room, text in found:
        assert inside.contains(room), text
        assert not any(room.adjusted(0, 2, 0, -2).intersects(image) for image in images), text
    for (one_room, first), (other_room, second) in combinations(found, 2):
        assert not one_room.adjusted(0, 1, -1, -1).intersects(other_room.adjusted(0, 1, -1, -1)), (
            first,
            second,
        )


def test_text_that_nobody_vouches_for_is_only_text(qapp, tmp_path) -> None:
    evil = 'a\x1b[31m\n<script>alert("x")</script> & \u202egnp.exe'
    made = board(1, 1, title=evil)
    made = replace(made, rows=(replace(made.rows[0], name=evil),), columns=(Column(title=evil),))
    path = save_board(tmp_path / "b.svg", made)
    assert not list(ElementTree.parse(path).iter(f"{SVG}script")) and b"\x1b" not in path.read_bytes()
    written = "".join(text for _, text in texts(path))
    assert "<script>" in written and "\\x1b" in written and "\u202e" not in written


def test_lines_are_broken_between_words_and_end_in_an_ellipsis(qapp) -> None:
    metrics = QFontMetricsF(font_of("regular", 12))
    text = "Once upon a time there was a network that looked at steel and saw nothing but its own noise."
    for width in (60.0, 130.0, 400.0, 5000.0):
        lines = broken(text, metrics, width)
        assert " ".join(lines) == text and all(metrics.horizontalAdvance(line) <= width for line in lines)
        few = broken(text, metrics, width, 2)
        assert len(few) <= 2 and all(metrics.horizontalAdvance(line) <= width for line in few)
        assert (few == lines) or few[-1].endswith("…")
    long = broken("x" * 300, metrics, 100.0)
    assert "".join(long) == "x" * 300 and len(long) > 10
    assert broken("", metrics, 100.0) == [] and broken("word", metrics, 1.0, 1) != []


def test_what_cant_be_saved_is_said_and_what_was_there_stays(qapp, tmp_path, monkeypatch) -> None:
    for wrong, said in (("b.gif", "not as .gif"), ("b.png", "too many for one PNG")):
        with pytest.raises(ValueError, match=said):
            save_board(tmp_path / wrong, board(200, 2) if wrong == "b.png" else board())
    huge = save_board(tmp_path / "b.pdf", board(1, 150)).read_bytes()
    sides = re.findall(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)", huge)[0]
    assert max(map(float, sides)) <= 14_400
    with pytest.raises(ValueError, match="board is empty"):
        save_board(tmp_path / "b.png", board(0, 0))
    path = save_board(tmp_path / "b.svg", board())
    before = path.read_bytes()
    monkeypatch.setattr(board_sheet, "_svg", lambda *_: False)
    with pytest.raises(OSError, match="can't be written"):
        save_board(path, board(1, 1))
    assert path.read_bytes() == before and not list(tmp_path.glob(".*"))


def test_a_board_leaves_out_models_that_cant_answer_and_says_why() -> None:
    def seen(model: str, **more: Any) -> Sight:
        return Sight(
            **{
                "model": model,
                "title": model.upper(),
                "grid": (2, 2),
                "depth": 1,
                "heads": 1,
                "reasons": ("", "It is torn."),
                "pictures": np.zeros((2, 8, 8, 3), np.uint8),
                "seen": np.tile([0.0, 0, 1, 1], (2, 1)),
                "painted": np.zeros((2, 8, 8, 3), np.uint8),
                "hidden": np.ones((2, 2, 2), bool),
                "errors": np.ones((2, 2, 2), np.float32) * 7,
                "picture_errors": np.float32([7, np.nan]),
                "notes": ("Said by both.",),
                **more,
            }
        )

    cut = seen("c", seen=np.tile([0.1, 0, 0.9, 1], (2, 1)))
    lost = Sight(model="gone", error="It isn't here."), Sight(model="far_off", error="Far off is far away.")
    made = make_board(
        [seen("a"), lost[0], cut, lost[1]],
        ["one.png", "two.png"],
        InspectSettings(show="reconstruction", seed=4),
        probes={"c": "probe 0.5"},
    )
    assert [(column.title, column.probe) for column in made.columns] == [("A", ""), ("C", "probe 0.5")]
    assert made.notes == ("A, C: Said by both.", "gone: It isn't here.", "Far off is far away.")
    assert "seed 4" in made.asked and "lightest is 7" in made.asked and "2 pictures, 2 models" in made.title
    first, torn = made.rows
    assert [len(group) for group in first.cells] == [4, 5], (
        "the original is drawn once, unless another part is seen"
    )
    assert torn.picture.reason == "It is torn." and torn.name == "two.png"


def test_a_row_may_have_a_heading_and_pictures_keep_their_shape(qapp, tmp_path) -> None:
    wide = Cell(np.full((20, 80, 3), (200, 30, 30), np.uint8), "crack · 0.104")
    row = Row(name="a.png", picture=cell((30, 30, 200)), cells=((wide,), ()), heading=f"Nearest by {LONG}")
    made = replace(board(2, 0), rows=(row,), claim="Only for looking.")
    written = [text for _, text in texts(save_board(tmp_path / "board.svg", made))]
    assert "Only for looking." in written and FOR_LOOKING not in written
    assert sum(text.startswith("Nearest by vit_giant") for text in written) == 1
    image = QImage(str(save_board(tmp_path / "board.png", made))).convertToFormat(QImage.Format.Format_RGB888)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)[:, : 3 * image.width()]
    red = (pixels.reshape(image.height(), image.width(), 3) == (200, 30, 30)).all(-1)
    down, across = np.flatnonzero(red.any(1)), np.flatnonzero(red.any(0))
    assert len(across) / len(down) == pytest.approx(4, rel=0.05) and len(across) >= SCALE * CELL - 2


def test_a_row_without_its_picture_still_shows_its_cells(qapp, tmp_path) -> None:
    row = Row(name="a.png", picture=Cell(None, reason="It is torn."), cells=((cell((1, 2, 3), "near"),),))
    written = [text for _, text in texts(save_board(tmp_path / "b.svg", replace(board(1, 0), rows=(row,))))]
    assert {"near", "It is torn."} <= set(written)
