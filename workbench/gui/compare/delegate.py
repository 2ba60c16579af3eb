"""How a row is painted: name with its feature, interval on a shared axis, verdict as a word."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from workbench.gui.compare.table_model import AXIS_ROLE, EXTRA_ROLE, ROW_ROLE, Column
from workbench.gui.compare.words import VERDICT_SEVERITY, feature_name
from workbench.gui.theme import current_theme, font_of, model_colour, severity_colours
from workbench.records.extra_columns import FAILED
from workbench.records.scores import NONE, Score, score_text
from workbench.records.tables import Row, difference_text
from workbench.records.text import printable

ROW_HEIGHT = 34
MARGIN = 8  # px, as the header's
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
LEAST_NAME = 72.0  # px of a model's name beside its feature
K_SLOT = 52.0  # px, where "k 10" stands after the k-NN score


def chip_width(text: str) -> float:
    """Of a word on its ground, in px."""
    return QFontMetricsF(font_of("regular", 12)).horizontalAdvance(text) + 16


def draw_chip(
    painter: QPainter, left: float, middle: float, text: str, severity: str, *, chosen: bool = False
) -> float:
    """A word on its ground, `middle` being its vertical centre. Returns the width taken.

    In a `chosen` row an accent chip stands on the panel's colour: the row has the chip's own ground.
    """
    font, width = font_of("regular", 12), chip_width(text)
    box = QRectF(left, middle - 9.5, width, 19)
    painter.setFont(font)
    if severity == "outline":
        painter.setPen(QPen(current_theme().colour("line"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setPen(current_theme().colour("dim"))
    else:
        ink, ground = severity_colours(severity)
        painter.setPen(Qt.PenStyle.NoPen)
        bare = chosen and severity in ("info", "accent")
        painter.setBrush(current_theme().colour("panel") if bare else QColor(ground))
        painter.drawRoundedRect(box, 9.5, 9.5)
        painter.setPen(QColor(ink))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
    return width


class ComparisonDelegate(QStyledItemDelegate):
    """Paints every column; colours are read while painting, so that a change of theme needs no more."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: Row | None = index.data(ROW_ROLE)
        if row is None:
            return
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(option.rect)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(whole, theme.colour("accent_on"))
        painter.setPen(QPen(theme.colour("line"), 1))
        painter.drawLine(
            QPointF(whole.left(), whole.bottom() - 0.5), QPointF(whole.right(), whole.bottom() - 0.5)
        )
        area = whole.adjusted(MARGIN, 0, -MARGIN, 0)
        column = index.column()
        if column >= len(Column):
            asked = index.data(EXTRA_ROLE)
            if asked in row.failed:
                left = area.right() - chip_width(FAILED)
                draw_chip(painter, left, area.center().y(), FAILED, "warn", chosen=chosen)
            else:
                self._score(painter, area, row.extra.get(asked))
        elif column == Column.MODEL:
            self._model(painter, area, row)
        elif column == Column.INPUT:
            self._text(painter, area, str(row.model.image_size or NONE), _RIGHT)
        elif column == Column.PROBE:
            self._score(painter, area, row.probe, font_of("semibold"))
        elif column == Column.INTERVAL:
            self._interval(painter, area, row, index.data(AXIS_ROLE), "line" if chosen else "track")
        elif column == Column.KNN:
            self._knn(painter, area, row)
        elif column == Column.SEEDS:
            self._text(painter, area, str(len(row.probe.values)) if row.probe else NONE, _RIGHT)
        elif column == Column.VERDICT:
            if row.verdict:
                severity = VERDICT_SEVERITY.get(row.verdict, "neutral")
                draw_chip(painter, area.left(), area.center().y(), row.verdict, severity, chosen=chosen)
            else:
                self._text(painter, area, NONE, _LEFT, "dim")
        else:
            self._difference(painter, area, row)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        row: Row | None = index.data(ROW_ROLE)
        if row is None:
            return QSize(80, ROW_HEIGHT)
        column = index.column()
        if column == Column.MODEL:
            width = _width(printable(row.title), font_of("semibold")) + 30
            width += _width(feature_name(row.model.feature), font_of("regular", 12)) + 16
        elif column == Column.INTERVAL:
            width = 140.0
        elif column == Column.VERDICT:
            width = chip_width(row.verdict)
        elif column == Column.KNN:
            width = _width("0.000", font_of()) + K_SLOT
        elif column == Column.DIFFERENCE:
            width = _width(difference_text(row), font_of())
        elif column == Column.PROBE or column >= len(Column):
            width = _width("0.000", font_of("semibold")) + _width(" ± 0.000", font_of())
        else:
            width = _width("0000", font_of())
        return QSize(round(width + 2 * MARGIN + 2), ROW_HEIGHT)

    # The columns

    def _model(self, painter: QPainter, area: QRectF, row: Row) -> None:
        middle = area.center().y()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(model_colour(row.name)))
        painter.drawEllipse(QPointF(area.left() + 4, middle), 4, 4)
        feature = feature_name(row.model.feature) or NONE
        chip = chip_width(feature)
        font = font_of("semibold")
        whole = area.width() - 14
        beside = whole - chip - 8
        has_chip = beside >= min(
            _width(printable(row.title), font), LEAST_NAME
        )  # else the tip tells the feature
        room = beside if has_chip else whole
        title = QFontMetricsF(font).elidedText(
            printable(row.title), Qt.TextElideMode.ElideMiddle, max(room, 20.0)
        )
        name = QRectF(area.left() + 14, area.top(), max(room, 20.0), area.height())
        painter.setFont(font)
        painter.setPen(current_theme().colour("text"))
        painter.drawText(name, _LEFT, title)
        if has_chip:
            draw_chip(painter, name.left() + _width(title, font) + 8, middle, feature, "outline")

    def _score(self, painter: QPainter, area: QRectF, score: Score | None, font: QFont | None = None) -> None:
        """Mean and spread, the mean in `font`."""
        if score is None:
            self._text(painter, area, NONE, _RIGHT, "dim")
            return
        spread = f" ± {score.sd:.3f}" if len(score.values) > 1 else ""
        self._text(painter, area, spread, _RIGHT, "dim")
        left = area.adjusted(0, 0, -_width(spread, font_of()), 0)
        self._text(painter, left, score_text(score.mean), _RIGHT, "text", font)

    def _interval(
        self, painter: QPainter, area: QRectF, row: Row, axis: tuple[float, float], track: str
    ) -> None:
        if row.probe is None:
            return
        low, high = axis
        scale = area.width() / max(high - low, 1e-9)
        middle = area.center().y()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(current_theme().colour(track))
        painter.drawRoundedRect(QRectF(area.left(), middle - 3, area.width(), 6), 3, 3)
        colour = QColor(model_colour(row.name))
        if row.probe.interval:
            left, right = (area.left() + (edge - low) * scale for edge in row.probe.interval)
            soft = QColor(colour)
            soft.setAlphaF(0.5)
            painter.setBrush(soft)
            painter.drawRoundedRect(QRectF(left, middle - 3, max(right - left, 6.0), 6), 3, 3)
        painter.setBrush(colour)
        painter.setPen(QPen(current_theme().colour("panel"), 1))
        painter.drawEllipse(QPointF(area.left() + (row.probe.mean - low) * scale, middle), 5, 5)

    def _knn(self, painter: QPainter, area: QRectF, row: Row) -> None:
        if row.knn is None:
            self._text(painter, area.adjusted(0, 0, -K_SLOT, 0), NONE, _RIGHT, "dim")
            return
        self._text(painter, area.adjusted(0, 0, -K_SLOT, 0), score_text(row.knn.mean), _RIGHT)
        slot = QRectF(area.right() - K_SLOT + 6, area.top(), K_SLOT - 6, area.height())
        self._text(painter, slot, f"k {row.neighbours}", _LEFT, "dim", font_of("regular", 12))

    def _difference(self, painter: QPainter, area: QRectF, row: Row) -> None:
        text = difference_text(row)
        self._text(painter, area, text, _LEFT, "dim" if row.difference is None else "text")
        taken = _width(text, font_of()) + 16
        room = area.width() - taken
        if row.reason and row.verdict != "baseline" and room > 120:
            rest = area.adjusted(taken, 0, 0, 0)
            reason = QFontMetricsF(font_of()).elidedText(
                printable(row.reason), Qt.TextElideMode.ElideRight, room
            )
            self._text(painter, rest, reason, _LEFT, "dim")

    def _text(
        self,
        painter: QPainter,
        area: QRectF,
        text: str,
        side: Qt.AlignmentFlag,
        token: str = "text",
        font: QFont | None = None,
    ) -> None:
        painter.setFont(font or font_of())
        painter.setPen(current_theme().colour(token))
        painter.drawText(area, side, text)


def _width(text: str, font: QFont) -> float:
    return QFontMetricsF(font).horizontalAdvance(text)
