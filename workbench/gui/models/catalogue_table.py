"""The catalogue on the screen: a tick, two lines for the name, what it is, whether it is here."""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from workbench.gui.compare.delegate import MARGIN, draw_chip
from workbench.gui.icons import pixmap
from workbench.gui.models.catalogue_model import (
    FACTS_ROLE,
    HEADS,
    NUMBERS,
    CatalogueFilter,
    CatalogueModel,
    Column,
)
from workbench.gui.models.words import is_floor
from workbench.gui.theme import current_theme, font_of
from workbench.records.catalogue import BackboneFacts
from workbench.records.text import printable

ROW_HEIGHT = 46
HEAD_HEIGHT = 34
TICK = 16.0  # px
LEAST_NAME = 230  # px; below it the numbers go, which the card of the current backbone tells too
NAME_WIDTH = 300  # px, what the name needs; from so much more on there is room for
TRAINING_FROM, BOTH_FROM = 160, 320  # the training data, and the licence too
AnyIndex = QModelIndex | QPersistentModelIndex


class CatalogueDelegate(QStyledItemDelegate):
    """Paints every column; a click on the tick, or space, asks for the backbone."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        facts: BackboneFacts | None = index.data(FACTS_ROLE)
        if facts is None:
            return
        theme = current_theme()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(whole, theme.colour("accent_on"))
        painter.setPen(QPen(theme.colour("line"), 1))
        low = whole.bottom() - 0.5
        painter.drawLine(QPointF(whole.left(), low), QPointF(whole.right(), low))
        area = whole.adjusted(MARGIN, 0, -MARGIN, 0)
        column = Column(index.column())
        if column == Column.BACKBONE:
            checked = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
            self._backbone(painter, area, facts, checked)
        elif column == Column.HERE:
            severity = "good" if facts.available else "neutral"
            draw_chip(painter, area.left(), area.center().y(), str(index.data()), severity)
        else:
            font = font_of()
            right = column in NUMBERS
            side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
            text = QFontMetricsF(font).elidedText(
                str(index.data()), Qt.TextElideMode.ElideRight, area.width()
            )
            painter.setFont(font)
            painter.setPen(theme.colour("text" if right else "dim"))
            painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, text)
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        metrics = QFontMetrics(font_of())
        width = metrics.horizontalAdvance(str(index.data() or "")) + 2 * MARGIN + 2
        if index.column() == Column.HERE:
            width += 16
        return QSize(width, ROW_HEIGHT)

    def editorEvent(
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: AnyIndex,
    ) -> bool:
        """A click on the tick, or a double click anywhere on the name."""
        if index.column() != Column.BACKBONE or not isinstance(event, QMouseEvent):
            return False
        released = event.type() == QEvent.Type.MouseButtonRelease
        on_tick = event.position().x() <= option.rect.left() + MARGIN + TICK + 8
        twice = event.type() == QEvent.Type.MouseButtonDblClick and not on_tick
        if event.button() == Qt.MouseButton.LeftButton and ((released and on_tick) or twice):
            return toggle(model, index)
        return False

    def _backbone(self, painter: QPainter, area: QRectF, facts: BackboneFacts, checked: bool) -> None:
        theme = current_theme()
        middle = area.center().y()
        box = QRectF(area.left(), middle - TICK / 2, TICK, TICK)
        painter.setPen(QPen(theme.colour("accent" if checked else "dim"), 1))
        painter.setBrush(theme.colour("accent" if checked else "raised"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
        if checked:
            painter.drawPixmap(box.adjusted(2, 2, -2, -2).topLeft(), pixmap("check", theme.accent_text, 12))
        text = area.adjusted(TICK + 10, 0, 0, 0)
        family = printable(facts.family)
        chip = QFontMetricsF(font_of("regular", 12)).horizontalAdvance(family) + 16
        bold, small = font_of("semibold"), font_of("regular", 12)
        room = max(text.width() - chip - 8, 40.0)
        title = QFontMetricsF(bold).elidedText(printable(facts.title), Qt.TextElideMode.ElideRight, room)
        upper = QRectF(text.left(), middle - 19, room, 19)
        painter.setFont(bold)
        painter.setPen(theme.colour("text"))
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(upper, left, title)
        taken = QFontMetricsF(bold).horizontalAdvance(title)
        draw_chip(
            painter,
            text.left() + taken + 8,
            middle - 9.5,
            family,
            "undecided" if is_floor(facts) else "outline",
        )
        painter.setFont(small)
        painter.setPen(theme.colour("dim"))
        name = QFontMetricsF(small).elidedText(
            printable(facts.id), Qt.TextElideMode.ElideMiddle, text.width()
        )
        painter.drawText(QRectF(text.left(), middle + 1, text.width(), 18), left, name)


class CatalogueTable(QTableView):
    """Space or Enter puts the current backbone in or out."""

    current_changed = Signal(str)  # backbone id

    def __init__(self, model: CatalogueModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.filter = CatalogueFilter(self)
        self.filter.setSourceModel(model)
        self.setModel(self.filter)
        self.setItemDelegate(CatalogueDelegate(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setFixedHeight(HEAD_HEIGHT)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setStyleSheet("QHeaderView::up-arrow, QHeaderView::down-arrow { image: none; width: 0; }")
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # the catalogue's own order
        self.setAccessibleName("Backbones")
        self.setAccessibleDescription("Space puts the current backbone into the comparison or takes it out.")
        self.filter.modelReset.connect(self.lay_out)

    def current(self) -> BackboneFacts | None:
        found: BackboneFacts | None = self.currentIndex().data(FACTS_ROLE)
        return found

    def go_to(self, backbone: str) -> None:
        for row in range(self.filter.rowCount()):
            if self.filter.index(row, 0).data(FACTS_ROLE).id == backbone:
                self.setCurrentIndex(self.filter.index(row, 0))
                return

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        facts = self.current()
        self.current_changed.emit(facts.id if facts else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        keys = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() in keys and not event.modifiers() and self.currentIndex().isValid():
            toggle(self.filter, self.filter.index(self.currentIndex().row(), Column.BACKBONE))
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.lay_out()

    def lay_out(self) -> None:
        """Fixed room for numbers and the chip; name, training data and licence share the rest."""
        metrics = QFontMetrics(font_of())
        widths = {
            column: metrics.horizontalAdvance(HEADS[column]) + 2 * MARGIN + 6
            for column in (Column.PARAMETERS, Column.INPUT)
        }
        widths[Column.HERE] = metrics.horizontalAdvance("on this machine") + 2 * MARGIN + 18
        for column in (Column.INPUT, Column.PARAMETERS):
            crowded = self.viewport().width() - sum(widths.values()) < LEAST_NAME
            self.setColumnHidden(column, crowded)
            if crowded:
                del widths[column]
        rest = self.viewport().width() - sum(widths.values())
        # What doesn't fit stands in the card of the current backbone.
        spare = rest - NAME_WIDTH
        self.setColumnHidden(Column.TRAINING, spare < TRAINING_FROM)
        self.setColumnHidden(Column.LICENCE, spare < BOTH_FROM)
        if spare >= BOTH_FROM:
            widths[Column.TRAINING], widths[Column.LICENCE] = int(rest * 0.32), int(rest * 0.2)
        elif spare >= TRAINING_FROM:
            widths[Column.TRAINING] = int(rest * 0.4)
        shown = widths.get(Column.TRAINING, 0) + widths.get(Column.LICENCE, 0)
        widths[Column.BACKBONE] = max(rest - shown, 160)
        for column, width in widths.items():
            self.setColumnWidth(column, width)


def toggle(model: QAbstractItemModel, index: AnyIndex) -> bool:
    checked = Qt.CheckState(index.data(Qt.ItemDataRole.CheckStateRole)) == Qt.CheckState.Checked
    wanted = Qt.CheckState.Unchecked if checked else Qt.CheckState.Checked
    return model.setData(index, wanted, Qt.ItemDataRole.CheckStateRole)
