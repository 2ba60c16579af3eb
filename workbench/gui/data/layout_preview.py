"""What rules make of some of the user's own files: the part of each path that tells, and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from workbench.gui.data.layout_trial import Example, Span
from workbench.gui.plain_text import plain
from workbench.gui.theme import current_theme, font_of, severity_colours, themes
from workbench.records.text import printable

HEADERS = ("File", "Label", "Group", "Official part")
TONES = {"label": "undecided", "group": "info"}  # what each is marked with, in the path and in its column
ROW = 28  # px
WIDE = 170  # px of a column of labels or groups

AnyIndex = QModelIndex | QPersistentModelIndex
Piece = tuple[str, str]  # text, severity whose colours it is shown on ("" none)


class PreviewModel(QAbstractTableModel):
    """A row an example."""

    def __init__(self) -> None:
        super().__init__()
        self.examples: Sequence[Example] = ()

    def set_examples(self, examples: Sequence[Example]) -> None:
        self.beginResetModel()
        self.examples = examples
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.examples)

    def columnCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(HEADERS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return HEADERS[section]
        return None

    def data(self, cell: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        example = self.examples[cell.row()]
        text = (example.path, example.label, example.group, example.part)[cell.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return printable(text) or "none"
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(text)
        return None


class LayoutPreview(QTableView):
    """A table to look at; the keyboard scrolls it."""

    def __init__(self) -> None:
        super().__init__()
        self._model = PreviewModel()
        self.setModel(self._model)
        self.setItemDelegate(_Marks(self))
        self.setAccessibleName("What the rules make of your files")
        self.setShowGrid(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW)
        columns.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self.setColumnWidth(column, WIDE)
        self.setColumnWidth(3, 110)
        themes().changed.connect(self.viewport().update)

    def show_examples(self, examples: Sequence[Example], *, official: bool) -> None:
        """`official`: whether a table gives parts of a split, which then have a column."""
        self._model.set_examples(examples)
        self.setColumnHidden(3, not official)

    def minimumSizeHint(self) -> QSize:
        return QSize(400, 5 * ROW)


class _Marks(QStyledItemDelegate):
    """Paints a path with what tells its label and group marked, and labels and groups on the same colours."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, cell: AnyIndex) -> None:
        model = cell.model()
        assert isinstance(model, PreviewModel)
        example, column = model.examples[cell.row()], cell.column()
        if column == 0:
            pieces = marked(example)
        else:
            text = printable((example.label, example.group, example.part)[column - 1])
            tone = ("label", "group", "")[column - 1]
            pieces = [(text or "none", TONES.get(tone, "") if text else "dim")]
        painter.save()
        painter.setFont(font_of())
        theme = current_theme()
        painter.setPen(theme.colour("line"))
        painter.drawLine(option.rect.bottomLeft(), option.rect.bottomRight())
        _draw(painter, option.rect.adjusted(8, 0, -8, -1), pieces, whole_end=column == 0)
        painter.restore()


def marked(example: Example) -> list[Piece]:
    """The path in pieces, those that tell something with their tone."""
    spans: list[tuple[Span, str]] = []
    if example.group_span is not None:
        spans.append((example.group_span, TONES["group"]))
    if example.label_span is not None and example.label_span != example.group_span:
        spans.append((example.label_span, TONES["label"]))
    pieces, at = [], 0
    for (start, end), tone in sorted(spans):
        pieces += [(example.path[at:start], ""), (example.path[start:end], tone)]
        at = end
    pieces.append((example.path[at:], ""))
    return [(printable(text), tone) for text, tone in pieces if text]


def _draw(painter: QPainter, room: QRect, pieces: list[Piece], *, whole_end: bool) -> None:
    """Draw pieces one after the other; what doesn't fit is cut at the beginning, or else at the end."""
    metrics = painter.fontMetrics()
    theme = current_theme()
    widths = [metrics.horizontalAdvance(text) for text, _ in pieces]
    if whole_end:
        excess = sum(widths) - room.width()
        for i, (text, tone) in enumerate(pieces):
            if excess <= 0:
                break
            short = metrics.elidedText(text, Qt.TextElideMode.ElideLeft, max(widths[i] - excess, 0)) or "…"
            pieces[i] = (short, tone)
            width = metrics.horizontalAdvance(short)
            excess, widths[i] = excess - (widths[i] - width), width
    else:
        text, tone = pieces[0]
        pieces = [(metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room.width()), tone)]
        widths = [metrics.horizontalAdvance(pieces[0][0])]
    left, middle = room.left(), room.center().y() + 1
    boxes = []
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    for (_, tone), width in zip(pieces, widths, strict=True):
        if tone in TONES.values():
            painter.setBrush(QColor(severity_colours(tone)[1]))
            painter.drawRoundedRect(QRectF(left - 1.5, middle - 9.5, width + 3, 19), 4, 4)
        boxes.append(QRect(left, room.top(), width + 2, room.height()))
        left += width
    # The text comes after all grounds, which reach a little further.
    for (text, tone), box in zip(pieces, boxes, strict=True):
        inked = tone in TONES.values()
        painter.setPen(QColor(severity_colours(tone)[0]) if inked else theme.colour(tone or "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
