"""A memo on paper: the same bytes at another time, every drawing in it, no heading alone at the foot of a page."""

from __future__ import annotations

import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import QSizeF
from PySide6.QtGui import QPdfWriter, QTextDocument

from tests.decide.memo.made_memo import memo_project
from workbench.decide.memo.document import Bullets, Memo, Section
from workbench.decide.memo.write import memo_of
from workbench.gui import memo_pdf, theme
from workbench.records.case import Case
from workbench.records.evidence import Target
from workbench.records.project import Project
from workbench.records.resources import resource

DRAWN = ("chart", "picture")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = memo_project(tmp_path / "steel", classes=("<script>x</script>", "b|\u202e"))
    board = made.folder / "looks" / "board.png"
    board.parent.mkdir()
    Image.new("RGB", (1600, 900), "red").save(board)
    Case(target=Target(threshold=0.75), boards=("looks",), title="Bad <b> title").save(made.folder)
    return made


@pytest.fixture
def memo(project: Project) -> Memo:
    return memo_of(project)


def written(path: Path, memo: Memo) -> bytes:
    return memo_pdf.save_pdf(path, memo).read_bytes()


def test_the_same_bytes_at_another_time(
    qapp: object, memo: Memo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = written(tmp_path / "a.pdf", memo)
    with monkeypatch.context() as later:  # as Qt writes it, with the time in it
        later.setattr(
            memo_pdf,
            "_dated",
            lambda data, date: data.replace(b"(D:2", b"(D:1").replace(b'Date="2', b'Date="1'),
        )
        other = written(tmp_path / "b.pdf", memo)
    assert len(first) == len(other) and first != other
    dated = memo_pdf._dated(other.replace(b"(D:1", b"(D:2").replace(b'Date="1', b'Date="2'), memo.date)
    assert dated == first
    day = memo.date.replace("-", "").encode()
    assert re.findall(rb"\(D:(\d{8})", first) and set(re.findall(rb"\(D:(\d{8})", first)) == {day}
    assert str(tmp_path).encode() not in first


def test_it_may_be_written_in_a_thread(qapp: object, memo: Memo, tmp_path: Path) -> None:
    """As the window does, which draws meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(written, tmp_path / "a.pdf", memo).result()
    assert other == written(tmp_path / "b.pdf", memo)


def test_pages_hold_drawings_and_the_board(qapp: object, memo: Memo, tmp_path: Path) -> None:
    data = written(tmp_path / "a.pdf", memo)
    pages = len(re.findall(rb"/Type /Page\b", data))
    assert 3 <= pages <= 12 and len(re.findall(rb"/Subtype /Image", data)) == 1
    bare = replace(
        memo,
        sections=tuple(
            replace(
                section,
                blocks=tuple(block for block in section.blocks if block.kind not in ("chart", "picture")),
            )
            for section in memo.sections
        ),
    )
    less = written(tmp_path / "b.pdf", bare)
    assert _operators(data) > _operators(less) + 500 and b"/Subtype /Image" not in less


def _operators(data: bytes) -> int:
    """Lines drawn in all streams: vectors, where a picture would be one."""
    count = 0
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            count += zlib.decompress(stream).count(b"\n")
        except zlib.error:
            continue
    return count


def test_headings_stay_with_what_they_stand_above(qapp: object, memo: Memo, tmp_path: Path) -> None:
    """For every height of what comes before, over more than a page."""
    writer = QPdfWriter(str(tmp_path / "x.pdf"))
    writer.setResolution(memo_pdf.RESOLUTION)
    size = QSizeF(600, 400)
    for lines in range(0, 40, 3):
        document = QTextDocument()
        document.documentLayout().setPaintDevice(writer)
        document.setHtml("<p>line</p>" * lines + "<h2>one</h2><h3>two</h3><p>text</p><p>last</p>")
        document.setPageSize(size)
        memo_pdf._keep_with_next(document, size)
        layout, block, tops = document.documentLayout(), document.begin(), {}
        while block.isValid():
            tops[block.text()] = layout.blockBoundingRect(block).top() // size.height()
            block = block.next()
        assert tops["one"] == tops["two"] == tops["text"], lines
        assert document.toPlainText().count("line") == lines


def test_long_memos_lose_nothing(qapp: object, memo: Memo, tmp_path: Path) -> None:
    many = Bullets(title="Many", items=tuple((f"item {n}",) for n in range(200)))
    longer = replace(memo, sections=(Section(id="data", title="Data", blocks=(many,)), *memo.sections))
    one, two = (
        len(re.findall(rb"/Type /Page\b", written(tmp_path / f"{n}.pdf", each)))
        for n, each in enumerate((memo, longer))
    )
    assert two >= one + 3


def test_the_page_has_the_colours_of_the_window() -> None:
    style = resource("memo/memo.css").read_text("utf-8")
    light, dark = style.split("@media (prefers-color-scheme: dark)")[0:2]
    for part, colours in ((light, theme.LIGHT), (dark.split("* {")[0], theme.DARK)):
        named = dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", part))
        assert len(named) > 15
        for name, colour in named.items():
            assert colour == getattr(colours, "panel" if name == "ground" else name), name
