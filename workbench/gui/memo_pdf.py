"""A memo as PDF: A4 pages laid out by Qt's text document, with drawings as vectors and a line at each foot.

The same memo gives the same bytes: nothing of the time of writing is left in the file.
"""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QByteArray, QHashSeed, QMarginsF, QRect, QRectF, QSizeF, Qt, QUuid
from PySide6.QtGui import (
    QAbstractTextDocumentLayout,
    QColor,
    QFont,
    QFontMetricsF,
    QGuiApplication,
    QImage,
    QPageLayout,
    QPageSize,
    QPainter,
    QPalette,
    QPdfWriter,
    QPyTextObject,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
)
from PySide6.QtSvg import QSvgRenderer

from workbench.decide.memo.as_html import rendered
from workbench.decide.memo.document import Chart, Memo, Picture
from workbench.gui.theme import LIGHT, font_of
from workbench.records.files import whole_path
from workbench.records.plotting import PALETTE
from workbench.records.resources import resource
from workbench.records.text import printable

RESOLUTION = 96  # px an inch, so that fonts are as large as they are told to be
MARGINS = QMarginsF(16, 16, 16, 20)  # mm; the foot stands in the lowest
FOOT = 30  # px under the text, where its line begins
INDENT = 20  # px of a list
MOST_HEIGHT = 0.8  # of a page, that a drawing takes
_NUMBER = QTextFormat.Property.UserProperty + 1
_KIND = QTextFormat.ObjectTypes.UserObject + 1
_MARK = re.compile(r"\[\[drawing (\d+) of (\w+)\]\]")
# When Qt says that the file was made: in the document's facts, and in their XML.
_DATES = (
    (re.compile(rb"\(D:(\d{14})"), "%Y%m%d%H%M%S"),
    (
        re.compile(rb"xmp:\w+Date=\"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d)\""),
        "%Y-%m-%dT%H:%M:%S+00:00",
    ),
)
_NO_DATE = "2000-01-01"


def save_headless(path: Path, memo: Memo) -> Path:
    """`save_pdf` for a process that has no window and needs none."""
    if QGuiApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        QGuiApplication([])
    return save_pdf(path, memo)


def save_pdf(path: Path, memo: Memo) -> Path:
    """Write the memo as a PDF. Raises OSError where the file can't be written."""
    with whole_path(path) as part:
        # Qt writes fonts in the order of a hash, which is another one in each process.
        QHashSeed.setDeterministicGlobalSeed()
        try:
            _write(part, memo)
        finally:
            QHashSeed.resetRandomGlobalSeed()
        part.write_bytes(_dated(part.read_bytes(), memo.date or _NO_DATE))
    return path


def _write(path: Path, memo: Memo) -> None:
    writer = QPdfWriter(str(path))
    writer.setTitle(memo.title)
    writer.setCreator("SSL workbench")
    writer.setDocumentId(QUuid.createUuidV5(QUuid(), memo.digest().encode()))
    writer.setResolution(RESOLUTION)
    page = QPageSize(QPageSize.PageSizeId.A4)
    writer.setPageLayout(
        QPageLayout(page, QPageLayout.Orientation.Portrait, MARGINS, QPageLayout.Unit.Millimeter)
    )
    size = QSizeF(writer.width(), writer.height())
    document = QTextDocument()
    drawings = _Drawings(document, memo, size)
    document.documentLayout().setPaintDevice(writer)
    document.documentLayout().registerHandler(_KIND, drawings)
    document.setUseDesignMetrics(True)
    document.setDocumentMargin(0)
    document.setIndentWidth(INDENT)
    document.setDefaultFont(_font(12.5))
    document.setDefaultStyleSheet(resource("memo/print.css").read_text("utf-8"))
    document.setHtml(rendered("print.html", memo))
    drawings.put(document)
    document.setPageSize(size)
    _keep_with_next(document, size)
    painter = QPainter()
    if not painter.begin(writer):
        raise OSError(f"{printable(str(path))} can't be written. Is the disk full?")
    try:
        painter.setRenderHint(QPainter.RenderHint.LosslessImageRendering)
        for number in range(document.pageCount()):
            if number:
                writer.newPage()
            _page(painter, document, number, size)
            _foot(painter, memo, size, f"{number + 1} of {document.pageCount()}")
    finally:
        painter.end()


def _keep_with_next(document: QTextDocument, size: QSizeF) -> None:
    """Headings go to the next page together with what they stand above. Lays the text out anew after each."""
    layout = document.documentLayout()
    place = document.begin()
    while place.isValid():
        heading = place
        while place.isValid() and place.blockFormat().headingLevel():
            place = place.next()
        if place == heading or not place.isValid():
            place = place.next() if place.isValid() else place
            continue
        line = place.layout().lineAt(0).height() if place.layout().lineCount() else 0.0
        end = layout.blockBoundingRect(place).top() + line - 1
        if int(layout.blockBoundingRect(heading).top() // size.height()) < int(end // size.height()):
            broken = QTextBlockFormat()
            broken.setPageBreakPolicy(QTextFormat.PageBreakFlag.PageBreak_AlwaysBefore)
            QTextCursor(heading).mergeBlockFormat(broken)
            # Else Qt lays out only what follows, and loses lines of it.
            document.setPageSize(QSizeF())
            document.setPageSize(size)


def _page(painter: QPainter, document: QTextDocument, number: int, size: QSizeF) -> None:
    context = QAbstractTextDocumentLayout.PaintContext()
    colours = QPalette()
    colours.setColor(QPalette.ColorRole.Text, QColor(LIGHT.text))
    context.palette = colours
    top = number * size.height()
    context.clip = QRectF(0, top, size.width(), size.height())
    painter.save()
    painter.translate(0, -top)
    painter.setClipRect(context.clip)
    document.documentLayout().draw(painter, context)
    painter.restore()


def _foot(painter: QPainter, memo: Memo, size: QSizeF, page: str) -> None:
    font = _font(10)
    metrics = QFontMetricsF(font)
    painter.setFont(font)
    painter.setPen(QColor(LIGHT.dim))
    line = QRectF(0, size.height() + FOOT, size.width(), metrics.height())
    room = size.width() - metrics.horizontalAdvance(page) - 24
    words = " · ".join(part for part in (memo.title, memo.verdict.text, memo.date) if part)
    shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
    painter.drawText(line, Qt.AlignmentFlag.AlignLeft, shown)
    painter.drawText(line, Qt.AlignmentFlag.AlignRight, page)


def _font(size: float) -> QFont:
    made = font_of()
    made.setPixelSize(round(size))
    made.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return made


def _ink(name: str) -> str:
    """Colours on paper."""
    if name.startswith("series"):
        return PALETTE[int(name.removeprefix("series"))]
    return LIGHT.panel if name == "ground" else str(getattr(LIGHT, name))


class _Drawings(QPyTextObject):
    """Charts and boards as characters of the text, drawn as what they are."""

    def __init__(self, parent: QTextDocument, memo: Memo, page: QSizeF) -> None:
        super().__init__(parent)
        self._page = page
        self._made: list[QSvgRenderer | QImage] = []
        self._sizes: list[QSizeF] = []
        self._blocks = {section.id: section.blocks for section in memo.sections}

    def put(self, document: QTextDocument) -> None:
        """Replace the marks that the template left."""
        place = document.begin()
        while place.isValid():
            found = _MARK.fullmatch(place.text())
            if found:
                block = self._blocks[found.group(2)][int(found.group(1))]
                assert isinstance(block, Chart | Picture)
                self._put(place, self._add(block))
            place = place.next()

    def _put(self, place: QTextBlock, number: int) -> None:
        cursor = QTextCursor(place)
        cursor.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
        form = QTextCharFormat()
        form.setObjectType(_KIND)
        form.setProperty(_NUMBER, number)
        cursor.insertText("\ufffc", form)

    def _add(self, block: Chart | Picture) -> int:
        made: QSvgRenderer | QImage
        if isinstance(block, Chart):
            made = QSvgRenderer(QByteArray(block.draw(_ink).encode("utf-8")))
            size = QSizeF(made.defaultSize())
        else:
            made = QImage.fromData(block.png)
            size = QSizeF(made.size())
        scale = min(
            self._page.width() / max(size.width(), 1.0),
            MOST_HEIGHT * self._page.height() / max(size.height(), 1.0),
            1.0,
        )
        self._made.append(made)
        self._sizes.append(size * scale)
        return len(self._made) - 1

    def intrinsicSize(self, document: QTextDocument, position: int, form: QTextFormat) -> QSizeF:
        return self._sizes[form.intProperty(_NUMBER)]

    def drawObject(
        self,
        painter: QPainter,
        rect: QRectF | QRect,
        document: QTextDocument,
        position: int,
        form: QTextFormat,
    ) -> None:
        box = QRectF(rect)
        made = self._made[form.intProperty(_NUMBER)]
        if isinstance(made, QImage):
            painter.drawImage(box, made)
        else:
            made.render(painter, box)


def _dated(data: bytes, date: str) -> bytes:
    """The file as if it were made on the memo's day; as long as it was, for a PDF counts its bytes."""
    for pattern, form in _DATES:
        written = datetime.fromisoformat(date).strftime(form).encode()

        def put(found: re.Match[bytes], written: bytes = written) -> bytes:
            start, end = found.span(1)
            whole, first = found.group(0), found.start()
            return whole[: start - first] + written + whole[end - first :]

        data = pattern.sub(put, data)
    return data
